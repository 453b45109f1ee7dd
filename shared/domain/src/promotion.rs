//! What is recorded of a promotion and of the environment it changes. The rules over these values are in
//! `slipway-rollout`; the store keeps them as they are.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{PromotionId, ReleaseId};
use crate::name::{AppName, ClusterName, EnvironmentName, ServiceName};
use crate::time::Time;

/// The fence of the cluster: grows with every execution and at the change to `restoring`. Zero is "never stamped".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a promotion is for.
    Kind {
        Promote => "promote",
        Rollback => "rollback",
        Restart => "restart",
        Scale => "scale",
    }
}

words! {
    /// Where a promotion is. Only `slipway_rollout::phase::next` computes the one that follows.
    Phase {
        Preparing => "preparing",
        Rolling => "rolling",
        Settling => "settling",
        Restoring => "restoring",
        Ended => "ended",
    }
}

words! {
    /// How a promotion ended. Every promotion gets exactly one, once.
    Outcome {
        Succeeded => "succeeded",
        /// The release was active and complete already.
        Noop => "noop",
        RolledBack => "rolled_back",
        RollbackFailed => "rollback_failed",
        /// Nothing was moved, or there was no release to go back to.
        Failed => "failed",
        /// Turned back on request.
        Cancelled => "cancelled",
        Superseded => "superseded",
    }
}

words! {
    /// What users see of an environment.
    Status {
        Creating => "creating",
        Running => "running",
        Updating => "updating",
        Rollback => "rollback",
        Failed => "failed",
        Deleting => "deleting",
    }
}

words! {
    /// Why a promotion did not succeed.
    Cause {
        ImageNotFound => "image_not_found",
        ImageDenied => "image_denied",
        ImagePullSlow => "image_pull_slow",
        ImageInvalid => "image_invalid",
        ConfigError => "config_error",
        StartError => "start_error",
        Infrastructure => "infrastructure",
        CrashLoop => "crash_loop",
        OutOfMemory => "out_of_memory",
        Exited => "exited",
        HealthTimeout => "health_timeout",
        NotRegistered => "not_registered",
        Flapping => "flapping",
        Unschedulable => "unschedulable",
        Quota => "quota",
        AdmissionDenied => "admission_denied",
        InitFailed => "init_failed",
        ClusterUnreachable => "cluster_unreachable",
        ClusterUnauthorized => "cluster_unauthorized",
        Drifted => "drifted",
        Deadline => "deadline",
        Internal => "internal",
        /// Somebody asked for it.
        Cancelled => "cancelled",
    }
}

/// How a process of a release came to its end, as far as the cluster knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// The cluster's word, such as `Error`, `OOMKilled`, `StartError`, `Completed`.
    pub reason: String,
    pub message: String,
}

/// The first failure of a promotion: a latch. Later ones become events and change nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub cause: Cause,
    pub message: String,
    pub service: Option<ServiceName>,
    pub process: Option<String>,
    pub exit: Option<Exit>,
    pub at: Time,
    /// The last log lines of the process, masked; at most 100 lines and 64 KiB.
    pub log: Vec<String>,
    /// What the cluster said about the process, oldest first, masked; at most 20 of 1 KiB.
    #[serde(default)]
    pub events: Vec<String>,
}

/// What one service needs of a rollout, fixed when the promotion starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePlan {
    pub name: ServiceName,
    /// Processes before, and what restoring goes back to. None: the `from` release has no such service.
    pub before: Option<u32>,
    /// Processes after. None: the `to` release has no such service.
    pub after: Option<u32>,
    /// Has ports: ready means listed by the load balancer, too.
    pub ports: bool,
    /// Per process, from container start until its containers are ready.
    pub health_timeout_ms: u64,
    /// From then until the endpoints list it.
    pub registration_ms: u64,
    /// Continuous readiness that makes a process verified.
    pub bake_ms: u64,
    /// Per cent of the formation below which healthy processes never fall.
    pub minimum_percent: u32,
    /// Pause for the load balancer plus grace: how long a stopping process may take.
    pub stopping_ms: u64,
}

/// The plan of a promotion: fixed at its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Processes in flight at once, across all services.
    pub batch: u32,
    /// Stopping processes count in the bound.
    pub strict: bool,
    pub preparing_ms: u64,
    pub total_ms: u64,
    pub restoring_ms: u64,
    /// In the order of the manifest of `to`, then services that only `from` has.
    pub services: Vec<ServicePlan>,
}

/// 3 minutes twice: what the sweep may need on top of the clocks to notice a dead execution and to run another.
const OVERDUE_SLACK_MS: u64 = 2 * 180 * 1000;

impl Plan {
    pub fn service(&self, name: &ServiceName) -> Option<&ServicePlan> {
        self.services.iter().find(|service| &service.name == name)
    }

    /// How long a promotion of this plan may take at the very most, whichever workers die.
    pub fn overdue(&self) -> Duration {
        Duration::from_millis(self.preparing_ms + self.total_ms + self.restoring_ms + OVERDUE_SLACK_MS)
    }
}

