//! Records in memory: the ledger of the simulated worlds, with real releases.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use slipway_domain::id::{PromotionId, ReleaseId};
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{Environment, Event, Promotion};
use slipway_domain::release::Release;
use slipway_domain::time::Time;
use slipway_domain::variables::Variables;
use slipway_rollout::apply::Applied;
use slipway_service::ports::{Namespace, RolloutInput, Template};
use slipway_service::template::template;
use slipway_service::turn::{Records, RecordsError};

use crate::sim::ledger::{Condition, Ledger};

/// One environment, its promotions and its releases.
pub struct MemoryRecords {
    ledger: Mutex<Ledger>,
    releases: Mutex<BTreeMap<ReleaseId, (Release, Variables)>>,
}

impl MemoryRecords {
    pub fn new(environment: Environment) -> Self {
        Self { ledger: Mutex::new(Ledger::new(environment)), releases: Mutex::default() }
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn releases(&self) -> MutexGuard<'_, BTreeMap<ReleaseId, (Release, Variables)>> {
        self.releases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, release: Release, variables: Variables) {
        self.ledger().releases.insert(release.id.clone(), release.manifest.clone());
        self.releases().insert(release.id.clone(), (release, variables));
    }

    pub fn release(&self, id: &ReleaseId) -> Option<(Release, Variables)> {
        self.releases().get(id).cloned()
    }

    pub fn promotion(&self, id: &PromotionId) -> Promotion {
        self.ledger().promotions[id].clone()
    }

    pub fn events(&self, id: &PromotionId) -> Vec<Event> {
        self.ledger().events[id].clone()
    }

    pub fn template_of(&self, release: &ReleaseId, service: &ServiceName) -> Result<Template, RecordsError> {
        let (release, variables) = self.release(release).ok_or(RecordsError::Gone)?;
        template(&release, &variables, service).map_err(|error| RecordsError::Unavailable(error.to_string()))
    }
}

#[async_trait]
impl Records for MemoryRecords {
    async fn load(&self, input: &RolloutInput) -> Result<(Environment, Promotion), RecordsError> {
        self.ledger().load(&input.promotion)
    }

    async fn save(
        &self,
        _: &RolloutInput,
        environment: &Environment,
        promotion: &Promotion,
        applied: &Applied,
    ) -> Result<(), RecordsError> {
        self.ledger().save(environment, promotion, applied, Condition::AsRead)
    }

    async fn template(
        &self,
        _: &RolloutInput,
        release: &ReleaseId,
        service: &ServiceName,
    ) -> Result<Template, RecordsError> {
        self.template_of(release, service)
    }

    async fn environment(&self, _: &Namespace) -> Result<Environment, RecordsError> {
        Ok(self.ledger().environment.clone())
    }

    async fn cleaned(&self, _: &Namespace, environment: &Environment, _: Time) -> Result<(), RecordsError> {
        self.ledger().cleaned(environment)
    }
}
