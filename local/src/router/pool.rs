//! Connections to one target that wait for the next request.

use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::balancer::lock;

/// The body of a request on its way to a target: what the client sends, or none.
pub type Outgoing = Either<Incoming, Empty<Bytes>>;

/// Of one target. More are closed when they become free.
const MAX_IDLE: usize = 128;

#[derive(Debug, Default)]
struct Inner {
    idle: Vec<SendRequest<Outgoing>>,
    closed: bool,
}

/// The free connections of one target.
#[derive(Debug, Default)]
pub struct Pool(Mutex<Inner>);

impl Pool {
    /// The connection that was used last, if one is still open.
    pub fn take(&self) -> Option<SendRequest<Outgoing>> {
        let mut inner = lock(&self.0);
        while let Some(sender) = inner.idle.pop() {
            if sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    pub fn put(&self, sender: SendRequest<Outgoing>) {
        let mut inner = lock(&self.0);
        if !inner.closed && inner.idle.len() < MAX_IDLE {
            inner.idle.push(sender);
        }
    }

    /// Closes what is free, and what becomes free from now on.
    pub fn set_closed(&self, closed: bool) {
        let mut inner = lock(&self.0);
        inner.closed = closed;
        if closed {
            inner.idle.clear();
        }
    }
}

/// Opens a connection, whose task ends with it.
pub async fn connect(port: u16) -> Result<SendRequest<Outgoing>, String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| dial_error(port, &error))?;
    // Without it small requests wait for acknowledgements; with an error they only do that.
    let _ = stream.set_nodelay(true);
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(|error| error.to_string())?;
    tokio::spawn(connection.with_upgrades());
    Ok(sender)
}

/// Why no connection could be made.
pub fn dial_error(port: u16, error: &std::io::Error) -> String {
    let reason = match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => error.to_string(),
    };
    format!("dial tcp 127.0.0.1:{port}: {reason}")
}
