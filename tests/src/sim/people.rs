//! What people ask for, as the use cases carry it out: read, plan, write in one transaction, start the machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use slipway_domain::id::{PromotionId, ReleaseId};
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{DeploymentKey, Environment, Kind, Promotion, Status};
use slipway_domain::time::Time;
use slipway_rollout::apply::new_execution;
use slipway_rollout::decide::is_complete;
use slipway_rollout::plan::{Planned, plan};
use slipway_rollout::start::{self, Start};
use slipway_service::ports::{Cluster, RolloutInput};
use slipway_service::turn::{Records, RecordsError};

use super::full::requests;
use super::machine;
use super::port::{Port, unavailable};
use super::setup::{Act, OnConflict, service_name};
use super::state::{Life, State, Task, World};
use super::weather::Call;

/// Times that a request is tried again when somebody else was faster.
const TRIES: u32 = 3;

/// The releases of a world by their index, and where new ids come from.
#[derive(Debug, Default)]
pub struct Cast {
    pub releases: Vec<ReleaseId>,
    drawn: u128,
}

impl Cast {
    pub fn of(releases: Vec<ReleaseId>) -> Self {
        Self { releases, drawn: 0 }
    }

    pub fn draw(&mut self) -> u128 {
        self.drawn += 1;
        // Ids show their last letters first; a factor spreads small numbers over all of them.
        self.drawn * 1_000_003
    }

    pub fn release_id(&mut self) -> ReleaseId {
        ReleaseId::from_entropy(self.draw())
    }

    fn promotion_id(&mut self) -> PromotionId {
        PromotionId::from_entropy(self.draw())
    }
}

/// What is promoted.
struct Wish {
    kind: Kind,
    to: ReleaseId,
    scale: BTreeMap<ServiceName, u32>,
    on_conflict: OnConflict,
}

/// Lets somebody do something.
pub fn act(world: &World, act: &Act) {
    let inner = world.clone();
    world.spawn(
        || format!("somebody: {act:?}"),
        1,
        |task| {
            let act = act.clone();
            Box::pin(async move {
                let port = Arc::new(Port::punctual(inner.clone(), task));
                // Whoever gets an error sees it and may try again; the world goes on.
                let error = match inner.with(|state| state.full.clone()) {
                    Some(full) => requests::carry_out(&full, &port, &act).await.err().map(|error| error.to_string()),
                    None => carry_out(&port, act).await.err().map(|error| error.to_string()),
                };
                inner.with(|state| {
                    state.tasks[task].life = Life::Done;
                    state.told(task, error.as_deref());
                });
            })
        },
    );
}

impl State {
    fn told(&mut self, task: Task, error: Option<&str>) {
        let name = &self.tasks[task].name;
        self.story.tell(self.now, || format!("{name}: {error:?}"));
    }
}

async fn carry_out(port: &Port, act: Act) -> Result<(), RecordsError> {
    match act {
        Act::Promote { release, on_conflict } => {
            let to = port.world.with(|state| state.cast.releases.get(release).cloned());
            let Some(to) = to else { return Ok(()) };
            promote(port, &Wish { kind: Kind::Promote, to, scale: BTreeMap::new(), on_conflict }).await
        }
        Act::Rollback => copy_of_active(port, Kind::Rollback, OnConflict::Supersede).await,
        Act::Restart => copy_of_active(port, Kind::Restart, OnConflict::Refuse).await,
        Act::Scale { service, count } => {
            let (environment, _) = read(port).await?;
            let Some(to) = environment.active else { return Ok(()) };
            let scale = BTreeMap::from([(service_name(service), count)]);
            let same = environment.formation.get(&service_name(service)) == Some(&count);
            let known = environment.formation.contains_key(&service_name(service));
            if same || !known {
                return Ok(());
            }
            promote(port, &Wish { kind: Kind::Scale, to, scale, on_conflict: OnConflict::Refuse }).await
        }
        Act::Cancel => cancel(port).await,
        Act::SetVariables => {
            let set = |world: &World| {
                world.with(|state| {
                    let newest = state.cast.release_id();
                    state.ledger.set_newest(newest);
                });
                Ok(())
            };
            port.call(Call::Save, set, unavailable).await
        }
        Act::Meddle { release, service, with } => {
            port.world.with(|state| state.meddle(release, service, with));
            Ok(())
        }
    }
}

impl State {
    pub fn meddle(&mut self, release: usize, service: &str, with: super::cluster::Meddling) {
        let Some(release) = self.cast.releases.get(release).cloned() else { return };
        let key = DeploymentKey { service: service_name(service), release };
        if self.cluster.deployments.contains_key(&key) {
            self.rules.meddled(self.now);
            let agenda = self.cluster.meddle(&key, with);
            self.follow(agenda);
        }
    }

    /// A fresh copy of a release: the same services with the same characters under another id.
    fn copy(&mut self, original: &ReleaseId) -> ReleaseId {
        let copy = self.cast.release_id();
        if let Some(manifest) = self.ledger.releases.get(original).cloned() {
            for service in &manifest.services {
                let key =
                    |release: &ReleaseId| DeploymentKey { service: service.name.clone(), release: release.clone() };
                if let Some(character) = self.cluster.characters.get(&key(original)).cloned() {
                    self.cluster.characters.insert(key(&copy), character);
                }
            }
            self.ledger.releases.insert(copy.clone(), manifest);
        }
        copy
    }
}

