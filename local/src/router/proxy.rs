//! Takes one request to a target and brings the answer back.
//!
//! A request is never sent twice unless that is harmless: a connection that was refused, or a request of which nothing
//! was written, costs nothing; what was written is repeated only when it has no body and its method is idempotent. All
//! other requests get a connection of their own, so that none is lost to one that the target was about to close.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Either, Empty, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::balancer::{Claim, Service, Target};
use super::forwarded;
use super::guarded::Guarded;
use super::pool::{Outgoing, connect};

/// The body of an answer.
pub type Answer = BoxBody<Bytes, hyper::Error>;

/// How often a request that may be repeated is sent again after its connection ended without an answer.
const MAX_REPEATS: u32 = 2;

/// How long a request waits for the first check of a target, when there is no other.
const FIRST_CHECKS: Duration = Duration::from_secs(2);

/// Serves one request of a client at `peer`.
pub async fn serve(service: Arc<Service>, request: Request<Incoming>, peer: SocketAddr) -> Response<Answer> {
    if request.method() == Method::CONNECT {
        return refusal(StatusCode::METHOD_NOT_ALLOWED, "this is no forward proxy");
    }
    let mut exchange = Exchange::new(request, peer);
    match exchange.run(&service).await {
        Ok(response) => response,
        Err((status, text)) => refusal(status, &text),
    }
}

/// A request that is on its way.
struct Exchange {
    parts: http::request::Parts,
    /// Taken by the first attempt that sends it.
    body: Option<Incoming>,
    repeatable: bool,
    upgrade: Option<OnUpgrade>,
    tried: Vec<Arc<Target>>,
    /// How often it was lost and sent again; from the first time on it gets new connections only.
    repeats: u32,
}

/// What became of one attempt.
enum Attempt {
    Answered(Response<Incoming>, SendRequest<Outgoing>),
    /// Nothing of the request was written: it is as it was.
    Untouched(Request<Outgoing>),
    Lost(String),
}

impl Exchange {
    fn new(mut request: Request<Incoming>, peer: SocketAddr) -> Self {
        let upgrade = forwarded::is_upgrade(request.headers()).then(|| hyper::upgrade::on(&mut request));
        let (mut parts, body) = request.into_parts();
        let empty = body.is_end_stream();
        forwarded::prepare(&mut parts.headers, peer, upgrade.is_some());
        parts.version = Version::HTTP_11;
        parts.uri = forwarded::origin_form(&parts.uri);
        let repeatable = empty && upgrade.is_none() && parts.method.is_idempotent();
        let body = (!empty).then_some(body);
        Self { parts, body, repeatable, upgrade, tried: Vec::new(), repeats: 0 }
    }

    async fn run(&mut self, service: &Service) -> Result<Response<Answer>, (StatusCode, String)> {
        let mut last_error = None;
        let mut kept = None;
        loop {
            let Some(claim) = service.choose(&self.tried) else {
                if self.tried.is_empty() && service.first_checks(FIRST_CHECKS).await {
                    continue;
                }
                return Err(match last_error {
                    Some(error) => (StatusCode::BAD_GATEWAY, error),
                    None => (StatusCode::SERVICE_UNAVAILABLE, "no process of this service is ready".to_owned()),
                });
            };
            let target = Arc::clone(&claim.0);
            let pooled = if self.repeatable && self.repeats == 0 { target.pool.take() } else { None };
            let reused = pooled.is_some();
            let sender = match pooled {
                Some(sender) => sender,
                None => match connect(target.port).await {
                    Ok(sender) => sender,
                    Err(error) => {
                        target.refused(error.clone(), crate::disk::now());
                        last_error = Some(error);
                        self.tried.push(target);
                        continue;
                    }
                },
            };
            let request = kept.take().unwrap_or_else(|| self.request());
            match send(sender, request).await {
                Attempt::Answered(response, sender) => return Ok(self.finish(response, sender, claim)),
                Attempt::Untouched(request) => kept = Some(request),
                Attempt::Lost(error) if self.repeatable && self.repeats < MAX_REPEATS => {
                    last_error = Some(error);
                    self.repeats += 1;
                }
                Attempt::Lost(error) => return Err((StatusCode::BAD_GATEWAY, error)),
            }
            if !reused {
                target.suspect.notify_one();
                self.tried.push(target);
            }
        }
    }

    /// The request as the target gets it.
    fn request(&mut self) -> Request<Outgoing> {
        let body = match self.body.take() {
            Some(body) => Either::Left(body),
            None => Either::Right(Empty::new()),
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.headers_mut() = self.parts.headers.clone();
        request
    }

    fn finish(
        &mut self,
        mut response: Response<Incoming>,
        sender: SendRequest<Outgoing>,
        claim: Claim,
    ) -> Response<Answer> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let target_side = hyper::upgrade::on(&mut response);
            if let Some(client_side) = self.upgrade.take() {
                tokio::spawn(tunnel(client_side, target_side, claim));
            }
            return response.map(|_| empty());
        }
        forwarded::strip(response.headers_mut(), false);
        tokio::spawn(put_back(sender, Arc::clone(&claim.0)));
        response.map(|body| Guarded::new(body, claim).boxed())
    }
}

async fn send(mut sender: SendRequest<Outgoing>, request: Request<Outgoing>) -> Attempt {
    if sender.ready().await.is_err() {
        return Attempt::Untouched(request);
    }
    match sender.try_send_request(request).await {
        Ok(response) => Attempt::Answered(response, sender),
        Err(mut error) => match error.take_message() {
            Some(request) => Attempt::Untouched(request),
            None => Attempt::Lost(format!("the process ended the connection without an answer: {}", error.error())),
        },
    }
}

/// Keeps the connection for the next request, once this one's answer has been read to its end.
async fn put_back(mut sender: SendRequest<Outgoing>, target: Arc<Target>) {
    if sender.ready().await.is_ok() {
        target.pool.put(sender);
    }
}

/// Passes bytes in both directions until both sides are done.
async fn tunnel(client: OnUpgrade, target: OnUpgrade, claim: Claim) {
    if let Ok((client, target)) = futures::future::try_join(client, target).await {
        // Either side may break off; there is nobody left to tell.
        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(target)).await;
    }
    drop(claim);
}

fn empty() -> Answer {
    Empty::new().map_err(|never| match never {}).boxed()
}

fn refusal(status: StatusCode, text: &str) -> Response<Answer> {
    let body = Full::new(Bytes::from(format!("{text}\n"))).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert("x-slipway-router", HeaderValue::from_static("refused"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
