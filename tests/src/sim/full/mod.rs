//! The full level: the same worlds over the shipped use cases and the shipped store, on the embedded database in this
//! process.
//!
//! ```text
//! people, sweep ──► Slipway ──► Store ──► SDK ──► faults (weather, yield point) ──► engine
//! state machine ──► turn ─────► Store ─────────────┘                                  │
//!                                        rules ◄── mirror: read back after each write ┘
//! ```
//!
//! Each request to the database is a call of its own: the worker may sleep, die, be throttled or lose the answer there.

mod absent;
mod faults;
mod mirror;
pub mod requests;

use std::sync::{Arc, OnceLock};

use futures::executor::block_on;
use slipway_domain::id::{ReleaseId, TenantId};
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::release::ImageDigest;
use slipway_embedded::embedded::Embedded;
use slipway_service::builds::intake::Intake;
use slipway_service::builds::{Completion, ManifestText, NewBuild, Source};
use slipway_service::caller::Caller;
use slipway_service::slipway::Slipway;
use slipway_store::Store;
use slipway_store::keys::Keys;
use slipway_store::keys::file::FileKeys;
use tokio::runtime::{Builder, EnterGuard, Runtime};

use self::absent::Absent;
use self::faults::Weathered;
use super::port::Port;
use super::setup::{ReleaseSpec, Setup};
use super::state::World;

const TABLE: &str = "slipway";

/// A database with one app in it, and who may change it.
#[derive(Clone)]
pub struct Full {
    embedded: Embedded,
    /// Without weather: for what the checks read.
    store: Store,
    /// As workers reach it.
    weathered: Store,
    owner: Caller,
    pub app: AppName,
    pub environment: EnvironmentName,
}

/// What the preparation of a world made.
pub struct Prepared {
    pub full: Full,
    pub tenant: TenantId,
    pub releases: Vec<ReleaseId>,
}

/// Makes the app and its releases, before any weather.
pub fn prepare(setup: &Setup) -> Prepared {
    block_on(prepare_all(setup)).expect("an empty database takes an app and its releases")
}

async fn prepare_all(setup: &Setup) -> slipway_domain::error::Result<Prepared> {
    let embedded = Embedded::memory().map_err(slipway_domain::error::Error::internal)?;
    let store = Store::new(embedded.client(), TABLE, keys());
    store.ensure_table().await?;
    let absent = Arc::new(Absent::default());
    let slipway = slipway(store.clone(), Ports { cluster: absent.clone(), workflows: absent.clone(), clock: absent });
    let tenant = TenantId::from_entropy(1);
    let token = slipway.bootstrap_local(&tenant).await?;
    let token = token.ok_or_else(|| slipway_domain::error::Error::internal("no token"))?;
    let owner = slipway.authenticate(token.reveal(), "world").await?;
    let app: AppName = "shop".parse().map_err(slipway_domain::error::Error::internal)?;
    slipway.create_app(&owner, &app, None, None).await?;
    let mut releases = Vec::new();
    for (spec, number) in setup.releases.iter().zip(1..) {
        releases.push(release(&slipway, &owner, &app, spec, number).await?);
    }
    let weathered = store.clone();
    let full = Full { embedded, store, weathered, owner, app, environment: EnvironmentName::production() };
    Ok(Prepared { full, tenant, releases })
}

async fn release(
    slipway: &Slipway,
    owner: &Caller,
    app: &AppName,
    spec: &ReleaseSpec,
    number: u8,
) -> slipway_domain::error::Result<ReleaseId> {
    let new = NewBuild {
        source: Source::Existing,
        environment: EnvironmentName::production(),
        commit: None,
        description: None,
        manifest: None,
        time_limit: None,
    };
    let build = slipway.create_build(owner, app, &new, None).await?.value.build.build.id;
    let manifest = ManifestText { file: "slipway.yml".to_owned(), text: spec.text() };
    let image = ImageDigest::from_sha256(&[number; 32]);
    let completion = Completion::Image { image, manifest: Some(manifest) };
    let view = slipway.complete_build(owner, app, &build, &completion).await?;
    view.release.ok_or_else(|| slipway_domain::error::Error::internal("a complete build has a release"))
}

/// The SDK asks for a runtime's timers wherever it could wait. It never does: no request here has a time limit, and the
/// database answers at once.
pub fn context() -> EnterGuard<'static> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let make = || Builder::new_current_thread().enable_time().build();
    RUNTIME.get_or_init(|| make().expect("a runtime without I/O needs nothing of the machine")).enter()
}

/// One key file for all worlds of this process: what it protects is not at stake here.
fn keys() -> Arc<dyn Keys> {
    static KEYS: OnceLock<Arc<FileKeys>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Arc::new(FileKeys::open(&folder.path().join("key")).expect("a key file can be made"))
    });
    keys.clone()
}

/// The ports that differ between the preparation and a worker.
struct Ports<P> {
    cluster: Arc<P>,
    workflows: Arc<P>,
    clock: Arc<P>,
}

fn slipway<P>(store: Store, ports: Ports<P>) -> Slipway
where
    P: slipway_service::ports::Cluster
        + slipway_service::ports::Workflows
        + slipway_service::ports::Clock
        + slipway_service::ports::Entropy
        + 'static,
{
    let absent = Arc::new(Absent::default());
    Slipway {
        store,
        entropy: ports.clock.clone(),
        cluster: ports.cluster,
        processes: absent.clone(),
        access: Arc::new(slipway_service::ports::OpenAccess),
        clusters: None,
        operator: None,
        workflows: ports.workflows,
        registry: absent.clone(),
        objects: absent.clone(),
        builder: absent,
        intake: Intake::Archives,
        clock: ports.clock,
    }
}

impl Full {
    /// Puts the weather of this world before the database.
    pub fn meet(&mut self, world: &World) {
        let weather = Weathered { world: world.downgrade() };
        let client = self.embedded.clone().with_faults(Arc::new(weather)).client();
        self.weathered = Store::new(client, TABLE, keys()).with_sleep(faults::sleep(world.downgrade()));
    }

    /// The store as a worker reaches it.
    pub fn store(&self) -> Store {
        self.weathered.clone()
    }

    /// The product as a worker runs it.
    pub fn slipway(&self, port: &Arc<Port>) -> Slipway {
        slipway(self.store(), Ports { cluster: port.clone(), workflows: port.clone(), clock: port.clone() })
    }
}
