//! The relay with records that it cannot read: they fail alone.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_tests::end_to_end::aws::STAGE;
use slipway_tests::server::Result;

use crate::{Ground, check};

pub async fn story(ground: &Ground) -> Result<()> {
    let path = format!("/2015-03-31/functions/slipway-{STAGE}-relay/invocations");
    let invoke = async |event: Value| ground.aws.emulator.rest("lambda", Method::POST, &path, &event).await;
    let record = |sequence: &str, partition: &str, body: &str| {
        let key = json!({ "pk": { "S": partition }, "sk": { "S": "notice#00000000000001#ab" } });
        let image = json!({ "pk": { "S": partition }, "body": { "S": body } });
        json!({ "eventName": "INSERT", "dynamodb": { "SequenceNumber": sequence, "Keys": key, "NewImage": image } })
    };
    let notice = json!({
        "id": "00000000000001#ab", "kind": "release.created", "at": 1, "app": "shop", "environment": "production",
        "build": null, "release": null, "promotion": null,
    });
    let good = record("100", "t#TAAAAAAAAAA#outbox", &notice.to_string());
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
