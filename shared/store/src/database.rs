//! The requests to the table, each sent again while that can help. Reads are consistent, except through the index. The
//! SDK's futures are large: each is boxed here, so that those of all callers stay small.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Get, KeysAndAttributes, TransactGetItem, TransactWriteItem};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::error::Result;
use crate::item::Item;
use crate::layout::{INDEX, INDEX_PARTITION, INDEX_SORT, PARTITION, Place, SORT};
use crate::reasons::{self, Meaning, Reason, Verdict};
use crate::retry::{Patience, Sleep, Trouble, trouble};

/// DynamoDB's limit of a `BatchGetItem`.
const BATCH: usize = 100;

/// One partition, in part.
#[derive(Clone, Debug)]
pub struct Range<'a> {
    pub partition: String,
    pub bound: Bound<'a>,
    pub newest_first: bool,
    pub limit: usize,
}

/// Where a range begins or ends, by sort key.
#[derive(Clone, Copy, Debug)]
pub enum Bound<'a> {
    All,
    /// Beyond this one, in the direction of reading.
    After(&'a str),
    /// This one and those before it.
    UpTo(&'a str),
}

/// The table and the client that reaches it.
pub struct Database {
    pub client: Client,
    pub table: String,
    pub sleep: Sleep,
}

impl Database {
    pub async fn get(&self, key: &impl AsRef<Place>) -> Result<Option<Item>> {
        let mut patience = Patience::new(&self.sleep);
        loop {
            let request = self.client.get_item().table_name(&self.table).consistent_read(true);
            match Box::pin(request.set_key(Some(key.as_ref().item())).send()).await {
                Ok(answer) => return Ok(answer.item),
                Err(error) => patience.wait(trouble(&error)?).await?,
            }
        }
    }

    /// Items as of one moment, in the order of the keys.
    pub async fn get_together(&self, keys: &[impl AsRef<Place>]) -> Result<Vec<Option<Item>>> {
        let mut gets = Vec::with_capacity(keys.len());
        for key in keys {
            let get = Get::builder().table_name(&self.table).set_key(Some(key.as_ref().item())).build()?;
            gets.push(TransactGetItem::builder().get(get).build());
        }
        let mut patience = Patience::new(&self.sleep);
        loop {
            let request = self.client.transact_get_items().set_transact_items(Some(gets.clone()));
            match Box::pin(request.send()).await {
                Ok(answer) => {
                    return Ok(answer.responses.unwrap_or_default().into_iter().map(|get| get.item).collect());
                }
                // A read is cancelled only because a write is under way, or for want of capacity.
                Err(error) if is_cancelled(&error) => patience.wait(Trouble::Conflict).await?,
                Err(error) => patience.wait(trouble(&error)?).await?,
            }
        }
    }

    /// Those of the items that are there, in any order.
    pub async fn get_each(&self, keys: &[impl AsRef<Place>]) -> Result<HashMap<Place, Item>> {
        let mut found = HashMap::new();
        // A key that is asked for twice in one batch is refused.
        let places: HashSet<&Place> = keys.iter().map(AsRef::as_ref).collect();
        let places: Vec<Item> = places.into_iter().map(Place::item).collect();
        for places in places.chunks(BATCH) {
            let mut wanted = places.to_vec();
            let mut patience = Patience::new(&self.sleep);
            while !wanted.is_empty() {
                let part = KeysAndAttributes::builder().set_keys(Some(wanted.clone())).consistent_read(true).build()?;
                let request = self.client.batch_get_item().request_items(&self.table, part);
                match Box::pin(request.send()).await {
                    Ok(answer) => {
                        let items =
                            answer.responses.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
                        let progress = !items.is_empty();
                        found.extend(items.into_iter().filter_map(|item| Some((place_of(&item)?, item))));
                        let rest = answer.unprocessed_keys.and_then(|mut tables| tables.remove(&self.table));
                        wanted = rest.map(|rest| rest.keys).unwrap_or_default();
                        if !wanted.is_empty() && !progress {
                            patience.wait(Trouble::Throttled).await?;
                        }
                    }
                    Err(error) => patience.wait(trouble(&error)?).await?,
                }
            }
        }
        Ok(found)
    }

    /// The items of a range in order, at most `limit` of them, whatever the size of the database's own pages.
    pub async fn query(&self, range: &Range<'_>) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let rest = range.limit - items.len();
            let request = self.client.query().table_name(&self.table).consistent_read(true);
            let request = request.expression_attribute_names("#pk", PARTITION);
            let request = request.expression_attribute_values(":pk", AttributeValue::S(range.partition.clone()));
            let request = match (range.bound, range.newest_first) {
                (Bound::All, _) => request.key_condition_expression("#pk = :pk"),
                (Bound::After(_), true) => request.key_condition_expression("#pk = :pk AND #sk < :sk"),
                (Bound::After(_), false) => request.key_condition_expression("#pk = :pk AND #sk > :sk"),
                (Bound::UpTo(_), _) => request.key_condition_expression("#pk = :pk AND #sk <= :sk"),
            };
            let request = match range.bound {
                Bound::All => request,
                Bound::After(sort) | Bound::UpTo(sort) => request
                    .expression_attribute_names("#sk", SORT)
                    .expression_attribute_values(":sk", AttributeValue::S(sort.to_owned())),
            };
            let request = request.scan_index_forward(!range.newest_first).limit(limit(rest));
            let (found, next) = self.page(request.set_exclusive_start_key(start)).await?;
            items.extend(found);
            start = next;
            if start.is_none() || items.len() >= range.limit {
                return Ok(items);
            }
        }
    }

    /// One partition of the index, the longest due first.
    pub async fn query_due(&self, partition: &str, until: i64, most: usize) -> Result<Vec<Item>> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("#in = :in AND #at <= :at")
            .expression_attribute_names("#in", INDEX_PARTITION)
            .expression_attribute_names("#at", INDEX_SORT)
            .expression_attribute_values(":in", AttributeValue::S(partition.to_owned()))
            .expression_attribute_values(":at", AttributeValue::N(until.to_string()))
            .limit(limit(most));
        Ok(self.page(request).await?.0)
    }

    async fn page(
        &self,
        request: aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder,
    ) -> Result<(Vec<Item>, Option<Item>)> {
        let mut patience = Patience::new(&self.sleep);
        loop {
            match Box::pin(request.clone().send()).await {
                Ok(answer) => return Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key)),
                Err(error) => patience.wait(trouble(&error)?).await?,
            }
        }
    }

    /// All of it or nothing. The token makes it one transaction however often it is sent, so that a lost answer is
    /// found out by asking again.
    pub async fn write(&self, items: Vec<TransactWriteItem>, meanings: &[Meaning], token: &str) -> Result<()> {
        let mut patience = Patience::new(&self.sleep);
        loop {
            let request = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            let request = request.client_request_token(token);
            let Err(error) = Box::pin(request.send()).await else { return Ok(()) };
            let again = match cancelled(&error) {
                ControlFlow::Break(reasons) => match reasons::read(&reasons, meanings) {
                    Verdict::Refused(refusal) => return Err(refusal),
                    Verdict::Again(trouble) => trouble,
                },
                ControlFlow::Continue(()) => trouble(&error)?,
            };
            patience.wait(again).await?;
        }
    }
}