/// How much of a process's story the events of a promotion tell already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    #[default]
    Nothing,
    Created,
    Started,
    Ready,
    Verified,
    Stopping,
}

/// What is remembered of one process from turn to turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessMemory {
    /// Restart count when the process was first seen.
    pub first_restarts: u32,
    /// When it last became ready, as last seen; none while it is not ready.
    pub ready_since: Option<Time>,
    /// How often readiness was lost before it had held for the bake.
    pub lost: u32,
    /// How far its story was told in the events.
    pub told: Told,
    /// Ran before this promotion touched anything, under the release that is promoted: never fails it.
    pub initial: bool,
    /// What it was replaced for, or what was told of it while restoring: another look at it is no second sight.
    pub blamed: Option<Cause>,
}

/// What `decide` must remember from turn to turn. Bounded: processes that are gone are forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// By uid of the process.
    pub processes: BTreeMap<String, ProcessMemory>,
    /// By cause: how often a verdict that is given only the second time was seen.
    pub counters: BTreeMap<Cause, u32>,
    /// The epoch of which every Deployment of ours was once seen stamped.
    pub stamped: Epoch,
    /// The version of the object that was last found drifted: the same sight is counted once.
    pub drifted: Option<String>,
    /// When everything was last seen complete; the beginning of settling.
    pub complete_since: Option<Time>,
    /// What the rollout waits for, if the wait has a cause of its own when the deadline comes.
    pub waiting: Option<Failure>,
}

/// A write that was decided and saved before it was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedAction {
    pub deployment: DeploymentKey,
    pub resource_version: String,
    pub replicas: u32,
    /// The turn that decided it, which the object bears once the write, or a later one, has landed.
    #[serde(default)]
    pub turn: u64,
}

/// Names a Deployment: one per service and release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeploymentKey {
    pub service: ServiceName,
    pub release: ReleaseId,
}

impl fmt::Display for DeploymentKey {
    /// The name of the object: `web-rbcdefghij`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.service, self.release.as_str().to_ascii_lowercase())
    }
}

/// One attempt to make a release the active one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    pub id: PromotionId,
    pub app: AppName,
    pub environment: EnvironmentName,
    pub kind: Kind,
    pub actor: String,
    pub reason: Option<String>,
    /// The last good release when it began.
    pub from: Option<ReleaseId>,
    pub to: ReleaseId,
    pub epoch: Epoch,
    /// Names one run of the state machine. From 1.
    pub execution: u32,
    pub phase: Phase,
    /// Somebody asked to turn it back: who.
    pub cancel: Option<String>,
    pub plan: Plan,
    /// Something in the cluster was changed, by this one or by one that it superseded.
    pub moved: bool,
    /// Ready processes of `from` per service at the first observation.
    pub healthy_before: Option<BTreeMap<ServiceName, u32>>,
    pub failure: Option<Failure>,
    pub memory: Memory,
    pub actions: Vec<SavedAction>,
    /// Grows with every saved decision.
    pub turn: u64,
    /// When the next turn has to have happened.
    pub turn_due: Time,
    /// The latest `now` that was stored: time never runs backwards for a promotion.
    pub clock: Time,
    pub started_at: Time,
    /// When it left `preparing`.
    pub rolling_at: Option<Time>,
    pub restoring_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub outcome: Option<Outcome>,
    /// The environment's status before, which a promotion that moved nothing puts back.
    pub status_before: Status,
    pub superseded_by: Option<PromotionId>,
    /// Number of the last event.
    pub events: u64,
    /// Optimistic lock of the record.
    pub version: u64,
}

impl Promotion {
    pub fn is_open(&self) -> bool {
        self.phase != Phase::Ended
    }

    /// The name of its state machine execution.
    pub fn execution_name(&self) -> String {
        format!("{}-{}", self.id, self.execution)
    }
}

/// Where an app runs: what is active, and who is changing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    pub app: AppName,
    pub name: EnvironmentName,
    /// Which of the tenant's clusters it runs in. None: that of the installation, or none yet.
    #[serde(default)]
    pub cluster: Option<ClusterName>,
    pub status: Status,
    /// The last good release. Moves only at a commit.
    pub active: Option<ReleaseId>,
    /// The release that new ones fork from.
    pub newest: Option<ReleaseId>,
    /// The promotion that is running.
    pub promotion: Option<PromotionId>,
    pub epoch: Epoch,
    /// Processes per service.
    pub formation: BTreeMap<ServiceName, u32>,
    /// Old Deployments are still above 0 after a commit.
    pub cleanup_pending: bool,
    pub created_at: Time,
    /// Optimistic lock, and the `ETag` of the environment.
    pub version: u64,
}

/// One line of a promotion's story. Numbered from 1, append-only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub number: u64,
    pub at: Time,
    /// Who speaks: `system/web-rbcdefghij-x7k2p`, `system/app`.
    pub source: String,
    pub message: String,
    /// Set on the last event of a promotion, and on no other.
    pub outcome: Option<Outcome>,
}
