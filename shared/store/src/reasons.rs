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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{count, row, text};

    fn reason(code: &str) -> Reason {
        Reason { code: code.to_owned(), item: None }
    }

    fn failed(item: Item) -> Reason {
        Reason { code: "ConditionalCheckFailed".to_owned(), item: Some(item) }
    }

    fn remembered(fingerprint: &str) -> Item {
        row([
            ("fingerprint", text(fingerprint)),
            ("status", count(202)),
            ("resource", text("P")),
            ("created_at", count(5)),
        ])
    }

    fn refused(error: StoreError) -> Verdict {
        Verdict::Refused(error)
    }

    /// One item of each meaning, its condition failed: with the item as it is, and with none there.
    #[test]
    fn each_failed_condition_is_read_as_what_it_was_for() {
        let at = |version| row([(VERSION, count(version))]);
        let environment = Meaning::Environment { version: Some(4) };
        let base_only = Meaning::Environment { version: None };
        let keyed = Meaning::Idempotency { fingerprint: "print".to_owned() };
        let record = |fingerprint: &str| audit::idempotency_record(&remembered(fingerprint)).unwrap();
        let table = [
            (Meaning::Exists(Subject::Tag), failed(at(1)), StoreError::Exists(Subject::Tag)),
            (Meaning::Missing(Subject::App), reason("ConditionalCheckFailed"), StoreError::Missing(Subject::App)),
            (Meaning::Sealed(Subject::Build), failed(at(1)), StoreError::Sealed(Subject::Build)),
            (Meaning::Stale(Subject::Run), failed(at(1)), StoreError::Stale(Subject::Run)),
            (Meaning::Stale(Subject::Run), reason("ConditionalCheckFailed"), StoreError::Missing(Subject::Run)),
            (Meaning::Stale(Subject::App), failed(at(1)), StoreError::Stale(Subject::ReleaseCount)),
            (environment.clone(), failed(at(5)), StoreError::Stale(Subject::Environment)),
            (environment.clone(), failed(at(4)), StoreError::Stale(Subject::Newest)),
            (environment, reason("ConditionalCheckFailed"), StoreError::Missing(Subject::Environment)),
            (base_only, failed(at(5)), StoreError::Stale(Subject::Newest)),
            (keyed.clone(), failed(remembered("print")), StoreError::Replay(record("print"))),
            (keyed, failed(remembered("other")), StoreError::Mismatch(record("other"))),
        ];
        for (meaning, reason, expected) in table {
            let (reasons, meanings) =
                ([Reason::none(), reason, Reason::none()], [Meaning::Nothing, meaning, Meaning::Nothing]);
            assert_eq!(read(&reasons, &meanings), refused(expected), "{meanings:?}");
        }
    }

    impl Reason {
        fn none() -> Self {
            reason("None")
        }
    }

    /// State, tag, idempotency record: which word counts when several have one.
    #[test]
    fn of_several_reasons_the_one_that_no_waiting_heals_counts() {
        let meanings = [
            Meaning::Stale(Subject::Promotion),
            Meaning::Exists(Subject::Tag),
            Meaning::Idempotency { fingerprint: "print".to_owned() },
        ];
        let replay = || failed(remembered("print"));
        let stale = || failed(Item::new());
        let conflict = || reason("TransactionConflict");
        let replayed = || refused(StoreError::Replay(audit::idempotency_record(&remembered("print")).unwrap()));
        let is_stale = || refused(StoreError::Stale(Subject::Promotion));
        let exists = || refused(StoreError::Exists(Subject::Tag));
        let table = [
            ([stale(), stale(), replay()], replayed()),
            ([conflict(), reason("ThrottlingError"), replay()], replayed()),
            ([stale(), stale(), conflict()], Verdict::Again(Trouble::Conflict)),
            ([stale(), stale(), Reason::none()], is_stale()),
            ([Reason::none(), stale(), Reason::none()], exists()),
            ([conflict(), stale(), Reason::none()], exists()),
            ([reason("ThrottlingError"), stale(), Reason::none()], exists()),
            ([conflict(), Reason::none(), Reason::none()], Verdict::Again(Trouble::Conflict)),
            ([reason("ThrottlingError"), conflict(), Reason::none()], Verdict::Again(Trouble::Conflict)),
            ([Reason::none(), reason("ThrottlingError"), Reason::none()], Verdict::Again(Trouble::Throttled)),
            (
                [Reason::none(), Reason::none(), reason("ProvisionedThroughputExceeded")],
                Verdict::Again(Trouble::Throttled),
            ),
        ];
        for (reasons, expected) in table {
            assert_eq!(read(&reasons, &meanings), expected, "{reasons:?}");
        }
    }

    #[test]
    fn what_is_no_reason_to_wait_is_a_mistake_of_ours() {
        let meanings = [Meaning::Exists(Subject::App), Meaning::Exists(Subject::Environment)];
        for code in ["ValidationError", "ItemCollectionSizeLimitExceeded", "SomethingNew"] {
            for other in ["None", "TransactionConflict"] {
                let verdict = read(&[reason(code), reason(other)], &meanings);
                assert!(
                    matches!(&verdict, Verdict::Refused(StoreError::Misuse(why)) if why.contains(code)),
                    "{verdict:?}"
                );
            }
        }
        for reasons in [vec![], vec![Reason::none(), Reason::none()]] {
            assert!(matches!(read(&reasons, &meanings), Verdict::Refused(StoreError::Misuse(_))));
        }
    }
}
