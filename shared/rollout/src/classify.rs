//! Why a new process failed, or what it waits for: the table of signals, verdicts and causes.

use slipway_domain::promotion::{Cause, Exit, ProcessMemory, ServicePlan, Told};
use slipway_domain::time::Time;
use std::time::Duration;

use crate::observation::{Process, Readiness, Stage};

/// Kubernetes rounds its stamps to whole seconds: a process is given one more.
const STAMP_ROUNDING: Duration = Duration::from_secs(1);
/// A process that was ready may be without readiness for this long before it counts as unhealthy.
pub const BLIP: Duration = Duration::from_secs(30);
/// Losses of readiness inside the bake that fail a process.
const FLAPS: u32 = 3;
/// Restarts above the count first seen that fail a process.
const RESTARTS: u32 = 2;
/// Failures of the init container that fail a process.
const INIT_FAILURES: u32 = 2;
/// The exit code that container runtimes report for a container which never started.
const NEVER_STARTED: i32 = 128;

/// What is to be thought of one process of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing speaks against it.
    Fine,
    /// It cannot come up now, and may later; the deadline names this cause.
    Waiting(Cause, String),
    /// Doomed when it is seen the second time; a wait until then.
    SecondTime(Cause, String),
    /// To be replaced by a fresh one once; doomed the second time.
    Replace(Cause, String),
    Doomed(Cause, String),
}

/// Judges one process of the target at `at`, the cluster's clock.
pub fn classify(process: &Process, plan: &ServicePlan, memory: &ProcessMemory, at: Time) -> Verdict {
    if matches!(process.stage, Stage::Over { .. }) {
        return Verdict::Fine;
    }
    if process.init_failures >= INIT_FAILURES {
        return Verdict::Doomed(Cause::InitFailed, format!("the init container failed{}", ended(process)));
    }
    if let Some(verdict) = process.last_exit.as_ref().and_then(|exit| by_exit(process, exit, memory)) {
        return verdict;
    }
    if restarts(process, memory) >= RESTARTS {
        return crash_loop(process);
    }
    match &process.stage {
        Stage::Unscheduled(Some(words)) => Verdict::Waiting(Cause::Unschedulable, words.clone()),
        Stage::Over { .. } | Stage::Unscheduled(None) => Verdict::Fine,
        Stage::Waiting { reason, message } => by_reason(process, reason, message),
        Stage::Exited(exit) => by_exit(process, exit, memory).unwrap_or(Verdict::Fine),
        Stage::Running { started_at } => by_health(process, *started_at, plan, memory, at),
    }
}

fn restarts(process: &Process, memory: &ProcessMemory) -> u32 {
    process.restarts.saturating_sub(memory.first_restarts)
}

/// Ends that say all, whatever the process does now.
fn by_exit(process: &Process, exit: &Exit, memory: &ProcessMemory) -> Option<Verdict> {
    let running = matches!(process.stage, Stage::Running { .. });
    if running && restarts(process, memory) == 0 {
        return None;
    }
    if exit.reason == "OOMKilled" {
        return Some(Verdict::Doomed(Cause::OutOfMemory, "the process used more memory than it may".to_owned()));
    }
    if never_started(exit) && !running {
        return Some(start_error(&exit.message));
    }
    // One that had passed its bake and ends later is started again like any other.
    if exit.code == Some(0) && memory.told < Told::Verified {
        return Some(Verdict::Doomed(Cause::Exited, "the process ended by itself with exit code 0".to_owned()));
    }
    None
}

fn never_started(exit: &Exit) -> bool {
    exit.code == Some(NEVER_STARTED) && matches!(exit.reason.as_str(), "StartError" | "ContainerCannotRun")
}

fn by_reason(process: &Process, reason: &str, message: &str) -> Verdict {
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" => by_pull_error(message),
        "InvalidImageName" | "ErrImageNeverPull" => {
            Verdict::Doomed(Cause::ImageInvalid, format!("the image cannot be used: {message}"))
        }
        "CreateContainerConfigError" if is_cache_sync(message) => Verdict::Fine,
        "CreateContainerConfigError" => {
            Verdict::Doomed(Cause::ConfigError, format!("the configuration is incomplete: {message}"))
        }
        "RunContainerError" | "CreateContainerError" | "StartError" | "PostStartHookError" => start_error(message),
        "CrashLoopBackOff" => crash_loop(process),
        _ => Verdict::Fine,
    }
}

