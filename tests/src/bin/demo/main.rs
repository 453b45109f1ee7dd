//! `make demo`: everything that Slipway promises, on this machine, under traffic, told as it happens.
//!
//! ```text
//! story ──► shell ──► slipway (the real commands) ──► server ──► router, processes
//!   │                                                              ▲
//!   ├──► stage: compares what the API and the machine say          │
//!   └──► traffic: requests without a pause, each answer checked ───┘
//! ```
//!
//! It exits with 1 when an outcome was not the expected one, a request was lost, or anything is left running. It never
//! touches a server that it has not started itself.

mod api;
mod machine;
mod say;
mod server;
mod shell;
mod source;
mod stage;
mod story;
mod traffic;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use slipway_tests::load::tally::Counts;

use crate::stage::Stage;

const APP: &str = "shop";
const ENVIRONMENT: &str = "production";
const ENOUGH_REQUESTS: u64 = 10_000;
const ENOUGH_A_SECOND: f64 = 200.0;
/// For processes that were told to end.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    match perform().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say::broken(&problem);
            ExitCode::FAILURE
        }
    }
}

/// Sets the stage, tells the story, and leaves nothing behind.
async fn perform() -> Result<(), String> {
    let begun = Instant::now();
    let folder = tempfile::Builder::new().prefix("slipway-demo-").tempdir();
    let folder = folder.map_err(|error| format!("could not make a temporary folder: {error}"))?;
    let mut stage = Stage::set(folder.path(), &programs()?)?;
    let told = tokio::select! {
        told = story::tell(&mut stage) => told,
        _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
    };
    let counts = match stage.traffic.take() {
        Some(traffic) => Some(traffic.stop().await),
        None => None,
    };
    let ended = end(&mut stage).await;
    if told.is_err() || ended.is_err() {
        say::text("The end of the server's log:");
        stage.server.log_tail().iter().for_each(|line| say::output(line));
    }
    if let (Err(_), Err(problem)) = (&told, &ended) {
        say::broken(problem);
    }
    told.and(ended)?;
    summary(&counts.unwrap_or_default(), begun.elapsed())
}

/// Stops all that was started, and looks whether anything is left.
async fn end(stage: &mut Stage) -> Result<(), String> {
    say::step("The end: everything that was started is stopped");
    let ended = stage.server.end_everything(&stage.shell).await;
    let left = machine::left_after(&stage.folder, LEAVE_LIMIT).await;
    ended?;
    if left.is_empty() {
        say::holds("no process is left");
        return Ok(());
    }
    Err(format!("still running: {}", left.join("; ")))
}

fn summary(counts: &Counts, took: Duration) -> Result<(), String> {
    say::title("\nSummary");
    say::text(format!("requests sent      {}", counts.sent()));
    say::text(format!("requests failed    {}", counts.failed));
    say::text(format!("requests a second  {:.0}", counts.rate()));
    let (half, most) = (counts.percentile(50), counts.percentile(99));
    say::text(format!("latency            p50 {} ms, p99 {} ms", millis(half), millis(most)));
    say::text(format!("connections        {}", counts.connections));
    let answers = counts.releases.iter().map(|(release, answers)| format!("{release} {answers}"));
    say::text(format!("answered by        {}", answers.collect::<Vec<_>>().join(", ")));
    counts.failures.iter().for_each(say::broken);
    say::text(format!("the story took     {} s", took.as_secs()));
    if counts.failed > 0 {
        return Err(format!("{} requests were lost", counts.failed));
    }
    if counts.sent() < ENOUGH_REQUESTS || counts.rate() < ENOUGH_A_SECOND {
        return Err(format!("too little traffic to show anything: at least {ENOUGH_REQUESTS} at 200 a second"));
    }
    say::holds("every outcome was the expected one, and no request was lost");
    Ok(())
}

/// Milliseconds with one digit behind the point.
fn millis(latency: Duration) -> String {
    format!("{:.1}", latency.as_secs_f64() * 1000.0)
}

/// The programs lie where this one does.
fn programs() -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|error| format!("could not find the programs: {error}"))?;
    let folder = here.parent().ok_or("could not find the programs")?.to_owned();
    for name in ["slipway", "slipway-local"] {
        if !folder.join(name).exists() {
            return Err(format!(
                "{} is missing: build the workspace first, as `make demo` does",
                folder.join(name).display()
            ));
        }
    }
    Ok(folder)
}
