//! What the checks know of the database: read back after every write, through a store that has no weather.

use futures::executor::block_on;
use slipway_domain::id::PromotionId;
use slipway_domain::promotion::{DeploymentKey, Environment, Event, Promotion};
use slipway_domain::release::ReleaseRef;
use slipway_rollout::apply::Applied;
use slipway_rollout::start::Started;
use slipway_store::Scoped;
use slipway_store::error::Result;

use super::Full;
use crate::sim::state::{State, Task};

/// More events than a promotion has.
const EVENTS: usize = 10_000;

impl Full {
    fn scoped(&self) -> Scoped {
        self.store.scoped(self.owner.tenant().clone())
    }

    async fn environment(&self) -> Result<Option<Environment>> {
        self.scoped().environment(&self.app, &self.environment).await
    }

    async fn promotion(&self, id: &PromotionId, after: u64) -> Result<Option<(Promotion, Vec<Event>)>> {
        let store = self.scoped();
        let Some(promotion) = store.promotion(&self.app, id).await? else { return Ok(None) };
        Ok(Some((promotion, store.events(&self.app, id, after, EVENTS).await?)))
    }
}

impl State {
    /// Takes over what a task has just written, and lets the rules see it.
    pub fn read_back(&mut self, full: &Full, task: Task) {
        let Ok(Some(environment)) = block_on(full.environment()) else { return };
        let before = std::mem::replace(&mut self.ledger.environment, environment.clone());
        let mut ids: Vec<PromotionId> = before.promotion.iter().chain(&environment.promotion).cloned().collect();
        ids.dedup();
        let mut superseded = None;
        for id in ids {
            let known = self.ledger.events.get(&id).map_or(0, Vec::len);
            let Ok(Some((promotion, events))) = block_on(full.promotion(&id, known as u64)) else { continue };
            match self.ledger.promotions.get(&id).cloned() {
                None => self.took_over(full, &before, promotion, events, superseded.take()),
                Some(old) if old.version != promotion.version => {
                    let applied = Applied { promotion, environment: Some(environment.clone()), events };
                    self.keep(&applied);
                    if applied.promotion.superseded_by.is_some() {
                        superseded = Some(applied);
                    } else {
                        self.went_on(task, &before, &old, &applied);
                    }
                }
                Some(_) => {}
            }
        }
        if before.active != environment.active {
            self.rules.moved(&environment, &self.ledger);
        }
        if before.active != environment.active || before.promotion != environment.promotion {
            self.check_kept(full);
        }
    }

    fn keep(&mut self, applied: &Applied) {
        let id = applied.promotion.id.clone();
        self.ledger.events.entry(id.clone()).or_default().extend(applied.events.iter().cloned());
        self.ledger.promotions.insert(id, applied.promotion.clone());
    }

    fn went_on(&mut self, task: Task, environment: &Environment, old: &Promotion, applied: &Applied) {
        let name = &self.tasks[task].name;
        self.story.tell(self.now, || crate::sim::story::saved(name, old, applied, None));
        let look = &self.tasks[task].look;
        self.rules.saved(environment, old, applied, look, &self.cluster, &self.ledger);
    }

    fn took_over(
        &mut self,
        full: &Full,
        before: &Environment,
        promotion: Promotion,
        mut events: Vec<Event>,
        superseded: Option<Applied>,
    ) {
        self.story.tell(self.now, || format!("started {} to {} from {:?}", promotion.id, promotion.to, promotion.from));
        self.meet(full, &promotion);
        let environment = self.ledger.environment.clone();
        self.ledger.order.push(promotion.id.clone());
        self.ledger.events.insert(promotion.id.clone(), events.clone());
        self.ledger.promotions.insert(promotion.id.clone(), promotion.clone());
        let Some(event) = events.pop() else {
            return self.rules.break_(5, || format!("{} began without an event", promotion.id));
        };
        let started = Started { promotion, event, environment, superseded };
        self.rules.started(before, &started, &self.ledger, self.now);
    }

    /// A copy behaves as its original does.
    fn meet(&mut self, full: &Full, promotion: &Promotion) {
        let reference = ReleaseRef::Id(promotion.to.clone());
        let Ok(Some(release)) = block_on(full.scoped().release(&full.app, &reference)) else {
            let to = &promotion.to;
            return self.rules.break_(9, || format!("{to} is promoted, and is not there"));
        };
        self.ledger.releases.insert(release.id.clone(), release.manifest.clone());
        let Some(original) = release.copied_from else { return };
        for service in &release.manifest.services {
            let key = |release| DeploymentKey { service: service.name.clone(), release };
            if let Some(character) = self.cluster.characters.get(&key(original.clone())).cloned() {
                self.cluster.characters.insert(key(release.id.clone()), character);
            }
        }
    }

    /// Rule 9: whatever may be gone back to can be read, with its variables.
    pub fn check_kept(&mut self, full: &Full) {
        let environment = &self.ledger.environment;
        let running = self.ledger.running();
        let from = running.and_then(|promotion| promotion.from.clone());
        let needed =
            environment.active.iter().cloned().chain(from).chain(running.map(|promotion| promotion.to.clone()));
        for id in needed.collect::<Vec<_>>() {
            let store = full.scoped();
            let whole = block_on(async {
                let release = store.release(&full.app, &ReleaseRef::Id(id.clone())).await.ok().flatten()?;
                store.variables(&release).await.ok()
            });
            if whole.is_none() {
                self.rules.break_(9, || format!("{id} may be gone back to, and cannot be read"));
            }
        }
    }
}
