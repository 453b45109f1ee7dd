//! The state of a world, its agenda, and the tasks that live in it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use slipway_domain::promotion::{Environment, Promotion};
use slipway_domain::time::Time;
use slipway_rollout::observation::Observation;
use slipway_service::ports::{ClusterError, Namespace, NewDeployment, Removal, Write};

use super::cluster::{Agenda, Cluster, Freshness, Later};
use super::full::Full;
use super::ledger::Ledger;
use super::machine::Slot;
use super::mutant::Mutant;
use super::people::Cast;
use super::rng::Rng;
use super::rules::Rules;
use super::setup::Setup;
use super::story::Story;
use super::weather::{Call, Fate};

pub type Task = usize;

/// A wake-up that is meant for whatever the task waits for.
const ANY: u64 = u64::MAX;

pub type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One world. Cheap to clone; all clones are the same world.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>);

/// A world that is not kept alive.
#[derive(Clone)]
pub struct Distant(Weak<Mutex<State>>);

impl Distant {
    pub fn world(&self) -> World {
        World(self.0.upgrade().expect("nothing of a world is polled after its end"))
    }
}

pub struct State {
    pub setup: Setup,
    pub began: Time,
    pub now: Time,
    pub rng: Rng,
    pub namespace: Namespace,
    pub cluster: Cluster,
    pub ledger: Ledger,
    pub rules: Rules,
    pub story: Story,
    pub cast: Cast,
    /// Calls of workers so far.
    pub calls: u64,
    pub steps: u64,
    pub tasks: Vec<TaskState>,
    agenda: BTreeMap<(Time, u64), Happening>,
    sequence: u64,
    pub spawned: Vec<(Task, Job)>,
    pub watching: Vec<Task>,
    /// The full level's database.
    pub full: Option<Full>,
    /// Who is at work in this step.
    pub polled: Task,
    /// Who has written to the database in this step.
    pub written_by: Option<Task>,
    pub told_revision: u64,
    /// Tasks that are neither done nor dead.
    pub alive: usize,
    /// Writes that are still on their way.
    pub late: usize,
    /// Names of executions that were started.
    pub executions: BTreeSet<String>,
}

/// What happens at some time.
pub enum Happening {
    Wake {
        task: Task,
        token: u64,
    },
    Cluster(Later),
    /// A write that was answered with an error arrives.
    Land(Box<Landing>, Box<Look>),
    Scene(usize),
    Sweep,
}

/// What a worker changes in the cluster.
#[derive(Clone, Debug)]
pub enum Landing {
    Create(Box<NewDeployment>),
    Write(Write),
    Remove(Removal),
}

/// What a worker knew when it decided.
#[derive(Clone, Debug, Default)]
pub struct Look {
    pub environment: Option<Environment>,
    /// As it was loaded.
    pub promotion: Option<Promotion>,
    pub seen: Option<Observation>,
    /// The true time of the look.
    pub at: Time,
    /// The cluster's revision at the look.
    pub revision: u64,
    /// Those that were sent since.
    pub writes: Vec<Write>,
}

impl Look {
    /// A look begins with the records.
    pub fn loaded(&mut self, environment: &Environment, promotion: Option<&Promotion>) {
        self.environment = Some(environment.clone());
        self.promotion = promotion.cloned();
        self.seen = None;
        self.writes.clear();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Alive,
    Killed,
    Done,
}

pub struct TaskState {
    pub name: String,
    pub life: Life,
    token: u64,
    pub look: Look,
    /// Who waits for its answer.
    pub caller: Option<(Task, Slot)>,
    /// Dies at its next call, or at its end: what it called last took effect.
    pub doomed: bool,
    /// Faults that befell it.
    pub harm: u32,
    /// It is a sweep.
    pub sweeps: bool,
}

impl World {
    pub fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// For what the world itself holds.
    pub fn downgrade(&self) -> Distant {
        Distant(Arc::downgrade(&self.0))
    }

    pub fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn now(&self) -> Time {
        self.with(|state| state.now)
    }

    /// Adds a task, which is polled for the first time `after_ms` from now.
    pub fn spawn(&self, name: impl FnOnce() -> String, after_ms: u64, job: impl FnOnce(Task) -> Job) -> Task {
        let task = self.with(|state| state.new_task(name));
        let job = job(task);
        self.with(|state| {
            state.spawned.push((task, job));
            state.wake(task, after_ms);
        });
        task
    }

    pub async fn sleep(&self, task: Task, ms: u64) {
        let until = self.now().plus(Duration::from_millis(ms));
        while self.now() < until {
            self.park(task, until).await;
        }
    }

    /// Until woken, or until then.
    pub fn park(&self, task: Task, until: Time) -> Park {
        Park { world: self.clone(), task, until, armed: false }
    }

    /// The worker is no more.
    pub async fn die(&self, task: Task) -> std::convert::Infallible {
        self.with(|state| state.tasks[task].life = Life::Killed);
        std::future::pending().await
    }
}

/// Waits for a wake-up.
pub struct Park {
    world: World,
    task: Task,
    until: Time,
    armed: bool,
}

impl Future for Park {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.armed {
            return Poll::Ready(());
        }
        self.armed = true;
        let (task, until) = (self.task, self.until);
        self.world.with(|state| state.arm(task, until));
        Poll::Pending
    }
}

