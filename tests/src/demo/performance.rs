//! The frame of every demo: the story, then the end of all that was started, then the figures.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use super::ground::Ground;
use super::stage::Stage;
use super::{Told, say};
use crate::load::tally::Counts;

const ENOUGH_REQUESTS: u64 = 10_000;
const ENOUGH_A_SECOND: f64 = 200.0;

/// Ends the program with 1 when something was not as it was told.
pub fn applause(told: Told) -> ExitCode {
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say::broken(&problem);
            ExitCode::FAILURE
        }
    }
}

/// Tells the story, and leaves nothing behind, whether it comes to its end or not.
pub async fn perform<G: Ground>(mut stage: Stage<G>, tell: impl AsyncFnOnce(&mut Stage<G>) -> Told) -> Told {
    let begun = Instant::now();
    let told = tokio::select! {
        told = tell(&mut stage) => told,
        told = interrupted() => told,
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

/// The programs lie where this one does.
pub fn programs() -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|error| format!("could not find the programs: {error}"))?;
    let folder = here.parent().ok_or("could not find the programs")?.to_owned();
    for name in ["slipway", "slipway-local"] {
        if !folder.join(name).exists() {
            return Err(format!(
                "{} is missing: build the workspace first, as `make` does",
                folder.join(name).display()
            ));
        }
    }
    Ok(folder)
}

/// Returns when somebody wants the story to end.
async fn interrupted() -> Told {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| format!("could not wait for signals: {error}"))?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    Err("interrupted".to_owned())
}

async fn end<G: Ground>(stage: &mut Stage<G>) -> Told {
    say::step("The end: everything that was started is stopped");
    let ended = stage.server.end_everything(&stage.shell).await;
    let cleared = stage.ground.clear(&stage.shell).await;
    ended.and(cleared)
}

fn summary(counts: &Counts, took: Duration) -> Told {
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
        return Err(format!(
            "too little traffic to show anything: at least {ENOUGH_REQUESTS} at {ENOUGH_A_SECOND} a second"
        ));
    }
    say::holds("every outcome was the expected one, and no request was lost");
    Ok(())
}

/// Milliseconds with one digit behind the point.
fn millis(latency: Duration) -> String {
    format!("{:.1}", latency.as_secs_f64() * 1000.0)
}
