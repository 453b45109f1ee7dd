//! What a promotion costs: the transitions of its execution, counted from the history.

use serde_json::json;
use slipway_tests::end_to_end::aws::sabotage::Execution;
use slipway_tests::server::Result;

use crate::{Ground, check};

/// Processes that the manifest starts.
const COUNT: usize = 2;

pub async fn story(ground: &Ground) -> Result<()> {
    let app = ground.place.app("count").await?;
    let first = app.build("1").await?;
    app.ships(&first, "succeeded", None).await?;
    let second = app.set("newest", &json!({ "GREETING": "hello" })).await?;
    let promotion = app.ships(&second, "succeeded", None).await?;
    let id = promotion["id"].as_str().unwrap_or_default();
    let execution = Execution::named(&ground.aws, &format!("{id}-1")).await?;
    let path = execution.path();
    println!("a promotion of {COUNT} processes: {} transitions, {path:?}", path.len());
    check(execution.status == "SUCCEEDED" && path.last() == Some(&"Succeeded"), || format!("it ended by {path:?}"))?;
    // Each process is verified well within a window, so that windows do not count.
    let most = 2 * COUNT + 6;
    check(path.len() <= most, || format!("{} transitions instead of at most {most}", path.len()))?;
    let bad = app.set("active", &json!({ "HEALTH": "fail" })).await?;
    let back = app.ships(&bad, "rolled_back", Some("health_timeout")).await?;
    let id = back["id"].as_str().unwrap_or_default();
    let execution = Execution::named(&ground.aws, &format!("{id}-1")).await?;
    let path = execution.path();
    println!("one that turns back: {} transitions, {path:?}", path.len());
    check(execution.status == "SUCCEEDED" && path.last() == Some(&"RolledBack"), || format!("it ended by {path:?}"))
}
