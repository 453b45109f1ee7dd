//! Processes.

use serde::Serialize;
use slipway_service::processes::{ProcessState as State, ProcessView};
use utoipa::ToSchema;

use super::{Timestamp, mirror};

mirror! {
    /// What a process is doing. `crashed`: it ended and will be started again.
    ProcessState of State { Pending, Starting, Running, Crashed, Stopping, Ended }
}

/// One running copy of a service.
#[derive(Serialize, ToSchema)]
pub struct Process {
    pub name: String,
    pub service: String,
    pub release: String,
    pub state: ProcessState,
    pub ready: bool,
    pub restarts: u32,
    pub started_at: Option<Timestamp>,
    /// Why it is not running, in the cluster's words.
    pub message: Option<String>,
}

impl From<&ProcessView> for Process {
    fn from(view: &ProcessView) -> Self {
        Self {
            name: view.name.clone(),
            service: view.service.to_string(),
            release: view.release.to_string(),
            state: view.state.into(),
            ready: view.ready,
            restarts: view.restarts,
            started_at: view.started_at.map(Timestamp::from),
            message: view.message.clone(),
        }
    }
}
