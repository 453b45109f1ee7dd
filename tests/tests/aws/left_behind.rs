//! What workers and streams leave behind, the sweep takes up.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};
use slipway_tests::end_to_end::app::App;
use slipway_tests::end_to_end::aws::sabotage::Execution;
use slipway_tests::end_to_end::aws::standin::Fault;
use slipway_tests::end_to_end::aws::{Aws, STAGE};
use slipway_tests::server::Result;

use crate::{Ground, check};

/// The sweep's minute, the half minute that the stream has for a notice, and what the emulator takes.
const SWEEP_SECONDS: f64 = 110.0;

/// Somebody ends an execution at the console: the sweep starts another one under a new epoch, which goes on.
pub async fn stopped(ground: &Ground) -> Result<()> {
    let app = ground.place.app("stop").await?;
    let first = app.build("1").await?;
    app.ships(&first, "succeeded", None).await?;
    let slow = app.set("newest", &json!({ "BOOT_MS": "2000" })).await?;
    let promotion = app.promote(&slow).await?;
    app.half_way(&promotion, &slow).await?;
    Execution::named(&ground.aws, &format!("{promotion}-1")).await?.stop(&ground.aws).await?;
    let ended = app.ended(&promotion).await?;
    let stopped = Execution::named(&ground.aws, &format!("{promotion}-1")).await?;
    check(stopped.status == "ABORTED", || format!("the first execution is {}", stopped.status))?;
    let second = Execution::named(&ground.aws, &format!("{promotion}-2")).await;
    check(ended["outcome"] == json!("succeeded"), || format!("it ended as {ended}"))?;
    check(second.is_ok_and(|second| second.status == "SUCCEEDED"), || "no second execution took it up".to_owned())?;
    app.runs(&slow, 2).await
}

/// Without the stream and with a start that fails, the sweep starts everything and sends every notice.
pub async fn without_the_stream(ground: &Ground) -> Result<()> {
    let aws = &ground.aws;
    let app = ground.place.app("quiet").await?;
    let first = app.build("1").await?;
    let mapping = mapping(aws).await?;
    switch(aws, &mapping, false).await?;
    let told = without(aws, &app, &first).await;
    let ended = switch(aws, &mapping, true).await;
    told.and(ended)
}

async fn without(aws: &Aws, app: &App<'_>, first: &str) -> Result<()> {
    let lost = Fault {
        service: "states",
        action: "StartExecution",
        who: "function",
        status: 503,
        code: "ServiceUnavailable",
        // As often as the adapter asks.
        times: Some(3),
    };
    aws.standin.faults(&[lost]).await?;
    let begun = Instant::now();
    let promotion = app.promote(first).await?;
    check(Execution::named(aws, &format!("{promotion}-1")).await.is_err(), || "it was started at once".to_owned())?;
    let started = app
        .until("the sweep starts the promotion", async || {
            Ok(Execution::named(aws, &format!("{promotion}-1")).await.is_ok().then_some(()))
        })
        .await;
    let seconds = begun.elapsed().as_secs_f64();
    started?;
    println!("without the stream, started by the sweep after {seconds:.0} s");
    check(seconds < SWEEP_SECONDS, || format!("it was started after {seconds:.0} s"))?;
    app.ends(&promotion, "succeeded", None).await?;
    app.until("every notice leaves", async || Ok((outbox(aws).await? == 0).then_some(()))).await?;
    println!("without the stream, every notice left after {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

async fn mapping(aws: &Aws) -> Result<String> {
    let path = format!("/2015-03-31/event-source-mappings/?FunctionName=slipway-{STAGE}-relay");
    let found = aws.emulator.rest("lambda", Method::GET, &path, &Value::Null).await?;
    let id = found["EventSourceMappings"][0]["UUID"].as_str();
    id.map(str::to_owned).ok_or_else(|| format!("the relay has no mapping: {found}"))
}

async fn switch(aws: &Aws, mapping: &str, on: bool) -> Result<()> {
    let path = format!("/2015-03-31/event-source-mappings/{mapping}");
    let body = json!({ "Enabled": on });
    aws.emulator.rest("lambda", Method::PUT, &path, &body).await?;
    aws.standin.faults(&[]).await
}

/// How many notices wait, of all tenants.
async fn outbox(aws: &Aws) -> Result<usize> {
    let items = aws.table().await?;
    let waits = |item: &&Value| item["pk"]["S"].as_str().is_some_and(|key| key.ends_with("#outbox"));
    Ok(items.iter().filter(waits).count())
}
