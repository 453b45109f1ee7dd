//! The adapter over the SDK's own HTTP interface, whose answers are scripted. Time is the test's: where everything waits,
//! the clock goes on to what is waited for first.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use aws_credential_types::Credentials;
use aws_sdk_sfn::config::{BehaviorVersion, Region, SharedHttpClient};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use slipway_domain::error::Kind;

use super::*;

const MACHINE: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:rollout";
const NAME: &str = "PBCDEFGHIJK-1";

#[derive(Clone)]
enum Answer {
    Says(u16, String),
    Breaks,
    /// Never.
    Silence,
}

/// The time since the beginning, and the times that are waited for.
#[derive(Clone, Debug, Default)]
struct Clock(Arc<Mutex<(Duration, BTreeSet<Duration>)>>);

impl AsyncSleep for Clock {
    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = self.clone();
        let end = clock.now() + duration;
        clock.0.lock().unwrap().1.insert(end);
        Sleep::new(std::future::poll_fn(move |_| if clock.now() < end { Poll::Pending } else { Poll::Ready(()) }))
    }
}

impl Clock {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    fn go_on(&self) {
        let (now, waits) = &mut *self.0.lock().unwrap();
        *now = waits.pop_first().expect("something is waited for");
    }

    async fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| {
            loop {
                if let Poll::Ready(value) = future.as_mut().poll(context) {
                    return Poll::Ready(value);
                }
                self.go_on();
            }
        })
        .await
    }
}

/// Answers one after the other, the last one again and again, and what was asked.
#[derive(Clone)]
struct Aws {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<Value>>>,
    clock: Clock,
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Aws")
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap();
        self.asked.lock().unwrap().push(json!({ "target": target, "body": body }));
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        match answer.unwrap() {
            Answer::Says(status, body) => {
                let status = StatusCode::try_from(status).unwrap();
                HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
            }
            Answer::Breaks => HttpConnectorFuture::ready(Err(ConnectorError::io("connection reset".into()))),
            Answer::Silence => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

impl Aws {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            asked: Arc::default(),
            clock: Clock::default(),
        }
    }

    fn http(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    async fn start(&self) -> Result<Started> {
        let config = aws_sdk_sfn::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "example"))
            .sleep_impl(self.clock.clone())
            .http_client(self.http());
        let (workflows, input) = (StepFunctions::new(config, MACHINE), input());
        self.clock.run(workflows.start(NAME, &input)).await
    }

    fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
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
    assert_eq!(aws.start().await, Ok(Started::New));
    let [asked] = aws.asked().try_into().unwrap();
    assert_eq!(asked["target"], "AWSStepFunctions.StartExecution");
    let mut body = asked["body"].clone();
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
async fn an_execution_that_exists_is_a_start_that_was_made() {
    let aws = Aws::new([refused(400, "ExecutionAlreadyExists")]);
    assert_eq!(aws.start().await, Ok(Started::AlreadyExists));
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
        assert_eq!(aws.start().await, Ok(Started::AlreadyExists));
        let [one, two] = aws.asked().try_into().unwrap();
        assert_eq!(one, two);
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_given_up_on_in_time() {
    // Attempts, and the longest time that they may take with the waits between them.
    let table = [
        (Answer::Silence, 2, WHOLE),
        (Answer::Breaks, 3, FIRST_WAIT * 3),
        (refused(500, "InternalServerError"), 3, FIRST_WAIT * 3),
        (Answer::Says(502, "<html>".to_owned()), 3, FIRST_WAIT * 3),
    ];
    for (answer, attempts, limit) in table {
        let aws = Aws::new([answer]);
        let error = aws.start().await.unwrap_err();
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
        let error = aws.start().await.unwrap_err();
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
