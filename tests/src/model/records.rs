//! Between what the checker stores and the real records and observations that the shipped rules work on.
//!
//! Times are one and the same, processes are ready as soon as they run, and there are no ports: so what is remembered
//! of single processes never decides anything and is not stored. Versions, turn numbers and event counters are not
//! either: a step is told whether a record is as it was loaded.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::id::{PromotionId, ReleaseId};
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{
    Cause, DeploymentKey, Environment, Epoch, Failure, Kind, Memory, Outcome, Phase, Plan, Promotion, SavedAction,
    ServicePlan, Status,
};
use slipway_domain::time::Time;
use slipway_rollout::observation::{Deployment, Observation, Process, Readiness, Stage, Visibility};

use super::state::{Age, Latch, Objects, RELEASES, Records, Release, Rollout, Saved, Sight};

/// The one moment at which everything happens, unless a clock is meant to be over.
pub const NOW: Time = Time::from_millis(1_000_000);
/// A moment after every clock.
pub const LATE: Time = Time::from_millis(1_000_000_000);
/// From this count on all counts of sights of drift mean the same.
const DRIFTS: u32 = 3;

/// What all records of a model have in common.
#[derive(Clone, Debug)]
pub struct Frame {
    environment: Environment,
    promotion: Promotion,
    keys: [DeploymentKey; RELEASES],
    /// What each promotion promotes.
    to: Vec<Release>,
}

impl Frame {
    /// One service with `processes` processes, and what each promotion promotes.
    pub fn new(processes: u8, to: &[Release]) -> Self {
        let service: ServiceName = "web".parse().expect("a valid name");
        let keys = ["RAAAAAAAAAA", "RBBBBBBBBBB", "RCCCCCCCCCC"]
            .map(|id| DeploymentKey { service: service.clone(), release: id.parse().expect("a valid id") });
        let environment = environment(&keys[0].release, &service, processes);
        let promotion = promotion(&environment, plan(service, processes));
        Self { environment, promotion, keys, to: to.to_vec() }
    }

    pub fn key(&self, release: Release) -> &DeploymentKey {
        &self.keys[release.place()]
    }

    pub fn id(&self, release: Release) -> &ReleaseId {
        &self.key(release).release
    }

    pub fn plan(&self) -> &Plan {
        &self.promotion.plan
    }

    pub fn target(&self, number: u8) -> Release {
        self.to[usize::from(number)]
    }

    pub fn release(&self, id: &ReleaseId) -> Release {
        Release::ALL.into_iter().find(|release| self.id(*release) == id).expect("there are no other releases")
    }

    /// The record of the environment.
    pub fn environment(&self, records: &Records) -> Environment {
        Environment {
            status: records.status,
            active: Some(self.id(records.active).clone()),
            promotion: records.rollout.as_ref().map(|rollout| promotion_id(rollout.number)),
            epoch: epoch(records.epoch),
            ..self.environment.clone()
        }
    }

    /// The record of the promotion that runs.
    pub fn promotion(&self, records: &Records) -> Option<Promotion> {
        let rollout = records.rollout.as_ref()?;
        let mut promotion = self.promotion.clone();
        promotion.id = promotion_id(rollout.number);
        promotion.from = Some(self.id(rollout.from).clone());
        promotion.to = self.id(self.target(rollout.number)).clone();
        promotion.epoch = epoch(records.epoch);
        promotion.phase = rollout.phase;
        promotion.cancel = rollout.cancelled.then(|| "owner".to_owned());
        promotion.moved = rollout.moved;
        promotion.healthy_before =
            rollout.healthy_before.map(|healthy| BTreeMap::from([(self.keys[0].service.clone(), healthy.into())]));
        promotion.failure = rollout.failure.map(failure);
        promotion.memory = self.memory(records.epoch, rollout);
        promotion.actions = self.saved(rollout);
        promotion.status_before = rollout.status_before;
        Some(promotion)
    }

    fn memory(&self, current: u8, rollout: &Rollout) -> Memory {
        let mut memory = Memory {
            stamped: epoch(if rollout.stamped { current } else { 0 }),
            drifted: rollout.drifted.map(|sight| self.sight(sight)),
            complete_since: rollout.complete.then_some(NOW),
            ..Memory::default()
        };
        if rollout.drifts > 0 {
            memory.counters.insert(Cause::Drifted, rollout.drifts.into());
        }
        memory
    }

