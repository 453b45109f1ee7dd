//! The `Workflows` port over Step Functions.
//!
//! A name is used once: the same start while it runs is the same execution, and any other start under the name is
//! refused, for 90 days. So a start may be sent as often as it takes.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::Builder;
use slipway_domain::error::{Error, Result};
use slipway_service::ports::{RolloutInput, Started, Workflows};

use crate::fault::{Failure, Fault};
use crate::limits::Limits;

/// A caller of the API waits for a start, and the sweep makes up for one that failed.
const LIMITS: Limits = Limits { attempt: Duration::from_millis(1500), whole: Duration::from_secs(3), attempts: 3 };

/// Between two tries when too much was asked for, in seconds.
const RETRY_AFTER_THROTTLE: u32 = 5;

/// The state machine of rollouts.
pub struct StepFunctions {
    client: Client,
    state_machine: String,
    trace: fn() -> Option<String>,
}

impl StepFunctions {
    /// `config` says where and as whom; limits of time and attempts are those of this module. `state_machine` is an ARN.
    pub fn new(config: Builder, state_machine: impl Into<String>) -> Self {
        let config = config.timeout_config(LIMITS.timeouts()).retry_config(LIMITS.retries()).build();
        Self { client: Client::from_conf(config), state_machine: state_machine.into(), trace: || None }
    }

    /// The same, with executions that belong to the trace, in the form of X-Ray, that `trace` names at each start.
    #[must_use]
    pub fn traced(self, trace: fn() -> Option<String>) -> Self {
        Self { trace, ..self }
    }

    /// What is behind a failure is for the log alone: no caller can mend it.
    fn error(&self, name: &str, failure: &Failure) -> Error {
        let (started, words) = (format!("starting the execution {name} of {}", self.state_machine), &failure.words);
        match failure.fault {
            Fault::Away => Error::unavailable(format!("{started}: no answer that counts: {words}")),
            Fault::Throttled => {
                let context = format!("{started}: over a quota, which AWS raises on request: {words}");
                Error { retry_after_seconds: Some(RETRY_AFTER_THROTTLE), ..Error::unavailable(context) }
            }
            Fault::Denied => Error::internal(format!(
                "{started}: refused: give the function's role states:StartExecution on it, and its key if it has one: \
                 {words}"
            )),
            Fault::Missing => Error::internal(format!(
                "{started}: it is not there: deploy the stack again, or correct the ARN that the function is given: \
                 {words}"
            )),
            Fault::Invalid => Error::internal(format!("{started}: not a request that can succeed: {words}")),
        }
    }
}

#[async_trait]
impl Workflows for StepFunctions {
    /// [`Started::New`] also when the very same start was made before and still runs: the two look the same from here.
    async fn start(&self, name: &str, input: &RolloutInput) -> Result<Started> {
        let text = serde_json::to_string(input).map_err(Error::internal)?;
        let request = self.client.start_execution().state_machine_arn(&self.state_machine).name(name).input(text);
        let request = request.set_trace_header((self.trace)());
        let Err(error) = Box::pin(request.send()).await else { return Ok(Started::New) };
        let failure = Failure::of(&error);
        if failure.code == "ExecutionAlreadyExists" {
            return Ok(Started::AlreadyExists);
        }
        Err(self.error(name, &failure))
    }
}

#[cfg(test)]
mod tests;
