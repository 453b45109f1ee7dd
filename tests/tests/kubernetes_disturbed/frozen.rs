//! The API server stands still: it keeps its connections open and says nothing.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use slipway_tests::product::owner::until;
use slipway_tests::product::stage::{Stage, only, web, with};
use slipway_tests::server::Result;

use crate::alone;

/// Longer than a node may be silent before the cluster gives its pods up.
const LONG: Duration = Duration::from_secs(60);

fn manifest(settings: Value) -> Value {
    let own = json!({ "scale": { "count": 3 }, "health": { "bake": 2 } });
    only(with(with(web(), own), settings))
}

/// A promotion of which a process of the new release is there already. Returns it and the release.
async fn halfway(stage: &Stage<'_>) -> Result<(String, String)> {
    let next = stage.set(&json!({ "BOOT_MS": "1000" })).await?;
    let promotion = stage.promote(&next).await?;
    stage.appears(&next).await?;
    Ok((promotion, next))
}

async fn record(stage: &Stage<'_>, promotion: &str) -> Result<Value> {
    stage.product.client.get(&format!("{}/promotions/{promotion}", stage.environment())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_of_silence_makes_nobody_unhealthy_and_the_rollout_goes_on() {
    let (_alone, product) = alone().await;
    let stage = Stage::new(&product, "frozen").await.unwrap();
    stage.first(&manifest(json!({}))).await.unwrap();
    let (promotion, next) = halfway(&stage).await.unwrap();
    {
        let _frozen = product.owner.freeze("kube-apiserver").await.unwrap();
        tokio::time::sleep(LONG).await;
        let meanwhile = record(&stage, &promotion).await.unwrap();
        assert_eq!((&meanwhile["phase"], &meanwhile["failure"]), (&json!("rolling"), &Value::Null), "{meanwhile:#}");
    }
    let ended = stage.ended(&promotion).await.unwrap();
    let story = stage.story(&promotion).await.unwrap();
    assert_eq!((&ended["outcome"], &ended["failure"]), (&json!("succeeded"), &Value::Null), "{ended:#}\n{story}");
    stage.runs(&next, &[("web", 3)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_beyond_the_deadline_turns_back_once_it_is_over() {
    let (_alone, product) = alone().await;
    let stage = Stage::new(&product, "frozen-late").await.unwrap();
    let good = stage.first(&manifest(json!({ "deployment": { "deadline": 30 } }))).await.unwrap();
    let (promotion, _) = halfway(&stage).await.unwrap();
    {
        let _frozen = product.owner.freeze("kube-apiserver").await.unwrap();
        let restoring = until("the deadline passes", async || {
            let found = record(&stage, &promotion).await?;
            Ok((found["phase"] == json!("restoring")).then_some(found))
        });
        let found = restoring.await.unwrap();
        assert_eq!(found["failure"]["cause"], json!("deadline"), "{found:#}");
    }
    let ended = stage.ended(&promotion).await.unwrap();
    let story = stage.story(&promotion).await.unwrap();
    assert_eq!(ended["outcome"], json!("rolled_back"), "{ended:#}\n{story}");
    stage.runs(&good, &[("web", 3)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_silent_from_the_start_is_named_and_nothing_begins() {
    let (_alone, product) = alone().await;
    let stage = Stage::new(&product, "frozen-early").await.unwrap();
    let good = stage.first(&manifest(json!({}))).await.unwrap();
    let next = stage.set(&json!({ "A": "1" })).await.unwrap();
    {
        let _frozen = product.owner.freeze("kube-apiserver").await.unwrap();
        let path = format!("{}/promotions", stage.environment());
        let refused = product.client.send(Method::POST, &path, Some(&json!({ "release": next })), None).await.unwrap();
        assert_eq!((refused.status, refused.code().as_str()), (503, "cluster_unreachable"), "{}", refused.body);
        assert!(refused.header("retry-after").is_some(), "{}", refused.headers);
    }
    stage.runs(&good, &[("web", 3)]).await.unwrap();
    let environment = product.client.get(&stage.environment()).await.unwrap();
    assert_eq!((&environment["status"], &environment["active"]), (&json!("running"), &json!(good)));
    let promoted = stage.ship(&next).await.unwrap();
    assert_eq!(promoted["outcome"], json!("succeeded"), "{promoted:#}");
}
