//! Once a minute: what was left behind.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use slipway_hosted::sweep::Sweeper;
use slipway_hosted::{Host, telemetry};
use tracing::Instrument;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let sweeper = Sweeper::new(&Host::start().await?)?;
    run(service_fn(async |event: LambdaEvent<Value>| {
        let span = telemetry::invocation(&event.context.request_id);
        sweeper.sweep().instrument(span).await.map_err(Error::from)
    }))
    .await
}
