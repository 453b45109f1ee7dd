//! Continuous requests over keep-alive connections, each answer checked.
//!
//! Requests leave at fixed times, whether or not the one before was quick, and latency counts from the time at which a
//! request should have left: a stall shows in the figures. A request that fails is never sent again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::tally::{Counts, Tally};

/// Short requests a second: `CONNECTIONS` × 1 s ÷ `EVERY` = 320.
const CONNECTIONS: u32 = 8;
const EVERY: Duration = Duration::from_millis(25);
/// Answers that take long enough to be under way whenever a process is told to stop.
const SLOW_CONNECTIONS: u32 = 4;
const SLOW_MS: u64 = 1500;
const SLOW_PIECES: usize = 10;
/// No answer of the example takes a third of it.
const LIMIT: Duration = Duration::from_secs(10);

/// What the page says about who answers.
#[derive(serde::Deserialize)]
struct Page {
    release: String,
}

/// A running load on one address.
pub struct Traffic {
    tally: Arc<Tally>,
    tasks: JoinSet<()>,
}

impl Traffic {
    /// Starts at once. `address` is host and port.
    pub fn start(address: &str) -> Self {
        let tally = Arc::new(Tally::default());
        let mut tasks = JoinSet::new();
        for number in 0..CONNECTIONS {
            let (tally, address) = (Arc::clone(&tally), address.to_owned());
            let offset = EVERY * number / CONNECTIONS;
            tasks.spawn(async move { pace(Line::new(address, tally), EVERY, offset, Kind::Page).await });
        }
        let every = Duration::from_millis(SLOW_MS);
        for number in 0..SLOW_CONNECTIONS {
            let (tally, address) = (Arc::clone(&tally), address.to_owned());
            let offset = every * number / SLOW_CONNECTIONS;
            tasks.spawn(async move { pace(Line::new(address, tally), every, offset, Kind::Slow).await });
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

#[derive(Clone, Copy)]
enum Kind {
    Page,
    Slow,
}

impl Kind {
    fn path(self) -> String {
        match self {
            Self::Page => "/".to_owned(),
            Self::Slow => format!("/slow?ms={SLOW_MS}"),
        }
    }

    /// The release that answered, if the answer is whole.
    fn release(self, body: &[u8]) -> Result<String, String> {
        match self {
            Self::Page => serde_json::from_slice::<Page>(body)
                .map(|page| page.release)
                .map_err(|error| format!("the page is not whole: {error}")),
            Self::Slow => slow_release(body),
        }
    }
}

/// All pieces and the end, from one release.
fn slow_release(body: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(body);
    let lines: Vec<&str> = text.lines().collect();
    let Some((&"end", pieces)) = lines.split_last() else {
        return Err(format!("the slow answer broke off after {} pieces", lines.len()));
    };
    let release = pieces.first().and_then(|piece| piece.split(' ').next()).unwrap_or_default();
    if pieces.len() == SLOW_PIECES && pieces.iter().all(|piece| piece.starts_with(release)) {
        Ok(release.to_owned())
    } else {
        Err(format!("the slow answer has {} pieces instead of {SLOW_PIECES} of one release", pieces.len()))
    }
}

/// Sends a request at every tick until the tally is closed.
async fn pace(mut line: Line, every: Duration, offset: Duration, kind: Kind) {
    tokio::time::sleep(offset).await;
    let mut ticks = interval(every);
    // A tick that was missed is made up for: the load does not ease off while the other side is slow.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        let due = ticks.tick().await;
        if !line.tally.is_open() {
            return;
        }
        line.ask(kind, due).await;
    }
}

/// One connection, opened again when the other side has closed it.
struct Line {
    address: String,
    tally: Arc<Tally>,
    sender: Option<SendRequest<Empty<Bytes>>>,
}

impl Line {
    fn new(address: String, tally: Arc<Tally>) -> Self {
        Self { address, tally, sender: None }
    }

    async fn ask(&mut self, kind: Kind, due: Instant) {
        let answer = within(self.exchange(kind)).await;
        match answer.and_then(|body| kind.release(&body)) {
            Ok(release) => self.tally.answered(&release, matches!(kind, Kind::Page).then(|| due.elapsed())),
            Err(reason) => {
                self.sender = None;
                self.tally.failed(&format!("GET {}: {reason}", kind.path()));
            }
        }
    }

    async fn exchange(&mut self, kind: Kind) -> Result<Bytes, String> {
        let request = Request::get(kind.path())
            .header(header::HOST, self.address.as_str())
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let mut sender = self.connected().await?;
        let response = sender.send_request(request).await.map_err(|error| describe(&error))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| describe(&error))?.to_bytes();
        if status != StatusCode::OK {
            return Err(format!("answered {status}: {}", String::from_utf8_lossy(&body)));
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

async fn within<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let late = |_| Err(format!("no whole answer within {} s", LIMIT.as_secs()));
    timeout(LIMIT, work).await.unwrap_or_else(late)
}

/// hyper says what happened in the source of its errors.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

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

    /// What is counted until there are this many.
    async fn counted(address: &str, enough: u64) -> Counts {
        let traffic = Traffic::start(address);
        let end = Instant::now() + LIMIT;
        while traffic.tally().counts().sent() < enough {
            assert!(Instant::now() < end, "too few requests");
            tokio::task::yield_now().await;
        }
        traffic.stop().await
    }

    #[tokio::test]
    async fn whole_answers_are_counted_by_release() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"release\":\"RA\"}";
        let counts = counted(&server(answer, false).await, 50).await;
        // The slow requests get the same answer, which is not theirs.
        assert!(counts.answered > 0 && counts.failures.iter().all(|failure| failure.contains("/slow")));
        assert_eq!(counts.releases.into_keys().collect::<Vec<_>>(), ["RA"]);
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_or_is_no_success_is_lost() {
        let short = "HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"release\":\"RA\"}";
        let refusal = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        for (answer, close) in [(short, true), (refusal, false)] {
            let counts = counted(&server(answer, close).await, 20).await;
            assert_eq!((counts.answered, counts.failed), (0, counts.sent()), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_closed_port_loses_every_request() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        assert_eq!(counted(&gone, 20).await.answered, 0);
    }

    #[test]
    fn a_slow_answer_counts_only_when_it_is_whole_and_of_one_release() {
        let pieces = |count: usize| (1..=count).map(|piece| format!("RA {piece} of 10\n")).collect::<Vec<_>>().concat();
        assert_eq!(slow_release(format!("{}end\n", pieces(10)).as_bytes()), Ok("RA".to_owned()));
        for text in [String::new(), "end\n".to_owned(), pieces(10), format!("{}end\n", pieces(9))] {
            assert!(slow_release(text.as_bytes()).is_err(), "{text}");
        }
        let mixed = format!("{}end\n", pieces(10)).replace("RA 7", "RB 7");
        assert!(slow_release(mixed.as_bytes()).is_err());
    }
}
