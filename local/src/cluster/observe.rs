//! One consistent look at a namespace.

use std::io;

use slipway_domain::time::Time;
use slipway_rollout::observation::{Deployment, Observation, Process as Seen, Readiness, Refusal, Stage, Visibility};

use super::core::{Core, Refused, Shared};
use super::reconcile::Fact;
use super::state::{Process, Row};
use crate::supervisor::spec::{self, Status};

/// Looks, under the lock under which everything is changed.
pub fn observe(shared: &Shared, core: &Core, namespace: &str, now: Time) -> io::Result<Observation> {
    let rows = core.state.rows.iter().filter(|row| row.namespace == namespace);
    let deployments = rows.map(|row| deployment(shared, core, row)).collect::<io::Result<_>>()?;
    Ok(Observation { at: now, deployments, strangers: Vec::new() })
}

fn deployment(shared: &Shared, core: &Core, row: &Row) -> io::Result<Deployment> {
    let mut processes = Vec::new();
    for process in core.state.processes.iter().filter(|process| process.row == row.uid) {
        let fact = core.fact(&shared.place, process)?;
        processes.push(seen(process, &fact, core.held.get(&process.uid), row));
    }
    Ok(Deployment {
        key: row.key.clone(),
        uid: row.uid.clone(),
        resource_version: row.version.to_string(),
        generation: row.version,
        replicas: row.replicas,
        epoch: row.epoch,
        turn: row.turn,
        intact: !core.altered.contains(&row.uid),
        visibility: visibility(core, row, &processes),
        processes,
    })
}

fn visibility(core: &Core, row: &Row, processes: &[Seen]) -> Visibility {
    let live = processes.iter().filter(|process| process.is_live()).count();
    if core.seen.get(&row.uid) != Some(&row.version) {
        return Visibility::Pending;
    }
    match core.refused.get(&row.uid) {
        _ if u32::try_from(live) == Ok(row.replicas) => Visibility::Visible,
        Some(Refused::Quota(text)) => Visibility::Refused(Refusal::Quota(text.clone())),
        Some(Refused::Other(text)) => Visibility::Refused(Refusal::Other(text.clone())),
        None => Visibility::Pending,
    }
}

fn seen(process: &Process, fact: &Fact, held: Option<&String>, row: &Row) -> Seen {
    let status = fact.status.as_ref();
    let over = process.over.clone().or_else(|| fact.vanished(process));
    let readiness = readiness(process, fact, over.is_some());
    let ready = matches!(readiness, Readiness::Ready { .. });
    Seen {
        name: process.name.clone(),
        uid: process.uid.clone(),
        genuine: process.image == row.image,
        stopping_since: process.stopping_since,
        stage: stage(over, status, held),
        readiness,
        registered: ready && !process.ports.is_empty() && process.stopping_since.is_none(),
        restarts: status.map_or(0, |status| status.restarts),
        init_failures: status.map_or(0, |status| status.init_failures),
        last_exit: status.and_then(|status| status.last_exit.clone()),
        probe_error: fact.target.as_ref().filter(|_| !ready).and_then(|target| target.error.clone()),
    }
}

fn stage(over: Option<String>, status: Option<&Status>, held: Option<&String>) -> Stage {
    if let Some(reason) = over {
        return Stage::Over { reason };
    }
    match status.map(|status| &status.stage) {
        None => match held {
            Some(message) => Stage::Waiting { reason: "ErrImagePull".to_owned(), message: message.clone() },
            None => Stage::Waiting { reason: "ContainerCreating".to_owned(), message: String::new() },
        },
        Some(spec::Stage::Waiting { reason, message }) => {
            Stage::Waiting { reason: reason.clone(), message: message.clone() }
        }
        Some(spec::Stage::Running { started_at }) => Stage::Running { started_at: *started_at },
        Some(spec::Stage::Exited { exit } | spec::Stage::Ended { exit, .. }) => Stage::Exited(exit.clone()),
    }
}

/// With ports: what the router found, as long as it speaks of the present run of the command. Without: it runs.
fn readiness(process: &Process, fact: &Fact, over: bool) -> Readiness {
    let Some(status) = &fact.status else { return Readiness::Never };
    let started = match status.stage {
        spec::Stage::Running { started_at } if !over => Some(started_at),
        _ => None,
    };
    if process.ports.is_empty() {
        return match (started, status.started_at) {
            (Some(since), _) => Readiness::Ready { since },
            (None, Some(_)) => Readiness::Lost { since: status.since },
            (None, None) => Readiness::Never,
        };
    }
    let Some(target) = &fact.target else { return Readiness::Never };
    match (target.ready_since, target.lost_since, started) {
        (Some(since), _, Some(started)) if target.run == status.restarts => {
            Readiness::Ready { since: since.max(started) }
        }
        (Some(_), ..) => Readiness::Lost { since: status.since },
        (None, Some(since), _) => Readiness::Lost { since },
        (None, None, _) => Readiness::Never,
    }
}
