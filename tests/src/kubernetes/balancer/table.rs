//! The targets, one after the other, and the free connections to each.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub type Connection = SendRequest<Incoming>;

/// Where requests go.
#[derive(Default)]
pub struct Table {
    targets: Mutex<Vec<Arc<Target>>>,
    turn: AtomicUsize,
}

impl Table {
    /// Targets that stay keep their connections; of those that go, the free ones close.
    pub fn set(&self, ready: &BTreeSet<SocketAddr>) {
        let mut targets = lock(&self.targets);
        let is_gone = |target: &mut Arc<Target>| !ready.contains(&target.address);
        for gone in targets.extract_if(.., is_gone) {
            *lock(&gone.free) = None;
        }
        for address in ready {
            if targets.iter().all(|target| target.address != *address) {
                targets.push(Arc::new(Target { address: *address, free: Mutex::new(Some(Vec::new())) }));
            }
        }
    }

    pub fn len(&self) -> usize {
        lock(&self.targets).len()
    }

    /// The one whose turn it is.
    pub fn next(&self) -> Option<Arc<Target>> {
        let targets = lock(&self.targets);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        targets.get(turn.checked_rem(targets.len())?).cloned()
    }
}

/// One endpoint.
pub struct Target {
    pub address: SocketAddr,
    /// None once it is an endpoint no more.
    free: Mutex<Option<Vec<Connection>>>,
}

impl Target {
    /// A free connection that is open, else a new one.
    pub async fn connection(&self) -> Result<Connection, String> {
        loop {
            let free = lock(&self.free).as_mut().and_then(Vec::pop);
            match free {
                Some(connection) if connection.is_ready() => return Ok(connection),
                Some(_) => {}
                None => return self.connect().await.map_err(|error| format!("connect to {}: {error}", self.address)),
            }
        }
    }

    async fn connect(&self) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Takes a connection back once its answer was read to the end.
    pub async fn give_back(self: Arc<Self>, mut connection: Connection) {
        if connection.ready().await.is_ok()
            && let Some(free) = lock(&self.free).as_mut()
        {
            free.push(connection);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
