//! Runs a world to its end: one thread, one happening after another, the checks after each.

use std::task::{Context, Waker};

use slipway_domain::id::TenantId;
use slipway_domain::name::EnvironmentName;
use slipway_domain::promotion::{Cause, DeploymentKey, Environment, Epoch, Kind, Outcome, Status};
use slipway_domain::time::Time;
use slipway_service::ports::Namespace;

use super::cluster::Cluster;
use super::full::{Prepared, prepare};
use super::ledger::Ledger;
use super::people::{self, Cast};
use super::rules::Broken;
use super::setup::{Act, Beginning, Level, OnConflict, Scene, Setup, service_name};
use super::state::{Happening, Job, Life, Origin, State, Task, World};
use super::story::Story;
use super::{BEGINNING_MS, full, sweep};

/// A world that is not at rest so long after its last scene never will be.
const LONGEST_MS: u64 = 6 * 3600 * 1000;

/// How long the plot of a full world waits for the first release.
const FIRST_PROMOTION_MS: u64 = 120_000;

/// What became of a world.
#[derive(Clone, Debug)]
pub struct Report {
    pub broken: Option<Broken>,
    /// Happenings.
    pub steps: u64,
    /// Calls of workers.
    pub calls: u64,
    pub endings: Vec<Ending>,
    pub environment: Environment,
    /// Ready processes at the end: their service, the index of their release (copies come after the others), how many.
    pub running: Vec<(String, usize, u32)>,
    /// Told only by [`tell`].
    pub story: Vec<String>,
}

/// How one promotion ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub kind: Kind,
    pub outcome: Option<Outcome>,
    pub cause: Option<Cause>,
}

/// Runs a world.
pub fn run(setup: &Setup) -> Report {
    let _context = full::context();
    Runner::new(setup, Story::silent()).run()
}

/// Runs a world and keeps its story.
pub fn tell(setup: &Setup) -> Report {
    let _context = full::context();
    Runner::new(setup, Story::told()).run()
}

struct Runner {
    world: World,
    jobs: Vec<Option<Job>>,
    last_scene_ms: u64,
}

impl Runner {
    fn new(setup: &Setup, story: Story) -> Self {
        let world = World::new(origin(setup, story));
        world.with(|state| {
            if let Some(full) = &mut state.full {
                full.meet(&world);
            }
        });
        let last = world.with(|state| state.setup.plot.iter().map(|scene| scene.at_ms).max());
        let last_scene_ms = last.unwrap_or(0);
        Self { world, jobs: Vec::new(), last_scene_ms }
    }

    fn run(mut self) -> Report {
        self.world.with(|state| {
            for (index, scene) in state.setup.plot.clone().iter().enumerate() {
                state.later(scene.at_ms, Happening::Scene(index));
            }
            state.later(sweep::EVERY_MS, Happening::Sweep);
        });
        while let Some(happening) = self.world.with(State::take_next) {
            self.happen(happening);
            if self.world.with(|state| state.check_and_rest(self.last_scene_ms)) {
                break;
            }
        }
        self.jobs.clear();
        report(&self.world)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake { task, token } => self.poll(task, token),
            Happening::Cluster(later) => self.world.with(|state| {
                let agenda = state.cluster.happen(later, state.now);
                state.follow(agenda);
            }),
            Happening::Land(landing, look) => self.world.with(|state| {
                state.late -= 1;
                // Nobody waits for the answer.
                let _ = state.land(&landing, &look);
            }),
            Happening::Scene(index) => {
                let act = self.world.with(|state| state.setup.plot[index].act.clone());
                people::act(&self.world, &act);
            }
            Happening::Sweep => {
                self.world.with(|state| state.later(sweep::EVERY_MS, Happening::Sweep));
                sweep::once(&self.world);
            }
        }
        self.world.with(State::tell_watchers);
    }

    fn poll(&mut self, task: Task, token: u64) {
        let spawned = self.world.with(|state| std::mem::take(&mut state.spawned));
        for (task, job) in spawned {
            self.jobs.resize_with(self.jobs.len().max(task + 1), || None);
            self.jobs[task] = Some(job);
        }
        if !self.world.with(|state| state.is_awaited(task, token)) {
            return;
        }
        let Some(job) = self.jobs.get_mut(task).and_then(Option::as_mut) else { return };
        self.world.with(|state| state.polled = task);
        let done = job.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        self.read_back();
        let life = self.world.with(|state| state.life_after(task, done));
        if done || life != Life::Alive {
            self.jobs[task] = None;
            self.world.with(|state| state.bury(task, life));
        }
    }
}

impl Runner {
    /// What was written to the database in this step, for the checks.
    fn read_back(&self) {
        self.world.with(|state| {
            let (Some(full), Some(task)) = (state.full.clone(), state.written_by.take()) else { return };
            state.read_back(&full, task);
        });
    }
}

impl State {
    /// One that is doomed and has nothing left to call dies, too, and nobody hears its answer.
    fn life_after(&mut self, task: Task, done: bool) -> Life {
        if done && self.tasks[task].doomed {
            self.tasks[task].life = Life::Killed;
        }
        self.tasks[task].life
    }

    fn bury(&mut self, task: Task, life: Life) {
        self.alive -= 1;
        if life == Life::Killed {
            let name = &self.tasks[task].name;
            self.story.tell(self.now, || format!("{name}: dies"));
            self.tell_of_death(task);
        }
    }

