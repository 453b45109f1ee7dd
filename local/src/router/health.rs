//! Asks a target again and again whether it is ready.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::balancer::Target;
use super::pool::dial_error;
use crate::disk::now;

/// Between the checks of a target that is not ready: a process that has booted is noticed soon.
const EAGER: Duration = Duration::from_millis(100);

/// Checks until the task is ended.
pub async fn watch(target: Arc<Target>) {
    loop {
        match check(&target).await {
            Ok(()) => target.passed(now()),
            Err(error) => target.failed(error, now()),
        }
        let pause = if target.is_ready() { Duration::from_millis(target.check.interval_ms) } else { EAGER };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = target.suspect.notified(), if target.is_ready() => {}
        }
    }
}

async fn check(target: &Target) -> Result<(), String> {
    let limit = Duration::from_millis(target.check.timeout_ms);
    let asked = async {
        let stream = TcpStream::connect(("127.0.0.1", target.check_port))
            .await
            .map_err(|error| dial_error(target.check_port, &error))?;
        match &target.check.path {
            Some(path) => get(stream, target.check_port, path).await,
            None => Ok(()),
        }
    };
    match timeout(limit, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {} ms", limit.as_millis())),
    }
}

async fn get(stream: TcpStream, port: u16, path: &str) -> Result<(), String> {
    let fault = |error: &dyn std::fmt::Display| format!("GET {path}: {error}");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| fault(&error))?;
    let request = Request::get(path)
        .header(header::HOST, format!("127.0.0.1:{port}"))
        .header(header::USER_AGENT, "slipway-health")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| fault(&error))?;
    let answer = async { sender.send_request(request).await };
    tokio::pin!(connection);
    tokio::pin!(answer);
    let response = tokio::select! {
        response = &mut answer => response,
        // The connection may end right after it has handed over the answer.
        _ = &mut connection => answer.await,
    };
    let status = response.map_err(|error| fault(&error))?.status();
    if status.is_success() || status.is_redirection() {
        Ok(())
    } else {
        Err(format!("GET {path} answered {}", status.as_u16()))
    }
}
