//! The ports, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use slipway_domain::error::{Error, Result};
use slipway_domain::id::{BuildId, RunId, TenantId};
use slipway_domain::name::{AppName, ServiceName};
use slipway_domain::promotion::{DeploymentKey, Epoch};
use slipway_domain::release::ImageDigest;
use slipway_domain::time::Time;
use slipway_rollout::fence::{Stamp, admits};
use slipway_rollout::observation::{Deployment, Observation, Process, Readiness, Refusal, Stage, Visibility};
use slipway_service::ports::{
    Access, BuildOrder, BuildState, Builder, Clock, Cluster, ClusterError, Entropy, Expected, LogLine, LogQuery,
    Namespace, NewDeployment, NewRun, Objects, Processes, Registry, Removal, RolloutInput, RunLog, RunState, Started,
    Upload, Workflows, Write,
};

/// Time passes only while somebody waits.
pub struct VirtualClock(AtomicI64);

impl VirtualClock {
    pub fn new() -> Self {
        Self(AtomicI64::new("2026-01-15T14:30:00Z".parse::<Time>().unwrap().as_millis()))
    }

    pub fn advance(&self, duration: Duration) {
        self.0.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Time {
        Time::from_millis(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }
}

/// Different every time, the same in every run.
#[derive(Default)]
pub struct Counted(AtomicU64);

impl Entropy for Counted {
    fn draw(&self) -> u128 {
        let count = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        // A odd factor: a permutation of 128 bits.
        u128::from(count).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
    }
}

struct Row {
    uid: u64,
    version: u64,
    epoch: Epoch,
    turn: u64,
    /// One per process: its number, and since when it runs.
    processes: Vec<(u64, Time)>,
}

impl Row {
    fn replicas(&self) -> u32 {
        u32::try_from(self.processes.len()).unwrap()
    }
}

/// Deployments whose processes are ready as soon as they are asked for, unless their release is doomed.
#[derive(Default)]
pub struct MemoryCluster {
    rows: Mutex<BTreeMap<(Namespace, DeploymentKey), Row>>,
    counter: AtomicU64,
    pub away: Mutex<Option<ClusterError>>,
    /// Processes of these images never become ready.
    pub broken: Mutex<BTreeSet<ImageDigest>>,
    /// Processes of these images are like this one.
    pub ill: Mutex<BTreeMap<ImageDigest, Process>>,
    /// What the log of every process says.
    pub says: Mutex<Option<String>>,
    /// Why no more processes are created than there are, one less than were asked for.
    pub refusal: Mutex<Option<Refusal>>,
    images: Mutex<BTreeMap<DeploymentKey, ImageDigest>>,
    pub clock: std::sync::OnceLock<std::sync::Arc<VirtualClock>>,
}

impl MemoryCluster {
    fn now(&self) -> Time {
        self.clock.get().unwrap().now()
    }

    fn reach(&self) -> std::result::Result<(), ClusterError> {
        self.away.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    /// Replicas by object, those at 0 left out.
    pub fn replicas(&self) -> BTreeMap<String, u32> {
        let rows = self.rows.lock().unwrap();
        let up = rows.iter().filter(|(_, row)| row.replicas() > 0);
        up.map(|((namespace, key), row)| (format!("{namespace}/{key}"), row.replicas())).collect()
    }

    /// All Deployments, also those at 0.
    pub fn objects(&self) -> usize {
        self.rows.lock().unwrap().len()
    }

    fn process(&self, key: &DeploymentKey, number: u64, since: Time) -> Process {
        let image = self.images.lock().unwrap().get(key).cloned();
        let ill = image.as_ref().and_then(|image| self.ill.lock().unwrap().get(image).cloned());
        if let Some(ill) = ill {
            return Process { name: format!("{key}-{number}"), uid: number.to_string(), ..ill };
        }
        let healthy = image.is_none_or(|image| !self.broken.lock().unwrap().contains(&image));
        Process {
            name: format!("{key}-{number}"),
            uid: number.to_string(),
            genuine: true,
            stopping_since: None,
            stage: Stage::Running { started_at: since },
            readiness: if healthy { Readiness::Ready { since } } else { Readiness::Never },
            registered: healthy,
            restarts: 0,
            init_failures: 0,
            last_exit: None,
            probe_error: (!healthy).then(|| "HTTP 500".to_owned()),
        }
    }
}

#[async_trait]
impl Cluster for MemoryCluster {
    async fn observe(&self, namespace: &Namespace) -> std::result::Result<Observation, ClusterError> {
        self.reach()?;
        let rows = self.rows.lock().unwrap();
        let own = rows.iter().filter(|((place, _), _)| place == namespace);
        let refusal = self.refusal.lock().unwrap().clone();
        let deployments = own.map(|((_, key), row)| Deployment {
            key: key.clone(),
            uid: row.uid.to_string(),
            resource_version: row.version.to_string(),
            generation: row.version,
            replicas: row.replicas(),
            epoch: row.epoch,
            turn: row.turn,
            intact: true,
            visibility: refusal.clone().map_or(Visibility::Visible, Visibility::Refused),
            processes: (row.processes.iter().skip(usize::from(refusal.is_some())))
                .map(|(number, since)| self.process(key, *number, *since))
                .collect(),
        });
        Ok(Observation { at: self.now(), deployments: deployments.collect(), strangers: Vec::new() })
    }

    async fn create(&self, namespace: &Namespace, new: &NewDeployment) -> std::result::Result<(), ClusterError> {
        self.reach()?;
        let uid = self.counter.fetch_add(1, Ordering::SeqCst);
        self.images.lock().unwrap().insert(new.key.clone(), new.template.image.clone());
        let row = Row { uid, version: 1, epoch: new.epoch, turn: 0, processes: Vec::new() };
        self.rows.lock().unwrap().entry((namespace.clone(), new.key.clone())).or_insert(row);
        Ok(())
    }

    async fn write(&self, namespace: &Namespace, write: &Write) -> std::result::Result<(), ClusterError> {
        self.reach()?;
        let now = self.now();
        let mut rows = self.rows.lock().unwrap();
        let row = rows.get_mut(&(namespace.clone(), write.key.clone())).ok_or(ClusterError::Conflict)?;
        let (uid, version) = (row.uid.to_string(), row.version.to_string());
        let current = Stamp { uid: &uid, resource_version: &version, epoch: row.epoch };
        let observed = Stamp { uid: &write.uid, resource_version: &write.resource_version, epoch: write.epoch };
        if !admits(current, observed) {
            return Err(ClusterError::Conflict);
        }
        row.version += 1;
        row.epoch = write.epoch;
        row.turn = write.turn;
        if let Some(replicas) = write.replicas {
            let replicas = usize::try_from(replicas).unwrap();
            row.processes.truncate(replicas);
            while row.processes.len() < replicas {
                row.processes.push((self.counter.fetch_add(1, Ordering::SeqCst), now));
            }
        }
        Ok(())
    }

    async fn remove(&self, namespace: &Namespace, removal: &Removal) -> std::result::Result<(), ClusterError> {
        self.reach()?;
        if let Removal::Deployment { key, .. } = removal {
            self.rows.lock().unwrap().remove(&(namespace.clone(), key.clone()));
        }
        Ok(())
    }

    async fn changed(&self, _namespace: &Namespace, _seen: &Observation, limit: Duration) {
        self.clock.get().unwrap().sleep(limit.max(Duration::from_millis(100))).await;
    }

    async fn tail(
        &self,
        _namespace: &Namespace,
        process: &str,
        _lines: usize,
    ) -> std::result::Result<Vec<String>, ClusterError> {
        self.reach()?;
        let says = self.says.lock().unwrap().clone();
        Ok(vec![says.unwrap_or_else(|| format!("{process} says it is not well"))])
    }
}

/// Runs, and what became of them as the test says.
#[derive(Default)]
pub struct MemoryProcesses {
    pub runs: Mutex<BTreeMap<RunId, (NewRun, RunState)>>,
    pub refuses: Mutex<Option<ClusterError>>,
    pub lines: Mutex<Vec<LogLine>>,
    /// Of the lines, how many are no longer kept.
    pub dropped: Mutex<u64>,
}

#[async_trait]
impl Processes for MemoryProcesses {
    async fn start(&self, _namespace: &Namespace, run: &NewRun) -> std::result::Result<(), ClusterError> {
        if let Some(error) = self.refuses.lock().unwrap().clone() {
            return Err(error);
        }
        self.runs.lock().unwrap().entry(run.id.clone()).or_insert((run.clone(), RunState::Running));
        Ok(())
    }

    async fn run(&self, _namespace: &Namespace, run: &RunId) -> std::result::Result<RunState, ClusterError> {
        Ok(self.runs.lock().unwrap().get(run).map_or(RunState::Unknown, |(_, state)| state.clone()))
    }

    async fn run_log(
        &self,
        _namespace: &Namespace,
        _run: &RunId,
        after: u64,
    ) -> std::result::Result<RunLog, ClusterError> {
        let first = after.max(*self.dropped.lock().unwrap());
        let lines = self.lines.lock().unwrap().iter().skip(usize::try_from(first).unwrap()).cloned().collect();
        Ok(RunLog { first, lines })
    }

    async fn logs(&self, _namespace: &Namespace, query: &LogQuery) -> std::result::Result<Vec<LogLine>, ClusterError> {
        let lines = self.lines.lock().unwrap();
        let skipped = lines.len().saturating_sub(query.limit);
        Ok(lines.iter().skip(skipped).cloned().collect())
    }

    async fn address(
        &self,
        _namespace: &Namespace,
        service: &ServiceName,
    ) -> std::result::Result<Option<String>, ClusterError> {
        Ok(Some(format!("http://{service}.local")))
    }

    async fn collect_runs(
        &self,
        _namespace: &Namespace,
        over: &[RunId],
    ) -> std::result::Result<Vec<RunId>, ClusterError> {
        let mut runs = self.runs.lock().unwrap();
        runs.retain(|run, _| !over.contains(run));
        let ended = runs.iter().filter(|(_, (_, state))| matches!(state, RunState::Ended { .. }));
        Ok(ended.map(|(run, _)| run.clone()).collect())
    }
}

/// A cluster that lacks what the test says.
#[derive(Default)]
pub struct MemoryAccess {
    pub missing: Mutex<Vec<String>>,
}

#[async_trait]
impl Access for MemoryAccess {
    fn manifest(&self, namespace: &Namespace) -> Option<String> {
        Some(format!("kind: Namespace # {namespace} of {}\n", namespace.tenant))
    }

    async fn missing(&self, _: &Namespace) -> std::result::Result<Vec<String>, ClusterError> {
        Ok(self.missing.lock().unwrap().clone())
    }
}

/// Executions by name, as the state machine service keeps them.
#[derive(Default)]
pub struct MemoryWorkflows {
    pub started: Mutex<BTreeMap<String, RolloutInput>>,
    pub away: Mutex<bool>,
}

#[async_trait]
impl Workflows for MemoryWorkflows {
    async fn start(&self, name: &str, input: &RolloutInput) -> Result<Started> {
        if *self.away.lock().unwrap() {
            return Err(Error::unavailable("the state machine service is away"));
        }
        let known = self.started.lock().unwrap().insert(name.to_owned(), input.clone());
        Ok(if known.is_some() { Started::AlreadyExists } else { Started::New })
    }
}

/// Images that were pushed, by whom; all apps of a tenant share them.
#[derive(Default)]
pub struct MemoryRegistry(pub Mutex<BTreeSet<(TenantId, ImageDigest)>>);

#[async_trait]
impl Registry for MemoryRegistry {
    async fn holds(&self, tenant: &TenantId, _app: &AppName, image: &ImageDigest) -> Result<bool> {
        Ok(self.0.lock().unwrap().contains(&(tenant.clone(), image.clone())))
    }
}

/// Archives that arrived.
#[derive(Default)]
pub struct MemoryObjects(pub Mutex<BTreeSet<BuildId>>);

#[async_trait]
impl Objects for MemoryObjects {
    async fn upload(&self, build: &BuildId, expected: &Expected) -> Result<Upload> {
        let url = format!("http://uploads.local/{build}");
        Ok(Upload { url, expires_at: Time::from_millis(0), max_bytes: expected.size })
    }

    async fn arrived(&self, build: &BuildId) -> Result<bool> {
        Ok(self.0.lock().unwrap().contains(build))
    }
}

/// Builds that were ordered, and how far they are as the test says.
#[derive(Default)]
pub struct MemoryBuilder {
    pub builds: Mutex<BTreeMap<BuildId, (BuildOrder, BuildState)>>,
    pub away: Mutex<bool>,
    pub cancelled: Mutex<BTreeSet<BuildId>>,
    pub lines: Mutex<Vec<LogLine>>,
}

impl MemoryBuilder {
    fn reach(&self) -> Result<()> {
        if *self.away.lock().unwrap() { Err(Error::unavailable("the builder is away")) } else { Ok(()) }
    }
}

#[async_trait]
impl Builder for MemoryBuilder {
    async fn start(&self, order: &BuildOrder) -> Result<()> {
        self.reach()?;
        self.builds.lock().unwrap().entry(order.build.clone()).or_insert((order.clone(), BuildState::Running));
        Ok(())
    }

    async fn state(&self, build: &BuildId) -> Result<BuildState> {
        self.reach()?;
        Ok(self.builds.lock().unwrap().get(build).map_or(BuildState::Unknown, |(_, state)| state.clone()))
    }

    async fn cancel(&self, build: &BuildId) -> Result<()> {
        self.cancelled.lock().unwrap().insert(build.clone());
        Ok(())
    }

    async fn log(&self, _build: &BuildId, after: u64) -> Result<Vec<LogLine>> {
        Ok(self.lines.lock().unwrap().iter().skip(usize::try_from(after).unwrap()).cloned().collect())
    }
}
