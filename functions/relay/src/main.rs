//! From the table's stream to the state machine and the queue of notifications.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use slipway_hosted::metrics::Metrics;
use slipway_hosted::relay::{records, relay};
use slipway_hosted::{Host, telemetry};
use tracing::Instrument;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let host = Host::start().await?;
    let (relay, metrics) = (relay(&host)?, Metrics::new(&host));
    run(service_fn(async |event: LambdaEvent<Value>| {
        let span = telemetry::invocation(&event.context.request_id);
        records(&relay, &metrics, &event.payload).instrument(span).await.map_err(Error::from)
    }))
    .await
}
