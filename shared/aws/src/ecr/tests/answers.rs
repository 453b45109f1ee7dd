//! What an answer that is no success means.

use slipway_domain::error::Kind;

use super::*;

#[tokio::test]
async fn every_code_of_ecr_means_one_thing() {
    let later = (Kind::Unavailable, "registry_unreachable", Some(5));
    let ours = (Kind::Internal, "internal", None);
    let rights = "refused: give the function's role ecr:BatchGetImage on it, and its key if it has one";
    let table = [
        ("ThrottlingException", 400, 3, later, "over a quota"),
        ("LimitExceededException", 400, 3, later, "over a quota"),
        ("ServerException", 500, 3, later, "no answer that counts"),
        ("SomethingNew", 503, 3, later, "no answer that counts"),
        ("AccessDeniedException", 400, 1, ours, rights),
        ("KmsException", 400, 1, ours, rights),
        ("UnrecognizedClientException", 400, 1, ours, rights),
        ("NotFound", 404, 1, ours, "it is not there: correct the registry that the function is given"),
        ("InvalidParameterException", 400, 1, ours, "not a request that can succeed"),
        ("SomethingNew", 400, 1, ours, "not a request that can succeed"),
    ];
    for (code, status, attempts, meaning, words) in table {
        let aws = Aws::new([refused(status, code)]);
        let error = holds(&aws).await.unwrap_err();
        assert_eq!((error.kind, error.code, error.retry_after_seconds), meaning, "{code}");
        assert_eq!(aws.asked().len(), attempts, "{code}");
        let context = error.context.unwrap();
        assert!(context.starts_with(&format!("looking for an image in {REGISTRY}/{PATH}: {words}")), "{context}");
        assert!(context.ends_with(&format!("{code} ({status}): so it is")), "{context}");
    }
}

#[tokio::test]
async fn a_registry_that_is_away_is_given_up_on_in_time_and_named() {
    for answer in [Answer::Breaks, Answer::Silence] {
        let aws = Aws::new([answer]);
        let error = holds(&aws).await.unwrap_err();
        assert_eq!(error.message, format!("the registry {REGISTRY} did not answer: try again"));
        assert!(aws.clock.now() <= LIMITS.whole, "{:?}", aws.clock.now());
    }
    let error = holds(&Aws::new([refused(400, "ThrottlingException")])).await.unwrap_err();
    assert_eq!(error.message, format!("the registry {REGISTRY} is asked for too much: try again"));
}

#[tokio::test]
async fn an_image_that_ecr_does_not_give_out_is_no_image_that_is_not_there() {
    let failures = json!([
        { "failureCode": "ImageNotFound", "failureReason": "so it is" },
        { "failureCode": "KmsError", "failureReason": "the key is disabled" },
    ]);
    let error = holds(&Aws::new([said(&json!({ "images": [], "failures": failures }))])).await.unwrap_err();
    assert_eq!(error.kind, Kind::Internal);
    let context = error.context.unwrap();
    assert!(context.contains("an answer that cannot be used") && context.contains("the key is disabled"), "{context}");
}

#[tokio::test]
async fn a_tag_that_cannot_be_set_holds_nothing() {
    let table = [
        (refused(400, "AccessDeniedException"), Kind::Internal, "give the function's role ecr:PutImage on it"),
        (refused(400, "ImageDigestDoesNotMatchException"), Kind::Internal, "not a request that can succeed"),
        (refused(500, "ServerException"), Kind::Unavailable, "no answer that counts"),
        (Answer::Breaks, Kind::Unavailable, "no answer that counts"),
    ];
    for (answer, kind, words) in table {
        let error = holds(&Aws::new([found(), answer])).await.unwrap_err();
        assert_eq!(error.kind, kind, "{words}");
        let context = error.context.unwrap();
        assert!(context.starts_with("tagging an image that is to be kept in") && context.contains(words), "{context}");
    }
}
