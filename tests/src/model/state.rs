//! What the checker stores of a world: small, hashable, and without anything that only grows.

use slipway_domain::promotion::{Outcome, Phase, Status};

/// How many releases there are.
pub const RELEASES: usize = 3;

/// The releases of the model. `A` is active at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    A,
    B,
    C,
}

impl Release {
    pub const ALL: [Self; RELEASES] = [Self::A, Self::B, Self::C];

    /// The place of its Deployment in a list of all.
    pub fn place(self) -> usize {
        self as usize
    }
}

/// A resource version that somebody holds: 0 is the stored one, 1 the next older one that is held, and so on.
pub type Age = u8;

/// A Deployment as it is stored. Its resource version is not here: it is the one of age 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    pub replicas: u8,
    /// Processes that run; the cluster brings them to `replicas` in a step of its own.
    pub running: u8,
    pub epoch: u8,
}

/// The Deployments by [`Release::place`].
pub type Objects = [Option<Object>; RELEASES];

/// The records of the environment and of the promotion that runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Records {
    pub status: Status,
    pub active: Release,
    /// The environment's, which is the running promotion's, too.
    pub epoch: u8,
    pub rollout: Option<Rollout>,
}

/// The record of the promotion that runs.
#[expect(clippy::struct_excessive_bools, reason = "they are what is kept of the fields of the record")]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rollout {
    /// From 0.
    pub number: u8,
    pub from: Release,
    pub phase: Phase,
    pub cancelled: bool,
    pub moved: bool,
    pub healthy_before: Option<u8>,
    /// The latch, as far as the phases ask for it.
    pub failure: Option<Latch>,
    /// Everything was once seen to bear this epoch.
    pub stamped: bool,
    /// Sights of drift, up to the number from which on they all mean the same.
    pub drifts: u8,
    pub drifted: Option<Sight>,
    pub complete: bool,
    pub status_before: Status,
    /// Saved counts by [`Release::place`].
    pub saved: [Option<Saved>; RELEASES],
}

/// Why it turned back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Latch {
    OnRequest,
    Otherwise,
}

/// What was last found drifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    Missing(Release),
    Changed(Release, Age),
}

/// A count that was saved before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Saved {
    pub age: Age,
    pub replicas: u8,
}

/// One call of the step function, between two of its calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worker {
    /// Nobody, or one that died, ended or has to load afresh.
    Idle,
    /// Holds the records as they are: what it holds of older ones would be refused when it saves.
    Loaded,
    /// Looked at the cluster and decided, and has not saved yet.
    Decided(Box<Decided>),
    /// Saved, and carries out.
    Acting(Acting),
}

/// What will be saved, and then done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decided {
    pub next: Records,
    pub outcome: Option<Outcome>,
    pub moves: Vec<Move>,
}

/// What is left to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Acting {
    pub epoch: u8,
    /// The record was read just before the write; only a weaker guard does that.
    pub checked: bool,
    pub moves: Vec<Move>,
}

/// One call to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Move {
    Create(Release),
    Write { release: Release, age: Age, replicas: Option<u8> },
}

/// A rule that a step broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// An older epoch wrote after a newer one.
    StaleWrite,
    /// `active` moved to a release that did not run, or without a commit.
    WrongCommit,
}

/// A world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub records: Records,
    /// How the last promotion ended, until the next one starts.
    pub ended: Option<(u8, Outcome)>,
    /// Promotions that were started.
    pub started: u8,
    /// Cancels, new executions and expired clocks that may still happen.
    pub interventions: u8,
    /// The release whose processes crash, if there is one.
    pub crashes: Option<Release>,
    pub objects: Objects,
    /// In an order of their own: they are alike.
    pub workers: Vec<Worker>,
    /// First epochs of the tokens of guards that draw fewer tokens than epochs.
    pub tokens: Vec<u8>,
    pub broken: Option<Broken>,
}
