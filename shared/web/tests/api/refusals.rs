//! Every refusal is a problem document that names its rule and its field, and changes nothing.

use axum::body::Body;
use http::Request;
use serde_json::json;
use slipway_store::records::Role;

use crate::Api;
use crate::world::WEB;

const ENVIRONMENT: &str = "/v1/apps/shop/environments/production";

struct Case {
    request: (&'static str, String),
    headers: &'static [(&'static str, &'static str)],
    body: &'static [u8],
    status: u16,
    code: &'static str,
    pointers: &'static [&'static str],
}

fn case(method: &'static str, path: impl Into<String>, status: u16, code: &'static str) -> Case {
    Case { request: (method, path.into()), headers: &[], body: b"", status, code, pointers: &[] }
}

impl Case {
    fn body(self, body: &'static str) -> Self {
        Self { body: body.as_bytes(), ..self }
    }

    fn headers(self, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers, ..self }
    }

    fn pointers(self, pointers: &'static [&'static str]) -> Self {
        Self { pointers, ..self }
    }
}

async fn check(api: &Api, cases: Vec<Case>) {
    let before = api.world.dump().await;
    for case in cases {
        let (method, path) = &case.request;
        let answer = api.send(method, path, case.headers, case.body).await;
        let pointers = case.pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
        let expected = (case.status, case.code.to_owned(), pointers);
        assert_eq!(answer.refusal(), expected, "{method} {path}: {}", answer.text);
    }
    assert_eq!(api.world.dump().await, before, "a refused request changed something");
}

