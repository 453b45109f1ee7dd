//! Releases.

use serde::{Deserialize, Serialize};
use slipway_domain::manifest::{self, Batch, Scheme};
use slipway_domain::release::{self as domain, ReleaseState as State};
use slipway_service::releases::{self, ReleaseView};
use utoipa::ToSchema;

use super::build::{Commit, Warning};
use super::diff::Diff;
use super::variables::Variable;
use super::{Timestamp, mirror, texts};
use crate::extract::body::Body;

mirror! {
    /// Derived: `ready` was never active, `deployed` is, `superseded` was; else how its last promotion ended.
    ReleaseState of State { Ready, Deployed, Superseded, RolledBack, RollbackFailed, Failed, Cancelled }
}

/// How a release gets its variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariablesFrom {
    /// Those of the base in this environment.
    #[default]
    Base,
    /// Those of the other release, as they stand.
    Copy,
}

/// A new release, of a build or of another release.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRelease {
    /// Id of a complete build. Either this or `from_release`.
    pub build: Option<String>,
    /// Id, number or tag of a release of any environment of the app.
    pub from_release: Option<String>,
    /// `copy` only with `from_release`.
    #[serde(default)]
    pub variables: VariablesFrom,
    /// What it forks from: `newest` (unless given), `active`, or a release by id, number or tag.
    pub base: Option<String>,
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Unique in the app: `v1.4.0`, `2026-03-15-fix`.
    #[schema(min_length = 1, max_length = 64)]
    pub tag: Option<String>,
}

impl Body for NewRelease {}

/// One build frozen with one set of variables and one manifest. It never changes.
#[derive(Serialize, ToSchema)]
pub struct ReleaseSummary {
    pub id: String,
    /// Counts up in the app; release 42 can be named `v42`.
    pub number: u64,
    pub app: String,
    pub environment: String,
    pub state: ReleaseState,
    /// It is what its environment runs now.
    pub active: bool,
    pub build: String,
    pub image: String,
    pub commit: Option<Commit>,
    /// HMAC-SHA-256 of image, manifest and variables under a key of the tenant: equal digests run the same.
    pub digest: String,
    pub description: String,
    pub tag: Option<String>,
    /// The release that it was made from.
    pub parent: Option<String>,
    /// The release that it is a copy of.
    pub copied_from: Option<String>,
    /// The copies that roll-backs and restarts made of it.
    pub copies: Vec<String>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub reason: Option<String>,
}

impl From<&ReleaseView> for ReleaseSummary {
    fn from(view: &ReleaseView) -> Self {
        let release = &view.release;
        Self {
            id: release.id.to_string(),
            number: release.number,
            app: release.app.to_string(),
            environment: release.environment.to_string(),
            state: view.state.into(),
            active: view.active,
            build: release.build.to_string(),
            image: release.image.to_string(),
            commit: release.commit.as_ref().map(Commit::from),
            digest: release.digest.to_string(),
            description: release.description.clone(),
            tag: release.tag.as_ref().map(ToString::to_string),
            parent: release.parent.as_ref().map(ToString::to_string),
            copied_from: release.copied_from.as_ref().map(ToString::to_string),
            copies: texts(&view.copies),
            created_at: release.created_at.into(),
            created_by: release.created_by.clone(),
            reason: release.reason.clone(),
        }
    }
}

/// The little of a release by which people recognise it.
#[derive(Serialize, ToSchema)]
pub struct ReleaseHead {
    pub id: String,
    pub number: u64,
    pub environment: String,
    pub build: String,
    pub description: String,
    pub tag: Option<String>,
    pub created_at: Timestamp,
}

impl From<&domain::Release> for ReleaseHead {
    fn from(release: &domain::Release) -> Self {
        Self {
            id: release.id.to_string(),
            number: release.number,
            environment: release.environment.to_string(),
            build: release.build.to_string(),
            description: release.description.clone(),
            tag: release.tag.as_ref().map(ToString::to_string),
            created_at: release.created_at.into(),
        }
    }
}

/// A port on which each process listens.
#[derive(Serialize, ToSchema)]
pub struct Port {
    pub container: u16,
    /// `http`, `https`, `grpc` or `tcp`
    pub scheme: &'static str,
    /// Reached through the load balancer.
    pub public: bool,
}

/// When a process with ports counts as healthy.
#[derive(Serialize, ToSchema)]
pub struct HealthCheck {
    /// Null: a TCP connection is enough.
    pub path: Option<String>,
    pub port: Option<u16>,
    pub timeout_seconds: u32,
    pub registration_seconds: u32,
    pub bake_seconds: u32,
    pub interval_seconds: u32,
}

