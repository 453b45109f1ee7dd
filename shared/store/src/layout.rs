//! Where everything is: the keys of the one table. Only this module spells a key.
//!
//! Every partition begins with `t#<tenant>#`; tenant ids have a fixed length, so no tenant's prefix is the beginning of
//! another's. Below, `T` is `t#<tenant>#`, `A` is `T app#<app>#`, `E` is `A env#<environment>#`; numbers in sort keys
//! have leading zeros, times are milliseconds.
//!
//! | record | partition | sort key | written |
//! | --- | --- | --- | --- |
//! | tenant, with its wrapped key | `T tenant` | `tenant` | once |
//! | token | `T tokens` | `token#<id>` | by version of `revoked` |
//! | cluster | `T clusters` | `cluster#<name>` | by version |
//! | app, with its count of releases | `T apps` | `app#<name>` | by count |
//! | environment, with its newest release | `A environments` | `environment#<name>` | by version, by newest |
//! | build that is not complete | `A build#<id>` | `build` | by status |
//! | promotion | `A promotion#<id>` | `promotion` | by version |
//! | run | `A run#<id>` | `run` | by status |
//! | what became of a release | `E history` | `release#<id>` | by the promotion that ends |
//! | what may be collected in an environment | `A collections` | `collection#<environment>` | by whatever ends there, then deleted |
//! | idempotency record | `T idempotency#<hash of scope and key>` | `record` | once a day |
//! | outbox | `T outbox` | `notice#<time>#<random>` | once, then deleted |
//! | **sealed**: complete build | `A sealed#build#<id>` | `build` | once |
//! | **sealed**: release | `A sealed#release#<id>` | `release` | once |
//! | **sealed**: its variables, encrypted | `A sealed#release#<id>` | `variables` | once |
//! | **sealed**: tag | `A sealed#tags` | `tag#<tag>` | once |
//! | **sealed**: list of the app's releases, with its numbers | `A sealed#releases` | `<number>` | once |
//! | **sealed**: list of an environment's releases | `E sealed#releases` | `<number>` | once |
//! | **sealed**: list of builds | `A sealed#builds` | `<created>#<id>` | once |
//! | **sealed**: list of promotions, of runs | `E sealed#promotions`, `E sealed#runs` | `<started>#<id>` | once |
//! | **sealed**: events, those of one turn together | `A sealed#events#<promotion>` | `<number of the last>` | once |
//! | **sealed**: ended promotions | `E sealed#activations` | `<ended>#<promotion>` | once |
//! | **sealed**: audit log | `T sealed#audit` | `<time>#<random>` | once |
//!
//! Sealed keys have a type of their own, which the functions that update, replace and delete do not take: what is
//! sealed is written under `attribute_not_exists` or not at all.
//!
//! The index `due` is sparse: partition `due#<kind>#<shard>`, sorted by time, with the ids in one attribute.

use slipway_domain::id::{BuildId, PromotionId, ReleaseId, RunId, TenantId};
use slipway_domain::name::{AppName, ClusterName, EnvironmentName};
use slipway_domain::release::Tag;
use slipway_domain::time::Time;

use crate::item::{self, Item};
use crate::records::DueKind;
use crate::token_id::TokenId;

pub const PARTITION: &str = "pk";
pub const SORT: &str = "sk";
pub const INDEX: &str = "due";
pub const INDEX_PARTITION: &str = "due_in";
pub const INDEX_SORT: &str = "due_at";

/// Over how many partitions of the index each kind of due thing is spread.
pub const SHARDS: u8 = 4;

/// Where one item is. Reads take it; no write does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub partition: String,
    pub sort: String,
}

/// The key of one item that may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Place);

/// The key of one item that is written once. There is no way from here to a [`Key`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey(Place);

impl Place {
    /// The two attributes of the key.
    pub fn item(&self) -> Item {
        item::row([(PARTITION, item::text(&self.partition)), (SORT, item::text(&self.sort))])
    }
}

