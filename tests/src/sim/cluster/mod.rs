//! The simulated cluster: versioned Deployments, a controller that acts late, processes that follow scripts.
//!
//! It admits a write exactly as the shipped clusters do, by [`slipway_rollout::fence::admits`]. It knows nothing of
//! promotions.

mod controller;
mod process;
mod script;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use slipway_domain::promotion::{DeploymentKey, Epoch};
use slipway_domain::time::Time;
use slipway_rollout::fence::{Stamp, admits};
use slipway_rollout::observation::{self, Observation, Refusal, Visibility};
use slipway_service::ports::{ClusterError, NewDeployment, Removal, Write};

pub use self::process::{Process, Step};
pub use self::script::{Character, Ending, Image, Life, Node, Script, Start};

/// How many older looks are kept for those who read late.
const HISTORY: usize = 12;

/// Something that the cluster does later by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Later {
    Reconcile(DeploymentKey),
    Step { key: DeploymentKey, uid: String, life: u32, step: Step },
}

/// What follows, each after so many milliseconds.
pub type Agenda = Vec<(u64, Later)>;

/// How this cluster differs from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Stamps are rounded down to seconds.
    pub whole_seconds: bool,
    /// A change of a process's readiness is a new version of its Deployment, as on Kubernetes.
    pub status_is_version: bool,
    /// The controller acts so many milliseconds after a write: at least, at most.
    pub controller_ms: (u64, u64),
    /// The cluster's clock against the true one.
    pub skew_ms: i64,
    /// So many processes at the most, the stopping ones too.
    pub quota: Option<u32>,
}

impl Default for Traits {
    fn default() -> Self {
        Self { whole_seconds: false, status_is_version: false, controller_ms: (50, 300), skew_ms: 0, quota: None }
    }
}

#[derive(Clone, Debug)]
pub struct Deployment {
    pub uid: String,
    pub version: u64,
    /// The version of the last change that was asked for.
    pub generation: u64,
    pub replicas: u32,
    pub epoch: Epoch,
    pub turn: u64,
    pub intact: bool,
    pub ports: bool,
    /// The controller has not acted on the last write yet.
    pending: bool,
    refusal: Option<Refusal>,
    pub processes: Vec<Process>,
    made: u32,
}

pub struct Cluster {
    pub traits: Traits,
    pub deployments: BTreeMap<DeploymentKey, Deployment>,
    pub characters: BTreeMap<DeploymentKey, Character>,
    /// Grows with every change that a watch would tell.
    pub revision: u64,
    counter: u64,
    history: VecDeque<(Time, Arc<Vec<observation::Deployment>>)>,
}

/// How far a read is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    Now,
    /// The whole answer is so old.
    Old(Duration),
    /// Objects and lists of processes are current, and what each process does is so old.
    Lagging(Duration),
}

impl Cluster {
    pub fn new(traits: Traits) -> Self {
        Self {
            traits,
            deployments: BTreeMap::new(),
            characters: BTreeMap::new(),
            revision: 0,
            counter: 0,
            history: VecDeque::new(),
        }
    }

    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn stamp(&self, time: Time) -> Time {
        let skewed = time.as_millis() + self.traits.skew_ms;
        Time::from_millis(if self.traits.whole_seconds { skewed.div_euclid(1000) * 1000 } else { skewed })
    }

    /// Puts a Deployment there whose processes have served since `since`.
    pub fn found(&mut self, key: DeploymentKey, replicas: u32, ports: bool, since: Time) {
        let uid = format!("d{}", self.next());
        let mut deployment = Deployment::new(uid, self.next(), Epoch(0), ports);
        deployment.replicas = replicas;
        deployment.pending = false;
        for _ in 0..replicas {
            let number = self.next();
            let script = self.characters.get(&key).map(|character| character.usual.clone()).unwrap_or_default();
            let name = format!("{key}-{number}");
            deployment.processes.push(Process::serving(name, format!("p{number}"), script, ports, since));
        }
        self.deployments.insert(key, deployment);
    }

    pub fn create(&mut self, new: &NewDeployment, delay_ms: u64) -> Result<Agenda, ClusterError> {
        if self.characters.get(&new.key).is_some_and(|character| character.unwelcome) {
            return Err(ClusterError::Refused("a policy forbids objects of this kind".to_owned()));
        }
        if self.deployments.contains_key(&new.key) {
            return Ok(Vec::new());
        }
        let uid = format!("d{}", self.next());
        let deployment = Deployment::new(uid, self.next(), new.epoch, !new.template.ports.is_empty());
        self.deployments.insert(new.key.clone(), deployment);
        self.revision += 1;
        Ok(vec![(delay_ms, Later::Reconcile(new.key.clone()))])
    }

    /// Applies a write if the fence admits it.
    pub fn write(&mut self, write: &Write, delay_ms: u64) -> Result<Agenda, ClusterError> {
        let version = self.next();
        let deployment = self.deployments.get_mut(&write.key).ok_or(ClusterError::Conflict)?;
        let current_version = deployment.version.to_string();
        let current = Stamp { uid: &deployment.uid, resource_version: &current_version, epoch: deployment.epoch };
        let observed = Stamp { uid: &write.uid, resource_version: &write.resource_version, epoch: write.epoch };
        if !admits(current, observed) {
            return Err(ClusterError::Conflict);
        }
        Ok(self.apply(write, version, delay_ms))
    }

