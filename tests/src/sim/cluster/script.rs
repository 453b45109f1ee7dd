//! What the processes of a release do in a world: a script per release, service and ordinal.

use slipway_domain::promotion::Exit;

/// The life of one process, in milliseconds from step to step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub node: Node,
    pub image: Image,
    /// How often its init container fails before it passes.
    pub init_failures: u32,
    pub start: Start,
    /// From container start to readiness. None: never ready.
    pub boot_ms: Option<u64>,
    /// From readiness to the load balancer. None: never listed.
    pub registers_ms: Option<u64>,
    pub life: Life,
    /// From being told to stop to being gone.
    pub stop_ms: u64,
    /// The node pushes it out so long after its creation.
    pub evicted_ms: Option<u64>,
}

/// Whether there is room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    After(u64),
    /// No node has room; for so long, or for ever.
    None(Option<u64>),
}

/// What the registry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    After(u64),
    NotFound,
    Denied,
    /// Denied once, by a token that was about to expire.
    DeniedFor(u64),
    /// Does not answer in time; for so long, or for ever.
    Slow(Option<u64>),
    Invalid,
}

/// What the container runtime says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Runs,
    KeyMissing,
    /// The kubelet has not read the Secret yet.
    CacheSyncs(u64),
    /// The command does not exist: the same everywhere.
    CommandMissing,
    /// The node has a bad moment: another process may start.
    NodeFault,
}

/// What it does once it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Serves,
    /// Ends so long after its start; so many times, or always.
    Ends {
        after_ms: u64,
        how: Ending,
        times: Option<u32>,
    },
    /// Ready and not, again and again.
    Flaps {
        up_ms: u64,
        down_ms: u64,
    },
    /// Loses its readiness once; for so long, or for ever.
    Darkens {
        after_ms: u64,
        for_ms: Option<u64>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Code(i32),
    Signal(i32),
    Zero,
    OutOfMemory,
}

impl Default for Script {
    /// Boots in 400 ms, is listed 200 ms later, serves, and stops in a second.
    fn default() -> Self {
        Self {
            node: Node::After(50),
            image: Image::After(150),
            init_failures: 0,
            start: Start::Runs,
            boot_ms: Some(400),
            registers_ms: Some(200),
            life: Life::Serves,
            stop_ms: 1_000,
            evicted_ms: None,
        }
    }
}

impl Ending {
    pub fn exit(self) -> Exit {
        let (code, signal, reason) = match self {
            Self::Code(code) => (Some(code), None, "Error"),
            Self::Signal(signal) => (Some(128 + signal), Some(signal), "Error"),
            Self::Zero => (Some(0), None, "Completed"),
            Self::OutOfMemory => (Some(137), Some(9), "OOMKilled"),
        };
        Exit { code, signal, reason: reason.to_owned(), message: String::new() }
    }
}

/// The scripts of one service of one release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Character {
    pub usual: Script,
    /// Other scripts for single processes, by ordinal from 0.
    pub odd: Vec<(u32, Script)>,
    /// A policy of the cluster refuses its processes.
    pub refused: bool,
    /// A policy of the cluster refuses the object itself.
    pub unwelcome: bool,
}

impl Character {
    pub fn of(usual: Script) -> Self {
        Self { usual, ..Self::default() }
    }

    pub fn script(&self, ordinal: u32) -> &Script {
        self.odd.iter().find(|(odd, _)| *odd == ordinal).map_or(&self.usual, |(_, script)| script)
    }
}
