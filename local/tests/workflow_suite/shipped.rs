//! The definition that is deployed, along each of its paths.

use std::time::Duration;

use serde_json::{Value, json};
use slipway_local::workflow::execution::{Execution, Status};
use slipway_local::workflow::rollout_definition;

use crate::world::{Act, BEGIN_MS, World, seconds};

fn input() -> Value {
    json!({ "tenant": "TABCDEFGHIJ", "app": "shop", "environment": "live", "promotion": "PABCDEFGHIJ", "execution": 3 })
}

fn answer(route: &str, outcome: Option<&str>, deadline_ms: Option<i64>) -> Value {
    json!({ "route": route, "deadline_ms": deadline_ms, "outcome": outcome })
}

fn route(route: &str) -> Act {
    Act::Answer(answer(route, None, Some(BEGIN_MS + 660_000)))
}

fn ended(outcome: &str) -> Act {
    Act::Answer(answer("ended", Some(outcome), None))
}

fn stale() -> Act {
    Act::Answer(answer("ended", None, None))
}

async fn rollout(acts: impl IntoIterator<Item = Act>) -> (World, Execution) {
    let world = World::new(rollout_definition(), acts);
    let execution = world.run(input()).await;
    (world, execution)
}

fn modes(world: &World) -> Vec<String> {
    world.script.payloads().iter().map(|payload| payload["mode"].as_str().unwrap().to_owned()).collect()
}

/// The state in which an execution with these answers ends.
async fn end_of(acts: impl IntoIterator<Item = Act>) -> String {
    rollout(acts).await.1.state
}

#[tokio::test]
async fn a_rollout_advances_until_it_has_ended() {
    let (world, execution) = rollout([route("advance"), route("advance"), ended("succeeded")]).await;
    assert_eq!((execution.status, execution.state.as_str()), (Status::Succeeded, "Succeeded"));
    assert_eq!(execution.output, Some(answer("ended", Some("succeeded"), None)));
    assert_eq!(world.script.functions(), ["${RolloutFunctionArn}"; 3]);
    let payload = world.script.payloads()[2].to_string();
    let expected = r#"{"tenant":"TABCDEFGHIJ","app":"shop","environment":"live","promotion":"PABCDEFGHIJ","#.to_owned()
        + r#""execution":3,"entered_at":"2026-01-15T14:30:49.120Z","mode":"advance"}"#;
    assert_eq!(payload, expected);
}

#[tokio::test]
async fn every_outcome_has_its_end_whichever_step_finds_it() {
    for (outcome, state) in [
        ("succeeded", "Succeeded"),
        ("noop", "Succeeded"),
        ("superseded", "Succeeded"),
        ("rolled_back", "RolledBack"),
        ("cancelled", "RolledBack"),
        ("failed", "Failed"),
        ("rollback_failed", "Failed"),
    ] {
        assert_eq!(end_of([ended(outcome)]).await, state, "{outcome}");
        assert_eq!(end_of([route("restore"), ended(outcome)]).await, state, "{outcome} while restoring");
    }
    assert_eq!(end_of([stale()]).await, "Succeeded");
    assert_eq!(end_of([route("restore"), stale()]).await, "Succeeded");
}

#[tokio::test]
async fn a_failed_rollout_fails_its_execution() {
    let (_, execution) = rollout([ended("failed")]).await;
    assert_eq!(execution.status, Status::Failed);
    assert_eq!(execution.failure.unwrap().error, "RolloutFailed");
}

#[tokio::test]
async fn restoring_goes_on_until_it_has_ended() {
    let acts = [route("advance"), route("restore"), route("restore"), ended("rolled_back")];
    let (world, execution) = rollout(acts).await;
    assert_eq!(modes(&world), ["advance", "advance", "restore", "restore"]);
    assert_eq!((execution.status, execution.state.as_str()), (Status::Succeeded, "RolledBack"));
    assert_eq!(execution.transitions, 9);
}

#[tokio::test]
async fn a_deadline_that_has_passed_restores() {
    for (deadline_ms, modes_seen) in [
        (Some(BEGIN_MS + 69_999), ["advance", "restore"]),
        (Some(BEGIN_MS + 70_000), ["advance", "advance"]),
        (None, ["advance", "advance"]),
    ] {
        let turn = Act::Slow(Duration::from_secs(70), answer("advance", None, deadline_ms));
        let (world, _) = rollout([turn, ended("rolled_back")]).await;
        assert_eq!(modes(&world), modes_seen);
        assert_eq!(world.script.payloads()[1]["entered_at"], "2026-01-15T14:31:59.120Z");
    }
}

#[tokio::test]
async fn a_rollout_that_has_ended_is_not_restored_after_its_deadline() {
    let late = Act::Slow(Duration::from_secs(70), answer("ended", Some("succeeded"), Some(BEGIN_MS)));
    assert_eq!(end_of([late]).await, "Succeeded");
}

