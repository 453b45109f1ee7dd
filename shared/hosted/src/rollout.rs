//! The step function: one turn of one promotion.

use std::sync::Arc;

use serde_json::Value;
use slipway_domain::promotion::Promotion;
use slipway_service::ports::{Clock, Cluster};
use slipway_service::turn::{Answer, Records, Step, StoreRecords, TurnError, Worker, turn};

use crate::host::Host;
use crate::metrics::{Metrics, Unit};
use crate::settings::SettingsError;

/// What a turn works with.
pub struct Rollout {
    records: StoreRecords,
    cluster: Arc<dyn Cluster>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

impl Rollout {
    pub fn new(host: &Host) -> Result<Self, SettingsError> {
        let cluster = host.cluster_of(&host.store, &host.clusters()?);
        let records = StoreRecords::new(host.store.clone());
        Ok(Self { records, cluster, clock: Arc::clone(&host.clock), metrics: Metrics::new(host) })
    }

    /// Errors bear the names that Retry and Catch of the state machine match.
    pub async fn step(&self, payload: Value) -> Result<Answer, TurnError> {
        let began = self.clock.now();
        let step = Step::try_from(payload)?;
        let worker = Worker { records: &self.records, cluster: &*self.cluster, clock: &*self.clock };
        let answer = turn(worker, &step).await;
        let seconds = self.clock.now().since(began).as_secs_f64();
        self.metrics.put(&[], &[("Turns", Unit::Count, 1.0), ("TurnSeconds", Unit::Seconds, seconds)]);
        match &answer {
            Ok(Answer { outcome: Some(_), .. }) => self.ended(&step).await,
            Ok(answer) => tracing::info!(promotion.id = %step.input.promotion, route = ?answer.route, "a turn is over"),
            Err(error) => tracing::warn!(promotion.id = %step.input.promotion, error = %error, "a turn failed"),
        }
        answer
    }

    /// Counted once per promotion: only the turn that ended it answers with its outcome.
    async fn ended(&self, step: &Step) {
        match self.records.load(&step.input).await {
            Ok((_, promotion)) => self.count(&promotion),
            Err(error) => tracing::warn!(error = ?error, "a promotion that ended could not be counted"),
        }
    }

    fn count(&self, promotion: &Promotion) {
        let (Some(outcome), Some(end)) = (promotion.outcome, promotion.ended_at) else { return };
        let seconds = end.since(promotion.started_at).as_secs_f64();
        tracing::info!(promotion.id = %promotion.id, outcome = outcome.as_str(), seconds, "a promotion ended");
        let values = [("Promotions", Unit::Count, 1.0), ("RolloutSeconds", Unit::Seconds, seconds)];
        self.metrics.put(&[("Outcome", outcome.as_str())], &values);
    }
}
