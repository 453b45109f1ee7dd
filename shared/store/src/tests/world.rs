//! A store of one test and the records that tests begin with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use slipway_domain::app::App;
use slipway_domain::build::{Build, BuildStatus};
use slipway_domain::cluster::role::ExternalId;
use slipway_domain::cluster::{Cluster, EksPlace};
use slipway_domain::id::{BuildId, PromotionId, ReleaseId, RunId, TenantId};
use slipway_domain::manifest::{self, Manifest};
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::{Environment, Epoch, Event, Kind, Memory, Outcome, Phase, Plan, Promotion, Status};
use slipway_domain::release::{ImageDigest, Release, TenantKey, digest, fingerprints};
use slipway_domain::secret::Secret;
use slipway_domain::time::Time;
use slipway_domain::variables::Variables;
use slipway_embedded::embedded::Embedded;
use slipway_embedded::faults::Faults;

use crate::keys::file::FileKeys;
use crate::promotions::StartPromotion;
use crate::records::{Change, IdempotencyKey, Run};
use crate::releases::NewRelease;
use crate::{Scoped, Store};

pub const TABLE: &str = "slipway";

/// A store with one tenant's scope.
pub struct World {
    pub embedded: Embedded,
    pub store: Store,
    pub scoped: Scoped,
    pub keys: Arc<FileKeys>,
    _folder: tempfile::TempDir,
}

/// An empty table in memory.
pub async fn world() -> World {
    faulty(None).await
}

/// An empty table whose client meets these faults once the table is there.
pub async fn faulty(faults: Option<Arc<dyn Faults>>) -> World {
    let folder = tempfile::tempdir().unwrap();
    let keys = Arc::new(FileKeys::open(&folder.path().join("key")).unwrap());
    let embedded = Embedded::memory().unwrap();
    Store::new(embedded.client(), TABLE, keys.clone()).ensure_table().await.unwrap();
    let embedded = match faults {
        Some(faults) => embedded.with_faults(faults),
        None => embedded,
    };
    let store = Store::new(embedded.client(), TABLE, keys.clone());
    let store = store.with_sleep(Arc::new(|_| Box::pin(tokio::task::yield_now())));
    let scoped = store.scoped(tenant(0));
    World { embedded, store, scoped, keys, _folder: folder }
}

impl World {
    /// With app `shop` and its production.
    pub async fn with_app(self) -> Self {
        self.scoped.create_app(&change(), &app(), &environment()).await.unwrap();
        self
    }

    /// With two releases beyond the app, the second of which is the newest.
    pub async fn with_releases(self) -> Self {
        let world = self.with_app().await;
        world.scoped.create_release(&change(), &new_release(1)).await.unwrap();
        world.scoped.create_release(&change(), &new_release(2)).await.unwrap();
        world
    }

    pub async fn environment(&self) -> Environment {
        self.scoped.environment(&shop(), &production()).await.unwrap().unwrap()
    }

    /// Every item of the table, past all of the store's functions.
    pub async fn dump(&self) -> Vec<crate::item::Item> {
        let client = self.embedded.client();
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let answer = client.scan().table_name(TABLE).set_exclusive_start_key(start).send().await.unwrap();
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                return items;
            }
        }
    }
}

pub fn tenant(number: u128) -> TenantId {
    TenantId::from_entropy(number)
}

pub fn shop() -> AppName {
    "shop".parse().unwrap()
}

pub fn production() -> EnvironmentName {
    EnvironmentName::production()
}

pub fn at(seconds: u64) -> Time {
    Time::from_millis(1_700_000_000_000).plus(Duration::from_secs(seconds))
}

pub fn change() -> Change {
    Change {
        now: at(0),
        actor: "ana".to_owned(),
        credential: "token".to_owned(),
        request_id: "request".to_owned(),
        action: "test",
        idempotency: None,
    }
}

/// A change with an idempotency key.
pub fn keyed(key: &str, fingerprint: &str, resource: &str) -> Change {
    let idempotency = IdempotencyKey {
        scope: "token POST /v1/apps".to_owned(),
        key: key.to_owned(),
        fingerprint: fingerprint.to_owned(),
        status: 202,
        resource: resource.to_owned(),
    };
    Change { idempotency: Some(idempotency), ..change() }
}

pub fn app() -> App {
    App { name: shop(), created_at: at(0), created_by: "ana".to_owned(), release_count: 0 }
}

pub fn cluster() -> Cluster {
    Cluster {
        name: "main".parse().unwrap(),
        place: EksPlace {
            region: "eu-central-1".parse().unwrap(),
            account: "123456789012".parse().unwrap(),
            name: "Prod_1".parse().unwrap(),
        },
        external_id: ExternalId::from_entropy([1, 2]),
        created_at: at(0),
        created_by: "ana".to_owned(),
        connected_at: None,
        version: 1,
    }
}

pub fn environment() -> Environment {
    Environment {
        app: shop(),
        name: production(),
        cluster: None,
        status: Status::Creating,
        active: None,
        newest: None,
        promotion: None,
        epoch: Epoch(0),
        formation: BTreeMap::new(),
        cleanup_pending: false,
        created_at: at(0),
        version: 1,
    }
}