#[tokio::test]
async fn transient_errors_are_tried_again_by_name() {
    for name in [
        "Transient",
        "Lambda.ServiceException",
        "Lambda.TooManyRequestsException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
    ] {
        let acts = std::iter::repeat_n(Act::Fail(name), 5).chain([ended("succeeded")]);
        let (world, execution) = rollout(acts).await;
        assert_eq!(execution.state, "Succeeded", "{name}");
        assert_eq!(world.script.payloads().len(), 6);
    }
}

#[tokio::test]
async fn a_storm_of_errors_restores() {
    let acts = std::iter::repeat_n(Act::Fail("Transient"), 6).chain([ended("rolled_back")]);
    let (world, execution) = rollout(acts).await;
    assert_eq!(modes(&world)[5..], ["advance", "restore"]);
    assert_eq!(execution.state, "RolledBack");
}

#[tokio::test]
async fn any_other_error_restores_at_once() {
    let (world, execution) = rollout([Act::Fail("Internal"), ended("rolled_back")]).await;
    assert_eq!(modes(&world), ["advance", "restore"]);
    assert_eq!(execution.state, "RolledBack");
}

#[tokio::test]
async fn a_function_that_dies_is_called_once_more_before_it_restores() {
    let (world, execution) = rollout([Act::Panic, Act::Panic, ended("rolled_back")]).await;
    assert_eq!(modes(&world), ["advance", "advance", "restore"]);
    assert_eq!(execution.state, "RolledBack");
}

#[tokio::test]
async fn a_step_that_hangs_twice_restores_after_180_seconds() {
    let (world, execution) = rollout([Act::Hang, Act::Hang, ended("rolled_back")]).await;
    assert_eq!(modes(&world), ["advance", "advance", "restore"]);
    assert_eq!(world.clock.slept(), seconds(&[90, 1, 90]));
    assert_eq!(execution.state, "RolledBack");
}

#[tokio::test]
async fn an_answer_that_is_none_of_the_three_restores_and_is_not_asked_for_again() {
    for nonsense in [json!({}), json!(null), json!("advance"), json!([1]), json!({ "route": "sideways" })] {
        let (world, execution) = rollout([Act::Answer(nonsense.clone()), ended("rolled_back")]).await;
        assert_eq!(modes(&world), ["advance", "restore"], "{nonsense}");
        assert_eq!(execution.state, "RolledBack");
        assert_eq!(end_of([route("restore"), Act::Answer(nonsense)]).await, "Failed");
    }
}

#[tokio::test]
async fn restoring_that_keeps_failing_is_tried_for_longer_and_then_fails() {
    for (name, attempts) in [("Transient", 13), ("Internal", 4)] {
        let (world, execution) = rollout([route("restore"), Act::Fail(name)]).await;
        assert_eq!((execution.status, execution.state.as_str()), (Status::Failed, "Failed"));
        assert_eq!(world.script.payloads().len(), 1 + attempts, "{name}");
    }
}

#[tokio::test]
async fn no_execution_outlives_all_its_clocks() {
    let window = Act::Slow(Duration::from_secs(50), answer("advance", None, None));
    let (world, execution) = rollout([window]).await;
    assert_eq!(execution.status, Status::TimedOut);
    let lived = execution.ended_at.unwrap().since(execution.started_at);
    assert_eq!(lived.as_secs(), 60 + 600 + 600 + 2 * 180);
    assert_eq!(world.script.payloads().len(), 33);
}

/// One turn to prepare, one for each process moved and each window without a move, one for the commit: the start of
/// settling is seen by the turn that verified the last process.
#[tokio::test]
async fn a_rollout_costs_at_most_two_transitions_per_turn_that_moves_and_six() {
    for (moved, windows) in [(1, 0), (10, 0), (10, 4)] {
        let turns = 1 + moved + windows;
        let acts = std::iter::repeat_n(route("advance"), turns).chain([ended("succeeded")]);
        let (world, execution) = rollout(acts).await;
        let limit = 2 * (moved + windows) as u64 + 6;
        assert_eq!(execution.transitions, limit - 1);
        assert_eq!(world.runner.transitions("e"), Some(limit - 1));
    }
}

#[tokio::test]
async fn a_restart_in_the_middle_keeps_the_ids_and_the_count() {
    let world = World::new(rollout_definition(), [route("advance"), route("advance"), Act::Hang]);
    world.runner.start("e", input()).await.unwrap();
    world.seen(|| (world.script.payloads().len() == 3).then_some(())).await;
    world.clock.pass(Duration::from_secs(5));

    let world = world.restart(rollout_definition(), [ended("succeeded")]).await;
    world.runner.resume().unwrap();
    let execution = world.ended("e").await;
    assert_eq!((execution.state.as_str(), execution.transitions), ("Succeeded", 7));
    let mut payload = input();
    payload["entered_at"] = json!("2026-01-15T14:30:54.120Z");
    payload["mode"] = json!("advance");
    assert_eq!(world.script.payloads(), [payload]);
}
