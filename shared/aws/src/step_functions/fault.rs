//! What an answer of Step Functions that is no success means, in one table.

use aws_sdk_sfn::error::{DisplayErrorContext, SdkError};
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use slipway_domain::error::Error;

/// Between two tries when too much was asked for, in seconds.
const RETRY_AFTER_THROTTLE: u32 = 5;

/// What came of a start that was not answered with success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// An execution of this name was started before.
    Exists,
    Fault(Fault),
}

/// Why nothing was started, or why that is not known. Each says who can do something about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No answer, or one that says "later". It may have been started.
    Away(String),
    /// More starts or running executions than the account's quota.
    Throttled(String),
    /// The function's role lacks a right, or its credentials are not taken.
    Denied(String),
    /// The state machine is not there.
    Missing(String),
    /// A name or an input that is none: a mistake of ours.
    Invalid(String),
}

/// Reads an error of the SDK after its last attempt.
pub fn meaning(error: &SdkError<StartExecutionError, HttpResponse>) -> Meaning {
    match error {
        SdkError::ServiceError(service) => {
            let metadata = service.err().meta();
            let code = metadata.code().unwrap_or("no code");
            let status = service.raw().status().as_u16();
            by_code(code, status, format!("{code} ({status}): {}", metadata.message().unwrap_or("no message")))
        }
        SdkError::ConstructionFailure(_) => Meaning::Fault(Fault::Invalid(DisplayErrorContext(error).to_string())),
        _ => Meaning::Fault(Fault::Away(DisplayErrorContext(error).to_string())),
    }
}

/// The table.
fn by_code(code: &str, status: u16, words: String) -> Meaning {
    Meaning::Fault(match code {
        "ExecutionAlreadyExists" => return Meaning::Exists,
        "ThrottlingException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "ExecutionLimitExceeded"
        | "KmsThrottlingException" => Fault::Throttled(words),
        "AccessDeniedException"
        | "KmsAccessDeniedException"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired"
        | "UnrecognizedClientException" => Fault::Denied(words),
        "StateMachineDoesNotExist" | "StateMachineDeleting" | "InvalidArn" => Fault::Missing(words),
        "KmsInvalidStateException" | "RequestExpired" => Fault::Away(words),
        _ if status == 429 => Fault::Throttled(words),
        _ if status == 408 || status >= 500 => Fault::Away(words),
        _ => Fault::Invalid(words),
    })
}

impl Fault {
    /// What is behind it is for the log alone: no caller can mend it.
    pub fn about(self, name: &str, state_machine: &str) -> Error {
        let started = format!("starting the execution {name} of {state_machine}");
        match self {
            Self::Away(words) => Error::unavailable(format!("{started}: no answer that counts: {words}")),
            Self::Throttled(words) => {
                let context = format!("{started}: over a quota, which AWS raises on request: {words}");
                Error { retry_after_seconds: Some(RETRY_AFTER_THROTTLE), ..Error::unavailable(context) }
            }
            Self::Denied(words) => Error::internal(format!(
                "{started}: refused: give the function's role states:StartExecution on it, and its key if it has one: \
                 {words}"
            )),
            Self::Missing(words) => Error::internal(format!(
                "{started}: it is not there: deploy the stack again, or correct the ARN that the function is given: \
                 {words}"
            )),
            Self::Invalid(words) => Error::internal(format!("{started}: not a request that can succeed: {words}")),
        }
    }
}