/// What a world starts from.
pub struct Origin {
    pub setup: Setup,
    pub began: Time,
    pub namespace: Namespace,
    pub cluster: Cluster,
    pub ledger: Ledger,
    pub cast: Cast,
    pub story: Story,
    pub full: Option<Full>,
}

impl State {
    pub fn new(origin: Origin) -> Self {
        let Origin { setup, began, namespace, cluster, ledger, cast, story, full } = origin;
        Self {
            rng: Rng::new(setup.seed),
            setup,
            began,
            now: began,
            namespace,
            cluster,
            ledger,
            rules: Rules::default(),
            story,
            cast,
            calls: 0,
            steps: 0,
            tasks: Vec::new(),
            agenda: BTreeMap::new(),
            sequence: 0,
            spawned: Vec::new(),
            watching: Vec::new(),
            full,
            polled: 0,
            written_by: None,
            told_revision: 0,
            alive: 0,
            late: 0,
            executions: BTreeSet::new(),
        }
    }

    pub fn since_ms(&self) -> u64 {
        u64::try_from(self.now.since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    pub fn has(&self, mutant: Mutant) -> bool {
        self.setup.mutant == Some(mutant)
    }

    pub fn later(&mut self, ms: u64, happening: Happening) {
        self.sequence += 1;
        self.agenda.insert((self.now.plus(Duration::from_millis(ms)), self.sequence), happening);
    }

    pub fn follow(&mut self, agenda: Agenda) {
        for (ms, later) in agenda {
            self.later(ms, Happening::Cluster(later));
        }
    }

    pub fn take_next(&mut self) -> Option<Happening> {
        let ((at, _), happening) = self.agenda.pop_first()?;
        self.now = at;
        self.steps += 1;
        Some(happening)
    }

    fn new_task(&mut self, name: impl FnOnce() -> String) -> Task {
        self.alive += 1;
        let name = if self.story.is_told() { name() } else { String::new() };
        self.tasks.push(TaskState {
            name,
            life: Life::Alive,
            token: 0,
            look: Look::default(),
            caller: None,
            doomed: false,
            harm: 0,
            sweeps: false,
        });
        self.tasks.len() - 1
    }

    fn arm(&mut self, task: Task, until: Time) {
        self.tasks[task].token += 1;
        let token = self.tasks[task].token;
        let ms = u64::try_from(until.since(self.now).as_millis()).unwrap_or(u64::MAX);
        self.later(ms, Happening::Wake { task, token });
    }

    pub fn wake(&mut self, task: Task, after_ms: u64) {
        let token = self.tasks[task].token;
        self.later(after_ms, Happening::Wake { task, token });
    }

    /// At that time, whatever else wakes it meanwhile.
    pub fn wake_at(&mut self, task: Task, until: Time) {
        let ms = u64::try_from(until.since(self.now).as_millis()).unwrap_or(u64::MAX);
        self.later(ms, Happening::Wake { task, token: ANY });
    }

    pub fn is_awaited(&self, task: Task, token: u64) -> bool {
        (token == ANY || self.tasks[task].token == token) && self.tasks[task].life == Life::Alive
    }

    /// Draws what becomes of a worker's next call.
    pub fn fate(&mut self, task: Task, call: Call) -> Fate {
        self.calls += 1;
        let since = self.since_ms();
        let fate = self.setup.weather.fate(&mut self.rng, call, self.calls, since);
        if fate.end != super::weather::End::Answered || fate.delay_ms > 1_000 || fate.nap_ms > 0 {
            self.tasks[task].harm += 1;
            if self.tasks[task].sweeps {
                self.rules.hindered(self.now, &self.ledger);
            }
            let (name, number) = (&self.tasks[task].name, self.calls);
            self.story.tell(self.now, || format!("{name}: call {number} {call:?}: {fate:?}"));
        }
        fate
    }

    pub fn freshness(&mut self) -> Freshness {
        let chance = self.setup.weather.stale_looks;
        if !self.rng.chance(chance) {
            return Freshness::Now;
        }
        let age = Duration::from_millis(self.rng.within(200..=8_000));
        if self.rng.chance(300) { Freshness::Old(age) } else { Freshness::Lagging(age) }
    }

    /// A change of the cluster takes effect, or is refused.
    pub fn land(&mut self, landing: &Landing, look: &Look) -> Result<(), ClusterError> {
        let (low, high) = self.cluster.traits.controller_ms;
        let delay = self.rng.within(low..=high);
        let fenced = !self.has(Mutant::Fence);
        let before = self.rules.before(&self.cluster, landing);
        let result = match landing {
            Landing::Create(new) => self.cluster.create(new, delay),
            Landing::Write(write) if fenced => self.cluster.write(write, delay),
            Landing::Write(write) => self.cluster.force(write, delay),
            Landing::Remove(removal) => self.cluster.remove(removal, self.now),
        };
        self.story.tell(self.now, || format!("  lands: {landing:?}: {:?}", result.as_ref().err()));
        let agenda = result?;
        self.follow(agenda);
        self.rules.landed(&before, landing, look, &self.cluster, &self.ledger, self.now);
        Ok(())
    }
}
