//! What the use cases need of the world. Data in, data out; every failure kind says what the caller should do.

use std::time::Duration;

use async_trait::async_trait;
use slipway_domain::id::{BuildId, ReleaseId, RunId};
use slipway_domain::manifest::{Command, Health, Port, Resources};
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::promotion::{DeploymentKey, Epoch, Exit};
use slipway_domain::release::ImageDigest;
use slipway_domain::secret::Secret;
use slipway_domain::time::Time;
use slipway_rollout::observation::Observation;

/// Where an environment's objects live. Rendered as `<app>--<environment>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace {
    pub tenant: slipway_domain::id::TenantId,
    pub app: AppName,
    pub environment: EnvironmentName,
}

impl std::fmt::Display for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}--{}", self.app, self.environment)
    }
}

/// Why the cluster did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// No answer, or one that says "later". Whether a write was applied is not known.
    #[error("the cluster did not answer: {0}")]
    Unreachable(String),
    /// Our access was removed. Nothing more can be done there.
    #[error("the cluster refused our access: {0}")]
    Unauthorized(String),
    /// The object is not as it was observed, or bears a greater epoch: look again.
    #[error("the object was changed meanwhile")]
    Conflict,
    /// The cluster will never accept this.
    #[error("the cluster refused: {0}")]
    Refused(String),
}

/// What a process of one service of one release is made of.
#[derive(Clone, Debug)]
pub struct Template {
    pub release: ReleaseId,
    pub build: BuildId,
    pub service: ServiceName,
    pub image: ImageDigest,
    pub command: Option<Command>,
    pub init_container: Option<Command>,
    pub ports: Vec<Port>,
    pub health: Health,
    /// Host names under which the load balancer takes requests for the service.
    pub domains: Vec<String>,
    pub resources: Resources,
    /// Wants a PID 1 that reaps.
    pub init: bool,
    /// Writes into its image's folders, as the user whom the image names.
    pub writable: bool,
    /// Between leaving the load balancer and SIGTERM.
    pub pause: Duration,
    /// Between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// All variables of the service, with APP, ENVIRONMENT, RELEASE, BUILD and SERVICE; the cluster adds PORT and PROCESS.
    pub variables: Vec<(String, Secret)>,
}

/// A new Deployment: always with 0 replicas, stamped with the epoch.
#[derive(Clone, Debug)]
pub struct NewDeployment {
    pub key: DeploymentKey,
    pub epoch: Epoch,
    pub template: Template,
}

/// A compare-and-set on one Deployment: applied only if the object is the one observed (uid, resourceVersion) and bears
/// no greater epoch. Always stamps; `turn` makes it a change even when all else stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub key: DeploymentKey,
    pub uid: String,
    pub resource_version: String,
    pub epoch: Epoch,
    pub turn: u64,
    /// None leaves the count as it is.
    pub replicas: Option<u32>,
}

/// What is deleted, and the version of it that was decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    Deployment {
        key: DeploymentKey,
        uid: String,
        resource_version: String,
    },
    /// One process, which the cluster then replaces.
    Process {
        name: String,
        uid: String,
    },
}

/// The tenant's cluster, as a rollout sees it.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// A consistent look at every Deployment of ours in the namespace, never from a cache.
    async fn observe(&self, namespace: &Namespace) -> Result<Observation, ClusterError>;

    /// "Already exists" is success.
    async fn create(&self, namespace: &Namespace, deployment: &NewDeployment) -> Result<(), ClusterError>;

    async fn write(&self, namespace: &Namespace, write: &Write) -> Result<(), ClusterError>;

    /// "Already gone" is success.
    async fn remove(&self, namespace: &Namespace, removal: &Removal) -> Result<(), ClusterError>;

    /// Returns when something in the namespace is no longer as in `seen`, or after `limit`; a watch, not a sleep. May
    /// return early without a reason.
    async fn changed(&self, namespace: &Namespace, seen: &Observation, limit: Duration);

    /// The last lines of a process's log (stdout and stderr), oldest first, those of its previous run before those of the
    /// present one.
    async fn tail(&self, namespace: &Namespace, process: &str, lines: usize) -> Result<Vec<String>, ClusterError>;

    /// What the cluster itself said about a process, oldest first. Nothing on a cluster that says all it knows in the
    /// observation.
    async fn events(&self, _namespace: &Namespace, _process: &str) -> Result<Vec<String>, ClusterError> {
        Ok(Vec::new())
    }
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub at: Time,
    pub process: String,
    pub text: String,
}

/// A part of a run's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunLog {
    /// How many lines were written before the first one here; more than was asked for when they are no longer kept.
    pub first: u64,
    pub lines: Vec<LogLine>,
}

/// Which log lines are asked for.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    pub service: Option<ServiceName>,
    pub process: Option<String>,
    pub since: Option<Time>,
    /// Only lines that contain this text.
    pub contains: Option<String>,
    /// At most this many, the newest.
    pub limit: usize,
}

/// A one-off process.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub id: RunId,
    pub template: Template,
    /// argv; run in place of the service's command.
    pub command: Vec<String>,
    pub time_limit: Duration,
}

/// What is known of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    Running,
    /// `timed_out`: it was ended because its time limit was over.
    Ended {
        exit: Exit,
        at: Time,
        timed_out: bool,
    },
    /// Its process waits for what a start brings second: to start it again is what it needs.
    Half,
    /// Was never started here, or is gone.
    Unknown,
}

