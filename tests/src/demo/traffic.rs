//! The load on an app: its page, and answers that take long.

use std::time::Duration;

use crate::load::Requests;

/// Short requests a second: `CONNECTIONS` × 1 s ÷ `EVERY` = 320.
const CONNECTIONS: u32 = 8;
const EVERY: Duration = Duration::from_millis(25);
/// Answers that take long enough to be under way whenever a process is told to stop.
const SLOW_CONNECTIONS: u32 = 4;
const SLOW_MS: u64 = 1500;

/// What the page says about who answers.
#[derive(serde::Deserialize)]
struct Page {
    release: String,
}

/// `slow` is the release that gave an answer that took long, if that is whole.
pub fn requests(slow: fn(&[u8]) -> Result<String, String>) -> [Requests; 2] {
    [
        Requests { path: "/".to_owned(), connections: CONNECTIONS, every: EVERY, is_quick: true, release: page },
        Requests {
            path: format!("/slow?ms={SLOW_MS}"),
            connections: SLOW_CONNECTIONS,
            every: Duration::from_millis(SLOW_MS),
            is_quick: false,
            release: slow,
        },
    ]
}

/// The release that gave a page, if that is whole.
pub fn page(body: &[u8]) -> Result<String, String> {
    let page = serde_json::from_slice::<Page>(body);
    page.map(|page| page.release).map_err(|error| format!("the page is not whole: {error}"))
}
