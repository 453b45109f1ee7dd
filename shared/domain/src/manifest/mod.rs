//! What a release runs: services with their commands, ports, health checks, scale and variables, as a manifest says.
//!
//! ```text
//! slipway.yml, convox.yml ──┐
//!                           ├─ yaml (nodes with positions) ─ parse ─→ Manifest ─ canonical JSON ─→ release
//! docker-compose.yml ───────┘
//! ```
//!
//! A mistake is refused with file, line, column and path; what Slipway knows and does not run becomes a warning. This
//! module never reads a file and never expands a variable while parsing.

mod compose;
mod environment;
mod error;
mod field;
mod labels;
mod parse;
mod ports;
mod service;
mod settings;
mod yaml;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::error::ManifestError;
pub use self::parse::{FILE_NAMES, MAX_BYTES, MAX_SERVICES, parse};
use crate::error::{Error, Result};
use crate::name::ServiceName;
use crate::variables::VariableKey;

/// A parsed manifest. Kept by build and release as [`Manifest::to_json`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// In the order of the file.
    pub services: Vec<Service>,
    /// Declared for every service.
    pub environment: Vec<Declaration>,
    /// What a local build runs in the unpacked source.
    pub build: Option<BuildCommand>,
    pub warnings: Vec<Warning>,
}

/// One service: any number of identical processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub name: ServiceName,
    /// An image of its own instead of the build's.
    pub image: Option<String>,
    /// How its image is made from source, where that is said.
    pub build: Option<BuildSource>,
    /// Instead of what the image says.
    pub command: Option<Command>,
    /// The first one is the one that `PORT` names and that is checked unless `health.port` says otherwise.
    pub ports: Vec<Port>,
    pub health: Health,
    /// Processes when the service is new to an environment, 0 to 1000.
    pub scale: u32,
    pub resources: Resources,
    pub deployment: Deployment,
    /// Declared for this service alone; see [`Manifest::environment_for`].
    pub environment: Vec<Declaration>,
    /// `*` was declared: it gets every variable besides those with defaults.
    pub all_variables: bool,
    /// Wants a PID 1 that reaps.
    pub init: bool,
    /// Its processes leave their image's folders alone and run as nobody, which files that were written for other
    /// platforms do not promise. Written only where it is so: the digests of releases that were made before the setting
    /// was known stay what they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Runs to its end before the process starts, in the same image with the same variables.
    pub init_container: Option<Command>,
    /// Between SIGTERM and SIGKILL, 0 to 3600.
    pub termination_seconds: u32,
    /// Host names, which may contain references such as `${HOST}`; see [`Manifest::domains_for`].
    pub domains: Vec<String>,
}

/// What a process executes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// One line for `sh -c`.
    Shell(String),
    /// Program and arguments, passed as they are.
    Exec(Vec<String>),
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shell(line) => f.write_str(line),
            Self::Exec(words) => f.write_str(&words.join(" ")),
        }
    }
}

/// A command that a local build runs in the unpacked source; what it leaves there is the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildCommand {
    pub command: Command,
}

/// Where the Dockerfile of a service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSource {
    /// Relative to the root of the source; `.` by default.
    pub path: String,
    /// Relative to `path`; `Dockerfile` by default.
    pub dockerfile: String,
    /// The stage to build, of a Dockerfile with several.
    pub target: Option<String>,
    /// Names, or `NAME=value`.
    pub args: Vec<String>,
}

/// A port on which each process of the service listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    pub container: u16,
    pub scheme: Scheme,
    /// Reached through the load balancer; others are for the services of the app.
    pub public: bool,
}

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    Http,
    Https,
    Grpc,
    Tcp,
}

/// When a process with ports counts as healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Asked by HTTP for a 2xx or 3xx answer. None: a TCP connection is enough.
    pub path: Option<String>,
    /// One of the service's ports. None: the first.
    pub port: Option<u16>,
    /// To boot and pass the check, 1 to 600.
    pub timeout_seconds: u32,
    /// From then until the load balancer lists it, 1 to 600.
    pub registration_seconds: u32,
    /// How long it must stay healthy, 0 to 300.
    pub bake_seconds: u32,
    /// Between two checks, 1 to 60.
    pub interval_seconds: u32,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: None,
            port: None,
            timeout_seconds: 3,
            registration_seconds: 120,
            bake_seconds: 5,
            interval_seconds: 1,
        }
    }
}

/// How a rollout treats a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Per cent of the formation below which healthy processes never fall, 0 to 100.
    pub minimum_percent: u32,
    pub batch: Batch,
    /// Stopping processes count in the bound of a rollout.
    pub strict: bool,
    /// For the whole rollout, 1 to 600.
    pub total_seconds: u32,
}

impl Default for Deployment {
    fn default() -> Self {
        Self { minimum_percent: 100, batch: Batch::Auto, strict: false, total_seconds: Self::MAX_TOTAL_SECONDS }
    }
}

impl Service {
    /// How long a stopping process still gets requests after it left the load balancer: 5 s, and 20 s behind one of the
    /// cloud's, which takes longer to follow.
    pub fn drain_pause(&self) -> Duration {
        match (self.ports.is_empty(), self.domains.is_empty()) {
            (true, _) => Duration::ZERO,
            (false, true) => Duration::from_secs(5),
            (false, false) => Duration::from_secs(20),
        }
    }
}

impl Deployment {
    /// Ten minutes: an app may ask for less, never for more.
    pub const MAX_TOTAL_SECONDS: u32 = 10 * 60;
}

/// How many processes a rollout has in flight at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batch {
    /// 1, or the fewest with which the formation fits its time.
    Auto,
    /// 1 to 1000.
    Fixed(u32),
}

/// What a process asks of its node. None: no request, or no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Thousandths of a core.
    pub cpu_millis: Option<u32>,
    pub memory_mb: Option<u32>,
    /// Thousandths of a core.
    pub cpu_limit_millis: Option<u32>,
    pub memory_limit_mb: Option<u32>,
}

/// A variable that the app says it reads. Without a default it is required at promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    pub key: VariableKey,
    pub default: Option<String>,
}

/// Something that was understood and is not run as the file may expect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Begins with the path: `timers.cleanup is not run by Slipway`.
    pub message: String,
    /// From 1.
    pub line: Option<u32>,
}

impl Manifest {
    pub fn service(&self, name: &ServiceName) -> Option<&Service> {
        self.services.iter().find(|service| &service.name == name)
    }

    /// What a rollout of all services may have in flight: the smallest number that a service asks for.
    pub fn batch(&self) -> Batch {
        let fixed = self.services.iter().filter_map(|service| match service.deployment.batch {
            Batch::Auto => None,
            Batch::Fixed(count) => Some(count),
        });
        fixed.min().map_or(Batch::Auto, Batch::Fixed)
    }

    /// One service that asks for it is enough: a rollout has one bound for what may exist at once.
    pub fn strict(&self) -> bool {
        self.services.iter().any(|service| service.deployment.strict)
    }

    /// How long a rollout of all services may take: the shortest time that a service asks for.
    pub fn total_seconds(&self) -> u32 {
        let asked = self.services.iter().map(|service| service.deployment.total_seconds);
        asked.min().unwrap_or(Deployment::MAX_TOTAL_SECONDS)
    }

    /// Canonical: the same manifest always gives the same text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a manifest holds only strings, numbers, lists and structs")
    }

    /// Reads what [`Manifest::to_json`] wrote. Fails with an internal error, since nobody else writes it.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| Error::internal(format!("a stored manifest is unreadable: {error}")))
    }
}

#[cfg(test)]
mod tests;