async fn read(port: &Port) -> Result<(Environment, Option<Promotion>), RecordsError> {
    let read =
        |world: &World| world.with(|state| Ok((state.ledger.environment.clone(), state.ledger.running().cloned())));
    port.call(Call::Load, read, unavailable).await
}

async fn copy_of_active(port: &Port, kind: Kind, on_conflict: OnConflict) -> Result<(), RecordsError> {
    let (environment, _) = read(port).await?;
    let Some(active) = environment.active else { return Ok(()) };
    let to = port.world.with(|state| state.copy(&active));
    promote(port, &Wish { kind, to, scale: BTreeMap::new(), on_conflict }).await
}

async fn promote(port: &Port, wish: &Wish) -> Result<(), RecordsError> {
    for _ in 0..TRIES {
        let (environment, running) = read(port).await?;
        if running.is_some() && wish.on_conflict == OnConflict::Refuse {
            return Ok(());
        }
        let Some(start) = planned(port, wish, &environment, running.as_ref()) else { return Ok(()) };
        if running.is_none() && is_noop(port, &environment, &start).await {
            return record_noop(port, &environment, start).await;
        }
        let now = port.world.now();
        let Ok(started) = start::start(&environment, running.as_ref(), start, now) else { return Ok(()) };
        let input = input(port, &started.promotion);
        let write = |world: &World| {
            world.with(|state| {
                let before = state.ledger.environment.clone();
                state.ledger.start(&environment, running.as_ref(), &started)?;
                state.rules.started(&before, &started, &state.ledger, state.now);
                let id = &started.promotion.id;
                state.story.tell(state.now, || {
                    format!("started {id} to {} from {:?}", started.promotion.to, started.promotion.from)
                });
                Ok(())
            })
        };
        match port.call(Call::Save, write, unavailable).await {
            Ok(()) => return begin(port, &input).await,
            Err(RecordsError::Stale) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn planned(port: &Port, wish: &Wish, environment: &Environment, running: Option<&Promotion>) -> Option<Start> {
    port.world.with(|state| {
        let from = environment.active.as_ref().and_then(|active| state.ledger.releases.get(active));
        let to = state.ledger.releases.get(&wish.to)?;
        let planned = Planned {
            from,
            to,
            same_release: environment.active.as_ref() == Some(&wish.to) && running.is_none(),
            formation: &environment.formation,
            scale: &wish.scale,
            total_seconds: None,
        };
        let plan = plan(&planned).ok()?.plan;
        let id = state.cast.promotion_id();
        let (kind, to) = (wish.kind, wish.to.clone());
        Some(Start { id, kind, actor: "ann".to_owned(), reason: None, to, plan })
    })
}

/// The active release, running and complete: there is nothing to do.
async fn is_noop(port: &Port, environment: &Environment, start: &Start) -> bool {
    if environment.active.as_ref() != Some(&start.to) || environment.status != Status::Running {
        return false;
    }
    let namespace = port.world.with(|state| state.namespace.clone());
    let Ok(seen) = port.observe(&namespace).await else { return false };
    let (candidate, _) = start::noop(environment, start.clone(), port.world.now());
    is_complete(&candidate, &seen)
}

async fn record_noop(port: &Port, environment: &Environment, start: Start) -> Result<(), RecordsError> {
    let (promotion, event) = start::noop(environment, start, port.world.now());
    let write = |world: &World| {
        world.with(|state| {
            if state.ledger.environment.version != environment.version {
                return Err(RecordsError::Stale);
            }
            state.ledger.put(promotion, event);
            Ok(())
        })
    };
    port.call(Call::Save, write, unavailable).await
}

fn input(port: &Port, promotion: &Promotion) -> RolloutInput {
    port.world.with(|state| RolloutInput::of(&state.namespace.tenant, promotion))
}

async fn begin(port: &Port, input: &RolloutInput) -> Result<(), RecordsError> {
    let begin = |world: &World| {
        machine::start(world, input);
        Ok(())
    };
    port.call(Call::StartWorkflow, begin, unavailable).await
}

async fn cancel(port: &Port) -> Result<(), RecordsError> {
    for _ in 0..TRIES {
        let (environment, running) = read(port).await?;
        let Some(promotion) = running else { return Ok(()) };
        if promotion.phase == slipway_domain::promotion::Phase::Restoring {
            return Ok(());
        }
        match take_over(port, &environment, &promotion, Some("ann"), port.world.now()).await {
            Err(RecordsError::Stale) => {}
            other => return other,
        }
    }
    Ok(())
}

/// A new execution of a promotion: on request, or because the last one was not heard of.
pub async fn take_over(
    port: &Port,
    environment: &Environment,
    promotion: &Promotion,
    cancelled_by: Option<&str>,
    now: Time,
) -> Result<(), RecordsError> {
    let applied = new_execution(environment, promotion, cancelled_by, now);
    let input = input(port, &applied.promotion);
    Records::save(port, &input, environment, promotion, &applied).await?;
    begin(port, &input).await
}
