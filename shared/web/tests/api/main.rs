//! The router with the real use cases over the real store on an embedded database; only the ports behind them are kept in
//! memory, by the same fakes that the use cases are tested with.

#![expect(clippy::unwrap_used, reason = "the helpers are part of the tests, which end at a broken expectation")]

mod clusters;
mod external;
mod flow;
#[path = "../../../service/tests/service/hosted.rs"]
#[allow(dead_code, reason = "shared with the tests of the use cases, which need more of it")]
mod hosted;
mod lists;
#[path = "../../../service/tests/service/ports.rs"]
#[allow(dead_code, reason = "shared with the tests of the use cases, which need more of it")]
mod ports;
mod refusals;
#[path = "../../../service/tests/service/repositories.rs"]
#[allow(dead_code, reason = "shared with the tests of the use cases, which need more of it")]
mod repositories;
mod secrets;
#[path = "../../../service/tests/service/world.rs"]
#[allow(dead_code, reason = "shared with the tests of the use cases, which need more of it")]
mod world;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use slipway_store::records::Role;
use tower::ServiceExt;

use crate::world::World;

/// A world behind its API.
pub struct Api {
    pub world: World,
    router: Router,
    pub token: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of a success.
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.json()
    }

    /// Status, code and the pointers of the fields of a refusal, after a look at its form.
    pub fn refusal(&self) -> (u16, String, Vec<String>) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        let code = problem["code"].as_str().unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert_eq!(problem["type"], format!("urn:slipway:problem:{code}"));
        assert_ne!(problem["title"], "The request was refused", "{code} is not in the list of codes");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        let fields = problem["fields"].as_array().into_iter().flatten();
        (
            self.status.as_u16(),
            code.to_owned(),
            fields.map(|field| field["pointer"].as_str().unwrap().to_owned()).collect(),
        )
    }
}

impl Api {
    /// With an owner's token, the app `shop` and its `production`.
    pub async fn new() -> Self {
        Self::of(World::new().await).await
    }

    /// With an owner's token.
    pub async fn of(world: World) -> Self {
        let token = world.slipway.renew_local(world.owner.tenant()).await.unwrap().reveal().to_owned();
        let router = slipway_web::router(Arc::new(world.slipway.clone()));
        Self { world, router, token }
    }

    pub async fn token(&self, role: Role) -> String {
        let (_, secret) = self.world.slipway.create_token(&self.world.owner, role.as_str(), role).await.unwrap();
        secret.reveal().to_owned()
    }

    /// A request with a token and, for a body, its media type; a header given here replaces one of those.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
        let bearer = format!("Bearer {}", self.token);
        let usual = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        for (name, value) in usual.iter().chain(headers) {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        self.raw(request).await
    }

    pub async fn raw(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(!parts.headers["x-request-id"].is_empty());
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    /// A POST under a key of its own.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let key = format!("key-{:032x}", rand::random::<u128>());
        self.send("POST", path, &[("idempotency-key", &key)], body.to_string()).await
    }
}
