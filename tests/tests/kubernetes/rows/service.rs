//! Releases of several services, which move together.

use serde_json::{Value, json};
use slipway_tests::product::stage::{Stage, web, with, worker};
use slipway_tests::server::Result;

use super::{Row, row};
use crate::expect::{active, back, ended, says};
use crate::report::Ending;

pub fn rows() -> Vec<Row> {
    vec![
        row!(one_of_three_fails, "one-of-three-services"),
        row!(added_and_removed, "service-added-removed"),
        row!(added_one_fails, "service-added-fails"),
    ]
}

fn single(service: Value) -> Value {
    with(service, json!({ "scale": { "count": 1 } }))
}

/// Only the one without ports fails, after the others were verified.
async fn one_of_three_fails(stage: &Stage<'_>) -> Result<Ending> {
    let services = json!({ "services": { "api": web(), "web": web(), "worker": worker() } });
    let good = stage.first(&services).await?;
    let failing = with(worker(), json!({ "command": "echo no queue; exit 5" }));
    let bad = stage.build("2", &with(services, json!({ "services": { "worker": failing } }))).await?;
    let promotion = stage.ship(&bad).await?;
    says(&promotion, "/service", "worker")?;
    says(&promotion, "/log", "no queue")?;
    says(&promotion, "/exit/code", "5")?;
    back(stage, &good, &[("api", 2), ("web", 2), ("worker", 1)], &promotion, "crash_loop").await
}

async fn added_and_removed(stage: &Stage<'_>) -> Result<Ending> {
    stage.first(&json!({ "services": { "web": web(), "worker": worker() } })).await?;
    let next = stage.build("2", &json!({ "services": { "web": web(), "api": single(web()) } })).await?;
    let promotion = stage.ship(&next).await?;
    let ending = ended(stage, &promotion, "succeeded", "").await?;
    stage.runs(&next, &[("web", 2), ("api", 1)]).await?;
    active(stage, &next).await?;
    Ok(ending)
}

/// The service that the release removes runs on, and the one that it adds leaves nothing behind.
async fn added_one_fails(stage: &Stage<'_>) -> Result<Ending> {
    let good = stage.first(&json!({ "services": { "web": web(), "worker": worker() } })).await?;
    let failing = with(single(web()), json!({ "command": "echo not yet; exit 6" }));
    let bad = stage.build("2", &json!({ "services": { "web": web(), "api": failing } })).await?;
    let promotion = stage.ship(&bad).await?;
    says(&promotion, "/service", "api")?;
    back(stage, &good, &[("web", 2), ("worker", 1)], &promotion, "crash_loop").await
}
