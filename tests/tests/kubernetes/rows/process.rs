//! Processes that do not do what their release needs of them.

use serde_json::{Value, json};
use slipway_tests::product::stage::{Stage, only, web, with};
use slipway_tests::server::Result;

use super::{Row, row};
use crate::expect::{back, says};
use crate::report::Ending;

pub fn rows() -> Vec<Row> {
    vec![
        row!(flapping, "flapping"),
        row!(never_ready, "never-ready"),
        row!(never_listening, "never-listening"),
        row!(deadline, "deadline"),
        row!(crash_loop, "crash-loop"),
        row!(crash_loop_in_batches, "crash-loop-batch"),
        row!(out_of_memory, "out-of-memory"),
        row!(exit_0, "exit-0"),
        row!(wrong_command, "wrong-command"),
        row!(wrong_entrypoint, "wrong-entrypoint"),
        row!(init_failing, "init-failing"),
    ]
}

/// A bad release that differs in its variables alone.
async fn by_variables(stage: &Stage<'_>, service: Value, variables: Value, cause: &str) -> Result<(Value, Ending)> {
    let good = stage.first(&only(service)).await?;
    let bad = stage.set(&variables).await?;
    let promotion = stage.ship(&bad).await?;
    let ending = back(stage, &good, &[("web", 2)], &promotion, cause).await?;
    Ok((promotion, ending))
}

/// A bad release of another build, with these settings of its service.
async fn by_build(stage: &Stage<'_>, tag: &str, settings: Value, cause: &str) -> Result<(Value, Ending)> {
    let good = stage.first(&only(web())).await?;
    let bad = stage.build(tag, &only(with(web(), settings))).await?;
    let promotion = stage.ship(&bad).await?;
    let ending = back(stage, &good, &[("web", 2)], &promotion, cause).await?;
    Ok((promotion, ending))
}

async fn crash_loop(stage: &Stage<'_>) -> Result<Ending> {
    let variables = json!({ "CRASH_AFTER_MS": "100", "EXIT_CODE": "3" });
    let (promotion, ending) = by_variables(stage, web(), variables, "crash_loop").await?;
    says(&promotion, "/exit/code", "3")?;
    says(&promotion, "/log", "crashes with 3")?;
    Ok(ending)
}

/// The first doomed one is enough, however many are in flight.
async fn crash_loop_in_batches(stage: &Stage<'_>) -> Result<Ending> {
    let service = with(web(), json!({ "scale": { "count": 3 }, "deployment": { "batch": 3 } }));
    let good = stage.first(&only(service)).await?;
    let bad = stage.set(&json!({ "CRASH_AFTER_MS": "100", "EXIT_CODE": "4" })).await?;
    let promotion = stage.ship(&bad).await?;
    says(&promotion, "/exit/code", "4")?;
    back(stage, &good, &[("web", 3)], &promotion, "crash_loop").await
}

async fn out_of_memory(stage: &Stage<'_>) -> Result<Ending> {
    let service = with(web(), json!({ "scale": { "limit": { "memory": 48 } } }));
    let (promotion, ending) = by_variables(stage, service, json!({ "ALLOCATE_MB": "200" }), "out_of_memory").await?;
    says(&promotion, "/exit/reason", "OOMKilled")?;
    says(&promotion, "/exit/signal", "9")?;
    Ok(ending)
}

async fn exit_0(stage: &Stage<'_>) -> Result<Ending> {
    // Time stamps are whole seconds: of a bake of 1 s nothing may be left on a busy node.
    let service = with(web(), json!({ "health": { "bake": 3 } }));
    let variables = json!({ "CRASH_AFTER_MS": "300", "EXIT_CODE": "0" });
    let (promotion, ending) = by_variables(stage, service, variables, "exited").await?;
    says(&promotion, "/exit/code", "0")?;
    says(&promotion, "/log", "crashes with 0")?;
    Ok(ending)
}

async fn never_ready(stage: &Stage<'_>) -> Result<Ending> {
    let service = with(web(), json!({ "health": { "timeout": 4 } }));
    let (promotion, ending) = by_variables(stage, service, json!({ "HEALTH": "fail" }), "health_timeout").await?;
    says(&promotion, "/message", "statuscode: 503")?;
    says(&promotion, "/log", "listens on port 8080")?;
    says(&promotion, "/events", "Unhealthy")?;
    Ok(ending)
}

/// Checked by a connection alone.
async fn never_listening(stage: &Stage<'_>) -> Result<Ending> {
    let service = with(web(), json!({ "health": { "path": null, "timeout": 4 } }));
    let (promotion, ending) = by_variables(stage, service, json!({ "BOOT_MS": "120000" }), "health_timeout").await?;
    says(&promotion, "/message", "connection refused")?;
    Ok(ending)
}

/// Ready for two seconds and not for two, in turns: never long enough.
async fn flapping(stage: &Stage<'_>) -> Result<Ending> {
    let service = with(web(), json!({ "health": { "bake": 5 }, "scale": { "count": 1 } }));
    let good = stage.first(&only(service)).await?;
    let bad = stage.set(&json!({ "HEALTH": "flap:2500" })).await?;
    let promotion = stage.ship(&bad).await?;
    says(&promotion, "/process", "web-")?;
    back(stage, &good, &[("web", 1)], &promotion, "flapping").await
}

/// Slow, but allowed to be: only the rollout as a whole is out of time.
async fn deadline(stage: &Stage<'_>) -> Result<Ending> {
    let service = with(web(), json!({ "health": { "timeout": 60 }, "deployment": { "deadline": 25 } }));
    let (_, ending) = by_variables(stage, service, json!({ "BOOT_MS": "120000" }), "deadline").await?;
    Ok(ending)
}

async fn wrong_command(stage: &Stage<'_>) -> Result<Ending> {
    let (promotion, ending) = by_build(stage, "2", json!({ "command": ["/no/such/program"] }), "start_error").await?;
    says(&promotion, "/message", "no such file or directory")?;
    says(&promotion, "/exit/code", "128")?;
    Ok(ending)
}

async fn wrong_entrypoint(stage: &Stage<'_>) -> Result<Ending> {
    let (_, ending) = by_build(stage, "wrong-entrypoint", json!({}), "start_error").await?;
    Ok(ending)
}

async fn init_failing(stage: &Stage<'_>) -> Result<Ending> {
    let settings = json!({ "initContainer": { "command": "echo cannot migrate; exit 7" } });
    let (promotion, ending) = by_build(stage, "2", settings, "init_failed").await?;
    says(&promotion, "/log", "cannot migrate")?;
    Ok(ending)
}
