//! Setting and unsetting variables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{ParseKeyError, VariableKey, Variables, finish, pointer, refusal};
use crate::error::Result;
use crate::secret::Secret;

/// How many keys a description names; the rest is a number.
const NAMED: usize = 20;

/// What is to be set and what removed. No key is in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    set: BTreeMap<VariableKey, Secret>,
    unset: BTreeSet<VariableKey>,
}

/// What a change did, by key. Setting what is set already and removing what is absent do nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSummary {
    pub added: BTreeSet<VariableKey>,
    pub changed: BTreeSet<VariableKey>,
    pub removed: BTreeSet<VariableKey>,
}

impl Change {
    /// From the members of a request: a value sets, none removes. Fails with a pointer to every key that is none, and
    /// to those that are given twice.
    pub fn from_entries(entries: impl IntoIterator<Item = (String, Option<Secret>)>) -> Result<Self> {
        let mut change = Self::default();
        let mut error = refusal();
        for (text, value) in entries {
            let key = match text.parse::<VariableKey>() {
                Ok(key) => key,
                Err(reason) => {
                    error = error.field(pointer(&text), bad_key(&text, reason));
                    continue;
                }
            };
            if change.set.contains_key(&key) || change.unset.contains(&key) {
                error = error.field(pointer(&text), format!("{key} is given twice: keep one of the two"));
                continue;
            }
            match value {
                Some(value) => drop(change.set.insert(key, value)),
                None => drop(change.unset.insert(key)),
            }
        }
        finish(error).map_or(Ok(change), Err)
    }

    /// What makes `current` become `target`.
    pub fn replacing(current: &Variables, target: Variables) -> Self {
        let unset = current.keys().filter(|key| !target.contains(key)).cloned().collect();
        Self { set: target.0, unset }
    }

    /// The variables after the change, and what it did to them. Fails when they break a limit.
    pub fn apply(self, current: &Variables) -> Result<(Variables, ChangeSummary)> {
        let mut values = current.0.clone();
        let mut summary = ChangeSummary::default();
        for key in self.unset {
            if values.remove(&key).is_some() {
                summary.removed.insert(key);
            }
        }
        for (key, value) in self.set {
            match values.get(&key) {
                Some(old) if *old == value => continue,
                Some(_) => summary.changed.insert(key.clone()),
                None => summary.added.insert(key.clone()),
            };
            values.insert(key, value);
        }
        Ok((Variables::new(values)?, summary))
    }
}

fn bad_key(text: &str, reason: ParseKeyError) -> String {
    // The keys of a request are no secrets; a value that was pasted as a key might be one, hence the cut.
    let shown: String = text.chars().take(24).flat_map(char::escape_default).collect();
    format!("the key `{shown}` {reason}")
}

impl ChangeSummary {
    /// Nothing was changed, so no release is made.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

impl fmt::Display for ChangeSummary {
    /// `env add:API_KEY change:PORT remove:OLD`: the description of the release that the change makes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("env")?;
        let groups = [("add", &self.added), ("change", &self.changed), ("remove", &self.removed)];
        let words = groups.into_iter().flat_map(|(word, keys)| keys.iter().map(move |key| (word, key)));
        for (word, key) in words.clone().take(NAMED) {
            write!(f, " {word}:{key}")?;
        }
        match words.count().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
