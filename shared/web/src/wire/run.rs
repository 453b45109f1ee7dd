//! Runs: one-off processes.

use serde::{Deserialize, Serialize};
use slipway_store::records;
use utoipa::ToSchema;

use super::Timestamp;
use super::promotion::Exit;
use crate::extract::body::Body;

/// A command that is to run in a fresh process.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// Whose image and variables it gets.
    pub service: String,
    /// Program and arguments, 1 to 64 words.
    #[schema(min_items = 1, max_items = 64)]
    pub command: Vec<String>,
    /// Id, number or tag, promoted or not; the environment's newest unless given.
    pub release: Option<String>,
    /// 10 minutes unless given.
    #[schema(minimum = 1, maximum = 3600)]
    pub time_limit_seconds: Option<u64>,
}

impl Body for NewRun {}

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Running,
    /// It ended by itself; `exit` says how.
    Ended,
    /// Its time limit ended it.
    TimedOut,
}

/// A one-off process of a release.
#[derive(Serialize, ToSchema)]
pub struct Run {
    pub id: String,
    pub app: String,
    pub environment: String,
    pub release: String,
    pub service: String,
    pub command: Vec<String>,
    pub actor: String,
    pub status: RunStatus,
    /// Null while it runs.
    pub exit: Option<Exit>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub time_limit_ms: u64,
}

impl From<&records::Run> for Run {
    fn from(run: &records::Run) -> Self {
        let ended = run.ended.as_ref();
        Self {
            id: run.id.to_string(),
            app: run.app.to_string(),
            environment: run.environment.to_string(),
            release: run.release.to_string(),
            service: run.service.to_string(),
            command: run.command.clone(),
            actor: run.actor.clone(),
            status: match ended {
                None => RunStatus::Running,
                Some(end) if end.timed_out => RunStatus::TimedOut,
                Some(_) => RunStatus::Ended,
            },
            exit: ended.map(|end| Exit::from(&end.exit)),
            started_at: run.started_at.into(),
            ended_at: ended.map(|end| end.at.into()),
            time_limit_ms: run.time_limit_ms,
        }
    }
}
