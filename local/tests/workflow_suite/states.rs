//! What each state type does with its input.

use serde_json::json;
use slipway_local::workflow::execution::Status;

use crate::world::{Act, World, machine, parsed, task};

#[tokio::test]
async fn a_task_is_called_with_its_payload_and_hands_its_result_on() {
    let world = World::new(parsed(&task(json!({}))), [Act::Answer(json!({ "x": 1 }))]);
    let execution = world.run(json!({ "n": 7 })).await;
    assert_eq!(world.script.functions(), ["f"]);
    assert_eq!(world.script.payloads(), [json!({ "n": 7 })]);
    assert_eq!(execution.status, Status::Succeeded);
    let result = json!({ "ExecutedVersion": "$LATEST", "Payload": { "x": 1 }, "StatusCode": 200 });
    assert_eq!(execution.output, Some(result));
    assert_eq!((execution.transitions, execution.state.as_str()), (2, "Z"));
}

#[tokio::test]
async fn whole_numbers_stay_whole_and_text_stays_text() {
    let input = json!({ "n": [1, 2.5, -0.0, 9_007_199_254_740_991_i64, "{% no %", null, true, {}] });
    let world = World::new(parsed(&task(json!({}))), [Act::Answer(json!(null))]);
    world.run(input).await;
    let seen = world.script.payloads()[0].to_string();
    assert_eq!(seen, r#"{"n":[1,2.5,0,9007199254740991,"{% no %",null,true,{}]}"#);
}

#[tokio::test]
async fn the_context_tells_names_and_times() {
    let payload = json!({ "FunctionName": "f", "Payload": {
        "entered": "{% $states.context.State.EnteredTime %}", "state": "{% $states.context.State.Name %}",
        "started": "{% $states.context.Execution.StartTime %}", "execution": "{% $states.context.Execution.Name %}",
        "input": "{% $states.context.Execution.Input %}", "retries": "{% $states.context.State.RetryCount %}",
    } });
    let retry = json!([{ "ErrorEquals": ["E"] }]);
    let definition = parsed(&task(json!({ "Arguments": payload, "Retry": retry })));
    let world = World::new(definition, [Act::Fail("E"), Act::Answer(json!(0))]);
    world.run(json!({ "id": "x" })).await;
    let told = |retries: u32| {
        json!({
            "entered": "2026-01-15T14:30:49.120Z", "state": "A", "started": "2026-01-15T14:30:49.120Z",
            "execution": "e", "input": { "id": "x" }, "retries": retries,
        })
    };
    assert_eq!(world.script.payloads(), [told(0), told(1)]);
}

#[tokio::test]
async fn assign_and_output_both_see_the_variables_as_they_were() {
    let states = json!({
        "A": { "Type": "Choice", "Choices": [{
            "Condition": "{% $states.input.n = 1 %}", "Next": "B",
            "Assign": { "n": "{% $states.input.n %}" }, "Output": "first",
        }], "Default": "Z" },
        "B": { "Type": "Choice", "Choices": [{
            "Condition": "{% $n = 1 %}", "Next": "Z",
            "Assign": { "n": "{% $n + 1 %}" }, "Output": { "n": "{% $n %}", "input": "{% $states.input %}" },
        }] },
        "Z": { "Type": "Succeed", "Output": ["{% $n %}", "{% $states.input %}"] },
    });
    let world = World::new(parsed(&machine(&states)), [Act::Hang]);
    let execution = world.run(json!({ "n": 1 })).await;
    assert_eq!(execution.output, Some(json!([2, { "n": 1, "input": "first" }])));
    assert_eq!(execution.transitions, 3);
}

#[tokio::test]
async fn the_default_of_a_choice_uses_the_states_own_assign_and_output() {
    let states = json!({
        "A": { "Type": "Choice", "Choices": [{ "Condition": "{% false %}", "Next": "Z" }],
               "Default": "Z", "Assign": { "v": 3 }, "Output": "from the default" },
        "Z": { "Type": "Succeed", "Output": ["{% $v %}", "{% $states.input %}"] },
    });
    let execution = World::new(parsed(&machine(&states)), [Act::Hang]).run(json!({})).await;
    assert_eq!(execution.output, Some(json!([3, "from the default"])));
}

#[tokio::test]
async fn a_choice_without_a_match_and_one_that_is_no_boolean_fail() {
    for (condition, error) in [("{% false %}", "States.NoChoiceMatched"), ("{% 1 %}", "States.QueryEvaluationError")] {
        let states = json!({
            "A": { "Type": "Choice", "Choices": [{ "Condition": condition, "Next": "Z" }] },
            "Z": { "Type": "Succeed" },
        });
        let execution = World::new(parsed(&machine(&states)), [Act::Hang]).run(json!({})).await;
        assert_eq!(execution.status, Status::Failed);
        assert_eq!(execution.failure.unwrap().error, error);
    }
}

#[tokio::test]
async fn a_fail_state_ends_with_its_error_and_cause() {
    let states = json!({ "A": { "Type": "Fail", "Error": "Broken", "Cause": "{% 'because of ' & $states.input %}" } });
    let execution = World::new(parsed(&machine(&states)), [Act::Hang]).run(json!("x")).await;
    assert_eq!(execution.status, Status::Failed);
    assert_eq!((execution.output, execution.transitions), (None, 1));
    let failure = execution.failure.unwrap();
    assert_eq!((failure.error.as_str(), failure.cause.as_str()), ("Broken", "because of x"));
}

#[tokio::test]
async fn a_task_with_end_ends_the_execution() {
    let states = json!({ "A": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
        "Arguments": { "FunctionName": "f" }, "Output": "{% $states.result.Payload %}",
    } });
    let world = World::new(parsed(&machine(&states)), [Act::Answer(json!("done"))]);
    let execution = world.run(json!({})).await;
    assert_eq!((execution.status, execution.output), (Status::Succeeded, Some(json!("done"))));
    assert_eq!(world.script.payloads(), [json!({})]);
}
