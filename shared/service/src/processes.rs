//! What is running now, and what it wrote.

use slipway_domain::error::Result;
use slipway_domain::id::ReleaseId;
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::time::Time;

use crate::caller::Caller;
use crate::ports::{LogLine, LogQuery};
use crate::slipway::Slipway;

/// What a process is doing, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessState {
    Pending,
    Starting,
    Running,
    /// Its container ended and will be started again.
    Crashed,
    Stopping,
    Ended,
}

impl ProcessState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Crashed => "crashed",
            Self::Stopping => "stopping",
            Self::Ended => "ended",
        }
    }
}

/// One process of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessView {
    pub name: String,
    pub service: ServiceName,
    pub release: ReleaseId,
    pub state: ProcessState,
    /// Its containers are ready.
    pub ready: bool,
    pub restarts: u32,
    pub started_at: Option<Time>,
    /// Why it is not running, in the cluster's words.
    pub message: Option<String>,
}

impl Slipway {
    /// By service, release and name. Right: read. Errors: `environment_not_found` (404), `cluster_unreachable` (503).
    pub async fn processes(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
    ) -> Result<Vec<ProcessView>> {
        unimplemented!()
    }

    /// Oldest first, at most `query.limit` (≤ 1,000). Right: read. Errors: `environment_not_found` (404),
    /// `cluster_unreachable` (503).
    pub async fn logs(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        query: &LogQuery,
    ) -> Result<Vec<LogLine>> {
        unimplemented!()
    }
}
