//! Answers of the API, as far as the command line reads them. What it does not know, it leaves to `--json`.

pub mod clusters;
pub mod diagnosis;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;

/// Reads an answer as a `T`.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    T::deserialize(value).map_err(|error| {
        Failure::Unreachable(format!("the answer is not what this version of slipway understands: {error}"))
    })
}

/// Why the API refused.
#[derive(Debug, Deserialize)]
pub struct Problem {
    pub status: u16,
    pub code: String,
    pub detail: String,
    #[serde(default)]
    pub request_id: String,
    #[serde(default)]
    pub fields: Vec<Field>,
    #[serde(skip)]
    pub document: Value,
}

#[derive(Debug, Deserialize)]
pub struct Field {
    pub pointer: String,
    pub message: String,
}

#[derive(Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
}

#[derive(Deserialize)]
pub struct App {
    pub name: String,
    pub environments: Vec<Environment>,
}

#[derive(Deserialize)]
pub struct Environment {
    pub name: String,
    pub status: String,
    pub active: Option<String>,
    pub newest: Option<String>,
    pub promotion: Option<String>,
    pub formation: BTreeMap<String, u32>,
    #[serde(default)]
    pub addresses: Vec<Address>,
    pub active_release: Option<Release>,
    pub newest_release: Option<Release>,
}

#[derive(Deserialize)]
pub struct Address {
    pub service: String,
    pub url: String,
}

#[derive(Deserialize)]
pub struct Build {
    pub id: String,
    pub status: String,
    pub description: String,
    pub image: Option<String>,
    pub release: Option<String>,
    #[serde(default)]
    pub warnings: Vec<Warning>,
    pub failure: Option<String>,
    pub created_at: String,
    pub upload: Option<Upload>,
    pub push: Option<Push>,
}

#[derive(Deserialize)]
pub struct Warning {
    pub message: String,
    pub line: Option<u32>,
}

#[derive(Deserialize)]
pub struct Upload {
    pub url: String,
    pub max_bytes: u64,
}

/// Where an image that is built elsewhere goes.
#[derive(Deserialize)]
pub struct Push {
    pub registry: String,
    pub repository: String,
    /// `none`, `own` or `temporary`.
    pub login: String,
    pub username: Option<String>,
    pub password: Option<String>,
    pub expires_at: Option<String>,
}

#[derive(Deserialize)]
pub struct LogPage {
    pub lines: Vec<LogLine>,
    pub next: u64,
    pub finished: bool,
}

#[derive(Deserialize)]
pub struct Logs {
    pub lines: Vec<LogLine>,
}

#[derive(Clone, Deserialize, PartialEq, Eq)]
pub struct LogLine {
    pub at: String,
    pub process: String,
    pub text: String,
}

