//! Ports of which a world has no use: builds, runs, uploads. While a world is prepared, the cluster, too.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use slipway_domain::error::{Error, Result};
use slipway_domain::id::{BuildId, RunId, TenantId};
use slipway_domain::name::{AppName, ServiceName};
use slipway_domain::release::ImageDigest;
use slipway_domain::time::Time;
use slipway_rollout::observation::Observation;
use slipway_service::ports::{
    BuildOrder, BuildState, Builder, Clock, Cluster, ClusterError, Entropy, Expected, LogLine, LogQuery, Namespace,
    NewDeployment, NewRun, Objects, Processes, Registry, Removal, RolloutInput, RunLog, RunState, Started, Upload,
    Workflows, Write,
};

use crate::sim::BEGINNING_MS;

#[derive(Default)]
pub struct Absent {
    drawn: AtomicU64,
}

fn absent() -> Error {
    Error::internal("a world has no such thing")
}

fn away() -> ClusterError {
    ClusterError::Unreachable("a world has no such thing".to_owned())
}

#[async_trait]
impl Cluster for Absent {
    async fn observe(&self, _: &Namespace) -> std::result::Result<Observation, ClusterError> {
        Err(away())
    }

    async fn create(&self, _: &Namespace, _: &NewDeployment) -> std::result::Result<(), ClusterError> {
        Err(away())
    }

    async fn write(&self, _: &Namespace, _: &Write) -> std::result::Result<(), ClusterError> {
        Err(away())
    }

    async fn remove(&self, _: &Namespace, _: &Removal) -> std::result::Result<(), ClusterError> {
        Err(away())
    }

    async fn changed(&self, _: &Namespace, _: &Observation, _: Duration) {}

    async fn tail(&self, _: &Namespace, _: &str, _: usize) -> std::result::Result<Vec<String>, ClusterError> {
        Err(away())
    }
}

#[async_trait]
impl Workflows for Absent {
    async fn start(&self, _: &str, _: &RolloutInput) -> Result<Started> {
        Err(absent())
    }
}

#[async_trait]
impl Clock for Absent {
    fn now(&self) -> Time {
        Time::from_millis(BEGINNING_MS)
    }

    async fn sleep(&self, _: Duration) {}
}

impl Entropy for Absent {
    fn draw(&self) -> u128 {
        // Far from what the worlds draw.
        (1 << 60) + u128::from(self.drawn.fetch_add(1, Ordering::Relaxed)) * 1_000_003
    }
}

/// Every image of a release is there.
#[async_trait]
impl Registry for Absent {
    async fn holds(&self, _: &TenantId, _: &AppName, _: &ImageDigest) -> Result<bool> {
        Ok(true)
    }
}

#[async_trait]
impl Objects for Absent {
    async fn upload(&self, _: &BuildId, _: &Expected) -> Result<Upload> {
        Err(absent())
    }

    async fn arrived(&self, _: &BuildId) -> Result<bool> {
        Err(absent())
    }
}

#[async_trait]
impl Builder for Absent {
    async fn start(&self, _: &BuildOrder) -> Result<()> {
        Err(absent())
    }

    async fn state(&self, _: &BuildId) -> Result<BuildState> {
        Ok(BuildState::Unknown)
    }

    async fn cancel(&self, _: &BuildId) -> Result<()> {
        Err(absent())
    }

    async fn log(&self, _: &BuildId, _: u64) -> Result<Vec<LogLine>> {
        Err(absent())
    }
}

#[async_trait]
impl Processes for Absent {
    async fn start(&self, _: &Namespace, _: &NewRun) -> std::result::Result<(), ClusterError> {
        Err(away())
    }

    async fn run(&self, _: &Namespace, _: &RunId) -> std::result::Result<RunState, ClusterError> {
        Ok(RunState::Unknown)
    }

    async fn run_log(&self, _: &Namespace, _: &RunId, _: u64) -> std::result::Result<RunLog, ClusterError> {
        Err(away())
    }

    async fn logs(&self, _: &Namespace, _: &LogQuery) -> std::result::Result<Vec<LogLine>, ClusterError> {
        Err(away())
    }

    async fn address(&self, _: &Namespace, _: &ServiceName) -> std::result::Result<Option<String>, ClusterError> {
        Ok(None)
    }

    async fn collect_runs(&self, _: &Namespace, _: &[RunId]) -> std::result::Result<Vec<RunId>, ClusterError> {
        Ok(Vec::new())
    }
}
