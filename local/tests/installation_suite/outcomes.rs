//! The outcomes and causes that real processes bring about.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::installation::{Installation, id};
use crate::traffic::Traffic;

/// Outcome and cause; empty where there is none.
fn brief(promotion: &Value) -> (&str, &str) {
    (promotion["outcome"].as_str().unwrap_or(""), promotion["failure"]["cause"].as_str().unwrap_or(""))
}

const ENVIRONMENT: &str = "/apps/shop/environments/production";

#[tokio::test]
async fn releases_are_promoted_and_bad_ones_put_the_old_one_back_without_a_lost_request() {
    let mut slipway = Installation::start().await;
    let first = slipway.app_with_release().await;
    assert_eq!(slipway.commands().len(), 0, "a build ships nothing");
    let promotion = slipway.promote(&first).await;
    let promotion = slipway.ended(&promotion).await;
    assert_eq!(brief(&promotion), ("succeeded", ""), "{promotion:#}");
    assert_eq!(slipway.commands().len(), 3);
    let traffic = Traffic::to(slipway.address().await);

    for (fault, cause) in [("crash", "crash_loop"), ("deaf", "health_timeout"), ("sick", "health_timeout")] {
        let release = slipway.set(json!({ "FAULT": fault })).await;
        let promotion = slipway.promote(&release).await;
        let promotion = slipway.ended(&promotion).await;
        assert_eq!(brief(&promotion), ("rolled_back", cause), "{fault}: {promotion:#}");
        if fault == "crash" {
            assert_eq!(promotion["failure"]["exit"]["code"], 3, "{promotion:#}");
            let log = promotion["failure"]["log"].to_string();
            assert!(log.contains("cannot reach the database"), "{log}");
        }
        let environment = slipway.environment().await;
        assert_eq!((&environment["active"], &environment["status"]), (&json!(first), &json!("running")));
    }

    let good = slipway.set(json!({ "FAULT": "none", "GREETING": "hello" })).await;
    let run = slipway.post(&format!("{ENVIRONMENT}/runs"), run_of(&good)).await;
    let run = finished(&mut slipway, &id(&run)).await;
    assert_eq!(run["exit"]["code"], 0, "{run:#}");
    assert_eq!(slipway.environment().await["active"], json!(first), "a run ships nothing");
    let promotion = slipway.promote(&good).await;
    assert_eq!(brief(&slipway.ended(&promotion).await), ("succeeded", ""));
    let again = slipway.promote(&good).await;
    assert_eq!(brief(&slipway.ended(&again).await), ("noop", ""));

    let scaled = slipway.post(&format!("{ENVIRONMENT}/scale"), json!({ "services": { "web": 3 } })).await;
    assert_eq!(brief(&slipway.ended(&id(&scaled)).await), ("succeeded", ""));
    slipway.runs_commands(4).await;
    let restarted = slipway.post(&format!("{ENVIRONMENT}/restarts"), json!({})).await;
    assert_eq!(brief(&slipway.ended(&id(&restarted)).await), ("succeeded", ""));
    let back = slipway.post(&format!("{ENVIRONMENT}/rollbacks"), json!({ "release": first, "reason": "a test" })).await;
    assert_eq!(brief(&slipway.ended(&id(&back)).await), ("succeeded", ""));
    // A roll-back never changes the formation.
    slipway.runs_commands(4).await;

    let tally = traffic.stop().await;
    assert_eq!(tally.lost, Vec::<String>::new());
    assert!(tally.answered > 1000, "{tally:?}");
}

fn run_of(release: &str) -> Value {
    json!({ "service": "web", "command": ["sh", "migrate.sh"], "release": release })
}

async fn finished(slipway: &mut Installation, run: &str) -> Value {
    for _ in 0..400 {
        let found = slipway.get(&format!("{ENVIRONMENT}/runs/{run}")).await;
        if found["ended_at"].is_string() {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the run does not end");
}

#[tokio::test]
async fn a_running_promotion_is_cancelled_superseded_or_in_the_way() {
    let mut slipway = Installation::start().await;
    let first = slipway.app_with_release().await;
    let promotion = slipway.promote(&first).await;
    slipway.ended(&promotion).await;

    let second = slipway.set(json!({ "GREETING": "two" })).await;
    let running = slipway.promote(&second).await;
    let body = Some(json!({ "release": first }));
    let path = format!("{ENVIRONMENT}/promotions");
    let (status, refused) = slipway.call(Method::POST, &path, body).await;
    assert_eq!((status, refused["code"].as_str()), (StatusCode::CONFLICT, Some("environment_busy")), "{refused}");
    assert_eq!(refused["promotion"], json!(running));
    slipway.post(&format!("{path}/{running}/cancel"), json!({})).await;
    assert_eq!(brief(&slipway.ended(&running).await), ("cancelled", "cancelled"));
    assert_eq!(slipway.environment().await["active"], json!(first));

    let running = slipway.promote(&second).await;
    let third = slipway.set(json!({ "GREETING": "three" })).await;
    let body = json!({ "release": third, "on_conflict": "supersede" });
    let successor = id(&slipway.post(&path, body).await);
    assert_eq!(slipway.ended(&running).await["outcome"], json!("superseded"));
    assert_eq!(brief(&slipway.ended(&successor).await), ("succeeded", ""));
    assert_eq!(slipway.commands().len(), 3);
    let releases: Vec<Value> = slipway.processes().await.iter().map(|process| process["release"].clone()).collect();
    assert!(releases.iter().all(|release| release == &json!(third)), "{releases:?}");
}
