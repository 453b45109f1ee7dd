//! Retry, Catch and time limits.

use std::time::Duration;

use serde_json::{Value, json};
use slipway_local::workflow::execution::{Execution, Status};

use crate::world::{Act, World, parsed, seconds, task};

async fn run(fields: Value, acts: impl IntoIterator<Item = Act>) -> (World, Execution) {
    let world = World::new(parsed(&task(fields)), acts);
    let execution = world.run(json!({ "n": 1 })).await;
    (world, execution)
}

fn failed_with(execution: &Execution) -> &str {
    assert_eq!(execution.status, Status::Failed);
    execution.failure.as_ref().unwrap().error.as_str()
}

#[tokio::test]
async fn the_delay_grows_by_the_rate_up_to_the_maximum() {
    let retry = json!([{ "ErrorEquals": ["E"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 5,
                         "MaxDelaySeconds": 20 }]);
    let (world, execution) = run(json!({ "Retry": retry }), [Act::Fail("E")]).await;
    assert_eq!(failed_with(&execution), "E");
    assert_eq!(world.clock.slept(), seconds(&[2, 6, 18, 20, 20]));
    assert_eq!((world.script.payloads().len(), execution.retries.clone()), (6, vec![5]));
    assert_eq!(execution.transitions, 6);
}

#[tokio::test]
async fn a_retrier_has_the_defaults_of_step_functions() {
    let (world, _) = run(json!({ "Retry": [{ "ErrorEquals": ["E"] }] }), [Act::Fail("E")]).await;
    assert_eq!(world.clock.slept(), seconds(&[1, 2, 4]));
}

#[tokio::test]
async fn full_jitter_waits_at_most_the_delay_and_not_always_all_of_it() {
    let retry = json!([{ "ErrorEquals": ["E"], "IntervalSeconds": 8, "BackoffRate": 1, "MaxAttempts": 40,
                         "JitterStrategy": "FULL" }]);
    let (world, _) = run(json!({ "Retry": retry }), [Act::Fail("E")]).await;
    let slept = world.clock.slept();
    assert_eq!(slept.len(), 40);
    assert!(slept.iter().all(|wait| *wait <= Duration::from_secs(8)), "{slept:?}");
    assert!(slept.iter().any(|wait| *wait < Duration::from_secs(6)), "{slept:?}");
    assert!(slept.iter().any(|wait| *wait > Duration::from_secs(2)), "{slept:?}");
}

#[tokio::test]
async fn each_retrier_counts_for_itself_and_the_first_match_decides() {
    let retry = json!([
        { "ErrorEquals": ["E", "F"], "IntervalSeconds": 1, "MaxAttempts": 2 },
        { "ErrorEquals": ["G"], "IntervalSeconds": 5 },
        { "ErrorEquals": ["States.ALL"], "IntervalSeconds": 7 },
    ]);
    let acts = ["E", "F", "G", "H", "F"].map(Act::Fail);
    let (world, execution) = run(json!({ "Retry": retry }), acts).await;
    assert_eq!(world.clock.slept(), seconds(&[1, 2, 5, 7]));
    assert_eq!(failed_with(&execution), "F", "the first retrier is used up, and the last one does not take over");
    assert_eq!(execution.retries, [2, 1, 1]);
}

#[tokio::test]
async fn an_attempt_that_succeeds_ends_the_retries() {
    let fields = json!({ "Retry": [{ "ErrorEquals": ["E"] }], "Output": "{% $states.result.Payload %}" });
    let (_, execution) = run(fields, [Act::Fail("E"), Act::Answer(json!("ok"))]).await;
    assert_eq!(execution.output, Some(json!("ok")));
    assert!(execution.retries.is_empty(), "the next state counts from nothing");
}

#[tokio::test]
async fn a_catcher_takes_the_error_by_its_name() {
    let catch = json!([
        { "ErrorEquals": ["Other"], "Next": "Z", "Output": "wrong" },
        { "ErrorEquals": ["E"], "Next": "Z", "Output": "{% $states.errorOutput %}" },
    ]);
    let (_, execution) = run(json!({ "Catch": catch }), [Act::Fail("E")]).await;
    assert_eq!(execution.output, Some(json!({ "Error": "E", "Cause": "as scripted" })));
}

#[tokio::test]
async fn a_caught_error_is_the_output_and_may_be_assigned() {
    let catch = json!([{ "ErrorEquals": ["States.ALL"], "Next": "Z",
                         "Assign": { "why": "{% $states.errorOutput.Error %}" } }]);
    let (_, execution) = run(json!({ "Catch": catch }), [Act::Fail("E")]).await;
    assert_eq!(execution.output, Some(json!({ "Error": "E", "Cause": "as scripted" })));
    assert_eq!(execution.variables["why"], "E");
}

#[tokio::test]
async fn task_failed_matches_everything_but_a_timeout() {
    let fields = json!({ "TimeoutSeconds": 5, "Catch": [{ "ErrorEquals": ["States.TaskFailed"], "Next": "Z" }] });
    let (_, execution) = run(fields.clone(), [Act::Fail("E")]).await;
    assert_eq!(execution.status, Status::Succeeded);
    let (_, execution) = run(fields, [Act::Hang]).await;
    assert_eq!(failed_with(&execution), "States.Timeout");
}

#[tokio::test]
async fn a_task_that_takes_too_long_is_a_timeout_and_each_attempt_has_the_whole_time() {
    let fields = json!({ "TimeoutSeconds": 5, "Retry": [{ "ErrorEquals": ["States.Timeout"], "MaxAttempts": 1 }] });
    let acts = [Act::Slow(Duration::from_secs(6), json!(1)), Act::Slow(Duration::from_secs(4), json!(2))];
    let (world, execution) = run(fields, acts).await;
    assert_eq!(execution.status, Status::Succeeded);
    assert_eq!(world.clock.slept(), seconds(&[5, 1, 4]));
}

#[tokio::test]
async fn an_execution_ends_at_its_own_time_limit_even_in_the_middle_of_a_wait() {
    let retry = json!([{ "ErrorEquals": ["E"], "IntervalSeconds": 60 }]);
    for act in [Act::Hang, Act::Fail("E")] {
        let mut definition = task(json!({ "Retry": retry }));
        definition["TimeoutSeconds"] = json!(30);
        let world = World::new(parsed(&definition), [act]);
        let execution = world.run(json!({ "n": 1 })).await;
        assert_eq!(execution.status, Status::TimedOut);
        assert_eq!(world.clock.slept(), seconds(&[30]));
        assert_eq!(world.script.payloads().len(), 1);
    }
}

#[tokio::test]
async fn a_panic_is_an_error_named_unknown_and_the_runner_lives_on() {
    let fields = json!({ "Catch": [{ "ErrorEquals": ["Lambda.Unknown"], "Next": "Z" }] });
    let (world, execution) = run(fields, [Act::Panic, Act::Answer(json!(1))]).await;
    let error = json!({ "Error": "Lambda.Unknown", "Cause": "the task panicked: as scripted" });
    assert_eq!(execution.output, Some(error));
    world.runner.start("after", json!({ "n": 1 })).await.unwrap();
    assert_eq!(world.ended("after").await.status, Status::Succeeded);
}

#[tokio::test]
async fn an_expression_that_gives_nothing_fails_the_state_and_can_be_caught() {
    for fields in [
        json!({ "Output": "{% $states.result.Payload.absent %}" }),
        json!({ "Assign": { "v": "{% $states.result.Payload.absent %}" } }),
        json!({ "Arguments": { "FunctionName": "f", "Payload": "{% $states.input.absent %}" } }),
    ] {
        let (_, execution) = run(fields.clone(), [Act::Answer(json!({}))]).await;
        assert_eq!(failed_with(&execution), "States.QueryEvaluationError");
        let mut caught = fields;
        caught["Catch"] = json!([{ "ErrorEquals": ["States.QueryEvaluationError"], "Next": "Z", "Output": "caught" }]);
        let (_, execution) = run(caught, [Act::Answer(json!({}))]).await;
        assert_eq!(execution.output, Some(json!("caught")));
    }
}

#[tokio::test]
async fn an_output_beyond_the_limit_is_not_handed_on() {
    let answer = Act::Answer(json!("x".repeat(200 * 1024)));
    let twice = json!({ "Output": ["{% $states.result.Payload %}", "{% $states.result.Payload %}"] });
    let (_, execution) = run(twice, [answer.clone()]).await;
    assert_eq!(failed_with(&execution), "States.DataLimitExceeded");
    let (_, execution) = run(json!({}), [answer]).await;
    assert_eq!(execution.status, Status::Succeeded);
}

#[tokio::test]
async fn an_answer_beyond_the_limit_ends_the_execution_whatever_it_catches() {
    let fields = json!({ "Retry": [{ "ErrorEquals": ["States.ALL"] }],
                         "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Z" }] });
    let (world, execution) = run(fields, [Act::Answer(json!("x".repeat(256 * 1024)))]).await;
    assert_eq!(failed_with(&execution), "States.DataLimitExceeded");
    assert_eq!(world.script.payloads().len(), 1);
}
