//! Speaks to the API. Every request can be repeated: reads by nature, changes by their `Idempotency-Key`; so a server
//! that is restarted in between is waited for.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_LENGTH, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;

use crate::api::{self, Problem};
use crate::config::Config;
use crate::failure::Failure;

/// How long a server that has answered before is waited for: it may be starting again.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long one that has not answered yet is tried: a typo in the address should show at once.
const FIRST_PATIENCE: Duration = Duration::from_secs(2);
/// Longer than the longest long poll of 25 s.
const REQUEST_LIMIT: Duration = Duration::from_secs(40);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// An archive of 2 GB over a slow line.
const UPLOAD_LIMIT: Duration = Duration::from_hours(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    /// The server has answered.
    met: Cell<bool>,
}

/// Why one attempt did not bring an answer, and how long the server asked us to wait.
struct Missed {
    why: String,
    pause: Option<Duration>,
}

impl Client {
    pub fn new(config: Config) -> Result<Self, Failure> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("slipway/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_LIMIT)
            .redirect(reqwest::redirect::Policy::none());
        let http = builder.build().map_err(|error| Failure::local("prepare the client", chain(&error)))?;
        Ok(Self { http, url: config.url, token: config.token, met: Cell::new(false) })
    }

    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        self.send(|| self.request(Method::GET, path).query(query)).await
    }

    /// A whole list, as one page.
    pub async fn get_all(&self, path: &str) -> Result<Value, Failure> {
        let mut query = vec![("limit", "100".to_owned())];
        let mut items = Vec::new();
        loop {
            let mut page = self.get_with(path, &query).await?;
            if let Some(Value::Array(part)) = page.get_mut("items").map(Value::take) {
                items.extend(part);
            }
            let Some(cursor) = page["next_cursor"].as_str() else {
                return Ok(json!({ "items": items, "next_cursor": null }));
            };
            query.truncate(1);
            query.push(("cursor", cursor.to_owned()));
        }
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.change(Method::POST, path, body, None).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.change(Method::PATCH, path, body, None).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.change(Method::PUT, path, body, None).await
    }

    pub async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.send(|| self.request(Method::DELETE, path)).await
    }

    /// A POST that is refused unless the environment is at this version.
    pub async fn post_if(&self, path: &str, body: &Value, version: Option<u64>) -> Result<Value, Failure> {
        self.change(Method::POST, path, body, version).await
    }

    /// One key for all attempts, so that a repeat has no effect of its own.
    async fn change(&self, method: Method, path: &str, body: &Value, version: Option<u64>) -> Result<Value, Failure> {
        let key = idempotency_key()?;
        self.send(|| {
            let request = self.request(method.clone(), path).header("idempotency-key", &key).json(body);
            match version {
                Some(version) => request.header("if-match", format!("\"{version}\"")),
                None => request,
            }
        })
        .await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token).timeout(REQUEST_LIMIT)
    }

    /// Tries until there is an answer or patience has ended.
    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Value, Failure> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(100);
        loop {
            let missed = match self.attempt(request()).await {
                Ok(answer) => return answer,
                Err(missed) => missed,
            };
            let patience = if self.met.get() { PATIENCE } else { FIRST_PATIENCE };
            let wait = missed.pause.unwrap_or(pause).min(LONGEST_PAUSE);
            if begun.elapsed() + wait > patience {
                let advice = "is it running? `slipway local` starts one on this machine";
                return Err(Failure::Unreachable(format!("{} does not answer ({}); {advice}", self.url, missed.why)));
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt(&self, request: RequestBuilder) -> Result<Result<Value, Failure>, Missed> {
        let response = request.send().await.map_err(|error| Missed { why: chain(&error), pause: None })?;
        let status = response.status();
        if matches!(status.as_u16(), 429 | 502 | 503 | 504) {
            self.met.set(true);
            return Err(Missed { why: format!("it says {status}"), pause: retry_after(&response) });
        }
        let bytes = response.bytes().await.map_err(|error| Missed { why: chain(&error), pause: None })?;
        self.met.set(true);
        Ok(answer(status, &bytes))
    }

    /// Puts an archive where the API said.
    pub async fn upload(&self, url: &str, path: &Path, size_bytes: u64) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            let missed = match self.upload_once(url, path, size_bytes).await? {
                Ok(()) => return Ok(()),
                Err(missed) => missed,
            };
            if begun.elapsed() > PATIENCE {
                return Err(Failure::Unreachable(format!("the archive could not be uploaded: {missed}")));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn upload_once(&self, url: &str, path: &Path, size_bytes: u64) -> Result<Result<(), String>, Failure> {
        let file = tokio::fs::File::open(path).await?;
        let body = reqwest::Body::wrap_stream(ReaderStream::new(file));
        let request = self.http.put(url).header(CONTENT_LENGTH, size_bytes).timeout(UPLOAD_LIMIT).body(body);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Err(chain(&error))),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(Ok(()));
        }
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Ok(Err(format!("it says {status}")));
        }
        let bytes = response.bytes().await.unwrap_or_default();
        Err(answer(status, &bytes).err().unwrap_or_else(|| Failure::Local(format!("the upload was answered {status}"))))
    }
}

fn answer(status: StatusCode, bytes: &[u8]) -> Result<Value, Failure> {
    if status == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    match value {
        Some(value) if status.is_success() => Ok(value),
        Some(value) => match api::read::<Problem>(&value) {
            Ok(problem) => Err(Failure::Refused(Box::new(Problem { document: value, ..problem }))),
            Err(_) => Err(Failure::Unreachable(format!("the answer {status} is not one of Slipway"))),
        },
        None => Err(Failure::Unreachable(format!("the answer {status} is not one of Slipway; check the address"))),
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn idempotency_key() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Failure::Local("no random numbers can be had here".to_owned()))?;
    Ok(hex::encode(bytes))
}

/// The error with its causes; reqwest's own text stops at "error sending request".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}
