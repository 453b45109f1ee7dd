//! Continuous requests over keep-alive connections, each answer checked.
//!
//! Requests leave at fixed times, whether or not the one before was quick, and latency counts from the time at which a
//! request should have left: a stall shows in the figures. A request that fails is never sent again.

mod line;
pub mod tally;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use self::line::Line;
use self::tally::{Counts, Tally};

/// One kind of request, sent again and again.
#[derive(Clone, Debug)]
pub struct Requests {
    pub path: String,
    /// At the same time; the first requests of all of them are spread over `every`.
    pub connections: u32,
    /// From one request of a connection to its next.
    pub every: Duration,
    /// Whether its latency is counted: it is not slow on purpose.
    pub is_quick: bool,
    /// The release that answered, if the answer is whole.
    pub release: fn(&[u8]) -> Result<String, String>,
}

/// A running load on one address.
pub struct Traffic {
    tally: Arc<Tally>,
    tasks: JoinSet<()>,
}

impl Traffic {
    /// Starts at once. `address` is host and port.
    pub fn start(address: &str, kinds: &[Requests]) -> Self {
        let tally = Arc::new(Tally::default());
        let mut tasks = JoinSet::new();
        for kind in kinds {
            for number in 0..kind.connections {
                let line = Line::new(address.to_owned(), Arc::clone(&tally));
                let offset = kind.every * number / kind.connections;
                tasks.spawn(pace(line, kind.clone(), offset));
            }
        }
        Self { tally, tasks }
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Lets every request that is under way end, and sends no more.
    pub async fn stop(mut self) -> Counts {
        self.tally.close();
        while self.tasks.join_next().await.is_some() {}
        self.tally.counts()
    }
}

/// Sends a request at every tick until the tally is closed.
async fn pace(mut line: Line, kind: Requests, offset: Duration) {
    tokio::time::sleep(offset).await;
    let mut ticks = interval(kind.every);
    // A tick that was missed is made up for: the load does not ease off while the other side is slow.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        let due = ticks.tick().await;
        if !line.is_wanted() {
            return;
        }
        line.ask(&kind, due).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;

    const ENOUGH: Duration = Duration::from_secs(10);

    /// Answers every request on one address with these bytes, and closes the connection if told to.
    async fn server(answer: &'static str, close: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    while stream.read(&mut request).await.is_ok_and(|count| count > 0) {
                        if stream.write_all(answer.as_bytes()).await.is_err() || close {
                            return;
                        }
                    }
                });
            }
        });
        address
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape that requests want")]
    fn release(body: &[u8]) -> Result<String, String> {
        Ok(String::from_utf8_lossy(body).into_owned())
    }

    /// What is counted until there are this many.
    async fn counted(address: &str, enough: u64) -> Counts {
        let every = Duration::from_millis(10);
        let kind = Requests { path: "/".to_owned(), connections: 2, every, is_quick: true, release };
        let traffic = Traffic::start(address, &[kind]);
        let end = Instant::now() + ENOUGH;
        while traffic.tally().counts().sent() < enough {
            assert!(Instant::now() < end, "too few requests");
            tokio::task::yield_now().await;
        }
        traffic.stop().await
    }

    #[tokio::test]
    async fn whole_answers_are_counted_by_release() {
        let counts = counted(&server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nRA", false).await, 50).await;
        assert_eq!((counts.failed, counts.cut, counts.connections), (0, 0, 2));
        assert_eq!(counts.releases.into_keys().collect::<Vec<_>>(), ["RA"]);
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_lost_and_cut() {
        for answer in ["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nRA", ""] {
            let counts = counted(&server(answer, true).await, 20).await;
            assert_eq!((counts.answered, counts.failed, counts.cut), (0, counts.sent(), counts.sent()), "{answer}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_no_success_is_lost_but_not_cut() {
        let refusal = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        let counts = counted(&server(refusal, false).await, 20).await;
        assert_eq!((counts.answered, counts.failed, counts.cut), (0, counts.sent(), 0));
    }

    #[tokio::test]
    async fn a_closed_port_loses_every_request() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        assert_eq!(counted(&gone, 20).await.answered, 0);
    }
}