    fn saved(&self, rollout: &Rollout) -> Vec<SavedAction> {
        let places = Release::ALL.into_iter().zip(&rollout.saved);
        places
            .filter_map(|(release, saved)| {
                let Saved { age, replicas } = (*saved)?;
                let deployment = self.key(release).clone();
                // Nothing has written the object since: a write of a later turn would have.
                let turn = u64::from(age == 0);
                Some(SavedAction { deployment, resource_version: version(age), replicas: replicas.into(), turn })
            })
            .collect()
    }

    /// What is stored of real records.
    pub fn records(&self, environment: &Environment, promotion: &Promotion) -> Records {
        let active = environment.active.as_ref().expect("something is active from the start");
        Records {
            status: environment.status,
            active: self.release(active),
            epoch: small(environment.epoch.0),
            rollout: promotion.is_open().then(|| self.rollout(promotion)),
        }
    }

    fn rollout(&self, promotion: &Promotion) -> Rollout {
        let memory = &promotion.memory;
        let mut saved = [None; RELEASES];
        // One that has landed or never will decides nothing, for no look is older than the one before it.
        for action in promotion.actions.iter().filter(|action| age(&action.resource_version) == 0) {
            let place = &mut saved[self.release(&action.deployment.release).place()];
            assert!(place.is_none(), "at most one count is saved for a Deployment");
            *place = Some(Saved { age: age(&action.resource_version), replicas: small(action.replicas) });
        }
        let from = promotion.from.as_ref().expect("something is active from the start");
        let drifts = memory.counters.get(&Cause::Drifted).copied().unwrap_or(0);
        Rollout {
            number: number(&promotion.id),
            from: self.release(from),
            phase: promotion.phase,
            cancelled: promotion.cancel.is_some(),
            moved: promotion.moved,
            healthy_before: promotion.healthy_before.as_ref().map(|healthy| small(healthy.values().sum::<u32>())),
            failure: promotion.failure.as_ref().map(|failure| latch(failure.cause)),
            stamped: memory.stamped == promotion.epoch,
            drifts: small(drifts.min(DRIFTS)),
            drifted: memory.drifted.as_deref().map(|words| self.parse_sight(words)),
            complete: memory.complete_since.is_some(),
            status_before: promotion.status_before,
            saved,
        }
    }

    /// The words of the fence for it.
    fn sight(&self, sight: Sight) -> String {
        match sight {
            Sight::Missing(release) => format!("{} (missing)", self.key(release)),
            Sight::Changed(release, age) => format!("{} ({})", self.key(release), version(age)),
        }
    }

    fn parse_sight(&self, words: &str) -> Sight {
        let (name, state) = words.split_once(" (").expect("a name and a version or `missing`");
        let release = Release::ALL.into_iter().find(|release| self.key(*release).to_string() == name);
        let release = release.expect("there are no other releases");
        match state.trim_end_matches(')') {
            "missing" => Sight::Missing(release),
            version => Sight::Changed(release, age(version)),
        }
    }

    /// What is seen of the objects. `crashes` is the release whose processes never come up.
    pub fn observation(&self, objects: &Objects, crashes: Option<Release>, stamp: impl Fn(u8) -> u8) -> Observation {
        let places = Release::ALL.into_iter().zip(objects);
        let deployments = places.filter_map(|(release, object)| {
            let object = (*object)?;
            Some(Deployment {
                key: self.key(release).clone(),
                uid: UID.to_owned(),
                resource_version: version(0),
                generation: 0,
                replicas: object.replicas.into(),
                epoch: epoch(stamp(object.epoch)),
                turn: 0,
                intact: true,
                visibility: if object.running == object.replicas { Visibility::Visible } else { Visibility::Pending },
                processes: (0..object.running).map(|place| process(release, place, crashes == Some(release))).collect(),
            })
        });
        Observation { at: NOW, deployments: deployments.collect(), strangers: Vec::new() }
    }
}

