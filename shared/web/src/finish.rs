//! The outermost layer: gives each request its id, writes problems down as documents, logs each failure once, and turns
//! a panic into a 500.

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use slipway_domain::error::Error;

use crate::problem::Problem;

/// Tells the layer that the answer repeats the one to an earlier request with the same `Idempotency-Key`.
#[derive(Clone, Copy, Debug)]
pub struct Replayed;

/// The id that a request was given.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Runs the request and completes its answer.
pub async fn finish(mut request: Request, next: Next) -> Response {
    let request_id = format!("req_{:032x}", rand::random::<u128>());
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let line = format!("{} {}", request.method(), request.uri().path());
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => Problem::from(Error::internal("a handler panicked")).into_response(),
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        log(&line, &request_id, &problem);
        response = written(&problem, &request_id, response.headers().get(ALLOW).cloned());
    }
    if response.extensions_mut().remove::<Replayed>().is_some() {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert("x-request-id", value);
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

fn written(problem: &Problem, request_id: &str, allow: Option<HeaderValue>) -> Response {
    let mut response = Response::new(Body::from(problem.document(request_id).to_string()));
    *response.status_mut() = problem.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = problem.error.retry_after_seconds {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(methods) = allow {
        headers.insert(ALLOW, methods);
    }
    response
}

fn log(line: &str, request_id: &str, problem: &Problem) {
    let error = &problem.error;
    let context = error.context.as_deref().unwrap_or("");
    if problem.status.is_server_error() {
        tracing::error!(request.id = request_id, error.code = error.code, error.context = context, "{line} failed");
    } else {
        tracing::info!(request.id = request_id, error.code = error.code, error.context = context, "{line} refused");
    }
}