impl AsRef<Self> for Place {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsRef<Place> for Key {
    fn as_ref(&self) -> &Place {
        &self.0
    }
}

impl AsRef<Place> for SealedKey {
    fn as_ref(&self) -> &Place {
        &self.0
    }
}

fn key(partition: String, sort: impl Into<String>) -> Key {
    Key(Place { partition, sort: sort.into() })
}

fn sealed(partition: String, sort: impl Into<String>) -> SealedKey {
    SealedKey(Place { partition, sort: sort.into() })
}

/// Sorts as text as the number does as a number.
pub fn number(number: u64) -> String {
    format!("{number:020}")
}

/// Sorts as text as the times do; before 1970 there is nothing.
pub fn moment(time: Time) -> String {
    format!("{:014}", time.as_millis().max(0))
}

/// The keys of one tenant.
#[derive(Clone, Debug)]
pub struct Layout {
    tenant: TenantId,
}

impl Layout {
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant }
    }

    pub fn tenant_id(&self) -> &TenantId {
        &self.tenant
    }

    fn own(&self, rest: &str) -> String {
        format!("t#{}#{rest}", self.tenant)
    }

    fn app_part(&self, app: &AppName, rest: &str) -> String {
        format!("t#{}#app#{app}#{rest}", self.tenant)
    }

    fn environment_part(&self, app: &AppName, environment: &EnvironmentName, rest: &str) -> String {
        format!("t#{}#app#{app}#env#{environment}#{rest}", self.tenant)
    }

    pub fn tenant(&self) -> Key {
        key(self.own("tenant"), "tenant")
    }

    pub fn tokens(&self) -> String {
        self.own("tokens")
    }

    pub fn token(&self, id: &TokenId) -> Key {
        key(self.tokens(), format!("token#{id}"))
    }

    pub fn clusters(&self) -> String {
        self.own("clusters")
    }

    pub fn cluster(&self, name: &ClusterName) -> Key {
        key(self.clusters(), format!("cluster#{name}"))
    }

    pub fn apps(&self) -> String {
        self.own("apps")
    }

    pub fn app(&self, app: &AppName) -> Key {
        key(self.apps(), format!("app#{app}"))
    }

    pub fn environments(&self, app: &AppName) -> String {
        self.app_part(app, "environments")
    }

    pub fn environment(&self, app: &AppName, name: &EnvironmentName) -> Key {
        key(self.environments(app), format!("environment#{name}"))
    }

    pub fn build(&self, app: &AppName, id: &BuildId) -> Key {
        key(self.app_part(app, &format!("build#{id}")), "build")
    }

    pub fn sealed_build(&self, app: &AppName, id: &BuildId) -> SealedKey {
        sealed(self.app_part(app, &format!("sealed#build#{id}")), "build")
    }

    pub fn builds(&self, app: &AppName) -> String {
        self.app_part(app, "sealed#builds")
    }

    pub fn build_entry(&self, app: &AppName, created: Time, id: &BuildId) -> SealedKey {
        sealed(self.builds(app), format!("{}#{id}", moment(created)))
    }

    pub fn release(&self, app: &AppName, id: &ReleaseId) -> SealedKey {
        sealed(self.app_part(app, &format!("sealed#release#{id}")), "release")
    }

    pub fn variables(&self, app: &AppName, id: &ReleaseId) -> SealedKey {
        sealed(self.app_part(app, &format!("sealed#release#{id}")), "variables")
    }

    pub fn releases(&self, app: &AppName) -> String {
        self.app_part(app, "sealed#releases")
    }

    pub fn release_entry(&self, app: &AppName, count: u64) -> SealedKey {
        sealed(self.releases(app), number(count))
    }

    pub fn environment_releases(&self, app: &AppName, environment: &EnvironmentName) -> String {
        self.environment_part(app, environment, "sealed#releases")
    }

    pub fn environment_release_entry(&self, app: &AppName, environment: &EnvironmentName, count: u64) -> SealedKey {
        sealed(self.environment_releases(app, environment), number(count))
    }

    pub fn tag(&self, app: &AppName, tag: &Tag) -> SealedKey {
        sealed(self.app_part(app, "sealed#tags"), format!("tag#{}", tag.as_str()))
    }

    pub fn history(&self, app: &AppName, environment: &EnvironmentName, release: &ReleaseId) -> Key {
        key(self.environment_part(app, environment, "history"), format!("release#{release}"))
    }

    pub fn collect(&self, app: &AppName, environment: &EnvironmentName) -> Key {
        // Not among the partitions of the environment, which may be called `sealed`: what is below those never changes.
        key(self.app_part(app, "collections"), format!("collection#{environment}"))
    }

    pub fn promotion(&self, app: &AppName, id: &PromotionId) -> Key {
        key(self.app_part(app, &format!("promotion#{id}")), "promotion")
    }

    pub fn promotions(&self, app: &AppName, environment: &EnvironmentName) -> String {
        self.environment_part(app, environment, "sealed#promotions")
    }

    pub fn promotion_entry(
        &self,
        app: &AppName,
        environment: &EnvironmentName,
        started: Time,
        id: &PromotionId,
    ) -> SealedKey {
        sealed(self.promotions(app, environment), format!("{}#{id}", moment(started)))
    }

    pub fn events(&self, app: &AppName, id: &PromotionId) -> String {
        self.app_part(app, &format!("sealed#events#{id}"))
    }

    pub fn event_row(&self, app: &AppName, id: &PromotionId, last: u64) -> SealedKey {
        sealed(self.events(app, id), number(last))
    }

    pub fn activations(&self, app: &AppName, environment: &EnvironmentName) -> String {
        self.environment_part(app, environment, "sealed#activations")
    }

    pub fn activation(&self, app: &AppName, environment: &EnvironmentName, ended: Time, id: &PromotionId) -> SealedKey {
        sealed(self.activations(app, environment), format!("{}#{id}", moment(ended)))
    }

    pub fn run(&self, app: &AppName, id: &RunId) -> Key {
        key(self.app_part(app, &format!("run#{id}")), "run")
    }

    pub fn runs(&self, app: &AppName, environment: &EnvironmentName) -> String {
        self.environment_part(app, environment, "sealed#runs")
    }

    pub fn run_entry(&self, app: &AppName, environment: &EnvironmentName, started: Time, id: &RunId) -> SealedKey {
        sealed(self.runs(app, environment), format!("{}#{id}", moment(started)))
    }

    /// `hash` stands for scope and key, which are the caller's text.
    pub fn idempotency(&self, hash: &str) -> Key {
        key(self.own(&format!("idempotency#{hash}")), "record")
    }

    pub fn outbox(&self) -> String {
        self.own("outbox")
    }

    pub fn notice(&self, id: &str) -> Key {
        key(self.outbox(), format!("notice#{id}"))
    }

    pub fn audit(&self) -> String {
        self.own("sealed#audit")
    }

    pub fn audit_row(&self, at: Time, random: &str) -> SealedKey {
        sealed(self.audit(), format!("{}#{random}", moment(at)))
    }
}

