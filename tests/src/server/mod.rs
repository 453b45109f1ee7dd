//! A real installation in a folder of its own, and a client of its API: for tests and benchmarks of the whole.
//!
//! ```text
//! Client ──HTTP──► Inside: router, use cases and database in this process ─┐
//!        └─HTTP──► Outside: the server as a program of its own ────────────┴─► keepers, router (the helper program)
//! ```
//!
//! What goes wrong is told in words: tests end at it, benchmarks print it. Nothing here is a second implementation.

pub mod client;
pub mod inside;
pub mod outside;
pub mod search;
pub mod shop;
pub mod source;

use std::fmt::Display;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

/// What went wrong, in words.
pub type Result<T> = std::result::Result<T, String>;

/// Puts what was attempted before why it failed.
pub fn failed<E: Display>(what: impl Display) -> impl FnOnce(E) -> String {
    move |error| format!("could not {what}: {error}")
}

/// A port that is free now; whoever is told of it takes it before anybody else is likely to.
pub fn free_port() -> Result<u16> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(free.map_err(failed("find a free port"))?.port())
}

/// How long something is waited for, and how often it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub whole: Duration,
    pub poll: Duration,
}

impl Patience {
    /// Asks again and again until there is an answer.
    pub async fn until<T>(self, what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
        let begun = Instant::now();
        while begun.elapsed() < self.whole {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            tokio::time::sleep(self.poll).await;
        }
        Err(format!("waited for {} s in vain: {what}", self.whole.as_secs()))
    }
}
