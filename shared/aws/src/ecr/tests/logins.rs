//! Logins to push.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use slipway_domain::error::Kind;
use slipway_domain::secret::Secret;
use slipway_service::builds::intake::{Login, Repositories};

use super::*;
use crate::scripted::{session, session_refused};

const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/slipway-push/slipway-TBCDEFGHIJK";
const EXPIRES_AT: i64 = 1_768_530_649;

fn token(data: &Value) -> Vec<Answer> {
    let created = said(&json!({ "repository": { "repositoryName": PATH } }));
    let lifecycle = said(&json!({ "repositoryName": PATH }));
    let narrowed = session(SESSION, "ASIAPUSH", "2026-01-15T14:45:49Z");
    vec![created, lifecycle, narrowed, said(&json!({ "authorizationData": data }))]
}

fn data(text: &str) -> Value {
    json!({
        "authorizationToken": STANDARD.encode(text),
        "expiresAt": EXPIRES_AT,
        "proxyEndpoint": format!("https://{REGISTRY}"),
    })
}

async fn login(aws: &Aws) -> Result<Login> {
    aws.clock.run(ecr(aws).login(&tenant(), &app())).await
}

fn expected() -> Login {
    Login::Temporary {
        username: "AWS".to_owned(),
        password: Secret::from("pass:word"),
        expires_at: "2026-01-16T02:30:49Z".parse().unwrap(),
    }
}

#[tokio::test]
async fn a_login_is_made_in_a_session_of_one_repository_and_tells_when_ecr_ends_it() {
    let aws = Aws::new(token(&json!([data("AWS:pass:word")])));
    assert_eq!(login(&aws).await, Ok(expected()));
    let [_, _, narrowed, made] = aws.asked().try_into().unwrap();
    assert!(narrowed.body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fslipway-push"));
    assert!(narrowed.body.contains("repository%2Fslipway%2Fdev%2Ftbcdefghijk%2Fshop%22"), "{}", narrowed.body);
    assert!(made.target.ends_with(".GetAuthorizationToken") && made.body == "{}", "{made:?}");
    assert!(made.authorization.contains("Credential=ASIAPUSH/"), "{}", made.authorization);
}

#[test]
fn an_image_is_pushed_to_where_it_is_looked_for() {
    let repository = ecr(&Aws::new([])).repository(&tenant(), &app());
    assert_eq!(repository.to_string(), format!("{REGISTRY}/{PATH}"));
}

#[tokio::test]
async fn a_token_that_cannot_be_used_is_not_passed_on() {
    let with = |name: &str, value: Value| {
        let mut data = data("AWS:pass:word");
        data[name] = value;
        json!([data])
    };
    let table = [
        (json!([]), "it has no token"),
        (with("expiresAt", Value::Null), "it does not say when it expires"),
        (with("authorizationToken", json!("%%%")), "its token is not base64"),
        (with("authorizationToken", json!(STANDARD.encode([0xff, 0xfe]))), "its token is not text"),
        (with("authorizationToken", json!(STANDARD.encode("AWS"))), "its token has no password"),
        (with("authorizationToken", Value::Null), "its token has no password"),
    ];
    for (data, words) in table {
        let error = login(&Aws::new(token(&data))).await.unwrap_err();
        assert_eq!(error.kind, Kind::Internal, "{words}");
        let context = error.context.unwrap();
        assert!(context.starts_with("making a login to push in") && context.ends_with(words), "{context}");
    }
}

#[tokio::test]
async fn every_failure_on_the_way_to_a_login_says_what_to_mend() {
    let after = |count: usize, answer: Answer| {
        let before = token(&json!([data("AWS:pass:word")])).into_iter().take(count);
        Aws::new(before.chain([answer]))
    };
    let table = [
        (after(0, refused(400, "AccessDeniedException")), Kind::Internal, "give the function's role ecr:Create"),
        (after(2, session_refused(403, "AccessDenied")), Kind::Internal, "must name the role of the function"),
        (after(2, session_refused(400, "PackedPolicyTooLarge")), Kind::Internal, "which is ours to mend"),
        (after(2, session_refused(400, "Throttling")), Kind::Unavailable, "too many sessions"),
        (after(2, Answer::Breaks), Kind::Unavailable, "AWS did not answer"),
        (
            after(2, session("arn:aws:sts::210987654321:assumed-role/x/y", "ASIA", "2026-01-15T14:45:49Z")),
            Kind::Internal,
            "nothing was done with it",
        ),
        (
            after(3, refused(400, "AccessDeniedException")),
            Kind::Internal,
            "give the role for pushing ecr:GetAuthorizationToken",
        ),
        (after(3, refused(500, "ServerException")), Kind::Unavailable, "no answer that counts"),
    ];
    for (aws, kind, words) in table {
        let error = login(&aws).await.unwrap_err();
        assert_eq!(error.kind, kind, "{words}");
        let context = error.context.unwrap();
        assert!(context.contains(words), "{context}");
    }
}
