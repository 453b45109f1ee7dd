//! One connection of a load.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::Requests;
use super::tally::{Loss, Tally};

/// No answer that anybody asks for takes a third of it.
const LIMIT: Duration = Duration::from_secs(10);

/// One connection, opened again when the other side has closed it.
pub struct Line {
    address: String,
    tally: Arc<Tally>,
    sender: Option<SendRequest<Empty<Bytes>>>,
}

impl Line {
    pub fn new(address: String, tally: Arc<Tally>) -> Self {
        Self { address, tally, sender: None }
    }

    /// Whether more requests are to be sent.
    pub fn is_wanted(&self) -> bool {
        self.tally.is_open()
    }

    /// `due`: when the request should have left.
    pub async fn ask(&mut self, kind: &Requests, due: Instant) {
        let answer = within(self.exchange(&kind.path)).await;
        match answer.and_then(|body| (kind.release)(&body).map_err(Loss::Failed)) {
            Ok(release) => self.tally.answered(&release, kind.is_quick.then(|| due.elapsed())),
            Err(loss) => {
                self.sender = None;
                self.tally.lost(&format!("GET {}", kind.path), &loss);
            }
        }
    }

    async fn exchange(&mut self, path: &str) -> Result<Bytes, Loss> {
        let request = Request::get(path).header(header::HOST, self.address.as_str()).body(Empty::new());
        let request = request.map_err(|error| Loss::Failed(error.to_string()))?;
        let mut sender = self.connected().await.map_err(Loss::Failed)?;
        let response = sender.send_request(request).await.map_err(|error| Loss::Cut(describe(&error)))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| Loss::Cut(describe(&error)))?.to_bytes();
        if status != StatusCode::OK {
            return Err(Loss::Failed(format!("answered {status}: {}", String::from_utf8_lossy(&body))));
        }
        self.sender = Some(sender);
        Ok(body)
    }

    /// The open connection, or a new one when there is none that takes a request.
    async fn connected(&mut self) -> Result<SendRequest<Empty<Bytes>>, String> {
        if let Some(mut sender) = self.sender.take()
            && sender.ready().await.is_ok()
        {
            return Ok(sender);
        }
        let stream = TcpStream::connect(&self.address).await.map_err(|error| format!("could not connect: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| describe(&error))?;
        self.tally.connected();
        tokio::spawn(connection);
        Ok(sender)
    }
}

async fn within<T>(work: impl Future<Output = Result<T, Loss>>) -> Result<T, Loss> {
    let late = |_| Err(Loss::Failed(format!("no whole answer within {} s", LIMIT.as_secs())));
    timeout(LIMIT, work).await.unwrap_or_else(late)
}

/// hyper says what happened in the source of its errors.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
