//! The engine without a socket answers as the engine on one: the same requests, the same codes and items.

#![allow(clippy::unwrap_used, reason = "clippy knows its exception for tests only inside of test functions")]

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, ConditionCheck, Delete, Get, KeySchemaElement, KeyType,
    KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, ScalarAttributeType, TransactGetItem,
    TransactWriteItem, Update,
};
use slipway_embedded::embedded::Embedded;

const TABLE: &str = "probes";

async fn over_a_socket() -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, Embedded::memory().unwrap().database()));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("local"))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

async fn create(client: &Client, table: &str) -> Result<(), String> {
    let attribute = |name: &str| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let part = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let request = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk"))
        .attribute_definitions(attribute("sk"))
        .key_schema(part("pk", KeyType::Hash))
        .key_schema(part("sk", KeyType::Range));
    request.send().await.map(drop).map_err(|error| code(&error))
}

fn code<E: ProvideErrorMetadata, R: std::fmt::Debug>(error: &SdkError<E, R>) -> String {
    let metadata = error.meta();
    format!("{}: {}", metadata.code().unwrap_or("none"), metadata.message().unwrap_or("none"))
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn key(sort: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), text("p")), ("sk".to_owned(), text(sort))])
}

fn item(sort: &str, value: &str) -> HashMap<String, AttributeValue> {
    let mut item = key(sort);
    item.insert("value".to_owned(), text(value));
    item
}

fn show(item: &HashMap<String, AttributeValue>) -> String {
    let mut parts: Vec<String> = item.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    parts.sort();
    parts.join(" ")
}

fn put(sort: &str, condition: Option<&str>) -> TransactWriteItem {
    let put = Put::builder().table_name(TABLE).set_item(Some(item(sort, "transacted")));
    let put = put.set_condition_expression(condition.map(str::to_owned));
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    TransactWriteItem::builder().put(put.build().unwrap()).build()
}

/// The answer to a transaction: `done`, or each reason with the item it shows.
async fn transact(client: &Client, items: Vec<TransactWriteItem>, token: Option<&str>) -> String {
    let request = client.transact_write_items().set_transact_items(Some(items));
    let Err(error) = request.set_client_request_token(token.map(str::to_owned)).send().await else {
        return "done".to_owned();
    };
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return code(&error);
    };
    let shown = cancelled.cancellation_reasons().iter().map(|reason| {
        format!("{:?} {:?} {}", reason.code(), reason.message(), reason.item().map_or_else(String::new, show))
    });
    shown.collect::<Vec<_>>().join(" | ")
}

fn done<T, E: ProvideErrorMetadata, R: std::fmt::Debug>(sent: Result<T, SdkError<E, R>>) -> String {
    sent.map_or_else(|error| code(&error), |_| "done".to_owned())
}

async fn single_items(client: &Client, seen: &mut Vec<String>) {
    for (sort, condition) in [("a", None), ("a", Some("attribute_not_exists(pk)")), ("b", Some("attribute_exists(pk)"))]
    {
        let request = client.put_item().table_name(TABLE).set_item(Some(item(sort, "first")));
        seen.push(done(request.set_condition_expression(condition.map(str::to_owned)).send().await));
    }
    for condition in ["not a condition", "#missing = :missing", ""] {
        let request = client.put_item().table_name(TABLE).set_item(Some(item("c", "x")));
        seen.push(done(request.condition_expression(condition).send().await));
    }
    for sort in ["a", "absent", ""] {
        let sent = client.get_item().table_name(TABLE).set_key(Some(key(sort))).consistent_read(true).send().await;
        let shown = sent.map(|answer| answer.item.as_ref().map_or_else(|| "none".to_owned(), show));
        seen.push(shown.unwrap_or_else(|error| code(&error)));
    }
    seen.push(done(client.get_item().table_name("no-such-table").set_key(Some(key("a"))).send().await));
    let large = client.put_item().table_name(TABLE).set_item(Some(item("large", &"x".repeat(400 * 1024))));
    seen.push(done(large.send().await));
}

