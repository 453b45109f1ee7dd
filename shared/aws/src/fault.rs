//! What an answer of AWS that is no success means, for all services in one table: they spell the same things differently.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No answer, or one that says "later". It may have been done.
    Away,
    /// More than a quota allows.
    Throttled,
    /// A right is missing, or the credentials are not taken.
    Denied,
    /// What was asked for is not there.
    Missing,
    /// A request that can never succeed: a mistake of ours.
    Invalid,
}

/// Of an answer without a body, such as any to a HEAD.
const NO_CODE: &str = "no code";

/// A request that failed with its last attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub fault: Fault,
    /// As the service names it: `ExecutionAlreadyExists`.
    pub code: String,
    /// Code, status and message, or what kept the answer away.
    pub words: String,
}

impl Failure {
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let SdkError::ServiceError(service) = error else {
            let ours = matches!(error, SdkError::ConstructionFailure(_));
            let fault = if ours { Fault::Invalid } else { Fault::Away };
            return Self { fault, code: String::new(), words: DisplayErrorContext(error).to_string() };
        };
        let metadata = service.err().meta();
        let status = service.raw().status().as_u16();
        Self::new(metadata.code().unwrap_or(NO_CODE), status, metadata.message())
    }

    pub fn new(code: &str, status: u16, message: Option<&str>) -> Self {
        let words = format!("{code} ({status}): {}", message.unwrap_or("no message"));
        let fault = by_code(code, status);
        if fault == Fault::Throttled {
            tracing::warn!(target: "slipway::throttled", code, "a call was throttled");
        }
        Self { fault, code: code.to_owned(), words }
    }
}

/// The table.
fn by_code(code: &str, status: u16) -> Fault {
    match code {
        "ExecutionLimitExceeded"
        | "KMS.ThrottlingException"
        | "KmsThrottled"
        | "KmsThrottlingException"
        | "LimitExceededException"
        | "OverLimit"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException" => Fault::Throttled,
        "AccessDenied"
        | "AccessDeniedException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "InvalidToken"
        | "KMS.AccessDeniedException"
        | "KMS.OptInRequired"
        | "KmsAccessDenied"
        | "KmsAccessDeniedException"
        | "KmsException"
        | "KmsOptInRequired"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired"
        | "RegionDisabledException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Fault::Denied,
        "AWS.SimpleQueueService.NonExistentQueue"
        | "InvalidAddress"
        | "InvalidArn"
        | "KMS.NotFoundException"
        | "KmsNotFound"
        | "LayersNotFoundException"
        | "NoSuchBucket"
        | "NoSuchKey"
        | "NotFound"
        | "NotFoundException"
        | "QueueDoesNotExist"
        | "ReferencedImagesNotFoundException"
        | "RepositoryNotFoundException"
        | "RepositoryPolicyNotFoundException"
        | "ResourceNotFoundException"
        | "StateMachineDeleting"
        | "StateMachineDoesNotExist" => Fault::Missing,
        "KMS.InvalidStateException"
        | "KmsInvalidState"
        | "KmsInvalidStateException"
        | "RequestExpired"
        | "RequestTimeout" => Fault::Away,
        NO_CODE if status == 403 => Fault::Denied,
        NO_CODE if status == 404 => Fault::Missing,
        _ if status == 429 => Fault::Throttled,
        _ if status == 408 || status >= 500 => Fault::Away,
        _ => Fault::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_means_one_thing_and_what_is_unknown_is_judged_by_its_status() {
        let table = [
            (
                Fault::Throttled,
                &[
                    ("ExecutionLimitExceeded", 400),
                    ("KMS.ThrottlingException", 400),
                    ("KmsThrottled", 400),
                    ("KmsThrottlingException", 400),
                    ("LimitExceededException", 400),
                    ("OverLimit", 403),
                    ("RequestLimitExceeded", 400),
                    ("RequestThrottled", 403),
                    ("SlowDown", 503),
                    ("Throttling", 400),
                    ("ThrottlingException", 400),
                    ("TooManyRequestsException", 429),
                    ("SomethingNew", 429),
                ][..],
            ),
            (
                Fault::Denied,
                &[
                    ("AccessDenied", 403),
                    ("AccessDeniedException", 400),
                    ("ExpiredToken", 403),
                    ("ExpiredTokenException", 400),
                    ("IncompleteSignature", 400),
                    ("InvalidAccessKeyId", 403),
                    ("InvalidClientTokenId", 403),
                    ("InvalidSignatureException", 403),
                    ("InvalidToken", 400),
                    ("KMS.AccessDeniedException", 400),
                    ("KMS.OptInRequired", 403),
                    ("KmsAccessDenied", 400),
                    ("KmsAccessDeniedException", 400),
                    ("KmsException", 400),
                    ("KmsOptInRequired", 403),
                    ("MissingAuthenticationTokenException", 403),
                    ("NotAuthorized", 400),
                    ("OptInRequired", 403),
                    ("RegionDisabledException", 403),
                    ("SignatureDoesNotMatch", 403),
                    ("UnrecognizedClientException", 400),
                    (NO_CODE, 403),
                ],
            ),
            (
                Fault::Missing,
                &[
                    ("AWS.SimpleQueueService.NonExistentQueue", 400),
                    ("InvalidAddress", 404),
                    ("InvalidArn", 400),
                    ("KMS.NotFoundException", 400),
                    ("KmsNotFound", 400),
                    ("LayersNotFoundException", 400),
                    ("NoSuchBucket", 404),
                    ("NoSuchKey", 404),
                    ("NotFound", 404),
                    ("NotFoundException", 400),
                    ("QueueDoesNotExist", 400),
                    ("ReferencedImagesNotFoundException", 400),
                    ("RepositoryNotFoundException", 400),
                    ("RepositoryPolicyNotFoundException", 400),
                    ("ResourceNotFoundException", 404),
                    ("StateMachineDeleting", 400),
                    ("StateMachineDoesNotExist", 400),
                    (NO_CODE, 404),
                ],
            ),
            (
                Fault::Away,
                &[
                    ("KMS.InvalidStateException", 400),
                    ("KmsInvalidState", 400),
                    ("KmsInvalidStateException", 400),
                    ("RequestExpired", 400),
                    ("RequestTimeout", 400),
                    ("RequestTimeout", 408),
                    (NO_CODE, 503),
                    ("SomethingNew", 500),
                    ("SomethingNew", 503),
                ],
            ),
            (
                Fault::Invalid,
                &[("ValidationException", 400), ("SomethingNew", 403), ("SomethingNew", 404), (NO_CODE, 400)],
            ),
        ];
        for (fault, codes) in table {
            for (code, status) in codes {
                assert_eq!(by_code(code, *status), fault, "{code} {status}");
            }
        }
    }
}
