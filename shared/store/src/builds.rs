//! Builds: changed while they are open, sealed when they complete.

use slipway_domain::build::{Build, BuildStatus};
use slipway_domain::id::BuildId;
use slipway_domain::name::AppName;
use slipway_domain::time::Time;

use crate::audit::Telling;
use crate::due;
use crate::error::{Result, StoreError, Subject};
use crate::item::{self, BODY, Item};
use crate::layout::{Place, SORT};
use crate::reasons::Meaning;
use crate::records::{Change, Due, DueKind, Listed, NoticeKind, Page};
use crate::releases::NewRelease;
use crate::store::Scoped;
use crate::transaction::{Edit, Transaction, When};

/// The status, which every write of an open build is conditional on.
const STATUS: &str = "status";

/// The end of a build that made an image: the build as sealed, and its release.
#[derive(Clone, Debug)]
pub struct CompleteBuild {
    /// With status `complete`, image and manifest.
    pub build: Build,
    /// The status it was read with.
    pub expected: BuildStatus,
    pub release: NewRelease,
}

impl Scoped {
    /// `due_at` is when its time is over: until it ends it is listed as due then. `Exists(Build)`: draw another id.
    /// `Missing(App)`.
    pub async fn create_build(&self, change: &Change, build: &Build, due_at: Time) -> Result<()> {
        let key = self.layout().build(&build.app, &build.id);
        let mut row =
            item::row([(BODY, item::json(Subject::Build, build)?), (STATUS, item::text(build.status.as_str()))]);
        let due = due::entry(due_at, self.tenant_id(), &build.app, &build.environment);
        due::list(&mut row, DueKind::Build, &key, &Due { build: Some(build.id.clone()), ..due })?;
        let entry = self.layout().build_entry(&build.app, build.created_at, &build.id);
        let mut transaction = self.begin();
        self.require_app(&mut transaction, &build.app)?;
        transaction.create(Subject::Build, &key, row)?;
        let sealed = self.layout().sealed_build(&build.app, &build.id);
        transaction.check_unsealed(Subject::Build, &sealed)?;
        transaction.seal(Subject::Build, &entry, Item::new(), Meaning::Exists(Subject::Build))?;
        self.sign(&mut transaction, change, &target(build))?;
        self.commit(transaction).await
    }

    /// Sealed or open.
    pub async fn build(&self, app: &AppName, id: &BuildId) -> Result<Option<Build>> {
        // In this order: completing moves it from the first place to the second.
        let open = self.database().get(&self.layout().build(app, id)).await?;
        let item = match open {
            Some(item) => Some(item),
            None => self.database().get(&self.layout().sealed_build(app, id)).await?,
        };
        item.as_ref().map(read).transpose()
    }

    /// Newest first.
    pub async fn builds(&self, app: &AppName, page: &Page) -> Result<Listed<Build>> {
        let listed = self.list(self.layout().builds(app), true, page).await?;
        let ids = listed.items.iter().map(id).collect::<Result<Vec<_>>>()?;
        let open: Vec<_> = ids.iter().map(|id| self.layout().build(app, id)).collect();
        let found = self.database().get_each(&open).await?;
        let sealed: Vec<_> = ids.iter().map(|id| self.layout().sealed_build(app, id)).collect();
        let places = || open.iter().map(AsRef::as_ref).zip(sealed.iter().map(AsRef::as_ref));
        let rest: Vec<&Place> =
            places().filter(|(open, _)| !found.contains_key(*open)).map(|(_, place)| place).collect();
        let complete = self.database().get_each(&rest).await?;
        let items = places().filter_map(|(open, sealed)| found.get(open).or_else(|| complete.get(sealed)));
        Ok(Listed { items: items.map(read).collect::<Result<_>>()?, next: listed.next })
    }

    /// Moves an open build on: to `running`, `failed` or `cancelled`. `Stale(Build)` when its status is not `expected`,
    /// `Sealed(Build)` when it completed.
    pub async fn update_build(&self, change: &Change, build: &Build, expected: BuildStatus) -> Result<()> {
        if build.status == BuildStatus::Complete || expected.ended() {
            return Err(StoreError::Misuse("a build completes by being sealed, and once".to_owned()));
        }
        let mut transaction = self.begin();
        transaction.check_unsealed(Subject::Build, &self.layout().sealed_build(&build.app, &build.id))?;
        let edit = Edit {
            set: vec![(BODY, item::json(Subject::Build, build)?), (STATUS, item::text(build.status.as_str()))],
            remove: if build.status.ended() { due::ATTRIBUTES.to_vec() } else { Vec::new() },
            when: expects(expected),
        };
        let key = self.layout().build(&build.app, &build.id);
        transaction.update(Subject::Build, &key, &edit, Meaning::Stale(Subject::Build))?;
        if build.status == BuildStatus::Failed {
            self.tell_build(&mut transaction, NoticeKind::BuildFailed, change.now, build)?;
        }
        self.sign(&mut transaction, change, &target(build))?;
        self.commit(transaction).await
    }

    /// Seals the build and writes its release. `Sealed(Build)`, `Stale(Build)`, and what `create_release` refuses with.
    pub async fn complete_build(&self, change: &Change, complete: &CompleteBuild) -> Result<()> {
        let build = &complete.build;
        if build.status != BuildStatus::Complete || build.image.is_none() || build.manifest.is_none() {
            return Err(StoreError::Misuse("a complete build has an image and a manifest".to_owned()));
        }
        if complete.expected.ended() {
            return Err(StoreError::Stale(Subject::Build));
        }
        let release = self.prepare(&complete.release).await?;
        let mut transaction = self.begin();
        let sealed = self.layout().sealed_build(&build.app, &build.id);
        let row = item::row([(BODY, item::json(Subject::Build, build)?)]);
        transaction.seal(Subject::Build, &sealed, row, Meaning::Sealed(Subject::Build))?;
        let open = self.layout().build(&build.app, &build.id);
        transaction.delete(&open, expects(complete.expected), Meaning::Stale(Subject::Build))?;
        self.tell_build(&mut transaction, NoticeKind::BuildCompleted, change.now, build)?;
        self.add_release(&mut transaction, &release)?;
        self.fork(&mut transaction, &complete.release)?;
        self.tell_release(&mut transaction, change.now, &complete.release.release)?;
        self.sign(&mut transaction, change, &target(build))?;
        self.commit(transaction).await
    }

    fn tell_build(&self, transaction: &mut Transaction, kind: NoticeKind, at: Time, build: &Build) -> Result<()> {
        let telling = Telling {
            kind,
            at,
            app: &build.app,
            environment: &build.environment,
            build: Some(&build.id),
            release: None,
            promotion: None,
        };
        self.tell(transaction, telling)
    }
}

fn expects(status: BuildStatus) -> Vec<When> {
    vec![When::Is(STATUS, item::text(status.as_str()))]
}

fn read(item: &Item) -> Result<Build> {
    item::record(Subject::Build, item, BODY)
}

/// The id at the end of a list's sort key.
fn id(item: &Item) -> Result<BuildId> {
    let sort = item::get_text(Subject::Build, item, SORT)?;
    let id = sort.rsplit('#').next().unwrap_or_default();
    id.parse().map_err(|error| StoreError::Corrupt(Subject::Build, format!("its id {error}")))
}

fn target(build: &Build) -> String {
    format!("apps/{}/builds/{}", build.app, build.id)
}
