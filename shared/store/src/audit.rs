//! Who did what, what is to be told, and what was asked for before.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::time::Time;

use crate::due;
use crate::error::{Result, StoreError, Subject};
use crate::item::{self, BODY, EXPIRES_AT, Item};
use crate::layout::moment;
use crate::reasons::Meaning;
use crate::records::{AuditRow, Change, DueKind, IdempotencyKey, IdempotencyRecord, Listed, Notice, NoticeKind, Page};
use crate::store::Scoped;
use crate::transaction::{Over, Transaction};

/// How long a request with an idempotency key is remembered.
const REMEMBERED: Duration = Duration::from_hours(24);

const FINGERPRINT: &str = "fingerprint";
const STATUS: &str = "status";
const RESOURCE: &str = "resource";
const CREATED_AT: &str = "created_at";

impl Scoped {
    /// Writes an audit row alone: for what is seen rather than changed, such as values of variables, before it is shown.
    pub async fn record(&self, change: &Change, target: &str) -> Result<()> {
        let mut transaction = self.begin();
        self.sign(&mut transaction, change, target)?;
        self.commit(transaction).await
    }

    /// Newest first.
    pub async fn audit(&self, page: &Page) -> Result<Listed<AuditRow>> {
        let listed = self.list(self.layout().audit(), true, page).await?;
        listed.read(|item| item::record(Subject::Audit, item, BODY))
    }

    /// Undelivered notices, oldest first.
    pub async fn notices(&self, page: &Page) -> Result<Listed<Notice>> {
        let listed = self.list(self.layout().outbox(), false, page).await?;
        listed.read(|item| item::record(Subject::Notice, item, BODY))
    }

    /// Whether a notice is still in the outbox.
    pub async fn waits(&self, id: &str) -> Result<bool> {
        Ok(self.database().get(&self.layout().notice(id)).await?.is_some())
    }

    /// Takes a notice out of the outbox. Gone already is success.
    pub async fn delivered(&self, id: &str) -> Result<()> {
        let mut transaction = self.begin();
        transaction.delete(&self.layout().notice(id), Vec::new(), Meaning::Nothing)?;
        self.commit(transaction).await
    }

    /// The record of a request with this key that is not older than 24 hours.
    pub async fn idempotency(&self, scope: &str, key: &str, now: Time) -> Result<Option<IdempotencyRecord>> {
        let Some(item) = self.database().get(&self.layout().idempotency(&hash(scope, key))).await? else {
            return Ok(None);
        };
        let record = idempotency_record(&item)?;
        Ok((expiry(record.created_at) > now.as_seconds()).then_some(record))
    }

    /// What every change carries: its audit row, and the record of its key.
    pub(crate) fn sign(&self, transaction: &mut Transaction, change: &Change, target: &str) -> Result<()> {
        let row = AuditRow {
            at: change.now,
            actor: change.actor.clone(),
            credential: change.credential.clone(),
            request_id: change.request_id.clone(),
            action: change.action.to_owned(),
            target: target.to_owned(),
        };
        let key = self.layout().audit_row(change.now, &random());
        let item = item::row([(BODY, item::json(Subject::Audit, &row)?)]);
        transaction.seal(Subject::Audit, &key, item, Meaning::Exists(Subject::Audit))?;
        change.idempotency.as_ref().map_or(Ok(()), |idempotency| self.claim(transaction, change.now, idempotency))
    }

    fn claim(&self, transaction: &mut Transaction, now: Time, idempotency: &IdempotencyKey) -> Result<()> {
        let key = self.layout().idempotency(&hash(&idempotency.scope, &idempotency.key));
        let row = item::row([
            (FINGERPRINT, item::text(&idempotency.fingerprint)),
            (STATUS, item::count(idempotency.status.into())),
            (RESOURCE, item::text(&idempotency.resource)),
            (CREATED_AT, item::count(now.as_millis().max(0).unsigned_abs())),
            (EXPIRES_AT, item::count(expiry(now).max(0).unsigned_abs())),
        ]);
        let over = Over { expiry: EXPIRES_AT, now_seconds: now.as_seconds() };
        let meaning = Meaning::Idempotency { fingerprint: idempotency.fingerprint.clone() };
        transaction.claim(Subject::Idempotency, &key, row, over, meaning)
    }

    /// Puts a notice into the outbox, in the transaction of what it tells of.
    pub(crate) fn tell(&self, transaction: &mut Transaction, notice: Telling<'_>) -> Result<()> {
        let id = format!("{}#{}", moment(notice.at), random());
        let key = self.layout().notice(&id);
        let due = due::entry(notice.at, self.tenant_id(), notice.app, notice.environment);
        let notice = Notice {
            id,
            kind: notice.kind,
            at: notice.at,
            app: notice.app.clone(),
            environment: notice.environment.clone(),
            build: notice.build.cloned(),
            release: notice.release.cloned(),
            promotion: notice.promotion.cloned(),
        };
        let mut row = item::row([(BODY, item::json(Subject::Notice, &notice)?)]);
        due::list(&mut row, DueKind::Notice, &key, &due)?;
        transaction.create(Subject::Notice, &key, row)
    }
}

/// What a notice is made of.
#[derive(Clone, Copy)]
pub(crate) struct Telling<'a> {
    pub kind: NoticeKind,
    pub at: Time,
    pub app: &'a AppName,
    pub environment: &'a EnvironmentName,
    pub build: Option<&'a slipway_domain::id::BuildId>,
    pub release: Option<&'a slipway_domain::id::ReleaseId>,
    pub promotion: Option<&'a slipway_domain::id::PromotionId>,
}

/// Reads a stored idempotency record.
pub(crate) fn idempotency_record(item: &Item) -> Result<IdempotencyRecord> {
    let subject = Subject::Idempotency;
    let number = |name| item::get_count(subject, item, name);
    let beyond = |_| StoreError::Corrupt(subject, "holds a number out of range".to_owned());
    Ok(IdempotencyRecord {
        fingerprint: item::get_text(subject, item, FINGERPRINT)?.to_owned(),
        status: u16::try_from(number(STATUS)?).map_err(beyond)?,
        resource: item::get_text(subject, item, RESOURCE)?.to_owned(),
        created_at: Time::from_millis(i64::try_from(number(CREATED_AT)?).map_err(beyond)?),
    })
}

/// The first second at which it is forgotten.
fn expiry(created: Time) -> i64 {
    created.plus(REMEMBERED).as_seconds()
}

/// Scope and key are the caller's text: a hash of both has no delimiters, and the length of neither matters.
fn hash(scope: &str, key: &str) -> String {
    let mut context = Context::new(&SHA256);
    for part in [scope, key] {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part.as_bytes());
    }
    hex::encode(context.finish())
}

/// Tells rows of one millisecond apart.
fn random() -> String {
    hex::encode(rand::random::<[u8; 8]>())
}
