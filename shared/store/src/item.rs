//! Items as they are stored: the record as JSON in `body`, and beside it only what conditions, the index and the
//! expiry need.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Result, StoreError, Subject};

pub type Item = HashMap<String, AttributeValue>;

/// The record, in JSON.
pub const BODY: &str = "body";

/// The version that writes are conditional on.
pub const VERSION: &str = "version";

/// When the database may delete the item, in seconds.
pub const EXPIRES_AT: &str = "expires_at";

/// DynamoDB's limit of an item: 400 KB, names and values.
pub const MAX_ITEM_BYTES: usize = 400 * 1024;

pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub fn count(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub fn bytes(value: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// An item of these attributes.
pub fn row<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A record as the value of an attribute.
pub fn json<T: Serialize>(subject: Subject, record: &T) -> Result<AttributeValue> {
    serde_json::to_string(record).map(text).map_err(|error| StoreError::Corrupt(subject, error.to_string()))
}

/// The record in an attribute.
pub fn record<T: DeserializeOwned>(subject: Subject, item: &Item, name: &str) -> Result<T> {
    let body = item.get(name).and_then(|value| value.as_s().ok()).ok_or_else(|| lacks(subject, name))?;
    serde_json::from_str(body).map_err(|error| StoreError::Corrupt(subject, error.to_string()))
}

pub fn get_text<'item>(subject: Subject, item: &'item Item, name: &str) -> Result<&'item str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).ok_or_else(|| lacks(subject, name))
}

pub fn get_count(subject: Subject, item: &Item, name: &str) -> Result<u64> {
    find_count(item, name).ok_or_else(|| lacks(subject, name))
}

pub fn find_count(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub fn get_bytes<'item>(subject: Subject, item: &'item Item, name: &str) -> Result<&'item [u8]> {
    item.get(name).and_then(|value| value.as_b().ok()).map(Blob::as_ref).ok_or_else(|| lacks(subject, name))
}

fn lacks(subject: Subject, name: &str) -> StoreError {
    StoreError::Corrupt(subject, format!("lacks {name}"))
}

/// The size of an item as DynamoDB counts it, for the types that are stored here. Numbers take at most 21 bytes.
pub fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::N(number) => number.len().min(21),
        _ => 1,
    };
    item.iter().map(|(name, attribute)| name.len() + value(attribute)).sum()
}
