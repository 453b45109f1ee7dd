//! Values of variables: nowhere but encrypted in the table, and in Secrets of the cluster.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use slipway_tests::end_to_end::aws::STAGE;
use slipway_tests::end_to_end::aws::sabotage::Execution;
use slipway_tests::server::Result;

use crate::{Ground, check};

pub async fn story(ground: &Ground) -> Result<()> {
    let aws = &ground.aws;
    let canary = format!("CANARY-{:032x}", rand::random::<u128>());
    let app = ground.place.app("secret").await?;
    app.build("1").await?;
    let release = app.set("newest", &json!({ "SECRET": canary })).await?;
    let promotion = app.ships(&release, "succeeded", None).await?;
    let id = promotion["id"].as_str().unwrap_or_default();
    let execution = Execution::named(aws, &format!("{id}-1")).await?;
    let messages = aws.messages().await?;
    check(messages.iter().any(|message| message.contains(id)), || format!("no message tells of {id}: {messages:?}"))?;
    let places = [
        ("the table", Value::Array(aws.table().await?).to_string()),
        ("the execution", execution.text()),
        ("the queue", messages.join("\n")),
        ("the stand-in's log", Value::Array(aws.standin.calls().await?).to_string()),
        ("the emulator's log", aws.log()),
        ("the promotion", promotion.to_string()),
        ("the pods", aws.owner.kubectl(&["get", "pods,deployments,events", "-A", "-o", "json"], "").await?),
    ];
    let forms = [canary.clone(), STANDARD.encode(&canary), canary.bytes().map(|byte| format!("{byte:02x}")).collect()];
    for (place, text) in &places {
        check(text.len() > 100, || format!("{place} of {STAGE} is empty"))?;
        for form in &forms {
            check(!text.contains(form.trim_end_matches('=')), || format!("a value is in {place}"))?;
        }
    }
    let secrets = aws.owner.kubectl(&["get", "secrets", "-A", "-o", "json"], "").await?;
    check(secrets.contains(forms[1].trim_end_matches('=')), || "the search does not find the Secret either".to_owned())
}