pub fn parsed_manifest() -> Manifest {
    manifest::parse("slipway.yml", "services:\n  web:\n    port: 3000\n").unwrap()
}

pub fn image() -> ImageDigest {
    ImageDigest::from_sha256(&[7; 32])
}

pub fn build_id(number: u128) -> BuildId {
    BuildId::from_entropy(number)
}

/// An open build.
pub fn build(number: u64) -> Build {
    Build {
        id: build_id(number.into()),
        app: shop(),
        environment: production(),
        status: BuildStatus::Created,
        description: format!("build {number}"),
        commit: None,
        image: None,
        manifest: None,
        warnings: Vec::new(),
        created_at: at(number),
        started_at: None,
        ended_at: None,
        created_by: "ana".to_owned(),
        failure: None,
        upload: None,
        manifest_path: None,
        time_limit_seconds: 3600,
        release: None,
    }
}

pub fn release_id(number: u64) -> ReleaseId {
    ReleaseId::from_entropy(number.into())
}

pub fn variables(pairs: &[(&str, &str)]) -> Variables {
    Variables::new(pairs.iter().map(|(key, value)| (key.parse().unwrap(), Secret::from(*value))).collect()).unwrap()
}

/// The release with this number, made from the one before it.
pub fn release(number: u64) -> Release {
    let key = TenantKey::new([1; 32]);
    let variables = variables(&[("NUMBER", &number.to_string())]);
    Release {
        id: release_id(number),
        number,
        app: shop(),
        environment: production(),
        build: build_id(1),
        digest: digest(&key, &image(), &parsed_manifest(), &variables),
        description: format!("release {number}"),
        tag: None,
        parent: base(number),
        copied_from: None,
        original_number: number,
        created_at: at(number),
        created_by: "ana".to_owned(),
        reason: None,
        manifest: parsed_manifest(),
        image: image(),
        commit: None,
        fingerprints: fingerprints(&key, &variables),
    }
}

fn base(number: u64) -> Option<ReleaseId> {
    (number > 1).then(|| release_id(number - 1))
}

pub fn new_release(number: u64) -> NewRelease {
    NewRelease {
        release: release(number),
        variables: variables(&[("NUMBER", &number.to_string())]),
        expected_newest: base(number),
    }
}

pub fn promotion_id(number: u64) -> PromotionId {
    PromotionId::from_entropy(number.into())
}

/// A promotion as it begins.
pub fn promotion(number: u64, to: u64) -> Promotion {
    Promotion {
        id: promotion_id(number),
        app: shop(),
        environment: production(),
        kind: Kind::Promote,
        actor: "ana".to_owned(),
        reason: None,
        from: None,
        to: release_id(to),
        epoch: Epoch(1),
        execution: 1,
        phase: Phase::Preparing,
        cancel: None,
        plan: Plan {
            batch: 1,
            strict: false,
            preparing_ms: 60_000,
            total_ms: 600_000,
            restoring_ms: 600_000,
            services: Vec::new(),
        },
        moved: false,
        healthy_before: None,
        failure: None,
        memory: Memory::default(),
        actions: Vec::new(),
        turn: 0,
        turn_due: at(number + 60),
        clock: at(number),
        started_at: at(number),
        rolling_at: None,
        restoring_at: None,
        ended_at: None,
        outcome: None,
        status_before: Status::Creating,
        superseded_by: None,
        events: 1,
        version: 1,
    }
}

pub fn event(number: u64, outcome: Option<Outcome>) -> Event {
    Event {
        number,
        at: at(number),
        source: "system/slipway/shop".to_owned(),
        message: format!("event {number}"),
        outcome,
    }
}

/// The promotion as its next write ends it, and the event of that.
pub fn ended(promotion: &Promotion, outcome: Outcome, seconds: u64) -> (Promotion, Event) {
    let mut promotion = promotion.clone();
    promotion.phase = Phase::Ended;
    promotion.outcome = Some(outcome);
    promotion.ended_at = Some(at(seconds));
    promotion.clock = at(seconds);
    promotion.events += 1;
    promotion.version += 1;
    let event = event(promotion.events, Some(outcome));
    (promotion, event)
}

/// The start of a promotion in an environment as it was read.
pub fn start(number: u64, to: u64, read: &Environment) -> StartPromotion {
    let promotion = promotion(number, to);
    let environment = Environment {
        status: Status::Updating,
        promotion: Some(promotion.id.clone()),
        epoch: read.epoch.next(),
        version: read.version + 1,
        ..read.clone()
    };
    StartPromotion {
        promotion,
        event: event(1, None),
        environment,
        expected_environment_version: read.version,
        superseded: None,
        release: None,
    }
}

pub fn run(number: u64) -> Run {
    Run {
        id: RunId::from_entropy(number.into()),
        app: shop(),
        environment: production(),
        release: release_id(1),
        service: "web".parse().unwrap(),
        command: vec!["bin/migrate".to_owned()],
        actor: "ana".to_owned(),
        started_at: at(number),
        time_limit_ms: 60_000,
        begun: false,
        ended: None,
    }
}
