//! The pure decision: one look at an environment in the middle of its rollout.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use slipway_domain::id::ReleaseId;
use slipway_domain::promotion::{DeploymentKey, Environment, Epoch, Kind, Phase, Plan, Promotion, ServicePlan, Status};
use slipway_domain::time::Time;
use slipway_rollout::decide::{Mode, decide};
use slipway_rollout::observation::{Deployment, Observation, Process, Readiness, Stage, Visibility};
use slipway_rollout::start::{Start, start};
use slipway_tests::server::{Result, failed};

use crate::numbers::percentile;
use crate::table::Table;

const NOW: Time = Time::from_millis(1_768_000_000_000);
const EPOCH: Epoch = Epoch(1);
const FOR: Duration = Duration::from_secs(1);

pub fn measure() -> Result<String> {
    let about = "One service, half of whose processes are of the new release and verified. Each call is given what the \
                 one before remembered, as the shell does.";
    let mut table = Table::new("`decide`", about, &["processes", "calls", "p50", "p99", "per process (p50)"]);
    for processes in [10, 100, 1000] {
        let mut times = times(processes)?;
        let (half, most) = (percentile(&mut times, 50), percentile(&mut times, 99));
        table.row([
            processes.to_string(),
            times.len().to_string(),
            micros(half),
            micros(most),
            micros(half / u32::try_from(processes).unwrap_or(u32::MAX)),
        ]);
    }
    Ok(table.finish())
}

fn micros(duration: Duration) -> String {
    format!("{:.2} µs", duration.as_secs_f64() * 1_000_000.0)
}

fn times(processes: usize) -> Result<Vec<Duration>> {
    let (mut promotion, seen) = world(processes)?;
    promotion.memory = decide(&promotion, Ok(&seen), Mode::Advance, NOW).memory;
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < FOR {
        let call = Instant::now();
        let decision = decide(black_box(&promotion), Ok(black_box(&seen)), Mode::Advance, NOW);
        times.push(call.elapsed());
        if decision.failure.is_some() {
            return Err(format!("the rollout should go on: {decision:?}"));
        }
        black_box(decision);
    }
    Ok(times)
}

/// A rollout that is half done.
fn world(processes: usize) -> Result<(Promotion, Observation)> {
    let count = u32::try_from(processes).map_err(failed("count the processes"))?;
    let (old, new) = (release("ROLDOLDOLDO")?, release("RNEWNEWNEWN")?);
    let name = "web".parse().map_err(failed("name the service"))?;
    let service = ServicePlan {
        name,
        before: Some(count),
        after: Some(count),
        ports: true,
        health_timeout_ms: 3_000,
        registration_ms: 120_000,
        bake_ms: 5_000,
        minimum_percent: 100,
        stopping_ms: 10_000,
    };
    let key = |release: &ReleaseId| DeploymentKey { service: service.name.clone(), release: release.clone() };
    let deployments = vec![deployment(key(&new), processes / 2), deployment(key(&old), processes - processes / 2)];
    let mut promotion = promotion(&old, &new, service.clone())?;
    promotion.healthy_before = Some(BTreeMap::from([(service.name.clone(), count)]));
    Ok((promotion, Observation { at: NOW, deployments, strangers: Vec::new() }))
}

fn promotion(old: &ReleaseId, new: &ReleaseId, service: ServicePlan) -> Result<Promotion> {
    let began = ago(100);
    let environment = Environment {
        app: "shop".parse().map_err(failed("name the app"))?,
        name: "production".parse().map_err(failed("name the environment"))?,
        cluster: None,
        status: Status::Running,
        active: Some(old.clone()),
        newest: Some(new.clone()),
        promotion: None,
        epoch: Epoch(0),
        formation: BTreeMap::new(),
        cleanup_pending: false,
        created_at: began,
        version: 1,
    };
    let plan = Plan {
        batch: 1,
        strict: false,
        preparing_ms: 60_000,
        total_ms: 600_000,
        restoring_ms: 600_000,
        services: vec![service],
    };
    let id = "PABCDEFGHIJ".parse().map_err(failed("name the promotion"))?;
    let asked = Start { id, kind: Kind::Promote, actor: "ada".to_owned(), reason: None, to: new.clone(), plan };
    let mut promotion = start(&environment, None, asked, began).map_err(failed("start the promotion"))?.promotion;
    promotion.phase = Phase::Rolling;
    promotion.moved = true;
    promotion.rolling_at = Some(began);
    promotion.memory.stamped = EPOCH;
    Ok(promotion)
}

fn ago(seconds: i64) -> Time {
    Time::from_millis(NOW.as_millis() - seconds * 1000)
}

fn release(text: &str) -> Result<ReleaseId> {
    text.parse().map_err(failed("name the release"))
}

fn deployment(key: DeploymentKey, count: usize) -> Deployment {
    let since = ago(60);
    let process = |number: usize| Process {
        name: format!("{key}-{number}"),
        uid: format!("{key}-{number}"),
        genuine: true,
        stopping_since: None,
        stage: Stage::Running { started_at: since },
        readiness: Readiness::Ready { since },
        registered: true,
        restarts: 0,
        init_failures: 0,
        last_exit: None,
        probe_error: None,
    };
    Deployment {
        uid: key.to_string(),
        resource_version: "1".to_owned(),
        generation: 1,
        replicas: u32::try_from(count).unwrap_or(u32::MAX),
        epoch: EPOCH,
        turn: 1,
        intact: true,
        visibility: Visibility::Visible,
        processes: (0..count).map(process).collect(),
        key,
    }
}
