//! The step function in trouble: what the state machine does about it, and how the promotion ends.

use serde_json::json;
use slipway_tests::end_to_end::app::App;
use slipway_tests::end_to_end::aws::sabotage::{Execution, Sabotage};
use slipway_tests::server::Result;

use crate::{Ground, check};

/// Longer than a turn of these stories lasts. The emulator notices that a function died when its time is over.
const TIMEOUT_SECONDS: u32 = 20;

pub async fn story(ground: &Ground) -> Result<()> {
    let app = ground.place.app("break").await?;
    let first = app.build("1").await?;
    app.ships(&first, "succeeded", None).await?;
    let sabotage = Sabotage::begin(&ground.aws, TIMEOUT_SECONDS).await?;
    let told = all(ground, &app, &sabotage).await;
    let ended = sabotage.end().await;
    told.and(ended)
}

async fn all(ground: &Ground, app: &App<'_>, sabotage: &Sabotage<'_>) -> Result<()> {
    // The emulator throttles no function: the error is the one that Step Functions makes of a throttled call.
    for (name, plan) in [
        ("fails once", vec!["error Transient"]),
        ("is throttled", vec!["error Lambda.TooManyRequestsException", "error Lambda.TooManyRequestsException"]),
        // After the first write of the turn, which is then taken up by the next.
        ("is killed in the middle", vec!["die 1.5"]),
        ("hangs", vec!["run", "hang"]),
    ] {
        let release = app.set("active", &json!({ "STORY": name })).await?;
        sabotage.plan(&plan)?;
        let promotion = app.promote(&release).await?;
        app.ends(&promotion, "succeeded", None).await.map_err(|error| format!("{name}: {error}"))?;
        let execution = Execution::named(&ground.aws, &format!("{promotion}-1")).await?;
        let retried = execution.failures();
        println!("a step that {name}: {retried} failed calls, {:?}", execution.path());
        check(retried >= 1 && !execution.path().contains(&"Restore"), || format!("{name}: {:?}", execution.path()))?;
        app.runs(&release, 2).await?;
    }
    turned_back(ground, app, sabotage).await?;
    swept(ground, app, sabotage).await
}

/// An error that no retry helps: the machine restores.
async fn turned_back(ground: &Ground, app: &App<'_>, sabotage: &Sabotage<'_>) -> Result<()> {
    let active = app.active().await?;
    let release = app.set("active", &json!({ "STORY": "internal" })).await?;
    sabotage.plan(&["run", "error Internal"])?;
    let promotion = app.promote(&release).await?;
    app.ends(&promotion, "rolled_back", Some("internal")).await?;
    let execution = Execution::named(&ground.aws, &format!("{promotion}-1")).await?;
    println!("a step that breaks: {:?}", execution.path());
    check(execution.path().contains(&"Restore"), || format!("{:?}", execution.path()))?;
    app.runs(&active, 2).await
}

/// An error that stays: the machine gives up, and the sweep starts another one once the function is well again.
async fn swept(ground: &Ground, app: &App<'_>, sabotage: &Sabotage<'_>) -> Result<()> {
    let release = app.set("active", &json!({ "STORY": "always" })).await?;
    sabotage.plan(&["run", "error Internal always"])?;
    let promotion = app.promote(&release).await?;
    app.until("the machine gives up", async || {
        let execution = Execution::named(&ground.aws, &format!("{promotion}-1")).await;
        Ok(execution.is_ok_and(|execution| execution.status == "FAILED").then_some(()))
    })
    .await?;
    check(app.promotion(&promotion).await?["outcome"].is_null(), || "it ended without anybody".to_owned())?;
    sabotage.plan(&[])?;
    let ended = app.ended(&promotion).await?;
    let execution = Execution::named(&ground.aws, &format!("{promotion}-2")).await?;
    println!("after a machine that gave up: {}, {:?}", ended["outcome"], execution.path());
    check(ended["outcome"] == json!("succeeded"), || format!("it ended as {ended}"))?;
    app.runs(&release, 2).await
}
