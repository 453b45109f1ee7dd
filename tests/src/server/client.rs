//! A client of the API that remembers every answer, if it is told to.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::{Result, failed};

/// Longer than a long poll, and than anything takes on a machine that compiles meanwhile.
const LIMIT: Duration = Duration::from_mins(1);

/// Asks one server with one token.
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    keys: AtomicU64,
    tape: Option<Mutex<Vec<String>>>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// One `name: value` a line.
    pub headers: String,
    pub body: String,
}

impl Answer {
    /// Null for a body that is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(own, _)| *own == name))
            .map(|(_, value)| value)
    }

    /// The body of a success.
    pub fn ok(&self) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.json());
        }
        Err(format!("the API refused with {}: {}", self.status, self.body))
    }

    /// The code of a refusal.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A client that finds what is called `….localhost` on this machine, where such names are by their standard, whatever
/// the machine's resolver makes of them.
fn resolving(url: &str) -> Result<reqwest::ClientBuilder> {
    let builder = reqwest::Client::builder();
    let url: reqwest::Url = url.parse().map_err(failed(format!("read the address {url}")))?;
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Ok(builder) };
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(if host.ends_with(".localhost") { builder.resolve(host, here) } else { builder })
}

impl Client {
    /// `url` is the server's origin.
    pub fn new(url: &str, token: &str) -> Result<Self> {
        let http = resolving(url)?.timeout(LIMIT).build().map_err(failed("make an HTTP client"))?;
        Ok(Self { http, url: url.to_owned(), token: token.to_owned(), keys: AtomicU64::new(0), tape: None })
    }

    /// From now on every answer is kept for [`Self::tape`].
    #[must_use]
    pub fn taped(mut self) -> Self {
        self.tape = Some(Mutex::default());
        self
    }

    /// Every answer so far: request line, status, headers, body. What [`Self::untaped`] asked for is not in it.
    pub fn tape(&self) -> Vec<String> {
        let answers = |tape: &Mutex<Vec<String>>| tape.lock().map(|tape| tape.clone()).unwrap_or_default();
        self.tape.as_ref().map(answers).unwrap_or_default()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, None, None).await?.ok()
    }

    /// Under an idempotency key of its own.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Method::POST, path, Some(body), None).await?.ok()
    }

    /// Any request. Without a key, a POST gets one of its own.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>, key: Option<&str>) -> Result<Answer> {
        self.raw(method, path, body.map(Value::to_string), key).await
    }

    /// The same with a body that need not be JSON.
    pub async fn raw(&self, method: Method, path: &str, body: Option<String>, key: Option<&str>) -> Result<Answer> {
        let line = format!("{method} {path}");
        let answer = self.answer(self.request(method, path, body, key)).await?;
        if let Some(Ok(mut tape)) = self.tape.as_ref().map(Mutex::lock) {
            tape.push(format!("{line}\n{}\n{}\n{}", answer.status, answer.headers, answer.body));
        }
        Ok(answer)
    }

    /// The one kind of answer that may hold values.
    pub async fn untaped(&self, method: Method, path: &str, body: &Value) -> Result<Answer> {
        self.answer(self.request(method, path, Some(body.to_string()), None)).await
    }

    fn request(&self, method: Method, path: &str, body: Option<String>, key: Option<&str>) -> RequestBuilder {
        let number = self.keys.fetch_add(1, Ordering::Relaxed);
        let is_post = method == Method::POST;
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        match key {
            Some(key) => request = request.header("idempotency-key", key),
            None if is_post => request = request.header("idempotency-key", format!("client-key-{number}")),
            None => {}
        }
        match body {
            Some(body) => request.header("content-type", "application/json").body(body),
            None => request,
        }
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Answer> {
        let response = request.send().await.map_err(failed("ask the API"))?;
        let status = response.status().as_u16();
        let headers = response.headers().iter().fold(String::new(), |mut text, (name, value)| {
            // A string takes everything that is written into it.
            let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
            text
        });
        let body = response.text().await.map_err(failed("read the API's answer"))?;
        Ok(Answer { status, headers, body })
    }
}
