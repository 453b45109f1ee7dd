//! The server dies in the middle of a rollout, and is started again.

use std::time::Duration;

use serde_json::{Value, json};

use crate::installation::Installation;
use crate::traffic::Traffic;

/// Moments after the promotion was accepted, from its first step to after its end.
const MOMENTS_MS: [u64; 10] = [0, 60, 200, 450, 800, 1300, 2000, 2900, 3900, 5000];

#[tokio::test]
async fn killed_at_any_moment_the_promotion_ends_and_nothing_runs_twice() {
    let mut slipway = Installation::start().await;
    let first = slipway.app_with_release().await;
    let promotion = slipway.promote(&first).await;
    assert_eq!(slipway.ended(&promotion).await["outcome"], json!("succeeded"));
    let traffic = Traffic::to(slipway.address().await);
    let mut story = Vec::new();
    for (number, moment) in MOMENTS_MS.into_iter().enumerate() {
        // Every third release is a bad one: restoring is interrupted as well.
        let fault = if number % 3 == 2 { "sick" } else { "none" };
        let release = slipway.set(json!({ "FAULT": fault, "GREETING": number.to_string() })).await;
        let active = slipway.environment().await["active"].clone();
        let id = slipway.promote(&release).await;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        slipway.kill();
        slipway.start_again().await;
        let promotion = slipway.ended(&id).await;
        let good = fault == "none";
        let expected = if good { ("succeeded", json!(release)) } else { ("rolled_back", active) };
        assert_eq!(promotion["outcome"], json!(expected.0), "after {moment} ms: {promotion:#}");
        assert_eq!(slipway.environment().await["active"], expected.1);
        assert_numbered(&slipway.events(&id).await);
        settled(&mut slipway, &expected.1).await;
        story.push((moment, expected.0));
    }
    let tally = traffic.stop().await;
    assert_eq!(tally.lost, Vec::<String>::new(), "{story:?}");
    assert!(tally.answered > 1000, "{tally:?}");
}

/// Numbered from 1 without a gap, and exactly the last one ends it.
fn assert_numbered(list: &[Value]) {
    let numbers: Vec<u64> = list.iter().map(|event| event["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=list.len() as u64).collect::<Vec<_>>());
    let ends: Vec<usize> = (0..list.len()).filter(|index| list[*index]["outcome"].is_string()).collect();
    assert_eq!(ends, [list.len() - 1], "{list:#?}");
}

/// Exactly the formation runs, all of one release; stopping processes get the time to end.
async fn settled(slipway: &mut Installation, release: &Value) {
    let mut last = Vec::new();
    for _ in 0..600 {
        last = slipway.processes().await;
        let right = last.iter().all(|process| &process["release"] == release && process["state"] != "stopping");
        if right && last.len() == 3 && slipway.commands().len() == 3 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{last:#?}\n{:#?}", slipway.running());
}
