//! Small worlds in a few words: a promotion, what is seen of its cluster, and what is decided on that.
//!
//! Ages are whole seconds before the look. `old` is the release that is left, `new` the one that is promoted, `other`
//! one that is neither.

use std::time::Duration;

use slipway_domain::id::ReleaseId;
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{
    DeploymentKey, Epoch, Exit, Failure, Kind, Memory, Phase, Plan, ProcessMemory, Promotion, SavedAction, ServicePlan,
    Status,
};
use slipway_domain::time::Time;
use slipway_rollout::decide::{Action, Decision, Mode, Unseen, decide};
use slipway_rollout::observation::{Deployment, Observation, Process, Readiness, Stage, Visibility};

/// The moment of the look, on both clocks.
pub const NOW: Time = Time::from_millis(1_768_000_000_000);
pub const EPOCH: Epoch = Epoch(7);
/// The turn that wrote the objects that are seen.
pub const SEEN_TURN: u64 = 3;

pub fn ago(seconds: u64) -> Time {
    Time::from_millis(NOW.as_millis() - i64::try_from(seconds).unwrap() * 1000)
}

pub fn release(word: &str) -> ReleaseId {
    let text = match word {
        "old" => "ROLDOLDOLDO",
        "new" => "RNEWNEWNEWN",
        _ => "ROTHEROTHER",
    };
    text.parse().unwrap()
}

pub fn key(service: &str, of: &str) -> DeploymentKey {
    DeploymentKey { service: name(service), release: release(of) }
}

pub fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

