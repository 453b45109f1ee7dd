//! A world before it begins: plain data, so that it can be drawn from a seed, written by hand, printed and shrunk.

use slipway_domain::manifest::{Batch, Deployment, Health, Manifest, Port, Resources, Scheme, Service};
use slipway_domain::name::ServiceName;

use super::cluster::{Character, Meddling, Traits};
use super::mutant::Mutant;
use super::weather::Weather;

/// Everything that a world is made of. The same setup always takes the same course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    pub seed: u64,
    pub level: Level,
    pub beginning: Beginning,
    pub releases: Vec<ReleaseSpec>,
    /// What people do, in the order of time.
    pub plot: Vec<Scene>,
    pub weather: Weather,
    pub cluster: Traits,
    /// The guard that is taken out.
    pub mutant: Option<Mutant>,
}

/// How much of the product takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The engine, over records in memory.
    Protocol,
    /// The use cases and the store, too, over the embedded database. Begins with a promotion of the first release.
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Nothing was ever promoted.
    Empty,
    /// The first release is active, and its processes serve.
    Running,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseSpec {
    pub services: Vec<ServiceSpec>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSpec {
    pub name: &'static str,
    pub scale: u32,
    pub ports: bool,
    pub minimum_percent: u32,
    /// None: `auto`.
    pub batch: Option<u32>,
    pub strict: bool,
    pub total_seconds: u32,
    pub timeout_seconds: u32,
    pub registration_seconds: u32,
    pub bake_seconds: u32,
    pub grace_seconds: u32,
    pub character: Character,
}

/// Something that happens `at_ms` after the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    pub at_ms: u64,
    pub act: Act,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A release, by its index.
    Promote {
        release: usize,
        on_conflict: OnConflict,
    },
    /// A fresh copy of the active release takes over.
    Rollback,
    Restart,
    /// The active release with so many processes of one service.
    Scale {
        service: &'static str,
        count: u32,
    },
    Cancel,
    /// Makes a release that nobody promotes: the environment changes under the promotion.
    SetVariables,
    /// An outsider changes a Deployment of one service of a release.
    Meddle {
        release: usize,
        service: &'static str,
        with: Meddling,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    Refuse,
    Supersede,
}

impl ServiceSpec {
    pub fn new(name: &'static str, scale: u32) -> Self {
        Self {
            name,
            scale,
            ports: true,
            minimum_percent: 100,
            batch: Some(1),
            strict: false,
            total_seconds: 600,
            timeout_seconds: 3,
            registration_seconds: 120,
            bake_seconds: 5,
            grace_seconds: 30,
            character: Character::default(),
        }
    }

    fn manifest(&self) -> Service {
        let port = Port { container: 3000, scheme: Scheme::Http, public: true };
        Service {
            name: service_name(self.name),
            image: None,
            build: None,
            command: None,
            ports: self.ports.then_some(port).into_iter().collect(),
            health: Health {
                timeout_seconds: self.timeout_seconds,
                registration_seconds: self.registration_seconds,
                bake_seconds: self.bake_seconds,
                ..Health::default()
            },
            scale: self.scale,
            resources: Resources::default(),
            deployment: Deployment {
                minimum_percent: self.minimum_percent,
                batch: self.batch.map_or(Batch::Auto, Batch::Fixed),
                strict: self.strict,
                total_seconds: self.total_seconds,
            },
            environment: Vec::new(),
            all_variables: false,
            init: false,
            read_only: false,
            init_container: None,
            termination_seconds: self.grace_seconds,
            domains: Vec::new(),
        }
    }
}

impl ServiceSpec {
    /// As a manifest says it.
    fn text(&self) -> String {
        let port = if self.ports { "    port: 3000\n" } else { "" };
        let batch = self.batch.map_or("auto".to_owned(), |batch| batch.to_string());
        format!(
            "  {name}:\n{port}    scale: {scale}\n    termination: {{grace: {grace}}}\n    health: {{timeout: {timeout}, \
             registration: {registration}, bake: {bake}}}\n    deployment: {{minimum: {minimum}, batch: {batch}, \
             strict: {strict}, deadline: {deadline}}}\n",
            name = self.name,
            scale = self.scale,
            grace = self.grace_seconds,
            timeout = self.timeout_seconds,
            registration = self.registration_seconds,
            bake = self.bake_seconds,
            minimum = self.minimum_percent,
            strict = self.strict,
            deadline = self.total_seconds,
        )
    }
}

impl ReleaseSpec {
    /// The text of its `slipway.yml`.
    pub fn text(&self) -> String {
        let services: String = self.services.iter().map(ServiceSpec::text).collect();
        format!("services:\n{services}")
    }

    pub fn of(services: impl IntoIterator<Item = ServiceSpec>) -> Self {
        Self { services: services.into_iter().collect() }
    }

    pub fn manifest(&self) -> Manifest {
        Manifest {
            services: self.services.iter().map(ServiceSpec::manifest).collect(),
            environment: Vec::new(),
            build: None,
            warnings: Vec::new(),
        }
    }
}

impl Setup {
    /// One good release is running; what else happens is added.
    pub fn new(releases: Vec<ReleaseSpec>) -> Self {
        Self {
            seed: 1,
            level: Level::Protocol,
            beginning: Beginning::Running,
            releases,
            plot: Vec::new(),
            weather: Weather::default(),
            cluster: Traits::default(),
            mutant: None,
        }
    }

    #[must_use]
    pub fn then(mut self, at_ms: u64, act: Act) -> Self {
        self.plot.push(Scene { at_ms, act });
        self
    }

    #[must_use]
    pub fn promote(self, at_ms: u64, release: usize) -> Self {
        self.then(at_ms, Act::Promote { release, on_conflict: OnConflict::Refuse })
    }
}

pub fn service_name(name: &str) -> ServiceName {
    name.parse().expect("the names of services in worlds are valid")
}