/// Which rows of the stream are meant for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    Notice,
    Promotion,
}

/// Whose row this is and of which of the kinds; None for any other row.
pub fn kind_of(partition: &str, sort: &str) -> Option<(TenantId, RowKind)> {
    let (tenant, rest) = partition.strip_prefix("t#")?.split_once('#')?;
    let tenant: TenantId = tenant.parse().ok()?;
    let kind = match (rest, sort) {
        ("outbox", _) => RowKind::Notice,
        (rest, "promotion") if rest.starts_with("app#") => RowKind::Promotion,
        _ => return None,
    };
    Some((tenant, kind))
}

/// A partition of the index of due things.
pub fn due_partition(kind: DueKind, shard: u8) -> String {
    let kind = match kind {
        DueKind::Promotion => "promotion",
        DueKind::Cleanup => "cleanup",
        DueKind::Build => "build",
        DueKind::Run => "run",
        DueKind::Notice => "notice",
        DueKind::Collect => "collect",
    };
    format!("due#{kind}#{shard}")
}

/// The shard of an item: the same for all its versions.
pub fn shard(key: &Key) -> u8 {
    let sum = key
        .0
        .partition
        .bytes()
        .chain(key.0.sort.bytes())
        .fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    u8::try_from(sum % u32::from(SHARDS)).unwrap_or(0)
}
