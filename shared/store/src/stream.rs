//! What the table's stream tells of: rows that were just made and that somebody waits for.

use serde_json::Value;
use slipway_domain::id::TenantId;
use slipway_domain::promotion::Promotion;

use crate::error::{Result, StoreError, Subject};
use crate::item::BODY;
use crate::layout::{PARTITION, RowKind, SORT, kind_of};
use crate::records::Notice;

/// A row that was just made.
#[derive(Clone, Debug, PartialEq)]
pub enum Fresh {
    /// Of the outbox.
    Notice(TenantId, Box<Notice>),
    Promotion(TenantId, Box<Promotion>),
}

/// Reads one record of the stream, in the JSON in which Lambda gets it. None: a record of no row that is meant here.
pub fn read(record: &Value) -> Result<Option<Fresh>> {
    if record.get("eventName").and_then(Value::as_str) != Some("INSERT") {
        return Ok(None);
    }
    let text = |part: &str, name: &str| record.pointer(&format!("/dynamodb/{part}/{name}/S")).and_then(Value::as_str);
    let (Some(partition), Some(sort)) = (text("Keys", PARTITION), text("Keys", SORT)) else {
        return Err(corrupt("lacks the key of its row"));
    };
    let Some((tenant, kind)) = kind_of(partition, sort) else { return Ok(None) };
    let body = text("NewImage", BODY).ok_or_else(|| corrupt("lacks the body of its row"))?;
    Ok(Some(match kind {
        RowKind::Notice => Fresh::Notice(tenant, parse(body)?),
        RowKind::Promotion => Fresh::Promotion(tenant, parse(body)?),
    }))
}

fn parse<T: serde::de::DeserializeOwned>(body: &str) -> Result<T> {
    serde_json::from_str(body).map_err(|error| corrupt(&error.to_string()))
}

fn corrupt(why: &str) -> StoreError {
    StoreError::Corrupt(Subject::Stream, why.to_owned())
}
