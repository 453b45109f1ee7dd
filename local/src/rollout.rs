//! The rollout on this machine: the state machine's runner behind the port, and the step function that it calls.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use slipway_domain::error::{Error, Result};
use slipway_service::ports::{Clock, Cluster, RolloutInput, Started, Workflows};
use slipway_service::turn::{Records, Step, TurnError, Worker, turn};

use crate::workflow::runner::{Runner, Started as RunnerStarted};
use crate::workflow::{Task, TaskError};

/// The step function, called as Lambda would call it.
pub struct StepFunction {
    pub records: Arc<dyn Records>,
    pub cluster: Arc<dyn Cluster>,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Task for StepFunction {
    async fn invoke(&self, _function: &str, payload: Value) -> std::result::Result<Value, TaskError> {
        let step = Step::try_from(payload).map_err(by_name)?;
        let worker = Worker { records: &*self.records, cluster: &*self.cluster, clock: &*self.clock };
        let answer = turn(worker, &step).await.map_err(by_name)?;
        serde_json::to_value(answer)
            .map_err(|error| by_name(TurnError::Internal(format!("the answer is not JSON: {error}"))))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn by_name(error: TurnError) -> TaskError {
    tracing::warn!(error = %error, "a rollout step failed");
    TaskError { name: error.name().to_owned(), cause: error.to_string() }
}

/// Step Functions' part, played by the runner.
pub struct LocalWorkflows(pub Arc<Runner>);

#[async_trait]
impl Workflows for LocalWorkflows {
    async fn start(&self, name: &str, input: &RolloutInput) -> Result<Started> {
        let input = serde_json::to_value(input).map_err(Error::internal)?;
        match self.0.start(name, input).await {
            Ok(RunnerStarted::Started) => Ok(Started::New),
            Ok(RunnerStarted::AlreadyExists) => Ok(Started::AlreadyExists),
            Err(error) => Err(Error::unavailable(error)),
        }
    }
}
