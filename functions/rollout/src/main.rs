//! One turn of one promotion: the step function of the state machine.

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use slipway_hosted::rollout::Rollout;
use slipway_hosted::{Host, telemetry};
use slipway_service::turn::{Answer, TurnError};
use tracing::Instrument;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let rollout = Rollout::new(&Host::start().await?)?;
    run(service_fn(async |event| step(&rollout, event).await)).await
}

async fn step(rollout: &Rollout, event: LambdaEvent<Value>) -> Result<Answer, Diagnostic> {
    let span = telemetry::invocation(&event.context.request_id);
    rollout.step(event.payload).instrument(span).await.map_err(by_name)
}

/// The state machine matches the name.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn by_name(error: TurnError) -> Diagnostic {
    Diagnostic { error_type: error.name().to_owned(), error_message: error.to_string() }
}
