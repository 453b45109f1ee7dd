//! The main job over HTTP: build, release, variables, promote, roll back, run.

use serde_json::{Value, json};
use slipway_domain::id::PromotionId;
use slipway_domain::promotion::Outcome;

use crate::Api;
use crate::world::WEB;

const ENVIRONMENT: &str = "/v1/apps/shop/environments/production";

/// A complete build with an image that the registry holds.
async fn built(api: &Api, number: u8) -> Value {
    let commit = json!({ "id": "0a1b2c3d4e5f", "subject": "my commit message" });
    let created = api.post("/v1/apps/shop/builds", &json!({ "commit": commit })).await;
    assert_eq!(created.status, 201);
    let location = created.header("location").to_owned();
    let id = created.ok()["id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/v1/apps/shop/builds/{id}"));
    let manifest = json!({ "file": "slipway.yml", "text": WEB });
    let body = json!({ "image": api.world.image(number).as_str(), "manifest": manifest });
    let complete = api.post(&format!("{location}/complete"), &body).await.ok();
    assert_eq!((&complete["status"], &complete["id"]), (&json!("complete"), &json!(id)));
    complete
}

async fn promoted(api: &Api, body: &Value) -> Value {
    let answer = api.post(&format!("{ENVIRONMENT}/promotions"), body).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let location = answer.header("location").to_owned();
    ended(api, &location).await
}

async fn ended(api: &Api, location: &str) -> Value {
    let id: PromotionId = location.rsplit('/').next().unwrap().parse().unwrap();
    api.world.finish(&id).await;
    api.get(location).await.ok()
}

#[tokio::test]
async fn an_app_is_made_listed_and_read() {
    let api = Api::new().await;
    let created = api.post("/v1/apps", &json!({ "name": "httpd" })).await;
    assert_eq!((created.status.as_u16(), created.header("location")), (201, "/v1/apps/httpd"));
    assert_eq!(api.post("/v1/apps", &json!({ "name": "httpd" })).await.refusal().1, "app_exists");
    let names =
        api.get("/v1/apps").await.ok()["items"].as_array().unwrap().iter().map(|app| app["name"].clone()).collect();
    assert_eq!(Value::Array(names), json!(["httpd", "shop"]));
    let app = api.get("/v1/apps/httpd").await.ok();
    assert_eq!(app["environments"][0]["name"], "production");
    assert_eq!(app["environments"][0]["active"], Value::Null);
}

#[tokio::test]
async fn a_build_makes_a_release_that_ships_only_when_it_is_promoted() {
    let api = Api::new().await;
    let build = built(&api, 1).await;
    let environment = api.get(ENVIRONMENT).await.ok();
    assert_eq!((&environment["active"], &environment["newest"]), (&Value::Null, &build["release"]));

    let release = api.get(&format!("/v1/apps/shop/releases/{}", build["release"].as_str().unwrap())).await.ok();
    assert_eq!(release["description"], "build 0a1b2c3d my commit message");
    assert_eq!((&release["state"], &release["number"]), (&json!("ready"), &json!(1)));
    assert_eq!(release["services"][0]["name"], "web");
    assert!(release["created_at"].as_str().unwrap().starts_with("2026-01-15T14:30:0"));

    let promotion = promoted(&api, &json!({ "release": "v1", "reason": "first" })).await;
    assert_eq!((&promotion["outcome"], &promotion["phase"]), (&json!("succeeded"), &json!("ended")));
    assert_eq!((&promotion["reason"], &promotion["to"]), (&json!("first"), &build["release"]));
    let answer = api.get(ENVIRONMENT).await;
    let environment = answer.json();
    assert_eq!((&environment["status"], &environment["active"]), (&json!("running"), &build["release"]));
    assert_eq!(answer.header("etag"), format!("\"{}\"", environment["version"]));
    assert_eq!(environment["formation"], json!({ "web": 2 }));
    assert_eq!(environment["addresses"], json!([{ "service": "web", "url": "http://web.local" }]));
}

