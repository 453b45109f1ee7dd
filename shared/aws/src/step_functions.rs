//! The `Workflows` port over Step Functions.
//!
//! A name is used once: the same start while it runs is the same execution, and any other start under the name is
//! refused, for 90 days. So a start may be sent as often as it takes.

mod fault;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::Builder;
use aws_sdk_sfn::config::retry::RetryConfig;
use aws_sdk_sfn::config::timeout::TimeoutConfig;
use slipway_domain::error::{Error, Result};
use slipway_service::ports::{RolloutInput, Started, Workflows};

use self::fault::Meaning;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(1);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_millis(1500);
/// How long a start may take with all its attempts. A caller of the API waits for it, and the sweep makes up for it.
const WHOLE: Duration = Duration::from_secs(3);
const ATTEMPTS: u32 = 3;
/// Upper bound of the first wait between attempts; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The state machine of rollouts.
pub struct StepFunctions {
    client: Client,
    state_machine: String,
}

impl StepFunctions {
    /// `config` says where and as whom; limits of time and attempts are those of this module. `state_machine` is an ARN.
    pub fn new(config: Builder, state_machine: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .read_timeout(ATTEMPT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(WHOLE);
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_WAIT);
        let config = config.timeout_config(timeouts.build()).retry_config(retries).build();
        Self { client: Client::from_conf(config), state_machine: state_machine.into() }
    }
}

#[async_trait]
impl Workflows for StepFunctions {
    /// [`Started::New`] also when the very same start was made before and still runs: the two look the same from here.
    async fn start(&self, name: &str, input: &RolloutInput) -> Result<Started> {
        let text = serde_json::to_string(input).map_err(Error::internal)?;
        let request = self.client.start_execution().state_machine_arn(&self.state_machine).name(name).input(text);
        match Box::pin(request.send()).await {
            Ok(_) => Ok(Started::New),
            Err(error) => match fault::meaning(&error) {
                Meaning::Exists => Ok(Started::AlreadyExists),
                Meaning::Fault(fault) => Err(fault.about(name, &self.state_machine)),
            },
        }
    }
}

#[cfg(test)]
mod tests;
