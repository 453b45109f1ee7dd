//! What the relay does with records of the table's stream, and the sweep with what the stream missed.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use slipway_aws::queue::Notifications;
use slipway_service::relay::{Relay, Unsent};
use slipway_store::stream::{self, Fresh};

use crate::host::Host;
use crate::metrics::{Metrics, Unit};
use crate::settings::SettingsError;

/// The relay with the queue of the stack.
pub fn relay(host: &Host) -> Result<Relay, SettingsError> {
    let notifications = Notifications::new((&host.sdk).into(), host.settings.text("SLIPWAY_NOTIFICATIONS")?);
    Ok(Relay {
        store: host.store.clone(),
        workflows: host.workflows()?,
        queue: Arc::new(notifications),
        clock: Arc::clone(&host.clock),
    })
}

/// The records that Lambda is to bring again, or to put aside once it has brought them often enough.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    pub batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its sequence number in the stream.
    pub item_identifier: String,
}

/// The event is no batch of records: all of it fails.
#[derive(Debug, thiserror::Error)]
#[error("the event is no batch of records of a table's stream: {0}")]
pub struct NotABatch(String);

/// Carries on each record of a batch. One that cannot be read, or be carried on, fails alone.
pub async fn records(relay: &Relay, metrics: &Metrics, event: &Value) -> Result<BatchAnswer, NotABatch> {
    let records = event.get("Records").and_then(Value::as_array);
    let records = records.ok_or_else(|| NotABatch("it has no list of Records".to_owned()))?;
    let (mut fresh, mut failed) = (Vec::new(), Vec::new());
    for record in records {
        let id = record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str);
        let id = id.ok_or_else(|| NotABatch("a record has no SequenceNumber".to_owned()))?.to_owned();
        match stream::read(record) {
            Ok(Some(row)) => fresh.push((id, row)),
            Ok(None) => {}
            Err(error) => failed.push(Unsent { id, error: error.into() }),
        }
    }
    let refused = relay.carry(&fresh).await;
    let carried = |(id, row): &&(String, Fresh)| {
        matches!(row, Fresh::Notice(..)) && refused.iter().all(|unsent| unsent.id != *id)
    };
    let carried = fresh.iter().filter(carried).count();
    failed.extend(refused);
    for Unsent { id, error } in &failed {
        let context = error.context.as_deref().unwrap_or_default();
        tracing::error!(record.sequence = id, error = %error, context, "a record could not be carried on");
    }
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    metrics
        .put(&[], &[("NoticesSent", Unit::Count, count(carried)), ("RecordsFailed", Unit::Count, count(failed.len()))]);
    let failures = failed.into_iter().map(|unsent| BatchItemFailure { item_identifier: unsent.id });
    Ok(BatchAnswer { batch_item_failures: failures.collect() })
}
