//! What the cluster was asked for, and what it has started: `cluster.json`.

use serde::{Deserialize, Serialize};
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{DeploymentKey, Epoch};
use slipway_domain::release::ImageDigest;
use slipway_domain::time::Time;
use slipway_service::ports::Namespace;

use crate::router::table::Check;

/// All rows and all processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The last version that was given.
    pub counter: u64,
    pub rows: Vec<Row>,
    pub processes: Vec<Process>,
}

/// A Deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// As [`name`] gives it.
    pub namespace: String,
    pub key: DeploymentKey,
    pub uid: String,
    pub version: u64,
    pub epoch: Epoch,
    /// The number of the turn that wrote it last.
    pub turn: u64,
    pub replicas: u32,
    pub image: ImageDigest,
    /// Has ports.
    pub served: bool,
    /// SHA-256 of the template's file, in hexadecimal digits.
    pub template: String,
}

/// A process that was started, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub name: String,
    pub uid: String,
    /// The uid of its row, which may be gone.
    pub row: String,
    pub namespace: String,
    pub service: ServiceName,
    pub image: ImageDigest,
    /// On this machine, one for each of the service's ports. Empty: it serves nobody.
    pub ports: Vec<u16>,
    /// How the router checks it: the port and the rest.
    pub check: Option<(u16, Check)>,
    pub grace_ms: u64,
    pub created_at: Time,
    /// Since when it gets no more requests.
    pub stopping_since: Option<Time>,
    /// When its keeper was asked to end it.
    pub terminated_at: Option<Time>,
    /// Why it is over, without having been stopped.
    pub over: Option<String>,
}

impl Process {
    pub fn is_live(&self) -> bool {
        self.stopping_since.is_none() && self.over.is_none()
    }
}

impl State {
    pub fn next_version(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub fn row(&self, namespace: &str, key: &DeploymentKey) -> Option<usize> {
        self.rows.iter().position(|row| row.namespace == namespace && row.key == *key)
    }

    /// The live processes of a row.
    pub fn live<'a>(&'a self, row: &'a str) -> impl Iterator<Item = &'a Process> {
        self.processes.iter().filter(move |process| process.row == row && process.is_live())
    }

    pub fn process_mut(&mut self, uid: &str) -> Option<&mut Process> {
        self.processes.iter_mut().find(|process| process.uid == uid)
    }
}

/// A namespace as text: `<tenant>/<app>--<environment>`.
pub fn name(namespace: &Namespace) -> String {
    format!("{}/{namespace}", namespace.tenant)
}

/// A service of a namespace, for the router.
pub fn service_id(namespace: &str, service: &ServiceName) -> String {
    format!("{namespace}/{service}")
}
