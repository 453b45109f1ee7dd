use aws_sdk_sfn::config::{BehaviorVersion, Region};
use serde_json::{Value, json};
use slipway_domain::error::Kind;

use super::*;
use crate::limits::FIRST_WAIT;
use crate::scripted::{Answer, Aws, credentials};

const MACHINE: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:rollout";
const NAME: &str = "PBCDEFGHIJK-1";

async fn start(aws: &Aws) -> Result<Started> {
    start_in(aws, || None).await
}

async fn start_in(aws: &Aws, trace: fn() -> Option<String>) -> Result<Started> {
    let config = aws_sdk_sfn::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .sleep_impl(aws.clock.clone())
        .http_client(aws.http());
    let (workflows, input) = (StepFunctions::new(config, MACHINE).traced(trace), input());
    aws.clock.run(workflows.start(NAME, &input)).await
}

fn input() -> RolloutInput {
    RolloutInput {
        tenant: "TBCDEFGHIJK".parse().unwrap(),
        app: "shop".parse().unwrap(),
        environment: "production".parse().unwrap(),
        promotion: "PBCDEFGHIJK".parse().unwrap(),
        execution: 1,
    }
}

fn started() -> Answer {
    let arn = "arn:aws:states:eu-central-1:123456789012:execution:rollout:PBCDEFGHIJK-1";
    Answer::Says(200, json!({ "executionArn": arn, "startDate": 1_768_487_449.5 }).to_string())
}

fn refused(status: u16, code: &str) -> Answer {
    Answer::Says(status, json!({ "__type": code, "message": "so it is" }).to_string())
}

#[tokio::test]
async fn a_start_names_the_machine_the_execution_and_ids_only() {
    let aws = Aws::new([started()]);
    assert_eq!(start(&aws).await, Ok(Started::New));
    let [asked] = aws.asked().try_into().unwrap();
    assert_eq!(asked.target, "AWSStepFunctions.StartExecution");
    let mut body: Value = serde_json::from_str(&asked.body).unwrap();
    let input: Value = serde_json::from_str(body["input"].as_str().unwrap()).unwrap();
    body["input"] = input;
    let expected = json!({
        "stateMachineArn": MACHINE,
        "name": NAME,
        "input": {
            "tenant": "TBCDEFGHIJK", "app": "shop", "environment": "production",
            "promotion": "PBCDEFGHIJK", "execution": 1,
        },
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn an_execution_belongs_to_the_trace_that_it_is_started_in() {
    let aws = Aws::new([started()]);
    let trace = || Some("Root=1-67a1b2c3-0123456789abcdef01234567;Sampled=1".to_owned());
    assert_eq!(start_in(&aws, trace).await, Ok(Started::New));
    let [asked] = aws.asked().try_into().unwrap();
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(body["traceHeader"], json!(trace()));
}

#[tokio::test]
async fn an_execution_that_exists_is_a_start_that_was_made() {
    let aws = Aws::new([refused(400, "ExecutionAlreadyExists")]);
    assert_eq!(start(&aws).await, Ok(Started::AlreadyExists));
    assert_eq!(aws.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again_in_the_same_words() {
    let passing = [
        Answer::Breaks,
        Answer::Silence,
        refused(500, "InternalServerError"),
        refused(503, "ServiceUnavailable"),
        refused(400, "ThrottlingException"),
    ];
    for first in passing {
        // The first one arrived, and has ended since.
        let aws = Aws::new([first, refused(400, "ExecutionAlreadyExists")]);
        assert_eq!(start(&aws).await, Ok(Started::AlreadyExists));
        let [one, two] = aws.asked().try_into().unwrap();
        assert_eq!(one, two);
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_given_up_on_in_time() {
    // Attempts, and the longest time that they may take with the waits between them.
    let table = [
        (Answer::Silence, 2, LIMITS.whole),
        (Answer::Breaks, 3, FIRST_WAIT * 3),
        (refused(500, "InternalServerError"), 3, FIRST_WAIT * 3),
        (Answer::Says(502, "<html>".to_owned()), 3, FIRST_WAIT * 3),
    ];
    for (answer, attempts, limit) in table {
        let aws = Aws::new([answer]);
        let error = start(&aws).await.unwrap_err();
        assert_eq!((error.kind, error.retry_after_seconds), (Kind::Unavailable, Some(1)), "{error:?}");
        assert_eq!(aws.asked().len(), attempts, "{error:?}");
        assert!(aws.clock.now() <= limit, "{error:?} after {:?}", aws.clock.now());
    }
}

#[tokio::test]
async fn every_code_of_step_functions_means_one_thing() {
    let later = (Kind::Unavailable, Some(5));
    let soon = (Kind::Unavailable, Some(1));
    let ours = (Kind::Internal, None);
    let table = [
        ("ThrottlingException", 400, 3, later, "over a quota"),
        ("TooManyRequestsException", 429, 3, later, "over a quota"),
        ("SlowDownPlease", 429, 1, later, "over a quota"),
        ("ExecutionLimitExceeded", 400, 1, later, "over a quota"),
        ("KmsThrottlingException", 400, 1, later, "over a quota"),
        ("KmsInvalidStateException", 400, 1, soon, "no answer that counts"),
        ("RequestTimeout", 408, 3, soon, "no answer that counts"),
        ("SomethingNew", 500, 3, soon, "no answer that counts"),
        ("AccessDeniedException", 400, 1, ours, "refused: give the function's role states:StartExecution on it"),
        ("KmsAccessDeniedException", 400, 1, ours, "refused: give the function's role"),
        ("UnrecognizedClientException", 400, 1, ours, "refused: give the function's role"),
        ("ExpiredTokenException", 403, 1, ours, "refused: give the function's role"),
        ("StateMachineDoesNotExist", 400, 1, ours, "it is not there: deploy the stack again"),
        ("StateMachineDeleting", 400, 1, ours, "it is not there: deploy the stack again"),
        ("InvalidArn", 400, 1, ours, "it is not there: deploy the stack again"),
        ("InvalidName", 400, 1, ours, "not a request that can succeed"),
        ("InvalidExecutionInput", 400, 1, ours, "not a request that can succeed"),
        ("ValidationException", 400, 1, ours, "not a request that can succeed"),
        ("SomethingNew", 400, 1, ours, "not a request that can succeed"),
    ];
    for (code, status, attempts, meaning, words) in table {
        let aws = Aws::new([refused(status, code)]);
        let error = start(&aws).await.unwrap_err();
        assert_eq!((error.kind, error.retry_after_seconds), meaning, "{code}");
        assert_eq!(aws.asked().len(), attempts, "{code}");
        let context = error.context.unwrap();
        let begins = format!("starting the execution {NAME} of {MACHINE}: {words}");
        assert!(
            context.starts_with(&begins) && context.ends_with(&format!("{code} ({status}): so it is")),
            "{context}"
        );
    }
}
