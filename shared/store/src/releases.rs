//! Releases: written once, each with its number, its tag and its encrypted variables.

use slipway_domain::id::ReleaseId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::release::{Release, ReleaseRef};
use slipway_domain::time::Time;
use slipway_domain::variables::{self, Variables};

use crate::audit::Telling;
use crate::error::{Result, StoreError, Subject};
use crate::item::{self, BODY, Item};
use crate::keys::{DataKey, KeyContext, Purpose, envelope};
use crate::layout::SealedKey;
use crate::reasons::Meaning;
use crate::records::{Change, Listed, NoticeKind, Page};
use crate::store::Scoped;
use crate::transaction::Transaction;

/// The id of the release that a list or a tag names.
const RELEASE: &str = "release";

/// The encrypted variables, and their data key as the key service wrapped it.
const SEALED: &str = "sealed";
const WRAPPED: &str = "wrapped_key";

/// A release to be written, and what must still be so. The number is `release_count` of the app as it was read, plus
/// one; the newest release of the environment as it was read is the base.
#[derive(Clone, Debug)]
pub struct NewRelease {
    pub release: Release,
    pub variables: Variables,
    pub expected_newest: Option<ReleaseId>,
}

/// A release that is ready to be written: its variables are encrypted.
pub(crate) struct Prepared<'a> {
    new: &'a NewRelease,
    variables: Item,
}

impl Scoped {
    /// `Stale(ReleaseCount)` or `Stale(Newest)`: read app and environment again and retry. `Exists(Tag)`,
    /// `Exists(Release)` (draw another id), `Missing(App)`, `Missing(Environment)`.
    pub async fn create_release(&self, change: &Change, new: &NewRelease) -> Result<()> {
        let prepared = self.prepare(new).await?;
        let release = &new.release;
        let mut transaction = self.begin();
        self.add_release(&mut transaction, &prepared)?;
        self.fork(&mut transaction, new)?;
        self.tell_release(&mut transaction, change.now, release)?;
        self.sign(&mut transaction, change, &format!("apps/{}/releases/{}", release.app, release.id))?;
        self.commit(transaction).await
    }

    /// By id, number or tag.
    pub async fn release(&self, app: &AppName, reference: &ReleaseRef) -> Result<Option<Release>> {
        let id = match reference {
            ReleaseRef::Id(id) => Some(id.clone()),
            ReleaseRef::Number(number) => self.named(&self.layout().release_entry(app, *number)).await?,
            ReleaseRef::Tag(tag) => self.named(&self.layout().tag(app, tag)).await?,
        };
        let Some(id) = id else { return Ok(None) };
        self.database().get(&self.layout().release(app, &id)).await?.as_ref().map(read).transpose()
    }

    async fn named(&self, key: &SealedKey) -> Result<Option<ReleaseId>> {
        self.database().get(&key).await?.as_ref().map(named_id).transpose()
    }

    /// Newest first; of one environment, or of the whole app.
    pub async fn releases(
        &self,
        app: &AppName,
        environment: Option<&EnvironmentName>,
        page: &Page,
    ) -> Result<Listed<Release>> {
        let partition = environment
            .map_or_else(|| self.layout().releases(app), |name| self.layout().environment_releases(app, name));
        let listed = self.list(partition, true, page).await?;
        let ids = listed.items.iter().map(named_id).collect::<Result<Vec<_>>>()?;
        let keys: Vec<_> = ids.iter().map(|id| self.layout().release(app, id)).collect();
        self.follow(&listed, &keys).await?.read(read)
    }

    /// Decrypts the values. Whoever shows them to a person writes an audit row first.
    pub async fn variables(&self, release: &Release) -> Result<Variables> {
        let key = self.layout().variables(&release.app, &release.id);
        let item = self.database().get(&key).await?.ok_or(StoreError::Missing(Subject::Release))?;
        let context = self.variables_context(release);
        let wrapped = item::get_bytes(Subject::Release, &item, WRAPPED)?;
        let data_key = self.keys().unwrap(wrapped, &context).await?;
        let plain = envelope::open(&data_key, &context, item::get_bytes(Subject::Release, &item, SEALED)?)?;
        variables::decode(&plain).map_err(|error| StoreError::Corrupt(Subject::Release, error.to_string()))
    }

    fn variables_context(&self, release: &Release) -> KeyContext {
        KeyContext {
            tenant: self.tenant_id().clone(),
            release: Some((release.app.clone(), release.environment.clone(), release.id.clone())),
            purpose: Purpose::Variables,
        }
    }

    /// Encrypts the variables under a fresh data key, before the transaction is put together.
    pub(crate) async fn prepare<'a>(&self, new: &'a NewRelease) -> Result<Prepared<'a>> {
        let context = self.variables_context(&new.release);
        let DataKey { plain, wrapped } = self.keys().data_key(&context).await?;
        let sealed = envelope::seal(&plain, &context, &variables::encode(&new.variables))?;
        Ok(Prepared { new, variables: item::row([(SEALED, item::bytes(sealed)), (WRAPPED, item::bytes(wrapped))]) })
    }

    /// Writes the release in all its places. The environment is moved on by the caller, who may change more of it.
    pub(crate) fn add_release(&self, transaction: &mut Transaction, prepared: &Prepared<'_>) -> Result<()> {
        let release = &prepared.new.release;
        let (layout, app, subject) = (self.layout(), &release.app, Subject::Release);
        let body = item::row([(BODY, item::json(subject, release)?)]);
        transaction.seal(subject, &layout.release(app, &release.id), body, Meaning::Exists(subject))?;
        let values = prepared.variables.clone();
        transaction.seal(subject, &layout.variables(app, &release.id), values, Meaning::Exists(subject))?;
        let name = item::row([(RELEASE, item::text(release.id.as_str()))]);
        if let Some(tag) = &release.tag {
            transaction.seal(Subject::Tag, &layout.tag(app, tag), name.clone(), Meaning::Exists(Subject::Tag))?;
        }
        self.count_release(transaction, app, release.number)?;
        // Behind the count, whose word on a number that is taken comes first.
        let stale = Meaning::Stale(Subject::ReleaseCount);
        transaction.seal(subject, &layout.release_entry(app, release.number), name.clone(), stale.clone())?;
        let entry = layout.environment_release_entry(app, &release.environment, release.number);
        transaction.seal(subject, &entry, name, stale)
    }

    /// Makes the release the environment's newest.
    pub(crate) fn fork(&self, transaction: &mut Transaction, new: &NewRelease) -> Result<()> {
        let newest = (new.expected_newest.as_ref(), &new.release.id);
        self.fork_environment(transaction, &new.release.app, &new.release.environment, newest)
    }

    pub(crate) fn tell_release(&self, transaction: &mut Transaction, at: Time, release: &Release) -> Result<()> {
        let telling = Telling {
            kind: NoticeKind::ReleaseCreated,
            at,
            app: &release.app,
            environment: &release.environment,
            build: Some(&release.build),
            release: Some(&release.id),
            promotion: None,
        };
        self.tell(transaction, telling)
    }
}

fn read(item: &Item) -> Result<Release> {
    item::record(Subject::Release, item, BODY)
}

fn named_id(item: &Item) -> Result<ReleaseId> {
    let id = item::get_text(Subject::Release, item, RELEASE)?;
    id.parse().map_err(|error| StoreError::Corrupt(Subject::Release, format!("its id {error}")))
}
