//! What the API server's answers mean for a rollout.

use kube::core::Status;
use slipway_service::ports::ClusterError;

/// The place of an answer that was no success. "Already exists" and "not found" are looked for by those whom they say
/// something before they ask here.
pub fn failure(error: &kube::Error) -> ClusterError {
    match error {
        kube::Error::Api(status) => by_status(status),
        kube::Error::BuildRequest(error) => ClusterError::Refused(error.to_string()),
        other => ClusterError::Unreachable(chain(other)),
    }
}

fn by_status(status: &Status) -> ClusterError {
    let words = words(status);
    match status.code {
        _ if is_denied_by_webhook(&status.message) => ClusterError::Refused(words),
        401 => ClusterError::Unauthorized(words),
        403 if lacks_right(status) => {
            ClusterError::Unauthorized(format!("{words}; apply what `slipway clusters access APP ENVIRONMENT` prints"))
        }
        409 => ClusterError::Conflict,
        // An expired page of a list, like everything that passes: asked again, it may be answered.
        408 | 410 | 429 | 500.. => ClusterError::Unreachable(words),
        400..=499 => ClusterError::Refused(words),
        _ => ClusterError::Unreachable(words),
    }
}

/// A webhook chooses the code with which it denies.
fn is_denied_by_webhook(message: &str) -> bool {
    message.contains("admission webhook") && message.contains("denied the request")
}

/// 403 is said by authorisation, and by admission of those who have the right: quota, limits, pod security, a namespace
/// that is on its way out. Only the former says what the user cannot do, and a proxy in between says nothing at all.
fn lacks_right(status: &Status) -> bool {
    status.reason != "Forbidden" || status.message.contains(" cannot ") || status.message.is_empty()
}

fn words(status: &Status) -> String {
    if status.message.is_empty() { format!("HTTP {}", status.code) } else { status.message.clone() }
}

/// An error with its causes, each once.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

/// The innermost cause says what happened; those around it say what was attempted.
pub(crate) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, reason: &str, message: &str) -> kube::Error {
        kube::Error::Api(Status::failure(message, reason).with_code(code).boxed())
    }

    fn kind(error: &kube::Error) -> &'static str {
        match failure(error) {
            ClusterError::Unreachable(_) => "unreachable",
            ClusterError::Unauthorized(_) => "unauthorized",
            ClusterError::Conflict => "conflict",
            ClusterError::Refused(_) => "refused",
        }
    }

    #[test]
    fn every_answer_of_the_api_server_has_its_place() {
        let right =
            "pods is forbidden: User \"u\" cannot list resource \"pods\" in API group \"\" in the namespace \"n\"";
        let quota = "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2";
        let security = "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true";
        let ending = "deployments.apps \"a\" is forbidden: unable to create new content in namespace n because it is being terminated";
        let webhook = "admission webhook \"w.example.com\" denied the request: no";
        let table = [
            (400, "BadRequest", "the object is no Deployment", "refused"),
            (401, "Unauthorized", "Unauthorized", "unauthorized"),
            (403, "Forbidden", right, "unauthorized"),
            (403, "Forbidden", quota, "refused"),
            (403, "Forbidden", security, "refused"),
            (403, "Forbidden", ending, "refused"),
            (403, "Forbidden", webhook, "refused"),
            (403, "Failed to parse error data", "<html>", "unauthorized"),
            (403, "Forbidden", "", "unauthorized"),
            (404, "NotFound", "namespaces \"n\" not found", "refused"),
            (405, "MethodNotAllowed", "no", "refused"),
            (408, "Timeout", "slow", "unreachable"),
            (409, "Conflict", "the object has been modified", "conflict"),
            (409, "AlreadyExists", "already exists", "conflict"),
            (410, "Expired", "The provided continue parameter is too old", "unreachable"),
            (413, "RequestEntityTooLarge", "limit is 3145728", "refused"),
            (422, "Invalid", "spec.replicas: Invalid value: -1", "refused"),
            (429, "TooManyRequests", "too many requests", "unreachable"),
            (500, "InternalError", "failed calling webhook \"w\": connection refused", "unreachable"),
            (500, "InternalError", webhook, "refused"),
            (503, "ServiceUnavailable", "starting", "unreachable"),
            (504, "Timeout", "etcd", "unreachable"),
            (0, "", "", "unreachable"),
        ];
        for (code, reason, message, expected) in table {
            assert_eq!(kind(&status(code, reason, message)), expected, "{code} {message}");
        }
    }

    #[test]
    fn a_missing_right_is_named_with_what_to_do() {
        let words = "secrets is forbidden: User \"u\" cannot create resource \"secrets\"";
        let expected = format!("{words}; apply what `slipway clusters access APP ENVIRONMENT` prints");
        assert_eq!(failure(&status(403, "Forbidden", words)), ClusterError::Unauthorized(expected));
    }

    #[test]
    fn no_answer_and_one_that_is_no_json_leave_open_what_happened() {
        let silent = kube::Error::Service(Box::new(std::io::Error::other("connection refused")));
        let expected = ClusterError::Unreachable("ServiceError: connection refused".to_owned());
        assert_eq!(failure(&silent), expected);
        let garbled = serde_json::from_str::<u8>("<html>").unwrap_err();
        assert_eq!(kind(&kube::Error::SerdeError(garbled)), "unreachable");
    }
}
