//! What was seen of the cluster in one consistent look.

use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{DeploymentKey, Epoch, Exit};
use slipway_domain::time::Time;

/// All Deployments of ours in one namespace, and their processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The cluster's clock when it answered. Whole seconds on Kubernetes.
    pub at: Time,
    pub deployments: Vec<Deployment>,
    /// Processes of somebody else's that get requests meant for ours. They are told of, and left alone.
    pub strangers: Vec<Stranger>,
}

/// A process that is not ours, and is selected like the processes of one of our services.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stranger {
    pub service: ServiceName,
    pub process: String,
}

/// One Deployment: the processes of one service of one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    pub key: DeploymentKey,
    pub uid: String,
    pub resource_version: String,
    /// Grows with every change of what is asked of it; what the cluster reports about it leaves it as it is.
    pub generation: u64,
    /// The count that was asked for.
    pub replicas: u32,
    /// The stamp.
    pub epoch: Epoch,
    /// The turn that wrote it last; it grows within a promotion.
    pub turn: u64,
    /// The template and the selector are as we wrote them.
    pub intact: bool,
    pub visibility: Visibility,
    /// Every process, also those that are stopping.
    pub processes: Vec<Process>,
}

/// Whether the last write to a Deployment has taken effect on its processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Not yet: nothing may be concluded from the count of processes.
    Pending,
    Visible,
    /// The processes that are missing cannot be created now.
    Refused(Refusal),
}

/// Why the cluster does not create a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Quota(String),
    Admission(String),
    Other(String),
}

/// One running, starting or stopping copy of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub name: String,
    pub uid: String,
    /// The image digest and the release label in its spec are those of its Deployment's release.
    pub genuine: bool,
    /// Since when it is stopping.
    pub stopping_since: Option<Time>,
    pub stage: Stage,
    pub readiness: Readiness,
    /// Listed by the load balancer (endpoints, and every readiness gate). False for one without ports.
    pub registered: bool,
    /// How often its container was started again.
    pub restarts: u32,
    /// How often its init container failed.
    pub init_failures: u32,
    /// How its container ended the last time.
    pub last_exit: Option<Exit>,
    /// The last answer of a failing health check.
    pub probe_error: Option<String>,
}

/// Whether the containers of a process pass their health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Not ready since the process was created.
    Never,
    /// Ready without a break since then.
    Ready { since: Time },
    /// Was ready, and is not since then.
    Lost { since: Time },
}

/// What a process is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No node yet; the scheduler's words, if it has refused.
    Unscheduled(Option<String>),
    /// On a node, its container not running: the cluster's reason (`ErrImagePull`, `CrashLoopBackOff`,
    /// `CreateContainerConfigError`, …; empty while there is none) and message.
    Waiting {
        reason: String,
        message: String,
    },
    Running {
        started_at: Time,
    },
    /// The container ended and was not started again yet.
    Exited(Exit),
    /// The process as a whole is over (evicted, preempted, its node gone): the cluster replaces it by itself.
    Over {
        reason: String,
    },
}

impl Process {
    pub fn is_stopping(&self) -> bool {
        self.stopping_since.is_some()
    }

    /// Counts as one of its Deployment's: neither stopping nor over.
    pub fn is_live(&self) -> bool {
        !self.is_stopping() && !matches!(self.stage, Stage::Over { .. })
    }
}

impl Deployment {
    /// Something runs, or should.
    pub fn is_in_use(&self) -> bool {
        self.replicas > 0 || self.live().next().is_some()
    }

    pub fn live(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.is_live())
    }
}

impl Observation {
    pub fn deployment(&self, key: &DeploymentKey) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| &deployment.key == key)
    }
}
