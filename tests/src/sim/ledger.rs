//! The records of a world: one environment and its promotions, in memory, each write on condition of the version that
//! was read. What the conditions are is taken from the store's own transactions.

use std::collections::BTreeMap;

use slipway_domain::id::{BuildId, PromotionId, ReleaseId};
use slipway_domain::manifest::Manifest;
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{Environment, Event, Promotion};
use slipway_domain::release::ImageDigest;
use slipway_domain::time::Time;
use slipway_rollout::apply::Applied;
use slipway_rollout::start::Started;
use slipway_service::ports::Template;
use slipway_service::turn::RecordsError;
use std::time::Duration;

use super::setup::ReleaseSpec;

pub struct Ledger {
    pub environment: Environment,
    pub promotions: BTreeMap<PromotionId, Promotion>,
    pub events: BTreeMap<PromotionId, Vec<Event>>,
    pub releases: BTreeMap<ReleaseId, Manifest>,
    /// In the order of their starts.
    pub order: Vec<PromotionId>,
}

/// Whether the condition of a write is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    AsRead,
    Ignored,
}

impl Ledger {
    pub fn new(environment: Environment) -> Self {
        Self {
            environment,
            promotions: BTreeMap::new(),
            events: BTreeMap::new(),
            releases: BTreeMap::new(),
            order: Vec::new(),
        }
    }

    pub fn running(&self) -> Option<&Promotion> {
        self.promotions.get(self.environment.promotion.as_ref()?)
    }

    pub fn load(&self, id: &PromotionId) -> Result<(Environment, Promotion), RecordsError> {
        let promotion = self.promotions.get(id).ok_or(RecordsError::Gone)?;
        Ok((self.environment.clone(), promotion.clone()))
    }

    pub fn save(
        &mut self,
        environment: &Environment,
        promotion: &Promotion,
        applied: &Applied,
        condition: Condition,
    ) -> Result<(), RecordsError> {
        let stored = self.promotions.get(&promotion.id).ok_or(RecordsError::Gone)?;
        let promotion_moved = stored.version != promotion.version;
        let environment_moved = applied.environment.is_some() && self.environment.version != environment.version;
        if condition == Condition::AsRead && (promotion_moved || environment_moved) {
            return Err(RecordsError::Stale);
        }
        if let Some(environment) = &applied.environment {
            self.environment = environment.clone();
        }
        self.events.entry(promotion.id.clone()).or_default().extend(applied.events.iter().cloned());
        self.promotions.insert(promotion.id.clone(), applied.promotion.clone());
        Ok(())
    }

    pub fn start(
        &mut self,
        read: &Environment,
        running: Option<&Promotion>,
        started: &Started,
    ) -> Result<(), RecordsError> {
        let moved = running.is_some_and(|running| self.promotions.get(&running.id) != Some(running));
        if self.environment.version != read.version || moved {
            return Err(RecordsError::Stale);
        }
        if let Some(superseded) = &started.superseded {
            let id = superseded.promotion.id.clone();
            self.events.entry(id.clone()).or_default().extend(superseded.events.iter().cloned());
            self.promotions.insert(id, superseded.promotion.clone());
        }
        self.environment = started.environment.clone();
        self.put(started.promotion.clone(), started.event.clone());
        Ok(())
    }

    pub fn put(&mut self, promotion: Promotion, event: Event) {
        self.order.push(promotion.id.clone());
        self.events.insert(promotion.id.clone(), vec![event]);
        self.promotions.insert(promotion.id.clone(), promotion);
    }

    pub fn cleaned(&mut self, read: &Environment) -> Result<(), RecordsError> {
        if self.environment.version != read.version {
            return Err(RecordsError::Stale);
        }
        self.environment.cleanup_pending = false;
        self.environment.version += 1;
        Ok(())
    }

    /// A release that nobody promotes became the newest.
    pub fn set_newest(&mut self, release: ReleaseId) {
        self.environment.newest = Some(release);
        self.environment.version += 1;
    }

    pub fn add_release(&mut self, id: ReleaseId, spec: &ReleaseSpec) {
        self.releases.insert(id, spec.manifest());
    }

    pub fn template(&self, release: &ReleaseId, service: &ServiceName) -> Result<Template, RecordsError> {
        let manifest = self.releases.get(release).ok_or(RecordsError::Gone)?;
        let found = manifest.service(service).ok_or(RecordsError::Gone)?;
        Ok(Template {
            release: release.clone(),
            build: BuildId::from_entropy(1),
            service: service.clone(),
            image: ImageDigest::from_sha256(&[7; 32]),
            command: None,
            init_container: None,
            ports: found.ports.clone(),
            health: found.health.clone(),
            domains: found.domains.clone(),
            resources: found.resources.clone(),
            init: found.init,
            writable: !found.read_only,
            pause: found.drain_pause(),
            grace: Duration::from_secs(found.termination_seconds.into()),
            variables: Vec::new(),
        })
    }

    /// When the last promotion of all ended.
    pub fn last_ended_at(&self) -> Option<Time> {
        self.promotions.values().filter_map(|promotion| promotion.ended_at).max()
    }
}
