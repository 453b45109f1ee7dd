//! The relay with records that it cannot read: they fail alone.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use slipway_tests::end_to_end::aws::STAGE;
use slipway_tests::server::{Patience, Result};

use crate::{Ground, check};

const PATIENCE: Patience = Patience { whole: Duration::from_secs(30), poll: Duration::from_millis(300) };

pub async fn story(ground: &Ground) -> Result<()> {
    invoked(ground).await?;
    streamed(ground).await
}

/// Rows of the outbox that the stream brings: the good one is sent, whatever is beside it.
async fn streamed(ground: &Ground) -> Result<()> {
    let (aws, table) = (&ground.aws, ground.aws.table_name().await?);
    let ask = async |target: &str, body: Value| {
        aws.emulator.ask("dynamodb", &format!("DynamoDB_20120810.{target}"), &body).await
    };
    let key = |id: &str| json!({ "pk": { "S": "t#TAAAAAAAAAA#outbox" }, "sk": { "S": format!("notice#{id}") } });
    let (garbled, good) = ("00000000000001#bad", format!("00000000000001#{:016x}", rand::random::<u64>()));
    for (id, body) in [(garbled, "{\"kind\":".to_owned()), (&good, notice(&good).to_string())] {
        let mut item = key(id);
        item["body"] = json!({ "S": body });
        ask("PutItem", json!({ "TableName": table, "Item": item })).await?;
    }
    let mut seen = Vec::new();
    let sent = PATIENCE.until("the good notice is sent", async || {
        seen.extend(aws.messages().await?);
        Ok(seen.iter().any(|message| message.contains(&good)).then_some(()))
    });
    sent.await?;
    let left = aws.table().await?.iter().filter(|item| item["pk"]["S"] == json!("t#TAAAAAAAAAA#outbox")).count();
    check(left == 1, || format!("{left} rows are left, and the garbled one should be"))?;
    ask("DeleteItem", json!({ "TableName": table, "Key": key(garbled) })).await.map(drop)
}

fn notice(id: &str) -> Value {
    json!({
        "id": id, "kind": "release.created", "at": 1, "app": "shop", "environment": "production", "build": null,
        "release": null, "promotion": null,
    })
}

/// What the relay answers about a batch.
async fn invoked(ground: &Ground) -> Result<()> {
    let path = format!("/2015-03-31/functions/slipway-{STAGE}-relay/invocations");
    let invoke = async |event: Value| ground.aws.emulator.rest("lambda", Method::POST, &path, &event).await;
    let record = |sequence: &str, partition: &str, body: &str| {
        let key = json!({ "pk": { "S": partition }, "sk": { "S": "notice#00000000000001#ab" } });
        let image = json!({ "pk": { "S": partition }, "body": { "S": body } });
        json!({ "eventName": "INSERT", "dynamodb": { "SequenceNumber": sequence, "Keys": key, "NewImage": image } })
    };
    let good = record("100", "t#TAAAAAAAAAA#outbox", &notice("00000000000001#ab").to_string());
    let garbled = record("101", "t#TAAAAAAAAAA#outbox", "{\"kind\":");
    let another = record("102", "t#TAAAAAAAAAA#app#shop#env#production#history", "anything");
    let keyless = json!({ "eventName": "INSERT", "dynamodb": { "SequenceNumber": "103" } });
    let answer = invoke(json!({ "Records": [good, garbled, another, keyless] })).await?;
    let failed = json!({ "batchItemFailures": [{ "itemIdentifier": "101" }, { "itemIdentifier": "103" }] });
    check(answer == failed, || format!("the relay answered {answer}"))?;
    // What is no batch at all fails as a whole, and goes to the failure destination.
    let answer = invoke(json!({ "nothing": true })).await?;
    check(answer["errorMessage"].as_str().is_some_and(|words| words.contains("no batch")), || format!("{answer}"))
}