fn place_of(item: &Item) -> Option<Place> {
    let part = |name| item.get(name)?.as_s().ok().cloned();
    Some(Place { partition: part(PARTITION)?, sort: part(SORT)? })
}

/// The database's limits are 32-bit numbers from 1.
fn limit(limit: usize) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX).max(1)
}

fn is_cancelled<E: std::error::Error + aws_sdk_dynamodb::error::ProvideErrorMetadata>(
    error: &SdkError<E, HttpResponse>,
) -> bool {
    matches!(error, SdkError::ServiceError(service) if service.err().code() == Some("TransactionCanceledException"))
}

/// The reasons, if the error is a cancelled transaction.
fn cancelled(error: &SdkError<TransactWriteItemsError, HttpResponse>) -> ControlFlow<Vec<Reason>> {
    let SdkError::ServiceError(service) = error else { return ControlFlow::Continue(()) };
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = service.err() else {
        return ControlFlow::Continue(());
    };
    let reason = |reason: &aws_sdk_dynamodb::types::CancellationReason| Reason {
        code: reason.code().unwrap_or("None").to_owned(),
        item: reason.item().filter(|item| !item.is_empty()).cloned(),
    };
    ControlFlow::Break(cancelled.cancellation_reasons().iter().map(reason).collect())
}
