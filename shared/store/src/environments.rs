//! Environments: written as a whole under their version; `newest` moves only with a release.

use std::collections::BTreeMap;

use slipway_domain::id::ReleaseId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::{Environment, Promotion};
use slipway_domain::time::Time;

use crate::database::Bound;
use crate::due;
use crate::error::{Result, StoreError, Subject};
use crate::item::{self, BODY, Item, VERSION};
use crate::layout::moment;
use crate::reasons::Meaning;
use crate::records::{Activation, Change, DueKind, Listed, Page, ReleaseHistory};
use crate::store::Scoped;
use crate::transaction::{Edit, Transaction, When};

/// The newest release. Beside the record: a release that is made while a promotion runs does not disturb it.
const NEWEST: &str = "newest";

/// Of a release's history: its last ended promotion, and whether one of them succeeded.
const LAST: &str = "last";
const WAS_ACTIVE: &str = "was_active";

/// How an environment is written.
pub(crate) struct SaveEnvironment<'a> {
    pub environment: &'a Environment,
    pub expected_version: u64,
    pub now: Time,
    /// The base and the release that takes its place.
    pub newest: Option<(Option<&'a ReleaseId>, &'a ReleaseId)>,
}

impl Scoped {
    /// `Exists(Environment)` when the name is taken, `Missing(App)` or `Missing(Cluster)` when there is no such
    /// app or cluster.
    pub async fn create_environment(&self, change: &Change, environment: &Environment) -> Result<()> {
        let mut transaction = self.begin();
        self.require_app(&mut transaction, &environment.app)?;
        self.add_environment(&mut transaction, environment)?;
        self.sign(&mut transaction, change, &target(&environment.app, &environment.name))?;
        self.commit(transaction).await
    }

    /// A consistent read.
    pub async fn environment(&self, app: &AppName, name: &EnvironmentName) -> Result<Option<Environment>> {
        self.database().get(&self.layout().environment(app, name)).await?.as_ref().map(read).transpose()
    }

    /// All of the app's, by name.
    pub async fn environments(&self, app: &AppName) -> Result<Vec<Environment>> {
        let mut environments = Vec::new();
        let mut page = Page::first(Page::MAX_LIMIT);
        loop {
            let listed = self.list(self.layout().environments(app), false, &page).await?.read(read)?;
            environments.extend(listed.items);
            page.after = listed.next;
            if page.after.is_none() {
                return Ok(environments);
            }
        }
    }

    /// Replaces it if its version is still `expected_version`; `environment.version` is one more. `newest` is left as it
    /// is stored, whatever the value says: only a new release moves it. `Stale(Environment)` otherwise.
    pub async fn save_environment(
        &self,
        change: &Change,
        environment: &Environment,
        expected_version: u64,
    ) -> Result<()> {
        self.save_beside(self.begin(), change, environment, expected_version).await
    }

    /// The same, when its cluster becomes another one, which must be there: `Missing(Cluster)`.
    pub async fn move_environment(
        &self,
        change: &Change,
        environment: &Environment,
        expected_version: u64,
    ) -> Result<()> {
        let mut transaction = self.begin();
        if let Some(cluster) = &environment.cluster {
            self.require_cluster(&mut transaction, cluster)?;
        }
        self.save_beside(transaction, change, environment, expected_version).await
    }

    async fn save_beside(
        &self,
        mut transaction: Transaction,
        change: &Change,
        environment: &Environment,
        expected_version: u64,
    ) -> Result<()> {
        let save = SaveEnvironment { environment, expected_version, now: change.now, newest: None };
        self.put_environment(&mut transaction, &save)?;
        self.sign(&mut transaction, change, &target(&environment.app, &environment.name))?;
        self.commit(transaction).await
    }

    /// Ended promotions, newest first; with `until`, only those that ended then or before: the first of them that
    /// `activated()` says what was running at that time.
    pub async fn activations(
        &self,
        app: &AppName,
        environment: &EnvironmentName,
        until: Option<Time>,
        page: &Page,
    ) -> Result<Listed<Activation>> {
        // Behind every id that ended in this very millisecond.
        let last = until.map(|until| format!("{}#~", moment(until)));
        let bound = match (&page.after, &last) {
            (Some(after), _) => Bound::After(after),
            (None, Some(last)) => Bound::UpTo(last),
            (None, None) => Bound::All,
        };
        let listed = self.list_from(self.layout().activations(app, environment), true, bound, page.limit).await?;
        listed.read(|item| item::record(Subject::Promotion, item, BODY))
    }

    /// What became of these releases (at most 100); one that had no ended promotion is absent.
    pub async fn history(
        &self,
        app: &AppName,
        environment: &EnvironmentName,
        releases: &[ReleaseId],
    ) -> Result<BTreeMap<ReleaseId, ReleaseHistory>> {
        let keys: Vec<_> = releases.iter().map(|id| self.layout().history(app, environment, id)).collect();
        let found = self.database().get_each(&keys).await?;
        let pairs = releases.iter().zip(&keys).filter_map(|(id, key)| Some((id, found.get(key.as_ref())?)));
        pairs.map(|(id, item)| Ok((id.clone(), read_history(item)?))).collect()
    }

