//! What the router is told, and what it tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use slipway_domain::time::Time;

/// How a target is asked whether it is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// HTTP GET of this path, which has to answer 2xx or 3xx. None: a TCP connection is enough.
    pub path: Option<String>,
    /// Between the checks of a target that is ready.
    pub interval_ms: u64,
    /// Of one check.
    pub timeout_ms: u64,
    /// So many failures in a row take it out of rotation. At least 1.
    pub failures: u32,
}

/// A process that can serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub uid: String,
    /// How often its command was started again: another number is another listener, whose readiness begins anew.
    pub run: u32,
    pub port: u16,
    /// The port that is checked.
    pub check_port: u16,
    pub check: Check,
    /// Gets no new requests; those that it has are finished.
    pub draining: bool,
}

/// A service and all that may serve it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub id: String,
    pub targets: Vec<Target>,
}

/// Everything: what is not in it is no longer served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub services: Vec<Service>,
}

/// How a target does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetView {
    pub run: u32,
    /// Since when it is ready without a break. None: it is not.
    pub ready_since: Option<Time>,
    /// Since when it is not ready any more. None: it is, or never was.
    pub lost_since: Option<Time>,
    /// The last answer of a failing check.
    pub error: Option<String>,
    pub draining: bool,
    /// Requests and upgraded connections that it serves. Only exact for one that drains.
    pub in_flight: u32,
}

/// One look at the router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Names one life of the router.
    pub instance: u64,
    /// Grows with every change.
    pub version: u64,
    /// The port at which each service is served; the reason why not, if it cannot be.
    pub ports: BTreeMap<String, Result<u16, String>>,
    /// By uid.
    pub targets: BTreeMap<String, TargetView>,
}

/// A request on the control socket: one line of JSON, answered by one line with a [`View`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    Put(Table),
    /// Answers when something is not as in this version of this instance, or after the time.
    Watch {
        instance: u64,
        after: u64,
        limit_ms: u64,
    },
    /// Answers, then ends the router.
    Stop,
}
