//! Starting a promotion: everything that is written is written in one transaction, and the state machine is started
//! after it. A start that is lost is made up for by the sweep.

use slipway_domain::error::{Error, Result};
use slipway_domain::id::{PromotionId, ReleaseId, TenantId};
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::{Kind, Promotion};
use slipway_rollout::apply::Applied;
use slipway_rollout::plan::Outlook;
use slipway_rollout::start;
use slipway_store::Scoped;
use slipway_store::error::StoreError;
use slipway_store::promotions::{NoopPromotion, StartPromotion, Superseded};
use slipway_store::records::Change;
use slipway_store::releases::NewRelease;

use super::checks::{Wish, check};
use super::situation::Situation;
use crate::caller::Caller;
use crate::draft::{ATTEMPTS, Draft, lost_a_race, too_busy};
use crate::ports::RolloutInput;
use crate::request::Idempotency;
use crate::slipway::Slipway;

impl Slipway {
    /// Checks and starts what is wished, or records that there is nothing to do. The first check that refuses is the
    /// answer.
    pub(crate) async fn launch(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        wish: &Wish,
        idempotency: Option<&Idempotency>,
    ) -> Result<PromotionId> {
        let store = self.of(caller);
        self.let_pull(caller, app).await;
        for _ in 0..ATTEMPTS {
            let situation = self.situation(caller, &store, app, environment, &wish.target).await?;
            let checked = check(&situation, wish);
            let outlook = match (checked.refusals.into_iter().next(), checked.outlook) {
                (Some(refusal), _) => return Err(refusal),
                (None, None) => return Err(Error::internal("a promotion that is not refused has no plan")),
                (None, Some(outlook)) => outlook,
            };
            let id = PromotionId::from_entropy(self.entropy.draw());
            let change = self.change_once(caller, action(wish.kind), idempotency, 202, &id);
            let written = if checked.noop {
                record_noop(&store, &situation, wish, &outlook, &change, id.clone()).await
            } else {
                self.write(caller, &store, &situation, wish, &outlook, &change, id.clone()).await?
            };
            match written {
                Ok(()) => return Ok(id),
                Err(error) if lost_a_race(&error) => self.pause().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(too_busy())
    }

    #[allow(clippy::too_many_arguments, reason = "each is one of the records that the transaction is made from")]
    async fn write(
        &self,
        caller: &Caller,
        store: &Scoped,
        situation: &Situation,
        wish: &Wish,
        outlook: &Outlook,
        change: &Change,
        id: PromotionId,
    ) -> Result<std::result::Result<(), StoreError>> {
        let copy = if wish.copies() { Some(self.copy(store, situation, wish, change).await?) } else { None };
        let mut asked = super::checks::start(situation, wish, outlook, id, change.actor.clone());
        if let Some(copy) = &copy {
            asked.to = copy.release.id.clone();
        }
        let running = situation.running.as_ref();
        let started = start::start(&situation.environment, running, asked, change.now).map_err(Error::internal)?;
        let mut environment = started.environment;
        if let Some(copy) = &copy {
            environment.newest = Some(copy.release.id.clone());
        }
        let transaction = StartPromotion {
            promotion: started.promotion.clone(),
            event: started.event,
            environment,
            expected_environment_version: situation.environment.version,
            superseded: running
                .zip(started.superseded)
                .map(|(running, ended)| superseded(running, ended))
                .transpose()?,
            release: copy,
        };
        let written = store.start_promotion(change, &transaction).await;
        if written.is_ok() {
            self.start_execution(caller.tenant(), &started.promotion).await;
        }
        Ok(written)
    }

    /// The fresh copy that a rollback or a restart promotes.
    async fn copy(&self, store: &Scoped, situation: &Situation, wish: &Wish, change: &Change) -> Result<NewRelease> {
        let original = &situation.release;
        let words = match wish.kind {
            Kind::Rollback => format!("rollback to v{} {}", original.number, original.id),
            Kind::Promote | Kind::Restart | Kind::Scale => format!("restart of v{} {}", original.number, original.id),
        };
        let variables = store.variables(original).await?;
        let draft = Draft::copy(original, variables, words, wish.reason.clone());
        let id = ReleaseId::from_entropy(self.entropy.draw());
        draft.number(store, &situation.environment, id, &change.actor, change.now).await
    }

    /// Starts the present execution of a promotion. "Already exists" is success; a failure is left to the sweep.
    pub(crate) async fn start_execution(&self, tenant: &TenantId, promotion: &Promotion) {
        let input = RolloutInput::of(tenant, promotion);
        if let Err(error) = self.workflows.start(&promotion.execution_name(), &input).await {
            tracing::warn!(
                promotion.id = %promotion.id, error = %error, "an execution could not be started, the sweep will"
            );
        }
    }
}

async fn record_noop(
    store: &Scoped,
    situation: &Situation,
    wish: &Wish,
    outlook: &Outlook,
    change: &Change,
    id: PromotionId,
) -> std::result::Result<(), StoreError> {
    let asked = super::checks::start(situation, wish, outlook, id, change.actor.clone());
    let (promotion, event) = start::noop(&situation.environment, asked, change.now);
    let expected_environment_version = situation.environment.version;
    store.record_noop(change, &NoopPromotion { promotion, event, expected_environment_version }).await
}

fn superseded(running: &Promotion, mut ended: Applied) -> Result<Superseded> {
    let event = ended.events.pop().ok_or_else(|| Error::internal("a superseded promotion has no last event"))?;
    Ok(Superseded { promotion: ended.promotion, expected_version: running.version, event })
}

const fn action(kind: Kind) -> &'static str {
    match kind {
        Kind::Promote => "promotion.create",
        Kind::Rollback => "rollback.create",
        Kind::Restart => "restart.create",
        Kind::Scale => "scale.create",
    }
}