#[derive(Deserialize)]
pub struct Release {
    pub id: String,
    pub number: u64,
    pub environment: String,
    pub state: String,
    pub active: bool,
    pub build: String,
    pub image: String,
    pub digest: String,
    pub description: String,
    pub tag: Option<String>,
    pub parent: Option<String>,
    pub copied_from: Option<String>,
    pub created_at: String,
    pub created_by: String,
    pub reason: Option<String>,
    #[serde(default)]
    pub variables: Vec<Variable>,
    #[serde(default)]
    pub services: Vec<Service>,
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

#[derive(Deserialize)]
pub struct Service {
    pub name: String,
}

#[derive(Deserialize)]
pub struct Variable {
    pub key: String,
    pub fingerprint: String,
}

#[derive(Deserialize)]
pub struct Variables {
    pub release: Option<String>,
    pub variables: Vec<Variable>,
}

#[derive(Deserialize)]
pub struct Revealed {
    pub variables: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub struct VariablesChanged {
    pub changed: bool,
    pub release: String,
    pub base: Option<Base>,
    #[serde(default)]
    pub unused: Vec<String>,
}

#[derive(Deserialize)]
pub struct Base {
    pub release: String,
    pub build: String,
    pub promoted: bool,
    pub differs: Option<Diff>,
}

#[derive(Deserialize)]
pub struct ReleaseDiff {
    pub from: ReleaseHead,
    pub to: ReleaseHead,
    pub diff: Diff,
}

#[derive(Deserialize)]
pub struct ReleaseHead {
    pub id: String,
    pub number: u64,
    pub description: String,
}

#[derive(Deserialize)]
pub struct Diff {
    pub empty: bool,
    pub image: Option<Change>,
    pub commit: Option<CommitChange>,
    pub variables: Changes<String>,
    pub services: Changes<ServiceChange>,
    pub settings: Vec<SettingChange>,
}

#[derive(Deserialize)]
pub struct Change {
    pub from: String,
    pub to: String,
}

#[derive(Deserialize)]
pub struct CommitChange {
    pub from: Option<Commit>,
    pub to: Option<Commit>,
}

#[derive(Deserialize)]
pub struct Commit {
    pub id: String,
    pub subject: String,
}

#[derive(Deserialize)]
pub struct Changes<T> {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<T>,
}

#[derive(Deserialize)]
pub struct ServiceChange {
    pub service: String,
    pub settings: Vec<SettingChange>,
}

#[derive(Deserialize)]
pub struct SettingChange {
    pub setting: String,
    pub from: Value,
    pub to: Value,
}

#[derive(Debug, Deserialize)]
pub struct Promotion {
    pub id: String,
    pub app: String,
    pub environment: String,
    pub kind: String,
    pub actor: String,
    pub reason: Option<String>,
    pub from: Option<String>,
    pub to: String,
    pub phase: String,
    pub outcome: Option<String>,
    pub failure: Option<PromotionFailure>,
    pub superseded_by: Option<String>,
    pub started_at: String,
    pub ended_at: Option<String>,
    #[serde(skip)]
    pub document: Value,
}

impl Promotion {
    pub fn read(value: &Value) -> Result<Self, Failure> {
        let promotion: Self = read(value)?;
        Ok(Self { document: value.clone(), ..promotion })
    }

    /// The release is what runs now.
    pub fn is_success(&self) -> bool {
        matches!(self.outcome.as_deref(), Some("succeeded" | "noop"))
    }
}

#[derive(Debug, Deserialize)]
pub struct PromotionFailure {
    pub cause: String,
    pub message: String,
    pub service: Option<String>,
    pub process: Option<String>,
    pub exit: Option<Exit>,
    pub log: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub reason: String,
    pub message: String,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (_, Some(signal)) => write!(f, "signal {signal}")?,
            (Some(code), None) => write!(f, "code {code}")?,
            (None, None) => f.write_str("unknown")?,
        }
        // These two say nothing that the code does not say.
        let reason = Some(&self.reason).filter(|reason| !matches!(reason.as_str(), "Error" | "Completed"));
        for word in reason.into_iter().chain([&self.message]).filter(|word| !word.is_empty()) {
            write!(f, ", {word}")?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
pub struct EventPage {
    pub events: Vec<Event>,
    pub next: u64,
    pub finished: bool,
}

#[derive(Deserialize)]
pub struct Event {
    pub number: u64,
    pub at: String,
    pub source: String,
    pub message: String,
}

#[derive(Deserialize)]
pub struct Plan {
    pub previous: Option<String>,
    pub diff: Option<Diff>,
    #[serde(rename = "plan")]
    pub rollout: Option<Rollout>,
    pub noop: bool,
    pub estimate_seconds: u64,
    pub fits_deadline: bool,
    pub blocked_by: Vec<Blocker>,
}

#[derive(Deserialize)]
pub struct Rollout {
    pub batch: u32,
    pub services: Vec<ServicePlan>,
}

#[derive(Deserialize)]
pub struct ServicePlan {
    pub name: String,
    pub before: Option<u32>,
    pub after: Option<u32>,
}

#[derive(Deserialize)]
pub struct Blocker {
    pub code: String,
    pub detail: String,
}

#[derive(Deserialize)]
pub struct Process {
    pub name: String,
    pub service: String,
    pub release: String,
    pub state: String,
    pub ready: bool,
    pub restarts: u32,
    pub started_at: Option<String>,
    pub message: Option<String>,
}

#[derive(Deserialize)]
pub struct Run {
    pub id: String,
    pub release: String,
    pub status: String,
    pub exit: Option<Exit>,
}
