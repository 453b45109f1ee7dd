//! Registries that are slow, broken, away, or none.

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use slipway_domain::error::{Error, Kind};
use slipway_domain::release::ImageDigest;
use slipway_service::ports::Registry;

use crate::registry::{app, client, serve, tenant};

async fn asked(router: Router) -> Error {
    let address = serve(router).await;
    let image = ImageDigest::from_sha256(&[1; 32]);
    client(address, None).holds(&tenant(), &app(), &image).await.unwrap_err()
}

fn away(error: &Error) {
    assert_eq!((error.kind, error.code), (Kind::Unavailable, "registry_unreachable"), "{error:?}");
    assert!(error.retry_after_seconds.is_some_and(|seconds| seconds > 0));
}

#[tokio::test]
async fn a_registry_in_trouble_is_asked_again_later() {
    for status in [500, 502, 503, 429, 408] {
        let status = StatusCode::from_u16(status).unwrap();
        away(&asked(Router::new().fallback(move || async move { status })).await);
    }
}

#[tokio::test]
async fn a_token_service_in_trouble_is_no_lack_of_rights() {
    let challenge = |headers: axum::http::HeaderMap| async move {
        let host = headers["host"].to_str().unwrap();
        let challenge = format!("Bearer realm=\"http://{host}/token\"");
        (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)])
    };
    let service = axum::routing::get(|| async { StatusCode::BAD_GATEWAY });
    away(&asked(Router::new().route("/token", service).fallback(challenge)).await);
    for body in ["no JSON: CANARY", "{}", r#"{"token":7,"x":"CANARY"}"#] {
        let service = axum::routing::get(move || async move { body });
        let error = asked(Router::new().route("/token", service).fallback(challenge)).await;
        assert_eq!((error.kind, error.code), (Kind::Conflict, "registry_unusable"));
        assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
    }
    let endless = axum::routing::get(|| async { "x".repeat(1 << 20) });
    let error = asked(Router::new().route("/token", endless).fallback(challenge)).await;
    assert!(error.context.unwrap().contains("too long"));
}

#[tokio::test]
async fn a_registry_that_does_not_answer_holds_nobody_up() {
    let began = std::time::Instant::now();
    away(&asked(Router::new().fallback(std::future::pending::<StatusCode>)).await);
    assert!(began.elapsed().as_secs() < 12, "{:?}", began.elapsed());
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let image = ImageDigest::from_sha256(&[1; 32]);
    away(&client(closed, None).holds(&tenant(), &app(), &image).await.unwrap_err());
}

#[tokio::test]
async fn what_is_no_registry_is_told_by_its_address() {
    let elsewhere = || async { (StatusCode::FOUND, [("location", "http://127.0.0.1:1/login")]).into_response() };
    let other = || async { [("docker-content-digest", "sha256:00")].into_response() };
    let nothing = || async { StatusCode::NO_CONTENT.into_response() };
    let unknown = || async { StatusCode::UNAUTHORIZED.into_response() };
    for router in [
        Router::new().fallback(elsewhere),
        Router::new().fallback(other),
        Router::new().fallback(nothing),
        Router::new().fallback(unknown),
    ] {
        let error = asked(router).await;
        assert_eq!((error.kind, error.code), (Kind::Conflict, "registry_unusable"));
        assert!(error.message.contains("127.0.0.1:"), "{}", error.message);
    }
}
