//! The records of a step, from the store.

use async_trait::async_trait;
use slipway_domain::id::ReleaseId;
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{Environment, Phase, Promotion};
use slipway_domain::release::ReleaseRef;
use slipway_domain::time::Time;
use slipway_rollout::apply::Applied;
use slipway_store::error::StoreError;
use slipway_store::promotions::SaveTurn;
use slipway_store::records::{Change, NoticeKind};
use slipway_store::{Scoped, Store};

use super::records::{Records, RecordsError};
use crate::ports::{Namespace, RolloutInput, Template};
use crate::template::template;

/// Who writes what no person asked for.
const SYSTEM: &str = "system/slipway";

/// The store as the records of any tenant's promotion; each call is scoped by the tenant that it names.
#[derive(Clone)]
pub struct StoreRecords {
    store: Store,
}

impl StoreRecords {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    fn of(&self, input: &RolloutInput) -> Scoped {
        self.store.scoped(input.tenant.clone())
    }
}

#[async_trait]
impl Records for StoreRecords {
    async fn load(&self, input: &RolloutInput) -> Result<(Environment, Promotion), RecordsError> {
        let found = self.of(input).load(&input.app, &input.environment, &input.promotion).await;
        found.map_err(unavailable)?.ok_or(RecordsError::Gone)
    }

    async fn save(
        &self,
        input: &RolloutInput,
        environment: &Environment,
        promotion: &Promotion,
        applied: &Applied,
    ) -> Result<(), RecordsError> {
        let turns_back = promotion.phase != Phase::Restoring && applied.promotion.phase == Phase::Restoring;
        let save = SaveTurn {
            promotion: applied.promotion.clone(),
            expected_version: promotion.version,
            environment: applied.environment.clone().map(|after| (after, environment.version)),
            events: applied.events.clone(),
            notices: turns_back.then_some(NoticeKind::PromotionRollingBack).into_iter().collect(),
            change: None,
        };
        self.of(input).save_turn(&save).await.map_err(refusal)
    }

    async fn template(
        &self,
        input: &RolloutInput,
        release: &ReleaseId,
        service: &ServiceName,
    ) -> Result<Template, RecordsError> {
        let store = self.of(input);
        let found = store.release(&input.app, &ReleaseRef::Id(release.clone())).await.map_err(unavailable)?;
        let release = found.ok_or(RecordsError::Gone)?;
        let variables = store.variables(&release).await.map_err(unavailable)?;
        template(&release, &variables, service).map_err(|error| RecordsError::Unavailable(error.to_string()))
    }

    async fn environment(&self, namespace: &Namespace) -> Result<Environment, RecordsError> {
        let store = self.store.scoped(namespace.tenant.clone());
        let found = store.environment(&namespace.app, &namespace.environment).await.map_err(unavailable)?;
        found.ok_or(RecordsError::Gone)
    }

    async fn cleaned(&self, namespace: &Namespace, environment: &Environment, now: Time) -> Result<(), RecordsError> {
        let change = Change {
            now,
            actor: SYSTEM.to_owned(),
            credential: String::new(),
            request_id: String::new(),
            action: "environment.clean_up",
            idempotency: None,
        };
        let after = Environment { cleanup_pending: false, version: environment.version + 1, ..environment.clone() };
        let store = self.store.scoped(namespace.tenant.clone());
        store.save_environment(&change, &after, environment.version).await.map_err(refusal)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unavailable(error: StoreError) -> RecordsError {
    RecordsError::Unavailable(error.to_string())
}

fn refusal(error: StoreError) -> RecordsError {
    match error {
        StoreError::Stale(_) => RecordsError::Stale,
        StoreError::Missing(_) => RecordsError::Gone,
        error => unavailable(error),
    }
}
