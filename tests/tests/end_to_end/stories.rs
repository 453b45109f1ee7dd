//! The stories. Each goes by the API alone.

use reqwest::Method;
use serde_json::json;
use slipway_tests::end_to_end::place::Place;
use slipway_tests::server::Result;

/// How many processes the manifest starts.
const COUNT: usize = 2;

/// Build, variables, promotion; a bad release comes back by itself; a good one is rolled back by hand; a restart, a scale.
pub async fn good_and_bad_releases(place: &Place) -> Result<()> {
    let app = place.app("story").await?;
    let first = app.build("1").await?;
    app.ships(&first, "succeeded", None).await?;
    app.runs(&first, COUNT).await?;

    // What is there already is not moved again.
    app.ships(&first, "noop", None).await?;

    let second = app.set("newest", &json!({ "GREETING": "hello" })).await?;
    let promotion = app.ships(&second, "succeeded", None).await?;
    let events = app.events(&text(&promotion["id"])).await?;
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["number"].as_u64()).collect();
    let expected: Vec<u64> = (1..=u64::try_from(events.len()).unwrap_or(0)).collect();
    check(numbers == expected, || format!("events are numbered {numbers:?}"))?;
    let last: Vec<&serde_json::Value> = events.iter().filter(|event| event["outcome"].is_string()).collect();
    check(last.len() == 1 && last[0]["outcome"] == json!("succeeded"), || format!("outcomes: {last:?}"))?;

    let bad = app.set("active", &json!({ "HEALTH": "fail" })).await?;
    app.ships(&bad, "rolled_back", Some("health_timeout")).await?;
    app.runs(&second, COUNT).await?;

    let back = app.start("rollbacks", &json!({ "release": first })).await?;
    let ended = app.ends(&back, "succeeded", None).await?;
    let copy = text(&ended["to"]);
    check(copy != first, || "a roll-back promotes a copy".to_owned())?;
    app.runs(&copy, COUNT).await?;

    let scaled = app.start("scale", &json!({ "services": { "web": 1 } })).await?;
    app.ends(&scaled, "succeeded", None).await?;
    app.runs(&copy, 1).await
}

/// Cancelled in the middle, the old release comes back.
pub async fn cancelled(place: &Place) -> Result<()> {
    let app = place.app("cancel").await?;
    let first = app.build("1").await?;
    app.ships(&first, "succeeded", None).await?;
    let slow = app.set("newest", &json!({ "BOOT_MS": "1000" })).await?;
    let promotion = app.promote(&slow).await?;
    app.half_way(&promotion, &slow).await?;
    app.client.post(&format!("{}/promotions/{promotion}/cancel", app.environment()), &json!({})).await?;
    app.ends(&promotion, "cancelled", Some("cancelled")).await?;
    app.runs(&first, COUNT).await
}

/// In the middle of one promotion another one is asked for: refused unless it says so, and then it takes over.
pub async fn superseded(place: &Place) -> Result<()> {
    let app = place.app("again").await?;
    let first = app.build("1").await?;
    app.ships(&first, "succeeded", None).await?;
    let slow = app.set("newest", &json!({ "BOOT_MS": "1500" })).await?;
    let third = app.set("active", &json!({ "GREETING": "third" })).await?;
    let promotion = app.promote(&slow).await?;
    app.half_way(&promotion, &slow).await?;
    let path = format!("{}/promotions", app.environment());
    let refused = app.client.send(Method::POST, &path, Some(&json!({ "release": third })), None).await?;
    check(refused.status == 409, || format!("a second promotion was answered with {}", refused.status))?;
    let over = app.start("promotions", &json!({ "release": third, "on_conflict": "supersede" })).await?;
    app.ends(&promotion, "superseded", None).await?;
    app.ends(&over, "succeeded", None).await?;
    app.runs(&third, COUNT).await
}

/// Bad input names the field and changes nothing; what is not there is not found; one key is one request.
pub async fn bad_requests(place: &Place) -> Result<()> {
    let app = place.app("bad").await?;
    let path = format!("{}/promotions", app.environment());
    let ask =
        async |body: serde_json::Value, key: Option<&str>| app.client.send(Method::POST, &path, Some(&body), key).await;
    let cases = [
        (json!({}), 400, "invalid_body"),
        (json!({ "release": "nonsense!" }), 422, "invalid_value"),
        (json!({ "release": "RAAAAAAAAAA" }), 404, "release_not_found"),
    ];
    for (body, status, code) in cases {
        let answer = ask(body.clone(), None).await?;
        let found = (answer.status, answer.code());
        check(found == (status, code.to_owned()), || format!("{body} was answered with {found:?}: {}", answer.body))?;
        check(answer.json()["request_id"].is_string(), || format!("{body}: no request id"))?;
    }
    let release = app.build("1").await?;
    let first = ask(json!({ "release": release }), Some("one-key")).await?;
    let again = ask(json!({ "release": release }), Some("one-key")).await?;
    check(first.json()["id"] == again.json()["id"], || "one key made two promotions".to_owned())?;
    check(again.header("idempotency-replayed") == Some("true"), || "a replay does not say so".to_owned())?;
    let other = ask(json!({ "release": release, "reason": "another" }), Some("one-key")).await?;
    check(other.status == 422, || format!("the same key with another body was answered with {}", other.status))?;
    app.ends(&text(&first.json()["id"]), "succeeded", None).await.map(drop)
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn check(holds: bool, problem: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(problem()) }
}
