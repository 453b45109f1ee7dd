//! What the events of a promotion tell of its processes, each thing once.

use slipway_domain::promotion::{Memory, Phase, Promotion, Told};

use crate::census::{Aim, Census};
use crate::decide::censuses;
use crate::observation::{Deployment, Observation, Process, Readiness, Stage, Stranger};

/// One line of a promotion's story, before it has a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The object it is about: a process, a Deployment, or `app`.
    pub about: String,
    pub message: String,
}

impl Note {
    pub fn new(about: impl Into<String>, message: impl Into<String>) -> Self {
        Self { about: about.into(), message: message.into() }
    }

    /// Who speaks, as an event shows it: `system/web-rbcdefghij-x7k2p`.
    pub fn source(&self) -> String {
        format!("system/{}", self.about)
    }
}

/// Told once, before anything is moved.
pub(crate) fn stranger(stranger: &Stranger) -> Note {
    let message =
        format!("Gets requests of {} and is not Slipway's: take our labels from it, or remove it", stranger.service);
    Note::new(&stranger.process, message)
}

/// Adds a line for every process that has come further than was told. What ran before anything was moved is no news.
pub(crate) fn tell(promotion: &Promotion, seen: &Observation, memory: &mut Memory, notes: &mut Vec<Note>) {
    let quiet = promotion.phase == Phase::Preparing;
    let services = censuses(promotion, Aim::Forward, seen, memory);
    for deployment in &seen.deployments {
        let census = services.iter().find(|census| census.plan.name == deployment.key.service);
        for process in &deployment.processes {
            let reached = reached(census, deployment, process, memory, seen);
            let Some(known) = memory.processes.get_mut(&process.uid) else { continue };
            if reached > known.told {
                if !quiet {
                    let ports = census.is_none_or(|census| census.plan.ports);
                    notes.extend(lines(known.told, reached, ports).map(|line| Note::new(&process.name, line)));
                }
                known.told = reached;
            }
        }
    }
}

fn reached(
    census: Option<&Census<'_>>,
    deployment: &Deployment,
    process: &Process,
    memory: &Memory,
    seen: &Observation,
) -> Told {
    if process.is_stopping() {
        return Told::Stopping;
    }
    let ours = census.filter(|census| census.target.is_some_and(|target| target.key == deployment.key));
    if ours.is_some_and(|census| census.is_verified(process, memory, seen.at)) {
        return Told::Verified;
    }
    match (process.readiness, &process.stage) {
        (Readiness::Ready { .. }, _) => Told::Ready,
        (_, Stage::Running { .. }) => Told::Started,
        _ => Told::Created,
    }
}

/// What happened between two points of a process's story. One without ports has no check to pass.
fn lines(from: Told, to: Told, ports: bool) -> impl Iterator<Item = &'static str> {
    let all = [
        (Told::Created, "Created process"),
        (Told::Started, "Started container main"),
        (Told::Ready, if ports { "Passed its health check" } else { "Runs, without a port to check" }),
        (Told::Verified, "Verified"),
        (Told::Stopping, "Stopping"),
    ];
    all.into_iter()
        .filter(move |(told, _)| *told > from && *told <= to && (to != Told::Stopping || *told == Told::Stopping))
        .map(|(_, line)| line)
}
