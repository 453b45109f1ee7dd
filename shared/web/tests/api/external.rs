//! External builds over HTTP: the place to push to, the completion by digest, and what is refused.

use serde_json::{Value, json};
use slipway_domain::secret::Secret;
use slipway_domain::time::Time;
use slipway_service::builds::intake::Login;

use crate::Api;
use crate::world::WEB;

const BUILDS: &str = "/v1/apps/shop/builds";

fn manifest(text: &str) -> Value {
    json!({ "file": "slipway.yml", "text": text })
}

#[tokio::test]
async fn the_answer_says_where_to_push_and_how_to_log_in() {
    let api = Api::new().await;
    let tenant = api.world.owner.tenant().as_str().to_lowercase();
    let place = |login: &str| {
        json!({
            "registry": "registry.example.com", "repository": format!("registry.example.com/{tenant}/shop"),
            "login": login, "username": null, "password": null, "expires_at": null
        })
    };
    let temporary = Login::Temporary {
        username: "AWS".to_owned(),
        password: Secret::from("for-this-answer"),
        expires_at: Time::from_millis(1_800_000_000_000),
    };
    let mut with_login = place("temporary");
    with_login["username"] = json!("AWS");
    with_login["password"] = json!("for-this-answer");
    with_login["expires_at"] = json!("2027-01-15T08:00:00Z");
    for (login, expected) in [(Login::Open, place("none")), (Login::Own, place("own")), (temporary, with_login)] {
        *api.world.repositories.0.lock().unwrap() = Ok(login);
        let answer = api.post(BUILDS, &json!({ "source": "external" })).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let build = answer.ok();
        assert_eq!((&build["push"], &build["upload"], &build["status"]), (&expected, &Value::Null, &json!("created")));
        let read = api.get(&format!("{BUILDS}/{}", build["id"].as_str().unwrap())).await.ok();
        assert!(read.get("push").is_none(), "a login is told once: {read}");
    }
    let existing = api.post(BUILDS, &json!({})).await.ok();
    assert_eq!(existing["push"], Value::Null);
}

#[tokio::test]
async fn a_pushed_image_completes_the_build_once() {
    let api = Api::new().await;
    let id = api.post(BUILDS, &json!({ "source": "external" })).await.ok()["id"].as_str().unwrap().to_owned();
    let complete = format!("{BUILDS}/{id}/complete");
    let digest = format!("sha256:{}", "01".repeat(32));
    let body = json!({ "image": digest, "manifest": manifest(WEB) });
    let absent = api.post(&complete, &body).await;
    assert_eq!(absent.refusal(), (422, "image_missing".to_owned(), vec!["/image".to_owned()]));
    assert!(absent.text.contains("push it to registry.example.com/"), "{}", absent.text);

    assert_eq!(api.world.image(1).as_str(), digest);
    let bad = json!({ "image": digest, "manifest": manifest("services:\n  web:\n    scale: many\n") });
    let refused = api.post(&complete, &bad).await;
    assert_eq!(refused.refusal(), (422, "invalid_manifest".to_owned(), vec!["/manifest".to_owned()]));
    let problem = refused.json();
    assert_eq!((&problem["line"], &problem["column"]), (&json!("3"), &json!("12")));

    let done = api.post(&complete, &body).await.ok();
    assert_eq!((&done["status"], &done["image"]), (&json!("complete"), &json!(digest)));
    assert_eq!(api.post(&complete, &body).await.ok(), done);
    let other = json!({ "image": api.world.image(2).as_str(), "manifest": manifest(WEB) });
    let late = api.post(&complete, &other).await;
    assert_eq!(late.refusal(), (409, "build_ended".to_owned(), vec![]));
    assert_eq!(late.json()["image"], json!(digest));
}

#[tokio::test]
async fn a_source_is_an_archive_or_the_word_for_none() {
    let api = Api::new().await;
    for (source, pointer, message) in [
        (json!("elsewhere"), "/source", "has a value that is not known here, expected external"),
        (json!(7), "/source", "must be an object or external"),
        (json!(["external"]), "/source", "must be an object or external"),
        (json!({ "size_bytes": 1 }), "/source/sha256", "is required"),
        (json!({ "size_bytes": -1 }), "/source/size_bytes", "must be a whole number, 0 or more"),
        (json!({ "url": "x" }), "/source/url", "is not known here, expected size_bytes or sha256"),
    ] {
        let answer = api.post(BUILDS, &json!({ "source": source })).await;
        assert_eq!(answer.refusal(), (400, "invalid_body".to_owned(), vec![pointer.to_owned()]), "{source}");
        assert_eq!(answer.json()["fields"][0]["message"], message, "{source}");
    }
}
