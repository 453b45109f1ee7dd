//! AWS behind the SDK's own HTTP interface, for tests: its answers are scripted, and time is the test's. Where everything
//! waits, the clock goes on to what is waited for first.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::sts::Sts;

#[derive(Clone)]
pub enum Answer {
    Says(u16, String),
    /// A success without a body, which says all in its headers.
    Heads(Vec<(&'static str, String)>),
    Breaks,
    /// Never.
    Silence,
}

/// A request as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub url: String,
    /// The operation, of services that name it in a header.
    pub target: String,
    /// Who signed it, and for where.
    pub authorization: String,
    pub body: String,
}

/// Answers one after the other, the last one again and again, and what was asked.
#[derive(Clone, Debug)]
pub struct Aws {
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    pub clock: Clock,
}

struct Answers(VecDeque<Answer>);

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} answers", self.0.len())
    }
}

impl Aws {
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Answers(answers.into_iter().collect());
        Self { answers: Arc::new(Mutex::new(answers)), asked: Arc::default(), clock: Clock::default() }
    }

    pub fn http(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let header = |name| request.headers().get(name).unwrap_or_default().to_owned();
        let body = String::from_utf8(request.body().bytes().unwrap_or_default().to_vec()).unwrap();
        let (target, authorization) = (header("x-amz-target"), header("authorization"));
        let (method, url) = (request.method().to_owned(), request.uri().to_owned());
        self.asked.lock().unwrap().push(Asked { method, url, target, authorization, body });
        let answers = &mut self.answers.lock().unwrap().0;
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        match answer.unwrap() {
            Answer::Says(status, body) => {
                let status = StatusCode::try_from(status).unwrap();
                HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
            }
            Answer::Heads(headers) => {
                let mut response = HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::empty());
                for (name, value) in headers {
                    response.headers_mut().insert(name, value);
                }
                HttpConnectorFuture::ready(Ok(response))
            }
            Answer::Breaks => HttpConnectorFuture::ready(Err(ConnectorError::io("connection reset".into()))),
            Answer::Silence => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

/// The time since the beginning, and the times that are waited for.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Mutex<(Duration, BTreeSet<Duration>)>>);

impl AsyncSleep for Clock {
    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = self.clone();
        let end = clock.now() + duration;
        clock.0.lock().unwrap().1.insert(end);
        Sleep::new(std::future::poll_fn(move |_| if clock.now() < end { Poll::Pending } else { Poll::Ready(()) }))
    }
}

impl Clock {
    pub fn now(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    fn go_on(&self) {
        let (now, waits) = &mut *self.0.lock().unwrap();
        *now = waits.pop_first().expect("something is waited for");
    }

    pub async fn run<T>(&self, future: impl Future<Output = T>) -> T {
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

/// STS behind it.
pub fn sts(aws: &Aws) -> Sts {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
        .region(aws_sdk_sts::config::Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .sleep_impl(aws.clock.clone())
        .http_client(aws.http());
    Sts::new(config)
}

/// What STS answers with: a session of this role until then.
pub fn session(arn: &str, key_id: &str, end: &str) -> Answer {
    Answer::Says(
        200,
        format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
             <AssumedRoleUser><AssumedRoleId>AROA:slipway</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>\
             <Credentials><AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>theirs</SecretAccessKey>\
             <SessionToken>session</SessionToken><Expiration>{end}</Expiration></Credentials>\
             </AssumeRoleResult></AssumeRoleResponse>"
        ),
    )
}

/// What STS answers with when it gives none.
pub fn session_refused(status: u16, code: &str) -> Answer {
    Answer::Says(
        status,
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>so it is</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        ),
    )
}

/// Our own, as a function has them.
pub fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret", None, None, "example")
}