#[tokio::test]
async fn requests_that_cannot_be_read_are_told_where() {
    let api = Api::new().await;
    let builds = "/v1/apps/shop/builds";
    check(
        &api,
        vec![
            case("POST", "/v1/apps", 400, "invalid_json").body("{\"name\":"),
            case("POST", "/v1/apps", 400, "invalid_json"),
            case("POST", "/v1/apps", 400, "invalid_body").body("[]").pointers(&[""]),
            case("POST", "/v1/apps", 400, "invalid_body").body("{}").pointers(&["/name"]),
            case("POST", "/v1/apps", 400, "invalid_body").body(r#"{"name":1}"#).pointers(&["/name"]),
            case("POST", "/v1/apps", 400, "invalid_body").body(r#"{"name":"a","tenant":"b"}"#).pointers(&["/tenant"]),
            case("POST", "/v1/apps", 400, "invalid_body").body(r#"{"name":"a","name":"b"}"#).pointers(&["/name"]),
            case("POST", "/v1/apps", 415, "unsupported_media_type")
                .headers(&[("content-type", "text/plain")])
                .body("{}")
                .pointers(&["Content-Type"]),
            case("POST", "/v1/apps", 422, "invalid_value").body(r#"{"name":"My App"}"#).pointers(&["/name"]),
            case("POST", "/v1/apps", 400, "invalid_idempotency_key")
                .headers(&[("idempotency-key", "a b")])
                .body(r#"{"name":"a"}"#)
                .pointers(&["Idempotency-Key"]),
            case("POST", builds, 400, "idempotency_key_required").body("{}").pointers(&["Idempotency-Key"]),
            case("POST", builds, 400, "invalid_body").body(r#"{"commit":["abcdef0","x"]}"#).pointers(&["/commit"]),
            case("POST", builds, 400, "invalid_body")
                .body(r#"{"source":{"size_bytes":-1}}"#)
                .pointers(&["/source/size_bytes"]),
            case("POST", format!("{ENVIRONMENT}/promotions"), 400, "idempotency_key_required")
                .body(r#"{"release":"v1"}"#)
                .pointers(&["Idempotency-Key"]),
            case("POST", format!("{ENVIRONMENT}/rollbacks"), 400, "idempotency_key_required")
                .pointers(&["Idempotency-Key"]),
            case("POST", format!("{ENVIRONMENT}/promotions"), 400, "invalid_header")
                .headers(&[("if-match", "17"), ("idempotency-key", "k")])
                .body(r#"{"release":"v1"}"#)
                .pointers(&["If-Match"]),
            case("GET", "/v1/apps?limit=101", 400, "invalid_query").pointers(&["limit"]),
            case("GET", "/v1/apps?cursor=AAAA", 400, "invalid_query").pointers(&["cursor"]),
            case("GET", "/v1/apps?page=2", 400, "invalid_query").pointers(&["page"]),
            case("GET", format!("{ENVIRONMENT}/diagnosis?service=W_B"), 400, "invalid_query").pointers(&["service"]),
            case("GET", format!("{ENVIRONMENT}/diagnosis?process=x"), 400, "invalid_query").pointers(&["process"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn values_that_make_no_sense_are_told_where() {
    let api = Api::new().await;
    let variables = || format!("{ENVIRONMENT}/variables");
    let refused = |path: String, method, body| case(method, path, 422, "invalid_value").body(body);
    let scale = case("POST", format!("{ENVIRONMENT}/scale"), 422, "invalid_scale");
    check(
        &api,
        vec![
            refused(variables(), "PATCH", r#"{"unset":["A","B","A"]}"#).pointers(&["/unset/2"]),
            refused(variables(), "PATCH", r#"{"unset":["A","1B"]}"#).pointers(&["/unset/1"]),
            refused(variables(), "PATCH", r#"{"set":{"A":"1"},"unset":["A"]}"#).pointers(&["/unset/0"]),
            refused(variables(), "PATCH", r#"{"set":{"A":"1"},"tag":"newest"}"#).pointers(&["/tag"]),
            scale.body(r#"{"services":{}}"#).pointers(&["/services"]),
        ],
    )
    .await;
    let answer = api.send("POST", "/v1/apps", &[], r#"{"name":"My App"}"#).await;
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("/name must be lower-case"), "{detail}");
}

#[tokio::test]
async fn paths_that_name_nothing_are_not_found() {
    let api = Api::new().await;
    check(
        &api,
        vec![
            case("GET", "/", 404, "not_found"),
            case("GET", "/v2/apps", 404, "not_found"),
            case("GET", "/v1/apps/", 404, "not_found"),
            case("DELETE", "/v1/apps", 405, "method_not_allowed"),
            case("GET", "/v1/apps/%FF", 400, "invalid_path"),
            case("GET", "/v1/apps/none", 404, "app_not_found"),
            case("GET", "/v1/apps/No%20App", 404, "app_not_found"),
            case("GET", "/v1/apps/shop/environments/none", 404, "environment_not_found"),
            case("GET", "/v1/apps/shop/builds/BAAAAAAAAAA", 404, "build_not_found"),
            case("GET", "/v1/apps/shop/builds/1", 404, "build_not_found"),
            case("GET", "/v1/apps/shop/releases/RAAAAAAAAAA", 404, "release_not_found"),
            case("GET", "/v1/apps/shop/releases/v7", 404, "release_not_found"),
            case("GET", "/v1/apps/shop/releases/some-tag", 404, "release_not_found"),
            case("GET", format!("{ENVIRONMENT}/promotions/PAAAAAAAAAA"), 404, "promotion_not_found"),
            case("GET", format!("{ENVIRONMENT}/promotions/x/events"), 404, "promotion_not_found"),
            case("GET", format!("{ENVIRONMENT}/runs/JAAAAAAAAAA"), 404, "run_not_found"),
            case("GET", "/v1/apps/none/environments/production/diagnosis", 404, "app_not_found"),
            case("GET", "/v1/apps/shop/environments/none/diagnosis", 404, "environment_not_found"),
            case("GET", format!("{ENVIRONMENT}/diagnosis?service=wbe"), 404, "service_not_found")
                .pointers(&["service"]),
            case("GET", format!("{ENVIRONMENT}/logs?service=wbe"), 404, "service_not_found").pointers(&["service"]),
        ],
    )
    .await;
    assert_eq!(api.send("DELETE", "/v1/apps", &[], "").await.header("allow"), "GET,HEAD,POST");
}

#[tokio::test]
async fn a_body_is_bounded_and_variables_have_more_room() {
    let api = Api::new().await;
    let body = |size: usize| format!("{{\"name\":\"{}\"}}", "a".repeat(size - 11));
    let answer = api.send("POST", "/v1/apps", &[], body(256 * 1024)).await;
    assert_eq!(answer.refusal().1, "invalid_value");
    let answer = api.send("POST", "/v1/apps", &[], body(256 * 1024 + 1)).await;
    assert_eq!(answer.refusal(), (413, "body_too_large".to_owned(), vec![]));
    let variables = format!("{ENVIRONMENT}/variables");
    let answer = api.send("PATCH", &variables, &[], body(2 * 1024 * 1024)).await;
    assert_eq!(answer.refusal().1, "invalid_body");
    let answer = api.send("PATCH", &variables, &[], body(2 * 1024 * 1024 + 1)).await;
    assert_eq!(answer.refusal().1, "body_too_large");
}

#[tokio::test]
async fn whoever_bears_no_good_token_sees_nothing() {
    let api = Api::new().await;
    let mut typo = api.token.clone();
    let last = if typo.pop() == Some('0') { '1' } else { '0' };
    typo.push(last);
    let bearer = |token: &str| format!("Bearer {token}");
    for value in ["", "Bearer", "Bearer ", "Basic abc", &bearer("slp_x"), &bearer(&typo), &api.token] {
        for path in ["/v1/me", "/v1/apps", "/v1/apps/none", "/v1/apps/shop", "/v1/apps/%FF"] {
            let answer = api.send("GET", path, &[("authorization", value)], "").await;
            assert_eq!(answer.refusal(), (401, "unauthenticated".to_owned(), vec![]), "{value} {path}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    let nobody = Request::builder().uri("/v1/apps").body(Body::empty()).unwrap();
    assert_eq!(api.raw(nobody).await.refusal().0, 401);
    let health = Request::builder().uri("/healthz").body(Body::empty()).unwrap();
    assert_eq!(api.raw(health).await.ok(), json!({ "status": "ok" }));
}

#[tokio::test]
async fn a_token_does_what_its_role_allows() {
    let mut api = Api::new().await;
    let (_, release) = api.world.build(1, WEB).await;
    let new_app = json!({ "name": "other" });
    let promote = json!({ "release": release.id.as_str() });
    let command = json!({ "service": "web", "command": ["true"] });
    for (role, expected) in [(Role::Viewer, [403, 403, 403, 403]), (Role::Deployer, [403, 403, 202, 403])] {
        api.token = api.token(role).await;
        let answers = [
            api.post("/v1/apps", &new_app).await,
            api.post(&format!("{ENVIRONMENT}/runs"), &command).await,
            api.post(&format!("{ENVIRONMENT}/promotions"), &promote).await,
            api.post(&format!("{ENVIRONMENT}/variables/reveal"), &json!({})).await,
        ];
        let statuses = answers.each_ref().map(|answer| answer.status.as_u16());
        assert_eq!(statuses, expected, "{role:?}");
        for answer in answers.iter().filter(|answer| answer.status == 403) {
            assert_eq!(answer.refusal().1, "forbidden");
        }
        assert_eq!(api.get("/v1/me").await.ok()["role"], role.as_str());
        assert_eq!(api.get(&format!("{ENVIRONMENT}/diagnosis")).await.status, 200);
    }
}

#[tokio::test]
async fn promotions_that_cannot_be_are_refused_each_with_its_code() {
    let api = Api::new().await;
    let (_, old) = api.world.build(1, WEB).await;
    let (_, good) = api.world.build(2, WEB).await;
    let (_, demanding) = api.world.build(3, "environment:\n  - KEY\nservices:\n  web:\n    port: 3000\n").await;
    api.world.ship(&good).await;
    let promotions = format!("{ENVIRONMENT}/promotions");
    let refused = async |body: serde_json::Value| api.post(&promotions, &body).await.refusal();
    let id = |release: &slipway_domain::release::Release| release.id.as_str().to_owned();

    let named = |status: u16, code: &str| (status, code.to_owned(), vec!["/release".to_owned()]);
    assert_eq!(refused(json!({ "release": "RAAAAAAAAAA" })).await, named(404, "release_not_found"));
    assert_eq!(refused(json!({ "release": "not a release" })).await.2, ["/release"]);
    assert_eq!(refused(json!({ "release": id(&old) })).await, named(409, "release_older"));
    let (status, code, pointers) = refused(json!({ "release": id(&demanding) })).await;
    assert_eq!((status, code.as_str()), (422, "variables_missing"));
    assert_eq!(pointers, ["/variables/KEY"]);
    let long = json!({ "release": id(&good), "deadline_seconds": 601 });
    assert_eq!(refused(long).await, (422, "invalid_promotion".to_owned(), vec!["/deadline_seconds".to_owned()]));

    let headers = [("if-match", "\"1\""), ("idempotency-key", "stale")];
    let answer = api.send("POST", &promotions, &headers, json!({ "release": id(&good) }).to_string()).await;
    assert_eq!(answer.refusal(), (412, "stale_version".to_owned(), vec!["If-Match".to_owned()]));

    let restart = api.post(&format!("{ENVIRONMENT}/restarts"), &json!({})).await.ok();
    let busy = api.post(&promotions, &json!({ "release": id(&good) })).await;
    assert_eq!(busy.refusal().1, "environment_busy");
    assert_eq!(busy.json()["promotion"], restart["promotion"]["id"]);
    assert_eq!(busy.json()["phase"], "preparing");
    assert!(busy.json()["actor"].is_string());
}

#[tokio::test]
async fn a_dependency_that_is_away_is_503_and_says_when_to_come_back() {
    let api = Api::new().await;
    let (_, release) = api.world.build(1, WEB).await;
    *api.world.cluster.away.lock().unwrap() =
        Some(slipway_service::ports::ClusterError::Unreachable("no route to host 10.0.0.1".to_owned()));
    let promote = json!({ "release": release.id.as_str() });
    let answer = api.post(&format!("{ENVIRONMENT}/promotions"), &promote).await;
    assert_eq!(answer.refusal().0, 503);
    assert!(!answer.header("retry-after").is_empty());
    let answer = api.get(&format!("{ENVIRONMENT}/diagnosis")).await;
    assert_eq!(answer.refusal(), (503, "cluster_unreachable".to_owned(), vec![]));
    let unauthorized = slipway_service::ports::ClusterError::Unauthorized("forbidden".to_owned());
    *api.world.cluster.away.lock().unwrap() = Some(unauthorized);
    let answer = api.get(&format!("{ENVIRONMENT}/diagnosis")).await;
    assert_eq!(answer.refusal(), (409, "cluster_unauthorized".to_owned(), vec![]));
    let words = "the namespace shop--production belongs to another";
    *api.world.cluster.away.lock().unwrap() = Some(slipway_service::ports::ClusterError::Refused(words.to_owned()));
    for answer in [
        api.get(&format!("{ENVIRONMENT}/diagnosis")).await,
        api.get(&format!("{ENVIRONMENT}/processes")).await,
        api.post(&format!("{ENVIRONMENT}/promotions"), &promote).await,
    ] {
        assert_eq!(answer.refusal(), (409, "cluster_refused".to_owned(), vec![]));
        assert!(answer.json()["detail"].as_str().unwrap().contains(words), "{}", answer.json());
    }
}
