//! Why a transaction was cancelled, read reason by reason against what each of its items was for.

use crate::audit;
use crate::error::{StoreError, Subject};
use crate::item::{self, Item, VERSION};
use crate::records::IdempotencyRecord;
use crate::retry::Trouble;

/// What the failure of an item's condition means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It has no condition.
    Nothing,
    /// It must not have been there.
    Exists(Subject),
    /// It must have been there.
    Missing(Subject),
    /// It must have been there and as it was read.
    Stale(Subject),
    /// Its sealed form must not have been there.
    Sealed(Subject),
    /// An environment: at this version (when it matters), and with the base as its newest release.
    Environment { version: Option<u64> },
    /// The request was not to have been carried out before.
    Idempotency { fingerprint: String },
}

/// The database's word on one item of a cancelled transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reason {
    pub code: String,
    /// The item as it is, when there is one and its condition failed.
    pub item: Option<Item>,
}

/// What to make of a cancelled transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Refused(StoreError),
    Again(Trouble),
}

/// Reads the reasons in this order: a request that was carried out before is a replay, whatever else it would meet now;
/// one that is being carried out right now is waited for; then the first refused condition counts, which no waiting
/// heals; then conflicts and throttling, which it may.
pub fn read(reasons: &[Reason], meanings: &[Meaning]) -> Verdict {
    let pairs: Vec<(&Reason, &Meaning)> = reasons.iter().zip(meanings).collect();
    let keyed = pairs.iter().find(|(_, meaning)| matches!(meaning, Meaning::Idempotency { .. }));
    match keyed.map(|(reason, _)| reason.code.as_str()) {
        Some("TransactionConflict") => return Verdict::Again(Trouble::Conflict),
        Some("ConditionalCheckFailed") => {
            return keyed.map_or_else(unreadable, |(reason, meaning)| refusal(reason, meaning));
        }
        _ => {}
    }
    if let Some((reason, meaning)) = pairs.iter().find(|(reason, _)| reason.code == "ConditionalCheckFailed") {
        return refusal(reason, meaning);
    }
    let has = |codes: &[&str]| reasons.iter().any(|reason| codes.contains(&reason.code.as_str()));
    if let Some(reason) = reasons.iter().find(|reason| !RETRIED.contains(&reason.code.as_str())) {
        return Verdict::Refused(StoreError::Misuse(format!("a transaction was cancelled: {}", reason.code)));
    }
    if has(&["TransactionConflict"]) {
        Verdict::Again(Trouble::Conflict)
    } else if has(&["ProvisionedThroughputExceeded", "ThrottlingError"]) {
        Verdict::Again(Trouble::Throttled)
    } else {
        unreadable()
    }
}

/// Codes that another attempt may be without.
const RETRIED: [&str; 4] = ["None", "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"];

fn unreadable() -> Verdict {
    Verdict::Refused(StoreError::Misuse("a transaction was cancelled without a reason".to_owned()))
}

fn refusal(reason: &Reason, meaning: &Meaning) -> Verdict {
    let item = reason.item.as_ref();
    Verdict::Refused(match meaning {
        Meaning::Nothing => StoreError::Misuse("a condition failed where none was set".to_owned()),
        Meaning::Exists(subject) => StoreError::Exists(*subject),
        Meaning::Missing(subject) => StoreError::Missing(*subject),
        Meaning::Sealed(subject) => StoreError::Sealed(*subject),
        Meaning::Stale(subject) if item.is_none() => StoreError::Missing(*subject),
        // Only the count of an app is ever compared.
        Meaning::Stale(Subject::App) => StoreError::Stale(Subject::ReleaseCount),
        Meaning::Stale(subject) => StoreError::Stale(*subject),
        Meaning::Environment { version } => environment(item, *version),
        Meaning::Idempotency { fingerprint } => idempotency(item, fingerprint),
    })
}

fn environment(item: Option<&Item>, version: Option<u64>) -> StoreError {
    match (item, version) {
        (None, _) => StoreError::Missing(Subject::Environment),
        (Some(item), Some(version)) if item::find_count(item, VERSION) != Some(version) => {
            StoreError::Stale(Subject::Environment)
        }
        _ => StoreError::Stale(Subject::Newest),
    }
}

fn idempotency(item: Option<&Item>, fingerprint: &str) -> StoreError {
    let Some(item) = item else {
        return StoreError::Corrupt(Subject::Idempotency, "was not returned".to_owned());
    };
    match audit::idempotency_record(item) {
        Ok(record) if same(&record, fingerprint) => StoreError::Replay(record),
        Ok(record) => StoreError::Mismatch(record),
        Err(error) => error,
    }
}

fn same(record: &IdempotencyRecord, fingerprint: &str) -> bool {
    record.fingerprint == fingerprint
}
