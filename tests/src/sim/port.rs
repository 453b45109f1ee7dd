//! A worker's way out: every call of it passes through the weather before and after it takes effect.

use std::time::Duration;

use async_trait::async_trait;
use slipway_domain::error::Error;
use slipway_domain::id::ReleaseId;
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{Environment, Promotion};
use slipway_domain::time::Time;
use slipway_rollout::apply::Applied;
use slipway_rollout::observation::Observation;
use slipway_service::ports::{
    Clock, Cluster, ClusterError, Entropy, Namespace, NewDeployment, Removal, RolloutInput, Started, Template,
    Workflows, Write,
};
use slipway_service::turn::{Records, RecordsError, StoreRecords, Worker};

use super::ledger::Condition;
use super::machine;
use super::mutant::Mutant;
use super::state::{Happening, Landing, Task, World};
use super::weather::{Call, End, Fate, Moment, Reason};

/// The ports of one worker.
pub struct Port {
    pub world: World,
    pub task: Task,
    /// How far its clock is off.
    skew_ms: i64,
    /// The full level's records.
    records: Option<StoreRecords>,
}

impl Port {
    pub fn new(world: World, task: Task) -> Self {
        let skew_ms = world.with(|state| {
            let most = state.setup.weather.skew_ms;
            let drawn = if most == 0 { 0 } else { state.rng.below(2 * most) };
            i64::try_from(drawn).unwrap_or(0) - i64::try_from(most).unwrap_or(0)
        });
        let full = world.with(|state| state.full.clone());
        let records = full.map(|full| StoreRecords::new(full.store()));
        Self { world, task, skew_ms, records }
    }

    /// One whose clock is the true one: of the sweep, which is told the time, and of the API.
    pub fn punctual(world: World, task: Task) -> Self {
        Self { skew_ms: 0, ..Self::new(world, task) }
    }

    pub fn worker(&self) -> Worker<'_> {
        Worker { records: self, cluster: self, clock: self }
    }

    /// One call: the weather, the effect, the weather again.
    pub async fn call<T, E>(
        &self,
        call: Call,
        effect: impl FnOnce(&World) -> Result<T, E> + Send,
        failed: impl Fn(Reason) -> E + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: Send,
    {
        let fate = self.fate(call).await;
        self.world.sleep(self.task, fate.delay_ms).await;
        let result = match fate.end {
            End::Dies(Moment::BeforeEffect) => match self.world.die(self.task).await {},
            End::Fails(reason) => return Err(failed(reason)),
            _ => effect(&self.world),
        };
        if fate.end == End::Dies(Moment::AfterEffect) {
            match self.world.die(self.task).await {}
        }
        self.world.sleep(self.task, fate.nap_ms).await;
        if fate.end == End::AnswerLost { Err(failed(Reason::Unreachable)) } else { result }
    }

    async fn fate(&self, call: Call) -> Fate {
        if self.world.with(|state| state.tasks[self.task].doomed) {
            match self.world.die(self.task).await {}
        }
        self.world.with(|state| state.fate(self.task, call))
    }

    /// A change of the cluster, which may arrive long after it was given up.
    async fn change(&self, call: Call, landing: Landing) -> Result<(), ClusterError> {
        let look = self.world.with(|state| {
            let look = state.tasks[self.task].look.clone();
            if let Landing::Write(write) = &landing {
                state.tasks[self.task].look.writes.push(write.clone());
            }
            look
        });
        let fate = self.fate(call).await;
        self.world.sleep(self.task, fate.delay_ms).await;
        let result = match fate.end {
            End::Dies(Moment::BeforeEffect) => match self.world.die(self.task).await {},
            End::Fails(reason) => return Err(reason.of_cluster()),
            End::Late(ms) => {
                let late = Happening::Land(Box::new(landing), Box::new(look));
                self.world.with(|state| {
                    state.late += 1;
                    state.later(ms, late);
                });
                return Err(Reason::Unreachable.of_cluster());
            }
            _ => self.world.with(|state| state.land(&landing, &look)),
        };
        if fate.end == End::Dies(Moment::AfterEffect) {
            match self.world.die(self.task).await {}
        }
        self.world.sleep(self.task, fate.nap_ms).await;
        if fate.end == End::AnswerLost { Err(Reason::Unreachable.of_cluster()) } else { result }
    }
}

pub fn unavailable(_: Reason) -> RecordsError {
    RecordsError::Unavailable("throttled".to_owned())
}

#[async_trait]
impl Records for Port {
    async fn load(&self, input: &RolloutInput) -> Result<(Environment, Promotion), RecordsError> {
        if let Some(records) = &self.records {
            let (environment, promotion) = records.load(input).await?;
            self.world.with(|state| state.tasks[self.task].look.loaded(&environment, Some(&promotion)));
            return Ok((environment, promotion));
        }
        let id = &input.promotion;
        let task = self.task;
        let load = |world: &World| {
            world.with(|state| {
                let (environment, promotion) = state.ledger.load(id)?;
                state.tasks[task].look.loaded(&environment, Some(&promotion));
                let promotion = super::mutations::of_promotion(state.setup.mutant, promotion);
                Ok((environment, promotion))
            })
        };
        self.call(Call::Load, load, unavailable).await
    }

    async fn save(
        &self,
        input: &RolloutInput,
        environment: &Environment,
        promotion: &Promotion,
        applied: &Applied,
    ) -> Result<(), RecordsError> {
        if let Some(records) = &self.records {
            return records.save(input, environment, promotion, applied).await;
        }
        let task = self.task;
        let save = |world: &World| world.with(|state| state.save(task, environment, promotion, applied));
        self.call(Call::Save, save, unavailable).await
    }