    /// With the condition that its cluster is there.
    pub(crate) fn add_environment(&self, transaction: &mut Transaction, environment: &Environment) -> Result<()> {
        if let Some(cluster) = &environment.cluster {
            self.require_cluster(transaction, cluster)?;
        }
        let key = self.layout().environment(&environment.app, &environment.name);
        let mut row = item::row([
            (BODY, item::json(Subject::Environment, environment)?),
            (VERSION, item::count(environment.version)),
        ]);
        if let Some(newest) = &environment.newest {
            row.insert(NEWEST.to_owned(), item::text(newest.as_str()));
        }
        transaction.create(Subject::Environment, &key, row)
    }

    pub(crate) fn put_environment(&self, transaction: &mut Transaction, save: &SaveEnvironment<'_>) -> Result<()> {
        let environment = save.environment;
        if environment.version != save.expected_version + 1 {
            return Err(StoreError::Misuse("an environment's version grows by one with every write".to_owned()));
        }
        let key = self.layout().environment(&environment.app, &environment.name);
        let mut edit = Edit {
            set: vec![
                (BODY, item::json(Subject::Environment, environment)?),
                (VERSION, item::count(environment.version)),
            ],
            when: vec![When::Is(VERSION, item::count(save.expected_version))],
            ..Edit::default()
        };
        if let Some((base, newest)) = save.newest {
            move_newest(&mut edit, base, newest);
        }
        if environment.cleanup_pending {
            let due = due::entry(save.now, self.tenant_id(), &environment.app, &environment.name);
            edit.set.extend(due::attributes(DueKind::Cleanup, &key, &due)?);
        } else {
            edit.remove.extend(due::ATTRIBUTES);
        }
        let meaning = Meaning::Environment { version: Some(save.expected_version) };
        transaction.update(Subject::Environment, &key, &edit, meaning)
    }

    /// Moves the environment's newest release on from its base, and nothing else of it.
    pub(crate) fn fork_environment(
        &self,
        transaction: &mut Transaction,
        app: &AppName,
        environment: &EnvironmentName,
        newest: (Option<&ReleaseId>, &ReleaseId),
    ) -> Result<()> {
        let mut edit = Edit { when: vec![When::Has(VERSION)], ..Edit::default() };
        move_newest(&mut edit, newest.0, newest.1);
        let key = self.layout().environment(app, environment);
        transaction.update(Subject::Environment, &key, &edit, Meaning::Environment { version: None })
    }

    /// Requires that the environment is at this version.
    pub(crate) fn require_environment(
        &self,
        transaction: &mut Transaction,
        app: &AppName,
        environment: &EnvironmentName,
        version: u64,
    ) -> Result<()> {
        let when = vec![When::Is(VERSION, item::count(version))];
        let meaning = Meaning::Environment { version: Some(version) };
        transaction.check(&self.layout().environment(app, environment), when, meaning)
    }

    /// Writes the line of an ended promotion, and what it means for its release.
    pub(crate) fn add_activation(&self, transaction: &mut Transaction, promotion: &Promotion) -> Result<()> {
        let Some(activation) = Activation::of(promotion) else {
            return Err(StoreError::Misuse("a promotion that ends has an outcome and a time".to_owned()));
        };
        let (app, environment) = (&promotion.app, &promotion.environment);
        let body = item::json(Subject::Promotion, &activation)?;
        let key = self.layout().activation(app, environment, activation.at, &promotion.id);
        let meaning = Meaning::Stale(Subject::Promotion);
        transaction.seal(Subject::Promotion, &key, item::row([(BODY, body.clone())]), meaning)?;
        let mut edit = Edit { set: vec![(LAST, body)], ..Edit::default() };
        if activation.activated() {
            edit.set.push((WAS_ACTIVE, item::count(1)));
        }
        let key = self.layout().history(app, environment, &promotion.to);
        transaction.update(Subject::Release, &key, &edit, Meaning::Nothing)
    }
}

fn move_newest(edit: &mut Edit, base: Option<&ReleaseId>, newest: &ReleaseId) {
    edit.set.push((NEWEST, item::text(newest.as_str())));
    edit.when.push(base.map_or(When::Lacks(NEWEST), |base| When::Is(NEWEST, item::text(base.as_str()))));
}

pub(crate) fn read(item: &Item) -> Result<Environment> {
    let mut environment: Environment = item::record(Subject::Environment, item, BODY)?;
    let newest = item.get(NEWEST).and_then(|value| value.as_s().ok()).map(|id| id.parse());
    environment.newest = newest
        .transpose()
        .map_err(|error| StoreError::Corrupt(Subject::Environment, format!("its newest release {error}")))?;
    environment.version = item::get_count(Subject::Environment, item, VERSION)?;
    Ok(environment)
}

fn read_history(item: &Item) -> Result<ReleaseHistory> {
    let last = item::record(Subject::Release, item, LAST)?;
    Ok(ReleaseHistory { was_active: item::find_count(item, WAS_ACTIVE).is_some(), last })
}

/// How an environment is named in the audit log.
pub(crate) fn target(app: &AppName, environment: &EnvironmentName) -> String {
    format!("apps/{app}/environments/{environment}")
}
