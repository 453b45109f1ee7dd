//! The observation, and what a rollout thinks of it, of statuses that a real cluster reported.
//!
//! `recorded/record.mjs` made the files; each holds what was listed at the interesting moments of one case.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare itself fails")]

#[path = "recorded/anything.rs"]
mod anything;
#[path = "recorded/refused.rs"]
mod refused;
#[path = "recorded/seen.rs"]
mod seen;
#[path = "recorded/verdicts.rs"]
mod verdicts;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use slipway_domain::promotion::{ProcessMemory, ServicePlan};
use slipway_domain::time::Time;
use slipway_kubernetes::read::{Listed, observation};
use slipway_rollout::classify::{Verdict, classify};
use slipway_rollout::observation::{Deployment, Observation, Process};

/// What was listed at one moment of a case.
fn listed(case: &str, moment: &str) -> Listed {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(format!("{case}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut moments: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let seen = moments.remove(moment).unwrap_or_else(|| panic!("{case} has no moment {moment}"));
    let list = |field: &str| seen[field].clone();
    Listed {
        at: seen["at"].as_str().unwrap().parse().unwrap(),
        deployments: serde_json::from_value(list("deployments")).unwrap(),
        replica_sets: serde_json::from_value(list("replicaSets")).unwrap(),
        pods: serde_json::from_value(list("pods")).unwrap(),
        slices: serde_json::from_value(list("slices")).unwrap(),
        events: serde_json::from_value(list("events")).unwrap(),
    }
}

fn observed(case: &str, moment: &str) -> Observation {
    observation(&listed(case, moment))
}

/// The only Deployment of a case.
fn deployment(case: &str, moment: &str) -> Deployment {
    let mut deployments = observed(case, moment).deployments;
    assert_eq!(deployments.len(), 1, "{case} {moment}");
    deployments.remove(0)
}

/// The oldest process of a case.
fn process(case: &str, moment: &str) -> Process {
    deployment(case, moment).processes.into_iter().next().unwrap_or_else(|| panic!("{case} {moment}: no process"))
}

/// Ports, health check 3 s, registration 120 s, bake 5 s.
fn plan() -> ServicePlan {
    ServicePlan {
        name: "web".parse().unwrap(),
        before: Some(1),
        after: Some(1),
        ports: true,
        health_timeout_ms: 3_000,
        registration_ms: 120_000,
        bake_ms: 5_000,
        minimum_percent: 100,
        stopping_ms: 10_000,
    }
}

/// What is thought of the oldest process of a case, so many seconds after it was recorded, when nothing of it changed.
fn verdict(case: &str, moment: &str, later_seconds: u64) -> Verdict {
    let seen = observed(case, moment);
    let at = seen.at.plus(std::time::Duration::from_secs(later_seconds));
    classify(&process(case, moment), &plan(), &ProcessMemory::default(), at)
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}
