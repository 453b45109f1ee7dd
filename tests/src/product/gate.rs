//! A registry in front of the cluster's own, which treats the nodes of the cluster as it is told, per repository.
//!
//! Whoever else asks, the server that checks an image or a client that pushes one, is passed on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, USER_AGENT};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::server::{Result, failed};

/// How the nodes call themselves.
const NODES: &str = "containerd";
/// No image of the tests is larger.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// What the nodes are told about a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// 403 to everything.
    Refuse,
    /// 404 to everything.
    Hide,
    /// 503 to everything.
    Fail,
}

#[derive(Default)]
struct Told {
    manners: BTreeMap<String, Manner>,
    /// Per repository: how often a node was not passed on.
    turned_away: BTreeMap<String, u64>,
}

struct Inner {
    upstream: String,
    http: reqwest::Client,
    told: Mutex<Told>,
}

/// Serves until it is dropped.
pub struct Gate {
    inner: Arc<Inner>,
    address: SocketAddr,
    server: AbortHandle,
}

impl Gate {
    /// `host` is the address to listen on, `upstream` host and port of the registry behind.
    pub async fn open(host: &str, upstream: &str) -> Result<Self> {
        let listener = TcpListener::bind((host, 0)).await.map_err(failed(format!("listen on {host}")))?;
        let address = listener.local_addr().map_err(failed("listen"))?;
        let http = reqwest::Client::new();
        let inner = Arc::new(Inner { upstream: format!("http://{upstream}"), http, told: Mutex::default() });
        let router = Router::new().fallback(serve).layer(DefaultBodyLimit::max(MAX_BYTES)).with_state(inner.clone());
        let server = tokio::spawn(axum::serve(listener, router).into_future()).abort_handle();
        Ok(Self { inner, address, server })
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on, the nodes are treated so. None: as everybody else.
    pub fn treat(&self, repository: &str, manner: Option<Manner>) {
        let mut told = self.inner.told();
        match manner {
            Some(manner) => told.manners.insert(repository.to_owned(), manner),
            None => told.manners.remove(repository),
        };
    }

    /// How often a node that asked for the repository was not passed on.
    pub fn turned_away(&self, repository: &str) -> u64 {
        self.inner.told().turned_away.get(repository).copied().unwrap_or(0)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Inner {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a node is answered instead of being passed on.
    fn turn_away(&self, uri: &Uri, headers: &HeaderMap) -> Option<StatusCode> {
        let who = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !who.contains(NODES) {
            return None;
        }
        let mut told = self.told();
        let asked = |repository: &&String| uri.path().starts_with(&format!("/v2/{repository}/"));
        let repository = told.manners.keys().find(asked)?.clone();
        *told.turned_away.entry(repository.clone()).or_default() += 1;
        Some(match told.manners[&repository] {
            Manner::Refuse => StatusCode::FORBIDDEN,
            Manner::Hide => StatusCode::NOT_FOUND,
            Manner::Fail => StatusCode::SERVICE_UNAVAILABLE,
        })
    }

    async fn pass(&self, method: Method, uri: &Uri, mut headers: HeaderMap, body: Bytes) -> reqwest::Result<Response> {
        headers.remove(TRANSFER_ENCODING);
        headers.remove(CONTENT_LENGTH);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let is_head = method == Method::HEAD;
        let request = self.http.request(method, format!("{}{path}", self.upstream)).headers(headers).body(body);
        let answer = request.send().await?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(TRANSFER_ENCODING);
        let body = if is_head { Body::empty() } else { Body::from(answer.bytes().await?) };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

async fn serve(State(gate): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(status) = gate.turn_away(&parts.uri, &parts.headers) {
        return status.into_response();
    }
    let Ok(body) = axum::body::to_bytes(body, MAX_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match gate.pass(parts.method, &parts.uri, parts.headers, body).await {
        Ok(response) => response,
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
