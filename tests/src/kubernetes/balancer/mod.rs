//! A load balancer in front of a Service, as slow to learn of changes as real ones are.
//!
//! ```text
//! EndpointSlices ──watch──► endpoints ──one second later──► table ◄── proxy ◄──HTTP/1.1── requests
//! ```
//!
//! New requests go only to endpoints that were ready a second ago, over connections that are kept. A request that was
//! sent to a pod is never sent again, to none: whoever asked sees what became of it. A pod that is no endpoint any more
//! keeps the requests that it has.

mod endpoints;
mod proxy;
mod table;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use self::table::Table;
use crate::server::{Result, failed};

/// From a change of the endpoints to its effect.
const DELAY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Serves until it is dropped.
pub struct Balancer {
    address: SocketAddr,
    table: Arc<Table>,
    _tasks: JoinSet<()>,
}

impl Balancer {
    /// Follows the Service at once, and has no endpoints for the first second.
    pub async fn start(client: kube::Client, namespace: &str, service: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed("listen"))?;
        let address = listener.local_addr().map_err(failed("listen"))?;
        let table = Arc::new(Table::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(endpoints::follow(client, namespace.to_owned(), service.to_owned(), DELAY, Arc::clone(&table)));
        tasks.spawn(proxy::serve(listener, Arc::clone(&table)));
        Ok(Self { address, table, _tasks: tasks })
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Waits until requests go to so many processes.
    pub async fn until(&self, processes: usize) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while self.table.len() != processes {
            if Instant::now() > end {
                return Err(format!("the load balancer has {} targets instead of {processes}", self.table.len()));
            }
            sleep(POLL).await;
        }
        Ok(())
    }
}
