//! The sparse index of what is due: what an item carries to be listed there, and how it is read back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use slipway_domain::id::TenantId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::time::Time;

use crate::error::{Result, StoreError, Subject};
use crate::item::{self, Item};
use crate::layout::{INDEX_PARTITION, INDEX_SORT, Key, due_partition, shard};
use crate::records::{Due, DueKind};

/// The ids, as JSON.
pub const DUE: &str = "due_ids";

/// The three attributes that list an item in the index, and that are removed to take it out.
pub const ATTRIBUTES: [&str; 3] = [INDEX_PARTITION, INDEX_SORT, DUE];

/// The entry of something without an id of its own.
pub fn entry(at: Time, tenant: &TenantId, app: &AppName, environment: &EnvironmentName) -> Due {
    Due {
        at,
        tenant: tenant.clone(),
        app: app.clone(),
        environment: environment.clone(),
        build: None,
        promotion: None,
        run: None,
    }
}

/// What lists the item with this key.
pub fn attributes(kind: DueKind, key: &Key, due: &Due) -> Result<[(&'static str, AttributeValue); 3]> {
    Ok([
        (INDEX_PARTITION, item::text(due_partition(kind, shard(key)))),
        (INDEX_SORT, AttributeValue::N(due.at.as_millis().to_string())),
        (DUE, item::json(subject(kind), due)?),
    ])
}

/// The same, added to a whole item.
pub fn list(row: &mut Item, kind: DueKind, key: &Key, due: &Due) -> Result<()> {
    row.extend(HashMap::from(attributes(kind, key, due)?.map(|(name, value)| (name.to_owned(), value))));
    Ok(())
}

pub fn read(item: &Item) -> Result<Due> {
    let due = item.get(DUE).and_then(|value| value.as_s().ok());
    let due = due.ok_or_else(|| StoreError::Corrupt(Subject::Notice, format!("lacks {DUE}")))?;
    serde_json::from_str(due).map_err(|error| StoreError::Corrupt(Subject::Notice, error.to_string()))
}

const fn subject(kind: DueKind) -> Subject {
    match kind {
        DueKind::Promotion => Subject::Promotion,
        DueKind::Cleanup | DueKind::Collect => Subject::Environment,
        DueKind::Build => Subject::Build,
        DueKind::Run => Subject::Run,
        DueKind::Notice => Subject::Notice,
    }
}
