//! Clusters and tenants, as a hosted installation answers.

use serde_json::json;
use slipway_service::clusters::NotConnected;
use slipway_service::tenants::OperatorToken;

use crate::Api;
use crate::hosted::hosted;

#[tokio::test]
async fn a_cluster_is_made_connected_and_forgotten() {
    let (world, clusters) = hosted().await;
    let api = Api::of(world).await;
    let new = json!({ "name": "main", "region": "eu-central-1", "account": "123456789012", "eks_name": "Prod_1" });
    let made = api.post("/v1/clusters", &new).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, "/v1/clusters/main"));
    let made = made.json();
    assert_eq!((&made["status"], &made["connected_at"]), (&json!("pending"), &json!(null)));
    let external_id = made["external_id"].as_str().unwrap();
    assert!(made["setup"]["cloudformation"].as_str().unwrap().contains(external_id), "{made}");

    *clusters.verdict.lock().unwrap() = Err(NotConnected::Refused("the role lets anybody in".to_owned()));
    let connect = "/v1/clusters/main/connect";
    assert_eq!(api.post(connect, &json!({})).await.refusal(), (409, "cluster_refused".to_owned(), vec![]));
    *clusters.verdict.lock().unwrap() = Err(NotConnected::Away("AWS did not answer".to_owned()));
    let away = api.post(connect, &json!({})).await;
    assert_eq!((away.refusal().0, away.header("retry-after")), (503, "5"));
    *clusters.verdict.lock().unwrap() = Ok(());
    assert_eq!(api.post(connect, &json!({})).await.ok()["status"], "connected");

    let app = api.post("/v1/apps", &json!({ "name": "shop" })).await.ok();
    assert_eq!(app["environments"][0]["cluster"], "main");
    let listed = api.get("/v1/clusters").await.ok();
    assert_eq!((&listed["items"][0]["name"], &listed["items"][0]["setup"]), (&json!("main"), &json!(null)));
    let in_use = api.send("DELETE", "/v1/clusters/main", &[], "").await;
    assert_eq!(in_use.refusal(), (409, "cluster_in_use".to_owned(), vec![]));
    api.post(
        "/v1/clusters",
        &json!({ "name": "b", "region": "eu-west-1", "account": "123456789012", "eks_name": "b" }),
    )
    .await
    .ok();
    let place = "/v1/apps/shop/environments/production/cluster";
    let moved = api.send("PUT", place, &[("if-match", "\"1\"")], r#"{"cluster":"b"}"#).await;
    assert_eq!((moved.header("etag"), &moved.json()["cluster"]), ("\"2\"", &json!("b")));
    let stale = api.send("PUT", place, &[("if-match", "\"1\"")], r#"{"cluster":"main"}"#).await;
    assert_eq!(stale.refusal(), (412, "stale_version".to_owned(), vec!["If-Match".to_owned()]));
    assert_eq!(api.send("DELETE", "/v1/clusters/main", &[], "").await.status.as_u16(), 204);
    assert_eq!(api.get("/v1/clusters/main").await.refusal().1, "cluster_not_found");
}

#[tokio::test]
async fn what_is_wrong_with_a_cluster_is_told_by_field() {
    let (world, _) = hosted().await;
    let api = Api::of(world).await;
    let good = json!({ "name": "main", "region": "eu-central-1", "account": "123456789012", "eks_name": "prod" });
    for (field, value) in [("name", "Main"), ("region", "europe"), ("account", "12345"), ("eks_name", "-prod")] {
        let mut new = good.clone();
        new[field] = json!(value);
        let refusal = api.post("/v1/clusters", &new).await.refusal();
        assert_eq!(refusal, (422, "invalid_value".to_owned(), vec![format!("/{field}")]));
    }
    assert!(api.get("/v1/clusters").await.ok()["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn tenants_are_made_with_the_operators_token_alone() {
    let (mut world, _) = hosted().await;
    let OperatorToken { token, sha256 } = OperatorToken::new([1, 2], 3);
    world.slipway.operator = Some(sha256.parse().unwrap());
    let api = Api::of(world).await;
    let body = || json!({ "name": "Acme" }).to_string();
    let owners = api.send("POST", "/v1/tenants", &[("idempotency-key", "k")], body()).await;
    assert_eq!(owners.refusal().1, "unauthenticated");
    let bearer = format!("Bearer {}", token.reveal());
    let keyless = api.send("POST", "/v1/tenants", &[("authorization", &bearer)], body()).await;
    assert_eq!(keyless.refusal().1, "idempotency_key_required");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k")];
    let made = api.send("POST", "/v1/tenants", &headers, body()).await;
    assert_eq!(made.status.as_u16(), 201);
    let owner = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    let me = api.send("GET", "/v1/me", &[("authorization", &owner)], "").await.ok();
    assert_eq!((&me["tenant"], &me["role"]), (&made.json()["id"], &json!("owner")));
    let operators = api.send("GET", "/v1/me", &[("authorization", &bearer)], "").await;
    assert_eq!(operators.refusal().1, "unauthenticated", "the operator has no right inside a tenant");
}
