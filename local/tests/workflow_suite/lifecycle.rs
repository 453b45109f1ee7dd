//! Starts, restarts of the program, and what is kept.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slipway_local::workflow::execution::{Execution, Status};
use slipway_local::workflow::runner::{Runner, StartError, Started};

use crate::world::{Act, World, parsed, seconds, task};

fn simple() -> Value {
    task(json!({ "Output": "{% $states.result.Payload %}" }))
}

fn stored(world: &World, name: &str) -> Execution {
    let file = world.folder.path().join(format!("{name}.json"));
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

fn files(world: &World) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(world.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_second_start_with_the_same_input_is_the_same_start() {
    let world = World::new(parsed(&simple()), [Act::Answer(json!(1))]);
    let (input, other) = (json!({ "n": 1, "m": 2 }), json!({ "n": 2, "m": 2 }));
    assert_eq!(world.runner.start("e", input.clone()).await.unwrap(), Started::Started);
    assert_eq!(world.runner.start("e", input.clone()).await.unwrap(), Started::AlreadyExists);
    world.ended("e").await;
    assert_eq!(world.runner.start("e", json!({ "m": 2, "n": 1 })).await.unwrap(), Started::AlreadyExists);
    assert!(
        matches!(world.runner.start("e", other.clone()).await, Err(StartError::OtherInput { name }) if name == "e")
    );

    let world = world.restart(parsed(&simple()), [Act::Answer(json!(2))]).await;
    assert_eq!(world.runner.start("e", input).await.unwrap(), Started::AlreadyExists);
    assert!(matches!(world.runner.start("e", other).await, Err(StartError::OtherInput { .. })));
    assert!(world.script.payloads().is_empty());
}

#[tokio::test]
async fn of_many_starts_at_once_one_is_the_first() {
    let world = World::new(parsed(&simple()), [Act::Answer(json!(1))]);
    let starts = futures::future::join_all((0..20).map(|_| world.runner.start("e", json!({ "n": 1 })))).await;
    let first = starts.into_iter().filter(|start| matches!(start, Ok(Started::Started))).count();
    assert_eq!(first, 1);
    world.ended("e").await;
    assert_eq!(world.script.payloads().len(), 1);
}

#[tokio::test]
async fn names_and_inputs_have_limits() {
    let world = World::new(parsed(&simple()), [Act::Answer(json!(1))]);
    let input = json!({ "n": 1 });
    for name in ["", "a b", "a/b", "..", "ä", &"a".repeat(81)] {
        assert!(matches!(world.runner.start(name, input.clone()).await, Err(StartError::Name { .. })), "{name:?}");
    }
    for name in ["PBCDEFGHIJK-1_a", &"a".repeat(80)] {
        assert_eq!(world.runner.start(name, input.clone()).await.unwrap(), Started::Started, "{name:?}");
    }
    let large = json!({ "n": "x".repeat(256 * 1024) });
    assert!(matches!(world.runner.start("large", large).await, Err(StartError::TooLarge)));
}

#[tokio::test]
async fn the_state_is_stored_before_its_task_is_called() {
    let world = World::new(parsed(&simple()), [Act::Hang]);
    world.runner.start("e", json!({ "n": 1 })).await.unwrap();
    world.seen(|| world.script.payloads().pop()).await;
    let execution = stored(&world, "e");
    assert_eq!((execution.state.as_str(), execution.status), ("A", Status::Running));
    assert_eq!(Some(execution), world.runner.execution("e"));
    assert_eq!(files(&world), ["e.json"]);
}

#[tokio::test]
async fn a_killed_runner_goes_on_in_the_state_where_it_was() {
    let payload = json!({ "FunctionName": "f", "Payload": {
        "at": "{% $states.context.State.EnteredTime %}", "n": "{% $n %}", "last": "{% $states.input %}" } });
    let states = json!({
        "A": { "Type": "Choice", "Choices": [{ "Condition": true, "Next": "B", "Assign": { "n": 5 }, "Output": "in" }] },
        "B": { "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": payload, "Next": "Z" },
        "Z": { "Type": "Succeed" },
    });
    let definition = parsed(&crate::world::machine(&states));
    let world = World::new(definition.clone(), [Act::Hang]);
    world.runner.start("e", json!({})).await.unwrap();
    world.seen(|| world.script.payloads().pop()).await;
    world.clock.pass(Duration::from_secs(30));

    let world = world.restart(definition, [Act::Answer(json!(1))]).await;
    assert_eq!(world.runner.resume().unwrap(), ["e"]);
    assert_eq!(world.runner.resume().unwrap(), Vec::<String>::new(), "what runs is not run twice");
    let execution = world.ended("e").await;
    assert_eq!(execution.status, Status::Succeeded);
    assert_eq!(world.script.payloads(), [json!({ "at": "2026-01-15T14:31:19.120Z", "n": 5, "last": "in" })]);
    assert_eq!((execution.transitions, world.runner.transitions("e")), (3, Some(3)));
}

#[tokio::test]
async fn retries_before_a_restart_still_count() {
    let definition = parsed(&task(json!({ "Retry": [{ "ErrorEquals": ["E"], "MaxAttempts": 2 }] })));
    let world = World::new(definition.clone(), [Act::Fail("E")]);
    world.runner.start("e", json!({ "n": 1 })).await.unwrap();
    world.seen(|| world.runner.execution("e").filter(|execution| execution.retry_count() == 1)).await;

    let world = world.restart(definition, [Act::Fail("E")]).await;
    world.runner.resume().unwrap();
    let execution = world.ended("e").await;
    assert_eq!((execution.status, execution.retries), (Status::Failed, vec![2]));
    assert_eq!(world.script.payloads().len(), 2);
    assert_eq!(world.clock.slept(), seconds(&[2]), "the second delay, not the first once more");
}

#[tokio::test]
async fn a_dropped_runner_calls_nothing_any_more() {
    let world = World::new(parsed(&simple()), [Act::Slow(Duration::from_secs(1), json!(1))]);
    world.runner.start("e", json!({ "n": 1 })).await.unwrap();
    world.seen(|| world.script.payloads().pop()).await;
    let World { runner, clock, script, .. } = world;
    assert_eq!(clock.waiting(), 2, "the task, and the limit of its time");
    drop(runner);
    let begun = Instant::now();
    while clock.waiting() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the execution still waits");
        tokio::task::yield_now().await;
    }
    assert_eq!(script.payloads().len(), 1);
}

#[tokio::test]
async fn what_ended_a_day_ago_is_removed_and_what_is_younger_stays() {
    let world = World::new(parsed(&simple()), [Act::Answer(json!(1))]);
    world.run(json!({ "n": 1 })).await;
    world.clock.pass(Duration::from_hours(12));
    world.runner.start("later", json!({ "n": 1 })).await.unwrap();
    world.ended("later").await;
    world.clock.pass(Duration::from_hours(12) + Duration::from_secs(1));

    let world = world.restart(parsed(&simple()), [Act::Hang]).await;
    assert!(world.runner.resume().unwrap().is_empty());
    let names: Vec<String> = world.runner.list().into_iter().map(|execution| execution.name).collect();
    assert_eq!(names, ["later"]);
    assert_eq!(files(&world), ["later.json"]);
}

#[tokio::test]
async fn an_unfinished_file_is_removed_and_a_broken_one_is_named() {
    let world = World::new(parsed(&simple()), [Act::Answer(json!(1))]);
    world.run(json!({ "n": 1 })).await;
    fs::write(world.folder.path().join("half.unfinished"), "{").unwrap();
    let world = world.restart(parsed(&simple()), [Act::Hang]).await;
    assert_eq!(files(&world), ["e.json"]);

    fs::write(world.folder.path().join("broken.json"), "{").unwrap();
    let opened = Runner::new(parsed(&simple()), world.folder.path(), world.script.clone(), world.clock.clone());
    let error = opened.err().expect("it must be refused").to_string();
    assert!(error.contains("broken.json") && error.ends_with("move the file away to start without it"), "{error}");
}

#[tokio::test]
async fn a_state_that_a_new_definition_lacks_fails_the_execution() {
    let world = World::new(parsed(&simple()), [Act::Hang]);
    world.runner.start("e", json!({ "n": 1 })).await.unwrap();
    let mut renamed = simple();
    renamed["StartAt"] = json!("B");
    renamed["States"]["B"] = renamed["States"].as_object_mut().unwrap().remove("A").unwrap();

    let world = world.restart(parsed(&renamed), [Act::Hang]).await;
    world.runner.resume().unwrap();
    let failure = world.ended("e").await.failure.unwrap();
    assert_eq!(
        (failure.error.as_str(), failure.cause.as_str()),
        ("States.Runtime", "the definition has no state A any more",)
    );
}

#[tokio::test]
async fn an_execution_ends_at_the_limit_of_history_events() {
    let states = json!({ "A": { "Type": "Choice", "Choices": [{ "Condition": "{% $states.input = 1 %}", "Next": "Z" }],
                                "Default": "A" }, "Z": { "Type": "Succeed" } });
    let definition = parsed(&crate::world::machine(&states));
    let world = World::new(definition.clone(), [Act::Hang]);
    let mut execution = world.run(json!(1)).await;
    execution.status = Status::Running;
    execution.ended_at = None;
    execution.state = "A".to_owned();
    execution.state_input = json!(2);
    execution.history_events = 24_990;
    fs::write(world.folder.path().join("e.json"), serde_json::to_vec(&execution).unwrap()).unwrap();

    let world = world.restart(definition, [Act::Hang]).await;
    world.runner.resume().unwrap();
    let ended = world.ended("e").await;
    assert_eq!(ended.failure.unwrap().cause, "the execution reached 25000 history events");
    assert_eq!(ended.transitions - execution.transitions, 5);
}
