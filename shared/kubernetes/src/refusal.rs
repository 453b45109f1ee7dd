//! What an error of the API server means to whoever asked.
//!
//! | answer | meaning |
//! | --- | --- |
//! | none, 408, 429, 5xx | unreachable: nothing is known of what was asked for |
//! | 401, 403 by the authorizer | unauthorized |
//! | 409, 412 | conflict |
//! | any other refusal, also 403 by quota or admission | refused |

use std::error::Error as StdError;
use std::time::Duration;

use kube::core::Status;
use slipway_service::ports::ClusterError;

/// The answer to one question that may take so long at the most.
pub(crate) async fn within<T>(
    limit: Duration,
    question: impl Future<Output = kube::Result<T>>,
) -> Result<T, ClusterError> {
    match tokio::time::timeout(limit, question).await {
        Ok(answer) => answer.map_err(|error| refusal(&error)),
        Err(_) => Err(ClusterError::Unreachable(format!("no answer within {} s", limit.as_secs()))),
    }
}

/// The place of an answer that was no success.
pub(crate) fn refusal(error: &kube::Error) -> ClusterError {
    match error {
        kube::Error::Api(status) => of_status(status),
        kube::Error::BuildRequest(error) => ClusterError::Refused(error.to_string()),
        kube::Error::Auth(error) => ClusterError::Unauthorized(deepest(error)),
        other => ClusterError::Unreachable(deepest(other)),
    }
}

fn of_status(status: &Status) -> ClusterError {
    let words = status.message.clone();
    match status.code {
        401 => ClusterError::Unauthorized("the credential is not accepted".to_owned()),
        403 => denied_right(&words).map_or(ClusterError::Refused(words), ClusterError::Unauthorized),
        409 | 412 => ClusterError::Conflict,
        408 | 429 => ClusterError::Unreachable(words),
        code if code >= 500 => ClusterError::Unreachable(words),
        _ => ClusterError::Refused(words),
    }
}

/// `we may not list pods in shop--production`, of the authorizer's `User "x" cannot list resource "pods" in API group "" in the
/// namespace "shop--production"`. None: it was something else that forbade it, such as a quota.
fn denied_right(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("\" cannot ")?;
    let (verb, rest) = rest.split_once(" resource \"")?;
    let (resource, rest) = rest.split_once('"')?;
    let namespace = rest.split_once("in the namespace \"").and_then(|(_, name)| name.split('"').next());
    Some(match namespace {
        Some(namespace) => format!("we may not {verb} {resource} in {namespace}"),
        None => format!("we may not {verb} {resource}"),
    })
}

/// The innermost cause says what happened; those around it say what was attempted.
pub(crate) fn deepest(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: u16, message: &str) -> ClusterError {
        refusal(&kube::Error::Api(Box::new(Status { code, message: message.to_owned(), ..Status::default() })))
    }

    #[test]
    fn a_right_that_is_missing_is_named_with_its_namespace() {
        let words = "pods is forbidden: User \"ci\" cannot list resource \"pods\" in API group \"\" in the namespace \
                     \"shop--production\"";
        assert_eq!(
            answered(403, words),
            ClusterError::Unauthorized("we may not list pods in shop--production".to_owned())
        );
        let words = "pods \"web\" is forbidden: User \"ci\" cannot get resource \"pods/log\" in API group \"\" at the \
                     cluster scope: RBAC: role.rbac.authorization.k8s.io \"slipway\" not found";
        assert_eq!(answered(403, words), ClusterError::Unauthorized("we may not get pods/log".to_owned()));
        assert!(matches!(answered(401, "Unauthorized"), ClusterError::Unauthorized(_)));
    }

    #[test]
    fn what_quota_and_admission_forbid_is_no_missing_right() {
        for words in [
            "pods \"web\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1",
            "pods \"web\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false",
            "deployments.apps \"web\" is forbidden: unable to create new content in namespace x because it is being \
             terminated",
        ] {
            assert_eq!(answered(403, words), ClusterError::Refused(words.to_owned()));
        }
    }

    #[test]
    fn an_answer_that_says_later_is_no_refusal() {
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(answered(code, "later"), ClusterError::Unreachable(_)), "{code}");
        }
        assert_eq!(answered(409, "changed"), ClusterError::Conflict);
        for code in [400, 404, 413, 422] {
            assert_eq!(answered(code, "no"), ClusterError::Refused("no".to_owned()), "{code}");
        }
    }

    #[tokio::test]
    async fn a_question_without_an_answer_ends_at_its_limit() {
        let error = within(Duration::ZERO, std::future::pending::<kube::Result<()>>()).await.unwrap_err();
        assert_eq!(error, ClusterError::Unreachable("no answer within 0 s".to_owned()));
    }
}