    /// Watches end a moment after something changed.
    fn tell_watchers(&mut self) {
        if self.told_revision == self.cluster.revision {
            return;
        }
        self.told_revision = self.cluster.revision;
        if self.setup.weather.stale_looks > 0 {
            self.cluster.keep_history(self.now);
        }
        for task in std::mem::take(&mut self.watching) {
            let after_ms = self.rng.below(30);
            self.wake(task, after_ms);
        }
    }

    /// Checks what must always hold; true when the world is over.
    fn check_and_rest(&mut self, last_scene_ms: u64) -> bool {
        self.rules.check(&self.cluster, &self.ledger, self.now);
        if self.rules.broken.is_some() {
            return true;
        }
        let since = self.since_ms();
        let environment = &self.ledger.environment;
        let busy = environment.promotion.is_some() || environment.cleanup_pending;
        let quiet = self.alive == 0 && self.late == 0 && self.cluster.has_no_surplus();
        if since > last_scene_ms && !busy && quiet {
            self.rules.check_records(&self.ledger);
            return true;
        }
        if since > last_scene_ms + LONGEST_MS {
            self.rules.never_rests();
            return true;
        }
        false
    }
}

fn origin(setup: &Setup, story: Story) -> State {
    let began = Time::from_millis(BEGINNING_MS);
    let namespace = Namespace {
        tenant: TenantId::from_entropy(1),
        app: "shop".parse().expect("a valid name"),
        environment: EnvironmentName::production(),
    };
    if setup.level == Level::Full {
        return full_origin(setup, story, began);
    }
    let mut cast = Cast::default();
    let mut cluster = Cluster::new(setup.cluster.clone());
    let mut ledger = Ledger::new(empty(&namespace, began));
    for spec in &setup.releases {
        let id = cast.release_id();
        for service in &spec.services {
            let key = DeploymentKey { service: service_name(service.name), release: id.clone() };
            cluster.characters.insert(key, service.character.clone());
        }
        ledger.add_release(id.clone(), spec);
        cast.releases.push(id);
    }
    if let (Beginning::Running, Some(spec), Some(id)) = (setup.beginning, setup.releases.first(), cast.releases.first())
    {
        for service in &spec.services {
            let name = service_name(service.name);
            let key = DeploymentKey { service: name.clone(), release: id.clone() };
            cluster.found(key, service.scale, service.ports, Time::from_millis(BEGINNING_MS - 3_600_000));
            ledger.environment.formation.insert(name, service.scale);
        }
        ledger.environment.active = Some(id.clone());
        ledger.environment.newest = Some(id.clone());
        ledger.environment.status = Status::Running;
    }
    State::new(Origin { setup: setup.clone(), began, namespace, cluster, ledger, cast, story, full: None })
}

/// A database with the app and its releases; nothing was promoted yet.
fn full_origin(setup: &Setup, story: Story, began: Time) -> State {
    let Prepared { full, tenant, releases } = prepare(setup);
    let namespace = Namespace { tenant, app: full.app.clone(), environment: full.environment.clone() };
    let mut cluster = Cluster::new(setup.cluster.clone());
    let mut ledger = Ledger::new(empty(&namespace, began));
    for (spec, id) in setup.releases.iter().zip(&releases) {
        for service in &spec.services {
            let key = DeploymentKey { service: service_name(service.name), release: id.clone() };
            cluster.characters.insert(key, service.character.clone());
        }
        ledger.add_release(id.clone(), spec);
    }
    let mut setup = setup.clone();
    if setup.beginning == Beginning::Running {
        for scene in &mut setup.plot {
            scene.at_ms += FIRST_PROMOTION_MS;
        }
        let act = Act::Promote { release: 0, on_conflict: OnConflict::Refuse };
        setup.plot.insert(0, Scene { at_ms: 500, act });
    }
    let cast = Cast::of(releases);
    State::new(Origin { setup, began, namespace, cluster, ledger, cast, story, full: Some(full) })
}

fn empty(namespace: &Namespace, now: Time) -> Environment {
    Environment {
        app: namespace.app.clone(),
        name: namespace.environment.clone(),
        cluster: None,
        status: Status::Creating,
        active: None,
        newest: None,
        promotion: None,
        epoch: Epoch(0),
        formation: std::collections::BTreeMap::new(),
        cleanup_pending: false,
        created_at: now,
        version: 1,
    }
}

fn running(state: &State) -> Vec<(String, usize, u32)> {
    let deployments = state.cluster.deployments.iter().map(|(key, deployment)| {
        let known = state.cast.releases.iter().position(|release| release == &key.release);
        let ready = deployment.live().filter(|process| process.is_ready()).count();
        let index = known.unwrap_or(state.cast.releases.len());
        (key.service.to_string(), index, u32::try_from(ready).unwrap_or(u32::MAX))
    });
    let mut running: Vec<_> = deployments.filter(|(.., ready)| *ready > 0).collect();
    running.sort();
    running
}

fn report(world: &World) -> Report {
    world.with(|state| {
        let promotions = state.ledger.order.iter().filter_map(|id| state.ledger.promotions.get(id));
        let endings = promotions.map(|promotion| Ending {
            kind: promotion.kind,
            outcome: promotion.outcome,
            cause: promotion.failure.as_ref().map(|failure| failure.cause),
        });
        Report {
            broken: state.rules.broken.clone(),
            steps: state.steps,
            calls: state.calls,
            endings: endings.collect(),
            environment: state.ledger.environment.clone(),
            running: running(state),
            story: std::mem::replace(&mut state.story, Story::silent()).into_lines(),
        }
    })
}
