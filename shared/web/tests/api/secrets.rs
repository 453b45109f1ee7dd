//! Values of variables come in, and go out through one door.

use serde_json::{Value, json};

use crate::Api;
use crate::world::WEB;

const VARIABLES: &str = "/v1/apps/shop/environments/production/variables";

#[tokio::test]
async fn setting_variables_makes_a_release_and_ships_nothing() {
    let api = Api::new().await;
    let (build, first) = api.world.build(1, WEB).await;
    let answer = api.send("PATCH", VARIABLES, &[], r#"{"set":{"API_KEY":"sk-live-abc123"}}"#).await;
    assert_eq!(answer.status, 201);
    let location = answer.header("location").to_owned();
    let changed = answer.ok();
    assert_eq!(location, format!("/v1/apps/shop/releases/{}", changed["release"].as_str().unwrap()));
    assert_eq!(changed["created"]["description"], "env add:API_KEY");
    let base = json!({ "release": first.id.as_str(), "build": build.as_str(), "promoted": false, "differs": null });
    assert_eq!(changed["base"], base);

    let again = api.send("PATCH", VARIABLES, &[], r#"{"set":{"API_KEY":"sk-live-abc123"}}"#).await;
    assert_eq!(
        (again.status.as_u16(), again.ok()),
        (
            200,
            json!({
                "changed": false, "release": changed["release"], "created": null, "base": null, "unused": []
            })
        )
    );
    let replaced = api.send("PUT", VARIABLES, &[], r#"{"variables":{"OTHER":"1"},"tag":"v1.4.0"}"#).await.ok();
    assert_eq!(replaced["created"]["description"], "env add:OTHER remove:API_KEY");
    let by_tag = api.get("/v1/apps/shop/releases/v1.4.0").await.ok();
    assert_eq!(by_tag["id"], replaced["release"]);
    let diff = api.get(&format!("{location}/diff?with=v1.4.0")).await.ok();
    assert_eq!(
        (&diff["diff"]["variables"]["added"], &diff["diff"]["variables"]["removed"]),
        (&json!(["API_KEY"]), &json!(["OTHER"]))
    );
}

#[tokio::test]
async fn bad_variables_are_told_one_by_one_and_without_their_values() {
    let api = Api::new().await;
    api.world.build(1, WEB).await;
    let body = json!({ "set": { "1BAD": "CANARY-one", "GOOD": "CANARY-two", "A-B": "CANARY-three" } }).to_string();
    let answer = api.send("PATCH", VARIABLES, &[], body).await;
    let (status, code, mut pointers) = answer.refusal();
    pointers.sort();
    assert_eq!((status, code.as_str()), (422, "invalid_variables"));
    assert_eq!(pointers, ["/set/1BAD", "/set/A-B"]);
    assert!(!answer.text.contains("CANARY"), "{}", answer.text);
    let both = api.send("PATCH", VARIABLES, &[], r#"{"set":{"A":"1"},"unset":["A"]}"#).await.refusal();
    assert_eq!(both, (422, "invalid_value".to_owned(), vec!["/unset/0".to_owned()]));
    for body in
        [r#"{"set":{"A":["CANARY-x"]}}"#, r#"{"set":"CANARY-y"}"#, r#"{"CANARY-z":1}"#, r#"{"set":{"A":CANARY}}"#]
    {
        let answer = api.send("PATCH", VARIABLES, &[], body).await;
        assert_eq!(answer.status, 400);
        assert!(!answer.json()["detail"].as_str().unwrap().contains("CANARY-x"), "{}", answer.text);
        assert!(!answer.text.contains("CANARY-y"), "{}", answer.text);
    }
}

#[tokio::test]
async fn values_are_seen_in_one_answer_and_in_no_other() {
    let api = Api::new().await;
    let (_, first) = api.world.build(1, WEB).await;
    api.world.ship(&first).await;
    let value = "CANARY-\u{1F511} \"quoted\"\n";
    let body = json!({ "set": { "KEY": value } }).to_string();
    let changed = api.send("PATCH", VARIABLES, &[], body).await.ok();
    let release = changed["release"].as_str().unwrap();
    let promotion = api.post("/v1/apps/shop/environments/production/promotions", &json!({ "release": release })).await;
    let location = promotion.header("location").to_owned();

    let revealed = api.post(&format!("{VARIABLES}/reveal"), &json!({})).await.ok();
    assert_eq!(revealed, json!({ "release": release, "variables": { "KEY": value } }));
    let environment = "/v1/apps/shop/environments/production";
    let release_path = format!("/v1/apps/shop/releases/{release}");
    let paths = [
        "/v1/apps",
        "/v1/apps/shop",
        "/v1/apps/shop/builds",
        "/v1/apps/shop/releases",
        &release_path,
        &format!("{release_path}/diff?with=v1"),
        environment,
        VARIABLES,
        &location,
        &format!("{location}/events"),
        &format!("{environment}/promotions"),
        &format!("{environment}/processes"),
        &format!("{environment}/logs"),
        &format!("{environment}/diagnosis"),
    ];
    for path in paths {
        let answer = api.get(path).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        assert!(!answer.text.contains("CANARY"), "{path}: {}", answer.text);
    }
    let keys = api.get(VARIABLES).await.ok();
    assert_eq!((&keys["release"], &keys["variables"][0]["key"]), (&json!(release), &json!("KEY")));
    assert_eq!(api.get(&format!("{VARIABLES}?release=active")).await.ok()["variables"], Value::Array(vec![]));
    api.world.staging().await;
    let elsewhere = api.get("/v1/apps/shop/environments/staging/variables?release=v1").await;
    assert_eq!(elsewhere.refusal(), (409, "wrong_environment".to_owned(), vec!["release".to_owned()]));
    let reveal = format!("{environment}/variables/reveal").replace("production", "staging");
    let refused = api.post(&reveal, &json!({ "release": release })).await.refusal();
    assert_eq!(refused, (409, "wrong_environment".to_owned(), vec!["/release".to_owned()]));
    assert_eq!(api.post(&reveal, &json!({})).await.refusal().1, "release_not_found");
    let active = api.post(&format!("{VARIABLES}/reveal"), &json!({ "release": "active" })).await.ok();
    assert_eq!(active["variables"], json!({}));
}

#[tokio::test]
async fn a_variable_that_no_service_declares_is_told() {
    let api = Api::new().await;
    api.world.build(1, "environment:\n  - KEY=1\nservices:\n  web:\n    port: 3000\n").await;
    let changed = api.send("PATCH", VARIABLES, &[], r#"{"set":{"KEY":"2","KYE":"3"}}"#).await.ok();
    assert_eq!(changed["unused"], json!(["KYE"]));
}