/// Objects are never deleted while anything may hold them, so that all have one.
pub const UID: &str = "1";

/// A resource version as text.
pub fn version(age: Age) -> String {
    format!("-{age}")
}

/// The age that [`version`] wrote.
pub fn age(version: &str) -> Age {
    version.trim_start_matches('-').parse().expect("written by this module")
}

pub fn epoch(epoch: u8) -> Epoch {
    Epoch(epoch.into())
}

pub fn small(count: impl TryInto<u8>) -> u8 {
    count.try_into().unwrap_or_else(|_| panic!("counts of the model are below 256"))
}

pub fn promotion_id(number: u8) -> PromotionId {
    PromotionId::from_entropy(u128::from(number))
}

fn number(id: &PromotionId) -> u8 {
    (0..=u8::MAX).find(|number| promotion_id(*number) == *id).expect("made by this module")
}

fn latch(cause: Cause) -> Latch {
    if cause == Cause::Cancelled { Latch::OnRequest } else { Latch::Otherwise }
}

fn failure(latch: Latch) -> Failure {
    let cause = match latch {
        Latch::OnRequest => Cause::Cancelled,
        Latch::Otherwise => Cause::Internal,
    };
    Failure {
        cause,
        message: String::new(),
        service: None,
        process: None,
        exit: None,
        at: NOW,
        log: Vec::new(),
        events: Vec::new(),
    }
}

fn process(release: Release, place: u8, crashes: bool) -> Process {
    let (stage, readiness) = if crashes {
        (Stage::Waiting { reason: "CrashLoopBackOff".to_owned(), message: String::new() }, Readiness::Never)
    } else {
        (Stage::Running { started_at: NOW }, Readiness::Ready { since: NOW })
    };
    Process {
        name: format!("{release:?}-{place}"),
        uid: format!("{release:?}-{place}"),
        genuine: true,
        stopping_since: None,
        stage,
        readiness,
        registered: false,
        restarts: 0,
        init_failures: 0,
        last_exit: None,
        probe_error: None,
    }
}

/// One service without ports, one process in flight, no bake.
fn plan(service: ServiceName, processes: u8) -> Plan {
    let minute = u64::try_from(Duration::from_mins(1).as_millis()).expect("60,000 fits");
    let service = ServicePlan {
        name: service,
        before: Some(processes.into()),
        after: Some(processes.into()),
        ports: false,
        health_timeout_ms: 3000,
        registration_ms: 2 * minute,
        bake_ms: 0,
        minimum_percent: 100,
        stopping_ms: 0,
    };
    Plan {
        batch: 1,
        strict: false,
        preparing_ms: minute,
        total_ms: 10 * minute,
        restoring_ms: 10 * minute,
        services: vec![service],
    }
}

fn environment(active: &ReleaseId, service: &ServiceName, processes: u8) -> Environment {
    Environment {
        app: "shop".parse().expect("a valid name"),
        name: "live".parse().expect("a valid name"),
        cluster: None,
        status: Status::Running,
        active: Some(active.clone()),
        newest: None,
        promotion: None,
        epoch: Epoch(1),
        formation: BTreeMap::from([(service.clone(), processes.into())]),
        cleanup_pending: false,
        created_at: NOW,
        version: 1,
    }
}

fn promotion(environment: &Environment, plan: Plan) -> Promotion {
    Promotion {
        id: promotion_id(0),
        app: environment.app.clone(),
        environment: environment.name.clone(),
        kind: Kind::Promote,
        actor: "owner".to_owned(),
        reason: None,
        from: environment.active.clone(),
        to: environment.active.clone().expect("given by the only caller"),
        epoch: Epoch(1),
        execution: 1,
        phase: Phase::Preparing,
        cancel: None,
        plan,
        moved: false,
        healthy_before: None,
        failure: None,
        memory: Memory::default(),
        actions: Vec::new(),
        turn: 1,
        turn_due: NOW,
        clock: NOW,
        started_at: NOW,
        rolling_at: Some(NOW),
        restoring_at: Some(NOW),
        ended_at: None,
        outcome: None::<Outcome>,
        status_before: Status::Running,
        superseded_by: None,
        events: 1,
        version: 1,
    }
}