    /// Applies a write, whatever the object bears.
    pub fn force(&mut self, write: &Write, delay_ms: u64) -> Result<Agenda, ClusterError> {
        let version = self.next();
        if !self.deployments.contains_key(&write.key) {
            return Err(ClusterError::Conflict);
        }
        Ok(self.apply(write, version, delay_ms))
    }

    fn apply(&mut self, write: &Write, version: u64, delay_ms: u64) -> Agenda {
        let Some(deployment) = self.deployments.get_mut(&write.key) else { return Vec::new() };
        deployment.version = version;
        deployment.generation = version;
        deployment.epoch = write.epoch;
        deployment.turn = write.turn;
        let repaired = !std::mem::replace(&mut deployment.intact, true);
        let counted = write.replicas.filter(|count| *count != deployment.replicas);
        deployment.replicas = counted.unwrap_or(deployment.replicas);
        self.revision += 1;
        if counted.is_none() && !repaired {
            return Vec::new();
        }
        deployment.pending = true;
        vec![(delay_ms, Later::Reconcile(write.key.clone()))]
    }

    pub fn remove(&mut self, removal: &Removal, now: Time) -> Result<Agenda, ClusterError> {
        match removal {
            Removal::Deployment { key, uid, resource_version } => {
                let Some(deployment) = self.deployments.get(key) else { return Ok(Vec::new()) };
                if &deployment.uid != uid || &deployment.version.to_string() != resource_version {
                    return Err(ClusterError::Conflict);
                }
                self.deployments.remove(key);
                self.revision += 1;
                Ok(Vec::new())
            }
            Removal::Process { uid, .. } => Ok(self.stop_process(uid, now)),
        }
    }

    /// What somebody else does to a Deployment of ours.
    pub fn meddle(&mut self, key: &DeploymentKey, with: Meddling) -> Agenda {
        let version = self.next();
        let Some(deployment) = self.deployments.get_mut(key) else { return Vec::new() };
        deployment.version = version;
        deployment.generation = version;
        self.revision += 1;
        match with {
            Meddling::Count(count) => deployment.replicas = count,
            Meddling::Template => deployment.intact = false,
            Meddling::Stamp => deployment.epoch = Epoch(0),
        }
        deployment.pending = true;
        vec![(100, Later::Reconcile(key.clone()))]
    }

    /// Nothing that should stop runs still.
    pub fn has_no_surplus(&self) -> bool {
        self.deployments.values().all(|deployment| deployment.live().count() <= deployment.replicas as usize)
    }

    pub fn observe(&mut self, now: Time, freshness: Freshness) -> Observation {
        match freshness {
            Freshness::Now => Observation { at: self.stamp(now), deployments: self.look(), strangers: Vec::new() },
            Freshness::Old(age) => self.looked(now, age).unwrap_or_else(|| self.observe(now, Freshness::Now)),
            Freshness::Lagging(age) => {
                let mut current = Observation { at: self.stamp(now), deployments: self.look(), strangers: Vec::new() };
                if let Some(old) = self.looked(now, age) {
                    lag(&mut current, &old);
                }
                current
            }
        }
    }

    /// Keeps the present look for those who read late.
    pub fn keep_history(&mut self, now: Time) {
        let look = Arc::new(self.look());
        if self.history.back().is_none_or(|(_, last)| *last != look) {
            self.history.push_back((now, look));
        }
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    fn looked(&self, now: Time, age: Duration) -> Option<Observation> {
        let (at, deployments) = self.history.iter().rev().find(|(at, _)| now.since(*at) >= age)?;
        let then = Time::from_millis(at.as_millis().max(now.as_millis() - i64::try_from(age.as_millis()).unwrap_or(0)));
        Some(Observation { at: self.stamp(then), deployments: deployments.as_ref().clone(), strangers: Vec::new() })
    }

    fn look(&self) -> Vec<observation::Deployment> {
        self.deployments
            .iter()
            .map(|(key, deployment)| observation::Deployment {
                key: key.clone(),
                uid: deployment.uid.clone(),
                resource_version: deployment.version.to_string(),
                generation: deployment.generation,
                replicas: deployment.replicas,
                epoch: deployment.epoch,
                turn: deployment.turn,
                intact: deployment.intact,
                visibility: deployment.visibility(),
                processes: deployment.processes.iter().map(|process| process.seen(|time| self.stamp(time))).collect(),
            })
            .collect()
    }
}

/// What outsiders change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    Count(u32),
    Template,
    Stamp,
}

/// What each process did a while ago, where it was there already.
fn lag(current: &mut Observation, old: &Observation) {
    for deployment in &mut current.deployments {
        let Some(before) = old.deployment(&deployment.key) else { continue };
        for process in &mut deployment.processes {
            let Some(then) = before.processes.iter().find(|then| then.uid == process.uid) else { continue };
            if process.is_live() && then.is_live() {
                *process = then.clone();
            }
        }
    }
}

impl Deployment {
    fn new(uid: String, version: u64, epoch: Epoch, ports: bool) -> Self {
        Self {
            uid,
            version,
            generation: version,
            replicas: 0,
            epoch,
            turn: 0,
            intact: true,
            ports,
            pending: true,
            refusal: None,
            processes: Vec::new(),
            made: 0,
        }
    }

    pub fn live(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.is_live())
    }

    fn visibility(&self) -> Visibility {
        let live = self.live().count();
        match &self.refusal {
            _ if self.pending => Visibility::Pending,
            _ if live == self.replicas as usize => Visibility::Visible,
            Some(refusal) if live < self.replicas as usize => Visibility::Refused(refusal.clone()),
            _ => Visibility::Pending,
        }
    }
}