/// The kubelet reports a Secret that it has not read yet in the same place as one that lacks a key.
fn is_cache_sync(message: &str) -> bool {
    contains_any(message, &["failed to sync", "timed out waiting for the condition"])
}

/// Only the registry's words count, never the names of the image and of its host. A registry that hides what exists from
/// those who may not see it says both in one breath: that is a refusal. One that was not reached said nothing at all.
fn by_pull_error(message: &str) -> Verdict {
    const REFUSED: [&str; 5] = ["denied", "unauthorized", "forbidden", "authentication required", "no basic auth"];
    const HIDDEN: [&str; 2] = ["access denied", "authorization failed"];
    const ABSENT: [&str; 4] = ["not found", "manifest unknown", "name unknown", "does not exist"];
    const UNREACHED: [&str; 4] = ["dial tcp", "failed to do request", "no such host", "i/o timeout"];
    const UNFIT: [&str; 2] = ["no match for platform", "no matching manifest"];
    let words: Vec<&str> = message.split_whitespace().filter(|word| !word.contains('/')).collect();
    let words = words.join(" ");
    if contains_any(&words, &UNFIT) {
        return Verdict::Doomed(Cause::ImageInvalid, format!("the image is not for this kind of machine: {message}"));
    }
    if contains_any(&words, &UNREACHED) {
        return Verdict::Waiting(Cause::ImagePullSlow, format!("the registry could not be reached yet: {message}"));
    }
    if !contains_any(&words, &HIDDEN) && contains_any(&words, &ABSENT) {
        return Verdict::Doomed(Cause::ImageNotFound, format!("the image was not found: {message}"));
    }
    if contains_any(&words, &REFUSED) || contains_any(&words, &HIDDEN) {
        return Verdict::SecondTime(Cause::ImageDenied, format!("the registry refused the image: {message}"));
    }
    Verdict::Waiting(Cause::ImagePullSlow, format!("the image could not be pulled yet: {message}"))
}

/// A message that blames the image or the command will be the same the next time; another may be the node's.
fn start_error(message: &str) -> Verdict {
    const BLAMES: [&str; 6] =
        ["not found", "no such file", "permission denied", "not a directory", "exec format", "is a directory"];
    let text = format!("the process could not be started: {message}");
    if contains_any(message, &BLAMES) {
        Verdict::Doomed(Cause::StartError, text)
    } else {
        Verdict::Replace(Cause::StartError, text)
    }
}

fn crash_loop(process: &Process) -> Verdict {
    Verdict::Doomed(Cause::CrashLoop, format!("the process ends again and again{}", ended(process)))
}

fn by_health(process: &Process, started_at: Time, plan: &ServicePlan, memory: &ProcessMemory, at: Time) -> Verdict {
    if memory.lost >= FLAPS {
        return Verdict::Doomed(Cause::Flapping, format!("readiness was lost {} times", memory.lost));
    }
    let boot = Duration::from_millis(plan.health_timeout_ms);
    match process.readiness {
        Readiness::Ready { since } => {
            let limit = Duration::from_millis(plan.registration_ms);
            if plan.ports && !process.registered && at.since(since) >= limit {
                let text = format!("the load balancer did not take it within {} s", limit.as_secs());
                return Verdict::Doomed(Cause::NotRegistered, text);
            }
            Verdict::Fine
        }
        // Started again after the loss: it has the time to boot once more.
        Readiness::Lost { since } if since >= started_at => {
            if at.since(since) >= BLIP {
                let text = format!("was ready, and then not for {} s{}", BLIP.as_secs(), probe(process));
                return Verdict::Doomed(Cause::HealthTimeout, text);
            }
            Verdict::Fine
        }
        Readiness::Never | Readiness::Lost { .. } => {
            if at.since(started_at) >= boot + STAMP_ROUNDING {
                let text = format!("did not pass its health check within {} s{}", boot.as_secs(), probe(process));
                return Verdict::Doomed(Cause::HealthTimeout, text);
            }
            Verdict::Fine
        }
    }
}

fn probe(process: &Process) -> String {
    process.probe_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default()
}

pub(crate) fn ended(process: &Process) -> String {
    let ((Stage::Exited(exit), _) | (_, Some(exit))) = (&process.stage, &process.last_exit) else {
        return String::new();
    };
    match (exit.code, exit.signal) {
        (_, Some(signal)) => format!(" (signal {signal})"),
        (Some(code), None) => format!(" (exit code {code})"),
        (None, None) => String::new(),
    }
}

fn contains_any(text: &str, needles: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    needles.iter().any(|needle| text.contains(needle))
}