    async fn template(
        &self,
        input: &RolloutInput,
        release: &ReleaseId,
        service: &ServiceName,
    ) -> Result<Template, RecordsError> {
        if let Some(records) = &self.records {
            return records.template(input, release, service).await;
        }
        let template = |world: &World| world.with(|state| state.ledger.template(release, service));
        self.call(Call::Template, template, unavailable).await
    }

    async fn environment(&self, namespace: &Namespace) -> Result<Environment, RecordsError> {
        if let Some(records) = &self.records {
            let environment = records.environment(namespace).await?;
            self.world.with(|state| state.tasks[self.task].look.loaded(&environment, None));
            return Ok(environment);
        }
        let task = self.task;
        let read = |world: &World| {
            world.with(|state| {
                let environment = state.ledger.environment.clone();
                state.tasks[task].look.loaded(&environment, None);
                Ok(environment)
            })
        };
        self.call(Call::Load, read, unavailable).await
    }

    async fn cleaned(&self, namespace: &Namespace, environment: &Environment, now: Time) -> Result<(), RecordsError> {
        if let Some(records) = &self.records {
            return records.cleaned(namespace, environment, now).await;
        }
        let cleaned = |world: &World| world.with(|state| state.ledger.cleaned(environment));
        self.call(Call::Save, cleaned, unavailable).await
    }
}

impl super::state::State {
    /// A turn's records, with the rules that watch over them.
    pub fn save(
        &mut self,
        task: Task,
        environment: &Environment,
        promotion: &Promotion,
        applied: &Applied,
    ) -> Result<(), RecordsError> {
        let condition = if self.has(Mutant::OneOutcome) { Condition::Ignored } else { Condition::AsRead };
        let applied = &super::mutations::of_applied(&self.ledger, applied);
        let (old_environment, old) = self.ledger.load(&promotion.id)?;
        let result = self.ledger.save(environment, promotion, applied, condition);
        let name = &self.tasks[task].name;
        self.story.tell(self.now, || super::story::saved(name, promotion, applied, result.as_ref().err()));
        result?;
        let look = &self.tasks[task].look;
        self.rules.saved(&old_environment, &old, applied, look, &self.cluster, &self.ledger);
        Ok(())
    }
}

#[async_trait]
impl Cluster for Port {
    async fn observe(&self, _: &Namespace) -> Result<Observation, ClusterError> {
        let task = self.task;
        let observe = |world: &World| {
            Ok(world.with(|state| {
                let freshness = state.freshness();
                let seen = state.cluster.observe(state.now, freshness);
                let now = state.now;
                let look = &mut state.tasks[task].look;
                look.at = now;
                look.revision = state.cluster.revision;
                look.writes.clear();
                look.seen = Some(seen.clone());
                super::mutations::of_observation(state.setup.mutant, look.promotion.as_ref(), seen)
            }))
        };
        self.call(Call::Observe, observe, Reason::of_cluster).await
    }

    async fn create(&self, _: &Namespace, deployment: &NewDeployment) -> Result<(), ClusterError> {
        self.change(Call::Create, Landing::Create(Box::new(deployment.clone()))).await
    }

    async fn write(&self, _: &Namespace, write: &Write) -> Result<(), ClusterError> {
        self.change(Call::Write, Landing::Write(write.clone())).await
    }

    async fn remove(&self, _: &Namespace, removal: &Removal) -> Result<(), ClusterError> {
        self.change(Call::Remove, Landing::Remove(removal.clone())).await
    }

    async fn changed(&self, _: &Namespace, _: &Observation, limit: Duration) {
        let (until, bad) = self.world.with(|state| {
            let bad = state.setup.weather.bad_watches;
            (state.now.plus(limit), state.rng.chance(bad))
        });
        let until = if bad {
            // Half of the bad watches end early, the other half are deaf.
            let early = self.world.with(|state| state.rng.chance(500).then(|| state.rng.below(3_000)));
            let Some(ms) = early else { return self.sleep(limit).await };
            until.min(self.world.now().plus(Duration::from_millis(ms)))
        } else {
            until
        };
        while self.world.now() < until && !self.world.with(|state| state.has_changed(self.task)) {
            self.world.with(|state| state.watching.push(self.task));
            self.world.park(self.task, until).await;
        }
    }

    async fn tail(&self, _: &Namespace, process: &str, _: usize) -> Result<Vec<String>, ClusterError> {
        let line = format!("{process} says why");
        self.call(Call::Tail, |_| Ok(vec![line]), Reason::of_cluster).await
    }
}

impl super::state::State {
    fn has_changed(&self, task: Task) -> bool {
        self.tasks[task].look.revision != self.cluster.revision
    }
}

#[async_trait]
impl Workflows for Port {
    async fn start(&self, _: &str, input: &RolloutInput) -> Result<Started, Error> {
        let started = |world: &World| {
            machine::start(world, input);
            Ok(Started::New)
        };
        self.call(Call::StartWorkflow, started, |_| Error::unavailable("the state machine is away")).await
    }
}

impl Entropy for Port {
    fn draw(&self) -> u128 {
        self.world.with(|state| state.cast.draw())
    }
}

#[async_trait]
impl Clock for Port {
    fn now(&self) -> Time {
        let now = self.world.now();
        Time::from_millis(now.as_millis() + self.skew_ms)
    }

    async fn sleep(&self, duration: Duration) {
        self.world.sleep(self.task, u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)).await;
    }
}
