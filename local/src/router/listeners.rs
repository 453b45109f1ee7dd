//! The doors: one port per service, the same for as long as the folder exists.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::balancer::{Changes, Service};
use super::proxy;

/// Where the search for a free port begins.
const FIRST_PORT: u16 = 18_080;
const LAST_PORT: u16 = 19_999;

/// A service that is being served.
#[derive(Debug)]
pub struct Door {
    pub service: Arc<Service>,
    pub port: Result<u16, String>,
    accepting: Option<AbortHandle>,
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(task) = &self.accepting {
            task.abort();
        }
    }
}

impl Door {
    /// Opens a door at the port that the service had before, or else at a free one that nobody else was given.
    pub async fn open(known: Option<u16>, given: &BTreeMap<String, u16>, changes: &Changes) -> Self {
        let service = Arc::new(Service::new(changes.clone()));
        let mut door = Self { service, port: Err("not yet".to_owned()), accepting: None };
        door.try_open(known, given).await;
        door
    }

    /// Tries again if it is not open. True: now it is.
    pub async fn try_open(&mut self, known: Option<u16>, given: &BTreeMap<String, u16>) -> bool {
        if self.accepting.is_some() {
            return false;
        }
        match bind(known, given).await {
            Ok((listener, port)) => {
                let task = tokio::spawn(accept(listener, Arc::clone(&self.service)));
                self.accepting = Some(task.abort_handle());
                self.port = Ok(port);
                true
            }
            Err(error) => {
                self.port = Err(error);
                false
            }
        }
    }
}

async fn bind(known: Option<u16>, given: &BTreeMap<String, u16>) -> Result<(TcpListener, u16), String> {
    if let Some(port) = known {
        let listener = TcpListener::bind(("127.0.0.1", port)).await;
        return listener.map(|listener| (listener, port)).map_err(|error| format!("port {port}: {error}"));
    }
    for port in FIRST_PORT..=LAST_PORT {
        if given.values().any(|other| *other == port) {
            continue;
        }
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return Ok((listener, port));
        }
    }
    Err(format!("no port between {FIRST_PORT} and {LAST_PORT} is free"))
}

async fn accept(listener: TcpListener, service: Arc<Service>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tokio::spawn(converse(stream, peer, Arc::clone(&service)));
            }
            // Out of files, or the client has left already: the next one may fare better in a moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn converse(stream: TcpStream, peer: std::net::SocketAddr, service: Arc<Service>) {
    // Without it small answers wait for acknowledgements; with an error they only do that.
    let _ = stream.set_nodelay(true);
    let serve = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, std::convert::Infallible>(proxy::serve(service, request, peer).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), serve);
    // A client that breaks off, or a process that does in the middle of an answer: the client sees it.
    let _ = connection.with_upgrades().await;
}
