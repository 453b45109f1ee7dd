//! Why a command did not do what it was asked for, and the exit code that says so.

use std::fmt::Display;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::api::{Problem, Promotion, PromotionFailure};
use crate::terminal::{self, Terminal};

/// The API refused, or something here failed.
pub const REFUSED: u8 = 1;
/// The command line cannot be understood; clap uses the same.
pub const USAGE: u8 = 2;
/// A promotion ended otherwise than `succeeded` or `noop`.
pub const NOT_PROMOTED: u8 = 3;
/// The API did not answer.
pub const UNREACHABLE: u8 = 4;
/// 128 + SIGINT: the wait was given up; what was started goes on.
pub const INTERRUPTED: u8 = 130;

#[derive(Debug)]
pub enum Failure {
    /// The API said no.
    Refused(Box<Problem>),
    /// The API did not answer, or not as itself.
    Unreachable(String),
    /// Something on this machine failed.
    Local(String),
    /// The command makes no sense as it was given.
    Usage(String),
    /// The promotion ended, but the release is not what runs.
    NotPromoted(Box<Promotion>),
    /// The answer that was written already says why.
    Told,
    /// Ctrl-C, with what goes on and how to see or stop it.
    Interrupted(String),
}

impl Failure {
    /// A failure of something on this machine.
    pub fn local(attempt: &str, error: impl Display) -> Self {
        Self::Local(format!("could not {attempt}: {error}"))
    }

    /// Tells people on stderr, or programs on stdout, and gives the exit code.
    pub fn report(&self, terminal: &Terminal) -> ExitCode {
        if let Self::Told = self {
            return ExitCode::from(self.code());
        }
        if terminal.is_json() {
            terminal.json(&self.document());
        } else {
            for line in self.lines() {
                terminal::error(&line);
            }
        }
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Local(_) | Self::Told => REFUSED,
            Self::Unreachable(_) => UNREACHABLE,
            Self::Usage(_) => USAGE,
            Self::NotPromoted(_) => NOT_PROMOTED,
            Self::Interrupted(_) => INTERRUPTED,
        }
    }

    fn lines(&self) -> Vec<String> {
        match self {
            Self::Refused(problem) => refused(problem),
            Self::Unreachable(text) | Self::Local(text) | Self::Usage(text) => vec![format!("error: {text}")],
            Self::NotPromoted(promotion) => not_promoted(promotion),
            Self::Interrupted(text) => vec![String::new(), text.clone()],
            Self::Told => Vec::new(),
        }
    }

    fn document(&self) -> Value {
        match self {
            Self::Refused(problem) => problem.document.clone(),
            Self::NotPromoted(promotion) => promotion.document.clone(),
            Self::Unreachable(text) => json!({ "code": "unreachable", "detail": text }),
            Self::Local(text) => json!({ "code": "local", "detail": text }),
            Self::Usage(text) => json!({ "code": "usage", "detail": text }),
            Self::Interrupted(text) => json!({ "code": "interrupted", "detail": text }),
            Self::Told => Value::Null,
        }
    }
}

fn refused(problem: &Problem) -> Vec<String> {
    let mut lines = vec![format!("error: {} ({})", problem.detail, problem.code)];
    for field in &problem.fields {
        if field.message != problem.detail {
            lines.push(format!("  {}: {}", field.pointer, field.message));
        }
    }
    if problem.status >= 500 {
        lines.push(format!("  request: {}", problem.request_id));
    }
    lines
}

fn not_promoted(promotion: &Promotion) -> Vec<String> {
    let outcome = promotion.outcome.as_deref().unwrap_or(&promotion.phase);
    let mut lines = vec![format!("error: {} of {} ended as {outcome}", promotion.id, promotion.to)];
    lines.push(format!("  {}", consequence(promotion, outcome)));
    let Some(failure) = &promotion.failure else { return lines };
    lines.extend(evidence(failure));
    let Promotion { app, environment, .. } = promotion;
    let elsewhere = if environment == "production" { String::new() } else { format!(" -e {environment}") };
    lines.push(format!("  next:    slipway deploy-debug -a {app}{elsewhere}"));
    lines
}

fn evidence(failure: &PromotionFailure) -> Vec<String> {
    let mut lines = vec![format!("  cause:   {}: {}", failure.cause, failure.message)];
    for (name, value) in [("service", &failure.service), ("process", &failure.process)] {
        if let Some(value) = value {
            lines.push(format!("  {name}: {value}"));
        }
    }
    if let Some(exit) = &failure.exit {
        lines.push(format!("  exit:    {exit}"));
    }
    if !failure.log.is_empty() {
        lines.push("  its last lines:".to_owned());
        lines.extend(failure.log.iter().map(|line| format!("    {line}")));
    }
    lines
}

fn consequence(promotion: &Promotion, outcome: &str) -> String {
    let before = promotion.from.as_deref().unwrap_or("nothing");
    match outcome {
        "rolled_back" | "cancelled" => format!("{before} is what runs, as before"),
        "rollback_failed" => {
            format!("{before} could not be restored completely; promote a good release, or roll back again")
        }
        "superseded" => match &promotion.superseded_by {
            Some(successor) => format!("{successor} took over from it"),
            None => "another promotion took over from it".to_owned(),
        },
        _ if promotion.from.is_some() => format!("nothing was moved; {before} is what runs"),
        _ => "there was no release to go back to".to_owned(),
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Local(error.to_string())
    }
}