fn process(stage: Stage, readiness: Readiness) -> Process {
    Process {
        name: String::new(),
        uid: String::new(),
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

/// Ready, and listed by the load balancer, for so long.
pub fn ready(seconds: u64) -> Process {
    let running = Stage::Running { started_at: ago(seconds + 1) };
    Process { registered: true, ..process(running, Readiness::Ready { since: ago(seconds) }) }
}

/// Ready for so long, and not listed.
pub fn unlisted(seconds: u64) -> Process {
    Process { registered: false, ..ready(seconds) }
}

/// Running for so long, and never ready.
pub fn booting(seconds: u64) -> Process {
    process(Stage::Running { started_at: ago(seconds) }, Readiness::Never)
}

/// Was ready until so long ago; still running.
pub fn lost(seconds: u64) -> Process {
    process(Stage::Running { started_at: ago(seconds + 100) }, Readiness::Lost { since: ago(seconds) })
}

pub fn waiting(reason: &str, message: &str) -> Process {
    process(Stage::Waiting { reason: reason.to_owned(), message: message.to_owned() }, Readiness::Never)
}

pub fn crash_loop() -> Process {
    let looping = waiting("CrashLoopBackOff", "back-off 10s restarting failed container");
    Process { restarts: 2, last_exit: Some(exit(1, "Error", "")), ..looping }
}

/// Found no node.
pub fn homeless() -> Process {
    process(Stage::Unscheduled(Some("0/1 nodes are available: 1 Insufficient memory.".to_owned())), Readiness::Never)
}

pub fn exited(exit: Exit) -> Process {
    process(Stage::Exited(exit), Readiness::Never)
}

pub fn over(reason: &str) -> Process {
    process(Stage::Over { reason: reason.to_owned() }, Readiness::Never)
}

pub fn stopping(seconds: u64) -> Process {
    Process { stopping_since: Some(ago(seconds)), ..ready(500) }
}

pub fn exit(code: i32, reason: &str, message: &str) -> Exit {
    Exit { code: Some(code), signal: None, reason: reason.to_owned(), message: message.to_owned() }
}

pub fn many(count: usize, process: &Process) -> Vec<Process> {
    vec![process.clone(); count]
}

/// Ports, health check 3 s, registration 120 s, bake 5 s, minimum 100 %, stopping 10 s.
pub fn service(text: &str, before: Option<u32>, after: Option<u32>) -> ServicePlan {
    ServicePlan {
        name: name(text),
        before,
        after,
        ports: true,
        health_timeout_ms: 3_000,
        registration_ms: 120_000,
        bake_ms: 5_000,
        minimum_percent: 100,
        stopping_ms: 10_000,
    }
}

/// From `old` to `new`, batch 1, in the phase given, 100 s after its start.
pub fn promotion(phase: Phase, services: Vec<ServicePlan>) -> Promotion {
    let healthy = services.iter().filter_map(|service| Some((service.name.clone(), service.before?)));
    let healthy_before = (phase != Phase::Preparing).then(|| healthy.collect());
    let stamped = if phase == Phase::Preparing { Epoch(0) } else { EPOCH };
    let plan =
        Plan { batch: 1, strict: false, preparing_ms: 60_000, total_ms: 600_000, restoring_ms: 600_000, services };
    Promotion {
        id: "PABCDEFGHIJ".parse().unwrap(),
        app: "shop".parse().unwrap(),
        environment: "production".parse().unwrap(),
        kind: Kind::Promote,
        actor: "ada@example.com".to_owned(),
        reason: None,
        from: Some(release("old")),
        to: release("new"),
        epoch: EPOCH,
        execution: 1,
        phase,
        cancel: None,
        plan,
        moved: phase != Phase::Preparing,
        healthy_before,
        failure: None,
        memory: Memory { stamped, ..Memory::default() },
        actions: Vec::new(),
        turn: 4,
        turn_due: NOW,
        clock: NOW,
        started_at: if phase == Phase::Preparing { ago(10) } else { ago(100) },
        rolling_at: (phase != Phase::Preparing).then(|| ago(90)),
        restoring_at: (phase == Phase::Restoring).then(|| ago(20)),
        ended_at: None,
        outcome: None,
        status_before: Status::Running,
        superseded_by: None,
        events: 3,
        version: 9,
    }
}

/// A promotion and one look at its cluster.
#[derive(Clone, Debug)]
pub struct World {
    pub promotion: Promotion,
    pub seen: Observation,
    pub unseen: Option<Unseen>,
    pub mode: Mode,
    pub now: Time,
}

impl World {
    /// One service, `web`, of which `before` and `after` processes are asked for.
    pub fn web(phase: Phase, before: u32, after: u32) -> Self {
        Self::of(phase, vec![service("web", Some(before), Some(after))])
    }

    pub fn rolling(before: u32, after: u32) -> Self {
        Self::web(Phase::Rolling, before, after)
    }

    /// Every Deployment of both releases exists at 0, stamped.
    pub fn of(phase: Phase, services: Vec<ServicePlan>) -> Self {
        let promotion = promotion(phase, services);
        let mut world = Self {
            promotion,
            seen: Observation { at: NOW, deployments: Vec::new(), strangers: Vec::new() },
            unseen: None,
            mode: Mode::Advance,
            now: NOW,
        };
        for service in world.promotion.plan.services.clone() {
            for (of, has) in [("old", service.before), ("new", service.after)] {
                if has.is_some() {
                    world.put(service.name.as_str(), of, Vec::new());
                }
            }
        }
        world
    }

    /// The promotion and the look may be changed freely.
    pub fn but(mut self, change: impl FnOnce(&mut Promotion)) -> Self {
        change(&mut self.promotion);
        self
    }

    pub fn batch(self, batch: u32) -> Self {
        self.but(|promotion| promotion.plan.batch = batch)
    }

    pub fn strict(self) -> Self {
        self.but(|promotion| promotion.plan.strict = true)
    }

    pub fn minimum(self, percent: u32) -> Self {
        self.but(|promotion| promotion.plan.services.iter_mut().for_each(|s| s.minimum_percent = percent))
    }

    /// As many replicas as processes that are neither stopping nor over.
    pub fn with(mut self, service: &str, of: &str, processes: Vec<Process>) -> Self {
        self.put(service, of, processes);
        self
    }

    pub fn old(self, processes: Vec<Process>) -> Self {
        self.with("web", "old", processes)
    }

    pub fn fresh(self, processes: Vec<Process>) -> Self {
        self.with("web", "new", processes)
    }

    fn put(&mut self, service: &str, of: &str, mut processes: Vec<Process>) {
        let key = key(service, of);
        for (number, process) in processes.iter_mut().enumerate() {
            process.name = format!("{service}/{of}-{number}");
            process.uid = format!("uid-{service}-{of}-{number}");
        }
        let deployment = Deployment {
            uid: format!("uid-{key}"),
            key: key.clone(),
            resource_version: "10".to_owned(),
            generation: 10,
            replicas: u32::try_from(processes.iter().filter(|process| process.is_live()).count()).unwrap(),
            epoch: EPOCH,
            turn: SEEN_TURN,
            intact: true,
            visibility: Visibility::Visible,
            processes,
        };
        self.seen.deployments.retain(|other| other.key != key);
        self.seen.deployments.push(deployment);
    }

    /// Changes what is seen of one Deployment.
    pub fn see(mut self, service: &str, of: &str, change: impl FnOnce(&mut Deployment)) -> Self {
        let key = key(service, of);
        change(self.seen.deployments.iter_mut().find(|deployment| deployment.key == key).unwrap());
        self
    }

    pub fn without(mut self, service: &str, of: &str) -> Self {
        self.seen.deployments.retain(|deployment| deployment.key != key(service, of));
        self
    }

    pub fn pending(self, service: &str, of: &str) -> Self {
        self.see(service, of, |deployment| deployment.visibility = Visibility::Pending)
    }

    pub fn known(self, process: &str, change: impl FnOnce(&mut ProcessMemory)) -> Self {
        self.but(|promotion| change(promotion.memory.processes.entry(format!("uid-{process}")).or_default()))
    }

    /// A count that `turn` decided, one after [`SEEN_TURN`] where the object does not bear it.
    pub fn saved(self, service: &str, of: &str, turn: u64, replicas: u32) -> Self {
        self.but(|promotion| {
            promotion.actions.push(SavedAction {
                deployment: key(service, of),
                resource_version: "10".to_owned(),
                replicas,
                turn,
            });
        })
    }

    pub fn unseen(mut self, unseen: Unseen) -> Self {
        self.unseen = Some(unseen);
        self
    }

    pub fn decide(&self) -> Decision {
        let seen = match &self.unseen {
            Some(unseen) => Err(unseen),
            None => Ok(&self.seen),
        };
        decide(&self.promotion, seen, self.mode, self.now)
    }

    /// The decision in words: `web/new 0→1, web/old 3→2, stamp …, create …, replace …, Completed, Broken(crash_loop)`.
    pub fn says(&self) -> String {
        let decision = self.decide();
        let mut words: Vec<String> = decision.actions.iter().map(|action| self.word(action)).collect();
        let cause = decision.failure.as_ref().map(|failure| format!("({})", failure.cause)).unwrap_or_default();
        words.extend(decision.trigger.map(|trigger| format!("{trigger:?}{cause}")));
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }

    fn word(&self, action: &Action) -> String {
        match action {
            Action::Create(key) => format!("create {}", short(key)),
            Action::Write { key, replicas: None, .. } => format!("stamp {}", short(key)),
            Action::Write { key, replicas: Some(count), .. } => {
                format!("{} {}→{count}", short(key), self.seen.deployment(key).unwrap().replicas)
            }
            Action::Replace { name, .. } => format!("replace {name}"),
        }
    }

    /// The failure that the decision gives.
    pub fn failure(&self) -> Failure {
        self.decide().failure.unwrap()
    }

    /// The same world after the memory of one decision was saved, and some seconds passed.
    pub fn later(&self, seconds: u64) -> Self {
        let decision = self.decide();
        let mut next = self.clone();
        next.promotion.memory = decision.memory;
        next.promotion.healthy_before = decision.healthy_before;
        next.promotion.turn += 1;
        next.now = self.now.plus(Duration::from_secs(seconds));
        next.seen.at = self.seen.at.plus(Duration::from_secs(seconds));
        next
    }
}

fn short(key: &DeploymentKey) -> String {
    let of = ["old", "new"].into_iter().find(|of| release(of) == key.release).unwrap_or("other");
    format!("{}/{of}", key.service)
}