/// One-off processes and logs of the tenant's cluster.
#[async_trait]
pub trait Processes: Send + Sync {
    /// "Already exists" is success.
    async fn start(&self, namespace: &Namespace, run: &NewRun) -> Result<(), ClusterError>;

    async fn run(&self, namespace: &Namespace, run: &RunId) -> Result<RunState, ClusterError>;

    /// What is kept of the run's log after the first `after` lines.
    async fn run_log(&self, namespace: &Namespace, run: &RunId, after: u64) -> Result<RunLog, ClusterError>;

    async fn logs(&self, namespace: &Namespace, query: &LogQuery) -> Result<Vec<LogLine>, ClusterError>;

    /// Where the load balancer serves a service with ports: `http://127.0.0.1:8080`. None: nowhere yet.
    async fn address(&self, namespace: &Namespace, service: &ServiceName) -> Result<Option<String>, ClusterError>;

    /// Removes what is left of the runs that are `over`, logs too, and answers which other ones have ended and are kept.
    /// Where the place clears up by itself, nothing and none.
    async fn collect_runs(&self, namespace: &Namespace, over: &[RunId]) -> Result<Vec<RunId>, ClusterError>;
}

/// What we may do in the tenant's cluster.
#[async_trait]
pub trait Access: Send + Sync {
    /// What whoever owns the cluster applies to give us our rights in a namespace, as YAML. None: it asks for none.
    fn manifest(&self, namespace: &Namespace) -> Option<String>;

    /// The rights that we lack there, each as verbs and a resource: `create, delete pods`.
    async fn missing(&self, namespace: &Namespace) -> Result<Vec<String>, ClusterError>;
}

/// A cluster that is ours to use as it is, such as this machine.
pub struct OpenAccess;

#[async_trait]
impl Access for OpenAccess {
    fn manifest(&self, _: &Namespace) -> Option<String> {
        None
    }

    async fn missing(&self, _: &Namespace) -> Result<Vec<String>, ClusterError> {
        Ok(Vec::new())
    }
}

/// Whether a start of an execution was needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    New,
    AlreadyExists,
}

/// The state machine service.
#[async_trait]
pub trait Workflows: Send + Sync {
    /// Starts the rollout's state machine under this name. The input carries ids only.
    async fn start(&self, name: &str, input: &RolloutInput) -> Result<Started, slipway_domain::error::Error>;
}

/// The input of an execution.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RolloutInput {
    pub tenant: slipway_domain::id::TenantId,
    pub app: AppName,
    pub environment: EnvironmentName,
    pub promotion: slipway_domain::id::PromotionId,
    pub execution: u32,
}

impl RolloutInput {
    /// That of a promotion's present execution.
    pub fn of(tenant: &slipway_domain::id::TenantId, promotion: &slipway_domain::promotion::Promotion) -> Self {
        Self {
            tenant: tenant.clone(),
            app: promotion.app.clone(),
            environment: promotion.environment.clone(),
            promotion: promotion.id.clone(),
            execution: promotion.execution,
        }
    }
}

/// Where images are.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Whether the app's repository holds this image. Apps of one name in two tenants have a repository each.
    async fn holds(
        &self,
        tenant: &slipway_domain::id::TenantId,
        app: &AppName,
        image: &ImageDigest,
    ) -> Result<bool, slipway_domain::error::Error>;
}

/// An address to which an archive can be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub url: String,
    pub expires_at: Time,
    pub max_bytes: u64,
}

/// What an upload has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub size: u64,
    /// SHA-256 as 64 hexadecimal digits.
    pub sha256: String,
}

/// Archives that wait to be built.
#[async_trait]
pub trait Objects: Send + Sync {
    /// An address that accepts exactly this archive, once, for a while.
    async fn upload(&self, build: &BuildId, expected: &Expected) -> Result<Upload, slipway_domain::error::Error>;

    /// Whether the archive arrived whole.
    async fn arrived(&self, build: &BuildId) -> Result<bool, slipway_domain::error::Error>;
}

/// What a builder is told.
#[derive(Clone, Debug)]
pub struct BuildOrder {
    pub tenant: slipway_domain::id::TenantId,
    pub app: AppName,
    pub build: BuildId,
    /// Path of the manifest inside the archive, if it is none of the well-known names.
    pub manifest: Option<String>,
    pub time_limit: Duration,
}

/// What is known of a build.
#[derive(Clone, Debug, PartialEq)]
pub enum BuildState {
    Running,
    Done {
        image: ImageDigest,
        manifest: slipway_domain::manifest::Manifest,
        warnings: Vec<String>,
    },
    Failed {
        reason: String,
    },
    /// Was never started here, or is gone.
    Unknown,
}

/// Makes images from uploaded archives.
#[async_trait]
pub trait Builder: Send + Sync {
    /// "Already started" is success.
    async fn start(&self, order: &BuildOrder) -> Result<(), slipway_domain::error::Error>;

    async fn state(&self, build: &BuildId) -> Result<BuildState, slipway_domain::error::Error>;

    async fn cancel(&self, build: &BuildId) -> Result<(), slipway_domain::error::Error>;

    /// Lines of the log after the given count of lines.
    async fn log(&self, build: &BuildId, after: u64) -> Result<Vec<LogLine>, slipway_domain::error::Error>;
}

/// The time, and the passing of it.
#[async_trait]
pub trait Clock: Send + Sync {
    fn now(&self) -> Time;

    async fn sleep(&self, duration: Duration);
}

/// Where ids and tokens come from: a cryptographic random source.
pub trait Entropy: Send + Sync {
    fn draw(&self) -> u128;
}