async fn transactions(client: &Client, seen: &mut Vec<String>) {
    let absent = Some("attribute_not_exists(pk)");
    seen.push(transact(client, vec![put("t1", absent), put("t2", absent)], Some("token")).await);
    seen.push(transact(client, vec![put("t1", absent), put("t2", absent)], Some("token")).await);
    seen.push(transact(client, vec![put("t3", absent)], Some("token")).await);
    seen.push(transact(client, vec![put("t4", absent), put("t1", absent), put("a", absent)], None).await);
    seen.push(transact(client, vec![put("t5", None), put("t5", None)], None).await);
    seen.push(transact(client, Vec::new(), None).await);
    let many = (0..101).map(|index| put(&format!("m{index}"), None)).collect();
    seen.push(transact(client, many, None).await);
    let update = Update::builder().table_name(TABLE).set_key(Some(key("t1")));
    let update = update.update_expression("SET #v = :v REMOVE gone").expression_attribute_names("#v", "value");
    let update = update.expression_attribute_values(":v", text("updated")).build().unwrap();
    let check = ConditionCheck::builder().table_name(TABLE).set_key(Some(key("a")));
    let check = check.condition_expression("attribute_exists(pk)").build().unwrap();
    let delete = Delete::builder().table_name(TABLE).set_key(Some(key("t2"))).build().unwrap();
    let items = vec![
        TransactWriteItem::builder().update(update).build(),
        TransactWriteItem::builder().condition_check(check).build(),
        TransactWriteItem::builder().delete(delete).build(),
    ];
    seen.push(transact(client, items, None).await);
}

async fn reads(client: &Client, seen: &mut Vec<String>) {
    let get = |sort| Get::builder().table_name(TABLE).set_key(Some(key(sort))).build().unwrap();
    let gets = ["t1", "t2"].map(|sort| TransactGetItem::builder().get(get(sort)).build());
    let answer = client.transact_get_items().set_transact_items(Some(gets.to_vec())).send().await.unwrap();
    seen.extend(answer.responses().iter().map(|one| one.item().map_or_else(|| "none".to_owned(), show)));
    let keys = vec![key("a"), key("t1"), key("absent")];
    let keys = KeysAndAttributes::builder().set_keys(Some(keys)).build().unwrap();
    let answer = client.batch_get_item().request_items(TABLE, keys).send().await.unwrap();
    let mut found: Vec<String> = answer.responses().unwrap()[TABLE].iter().map(show).collect();
    found.sort();
    seen.extend(found);
    let query = || {
        let query = client.query().table_name(TABLE).key_condition_expression("pk = :pk");
        query.expression_attribute_values(":pk", text("p"))
    };
    let mut start = None;
    loop {
        let page = query().limit(1).scan_index_forward(false).set_exclusive_start_key(start);
        let answer = page.send().await.unwrap();
        seen.extend(answer.items().iter().map(show));
        start = answer.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    seen.push(code(&query().index_name("none").send().await.unwrap_err()));
}

/// Every probe in order, with what came of it.
async fn probe(client: &Client) -> Vec<String> {
    let mut seen = Vec::new();
    for table in [TABLE, TABLE, "x"] {
        seen.push(format!("{:?}", create(client, table).await));
    }
    single_items(client, &mut seen).await;
    transactions(client, &mut seen).await;
    reads(client, &mut seen).await;
    seen
}

#[tokio::test]
async fn the_engine_without_a_socket_answers_as_the_engine_on_one() {
    let folder = tempfile::tempdir().unwrap();
    let expected = probe(&over_a_socket().await).await;
    assert!(expected.len() > 25, "{}", expected.len());
    assert_eq!(probe(&Embedded::memory().unwrap().client()).await, expected);
    assert_eq!(probe(&Embedded::file(&folder.path().join("db")).unwrap().client()).await, expected);
}

#[tokio::test]
async fn a_file_keeps_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let first = Embedded::file(&path).unwrap();
    create(&first.client(), TABLE).await.unwrap();
    first.client().put_item().table_name(TABLE).set_item(Some(item("a", "kept"))).send().await.unwrap();
    drop(first);
    let again = Embedded::file(&path).unwrap().client();
    let answer = again.get_item().table_name(TABLE).set_key(Some(key("a"))).send().await.unwrap();
    assert_eq!(answer.item, Some(item("a", "kept")));
}

#[tokio::test]
async fn an_operation_that_the_engine_lacks_is_refused() {
    let refused = Embedded::memory().unwrap().client().list_backups().send().await.unwrap_err();
    assert_eq!(code(&refused), "ValidationException: the embedded database does not do ListBackups");
}