/// How a rollout treats a service.
#[derive(Serialize, ToSchema)]
pub struct Deployment {
    pub minimum_percent: u32,
    /// Processes in flight at once; null: as few as fit the deadline.
    pub batch: Option<u32>,
    pub strict: bool,
    pub total_seconds: u32,
}

/// A variable that a service reads.
#[derive(Serialize, ToSchema)]
pub struct Declaration {
    pub key: String,
    /// It has no default: without a value, the release cannot be promoted.
    pub required: bool,
}

/// One service of the manifest.
#[derive(Serialize, ToSchema)]
pub struct Service {
    pub name: String,
    /// Null: what the image says.
    pub command: Option<String>,
    pub ports: Vec<Port>,
    pub health: HealthCheck,
    /// Processes when the service is new to an environment.
    pub scale: u32,
    pub deployment: Deployment,
    pub environment: Vec<Declaration>,
    /// Between SIGTERM and SIGKILL.
    pub termination_seconds: u32,
}

impl From<&manifest::Service> for Service {
    fn from(service: &manifest::Service) -> Self {
        Self {
            name: service.name.to_string(),
            command: service.command.as_ref().map(ToString::to_string),
            ports: service.ports.iter().map(Port::from).collect(),
            health: (&service.health).into(),
            scale: service.scale,
            deployment: (&service.deployment).into(),
            environment: service.environment.iter().map(Declaration::from).collect(),
            termination_seconds: service.termination_seconds,
        }
    }
}

impl From<&manifest::Port> for Port {
    fn from(port: &manifest::Port) -> Self {
        let scheme = match port.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Grpc => "grpc",
            Scheme::Tcp => "tcp",
        };
        Self { container: port.container, scheme, public: port.public }
    }
}

impl From<&manifest::Health> for HealthCheck {
    fn from(health: &manifest::Health) -> Self {
        Self {
            path: health.path.clone(),
            port: health.port,
            timeout_seconds: health.timeout_seconds,
            registration_seconds: health.registration_seconds,
            bake_seconds: health.bake_seconds,
            interval_seconds: health.interval_seconds,
        }
    }
}

impl From<&manifest::Deployment> for Deployment {
    fn from(deployment: &manifest::Deployment) -> Self {
        Self {
            minimum_percent: deployment.minimum_percent,
            batch: match deployment.batch {
                Batch::Auto => None,
                Batch::Fixed(count) => Some(count),
            },
            strict: deployment.strict,
            total_seconds: deployment.total_seconds,
        }
    }
}

impl From<&manifest::Declaration> for Declaration {
    fn from(declaration: &manifest::Declaration) -> Self {
        Self { key: declaration.key.to_string(), required: declaration.default.is_none() }
    }
}

/// A release in full. Of its variables the keys and fingerprints.
#[derive(Serialize, ToSchema)]
pub struct Release {
    #[serde(flatten)]
    pub summary: ReleaseSummary,
    pub variables: Vec<Variable>,
    pub services: Vec<Service>,
    /// Sections of the manifest that are not run, and the like.
    pub warnings: Vec<Warning>,
}

impl From<&ReleaseView> for Release {
    fn from(view: &ReleaseView) -> Self {
        let release = &view.release;
        let variables = release.fingerprints.iter();
        Self {
            summary: view.into(),
            variables: variables
                .map(|(key, fingerprint)| Variable { key: key.to_string(), fingerprint: fingerprint.to_string() })
                .collect(),
            services: release.manifest.services.iter().map(Service::from).collect(),
            warnings: release.manifest.warnings.iter().map(Warning::from).collect(),
        }
    }
}

/// What a release forked from, said because it ships with it.
#[derive(Serialize, ToSchema)]
pub struct Base {
    pub release: String,
    pub build: String,
    /// False: it was never active, so whatever it brought ships with the new release.
    pub promoted: bool,
    /// How it differs from the active release. Null: it is the active one, or nothing is active.
    pub differs: Option<Diff>,
}

impl From<&releases::Base> for Base {
    fn from(base: &releases::Base) -> Self {
        Self {
            release: base.release.to_string(),
            build: base.build.to_string(),
            promoted: base.promoted,
            differs: base.differs.as_ref().map(Diff::from),
        }
    }
}

/// A release that was made.
#[derive(Serialize, ToSchema)]
pub struct CreatedRelease {
    pub release: Release,
    /// Null: the first release of the environment, or a copy.
    pub base: Option<Base>,
}

impl From<&releases::CreatedRelease> for CreatedRelease {
    fn from(created: &releases::CreatedRelease) -> Self {
        Self { release: (&created.release).into(), base: created.base.as_ref().map(Base::from) }
    }
}