#[tokio::test]
async fn the_events_of_a_promotion_are_told_once_each_in_parts_of_any_size() {
    let api = Api::new().await;
    built(&api, 1).await;
    let promotion = promoted(&api, &json!({ "release": "v1" })).await;
    let events = format!("{ENVIRONMENT}/promotions/{}/events", promotion["id"].as_str().unwrap());
    let whole = api.get(&events).await.ok();
    let all = whole["events"].as_array().unwrap();
    let numbers: Vec<u64> = all.iter().map(|event| event["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=promotion["events"].as_u64().unwrap()).collect::<Vec<_>>());
    assert_eq!((&whole["finished"], &whole["next"]), (&json!(true), &promotion["events"]));
    let last = all.last().unwrap();
    assert_eq!(last["outcome"], "succeeded");
    let rest = api.get(&format!("{events}?after=2&wait=1")).await.ok();
    assert_eq!(rest["events"].as_array().unwrap(), &all[2..]);
}

#[tokio::test]
async fn a_plan_tells_what_would_happen_and_changes_nothing() {
    let api = Api::new().await;
    built(&api, 1).await;
    let before = api.world.dump().await;
    let body = json!({ "release": "v1", "validate_only": true });
    let answer = api.post(&format!("{ENVIRONMENT}/promotions"), &body).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (200, ""));
    let plan = answer.ok();
    assert_eq!((&plan["blocked_by"], &plan["fits_deadline"]), (&json!([]), &json!(true)));
    assert_eq!(plan["plan"]["services"][0]["after"], 2);
    assert_eq!(api.world.dump().await, before);
}

#[tokio::test]
async fn the_same_key_starts_one_promotion_and_says_so() {
    let api = Api::new().await;
    built(&api, 1).await;
    let path = format!("{ENVIRONMENT}/promotions");
    let headers = [("idempotency-key", "deploy-17")];
    let first = api.send("POST", &path, &headers, r#"{"release":"v1"}"#).await;
    let again = api.send("POST", &path, &headers, r#"{"release":"v1"}"#).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (again.status, ""));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(first.header("location"), again.header("location"));
    let other = api.send("POST", &path, &headers, r#"{"release":"v2"}"#).await;
    assert_eq!(other.refusal().1, "idempotency_key_reused");
}

#[tokio::test]
async fn a_rollback_ships_a_fresh_copy_and_tells_what_it_reverts() {
    let api = Api::new().await;
    let first = built(&api, 1).await;
    promoted(&api, &json!({ "release": "v1" })).await;
    let path = format!("{ENVIRONMENT}/variables");
    api.send("PATCH", &path, &[], r#"{"set":{"PORT_NAME":"http"}}"#).await.ok();
    promoted(&api, &json!({ "release": "v2" })).await;

    let answer = api.post(&format!("{ENVIRONMENT}/rollbacks"), &json!({ "reason": "checkout fails" })).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let location = answer.header("location").to_owned();
    let rollback = answer.ok();
    assert_eq!(rollback["release"]["copied_from"], first["release"]);
    assert_eq!(rollback["reverts"]["variables"]["removed"], json!(["PORT_NAME"]));
    assert_eq!(
        (&rollback["promotion"]["kind"], &rollback["promotion"]["reason"]),
        (&json!("rollback"), &json!("checkout fails"))
    );
    let promotion = ended(&api, &location).await;
    assert_eq!(promotion["outcome"], "succeeded");
    assert_eq!(api.get(ENVIRONMENT).await.ok()["active"], rollback["release"]["id"]);
}

#[tokio::test]
async fn a_release_that_fails_is_told_with_its_evidence() {
    let api = Api::new().await;
    built(&api, 1).await;
    promoted(&api, &json!({ "release": "v1" })).await;
    built(&api, 2).await;
    api.world.cluster.broken.lock().unwrap().insert(api.world.image(2));
    let promotion = promoted(&api, &json!({ "release": "v2" })).await;
    assert_eq!(promotion["outcome"], "rolled_back");
    assert_eq!(promotion["failure"]["cause"], "health_timeout");
    assert_eq!(promotion["failure"]["service"], "web");
    assert!(promotion["failure"]["log"][0].as_str().unwrap().ends_with("says it is not well"));
    let diagnosis = api.get(&format!("{ENVIRONMENT}/diagnosis")).await.ok();
    assert_eq!((&diagnosis["findings"], &diagnosis["promotion"]["id"]), (&json!([]), &promotion["id"]));
    assert_eq!(diagnosis["promotion"]["failure"]["cause"], "health_timeout");
    let states = api.get("/v1/apps/shop/releases").await.ok();
    let states: Vec<&Value> = states["items"].as_array().unwrap().iter().map(|release| &release["state"]).collect();
    assert_eq!(states, [&json!("rolled_back"), &json!("deployed")]);
}

#[tokio::test]
async fn a_sick_process_is_found_with_what_to_do_next() {
    let api = Api::new().await;
    let build = built(&api, 1).await;
    promoted(&api, &json!({ "release": "v1" })).await;
    api.world.cluster.broken.lock().unwrap().insert(api.world.image(1));
    api.world.wait(std::time::Duration::from_secs(9));
    let diagnosis = api.get(&format!("{ENVIRONMENT}/diagnosis?service=web")).await.ok();
    assert_eq!((&diagnosis["status"], &diagnosis["active"]), (&json!("running"), &build["release"]));
    let counts = json!({
        "service": "web", "release": build["release"], "asked": 2, "healthy": 0, "starting": 0, "sick": 2
    });
    assert_eq!((&diagnosis["services"], &diagnosis["promotion"]), (&json!([counts]), &Value::Null));
    let finding = &diagnosis["findings"][0];
    assert_eq!((&finding["cause"], &finding["probe_error"]), (&json!("health_timeout"), &json!("HTTP 500")));
    assert_eq!(finding["message"], "did not pass its health check within 3 s: HTTP 500");
    assert!(finding["next"].as_str().unwrap().contains("services.web.health.timeout (now 3 s)"), "{finding}");
    assert!(finding["log"][0].as_str().unwrap().ends_with("says it is not well"));
}

#[tokio::test]
async fn scaling_promotes_the_active_release_to_another_formation() {
    let api = Api::new().await;
    built(&api, 1).await;
    promoted(&api, &json!({ "release": "v1" })).await;
    let path = format!("{ENVIRONMENT}/scale");
    let same = api.post(&path, &json!({ "services": { "web": 2 } })).await;
    assert_eq!((same.status.as_u16(), same.ok()["changed"].clone()), (200, json!(false)));
    let answer = api.post(&path, &json!({ "services": { "web": 5 } })).await;
    assert_eq!(answer.status, 202);
    let id: PromotionId = answer.ok()["promotion"]["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(api.world.finish(&id).await, Outcome::Succeeded);
    assert_eq!(api.get(ENVIRONMENT).await.ok()["formation"], json!({ "web": 5 }));
    let processes = api.get(&format!("{ENVIRONMENT}/processes")).await.ok();
    assert_eq!(processes["items"].as_array().unwrap().len(), 5);
    assert_eq!(processes["items"][0]["state"], "running");
    let refused = api.post(&path, &json!({ "services": { "worker": 1 } })).await.refusal();
    assert_eq!(refused, (422, "service_not_found".to_owned(), vec!["/services/worker".to_owned()]));
}

#[tokio::test]
async fn a_run_is_started_and_read() {
    let api = Api::new().await;
    let build = built(&api, 1).await;
    let body = json!({ "service": "web", "command": ["bin/migrate"] });
    let answer = api.post(&format!("{ENVIRONMENT}/runs"), &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let location = answer.header("location").to_owned();
    let run = answer.ok();
    assert_eq!((&run["status"], &run["release"]), (&json!("running"), &build["release"]));
    assert_eq!(api.get(&location).await.ok(), run);
    assert_eq!(api.get(&format!("{ENVIRONMENT}/runs")).await.ok()["items"], json!([run]));
    assert_eq!(api.get(&format!("{location}/log")).await.ok()["lines"], json!([]));
    let refused = api.post(&format!("{ENVIRONMENT}/runs"), &json!({ "service": "web", "command": [] })).await.refusal();
    assert_eq!(refused, (422, "invalid_run".to_owned(), vec!["/command".to_owned()]));
}

#[tokio::test]
async fn the_document_is_served_as_it_is_committed() {
    let api = Api::new().await;
    let answer = api.get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.text == slipway_web::document());
}
