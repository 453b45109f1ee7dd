//! The load on the example: its page, and answers that take long.

use std::time::Duration;

use slipway_tests::load::Requests;

/// Short requests a second: `CONNECTIONS` × 1 s ÷ `EVERY` = 320.
const CONNECTIONS: u32 = 8;
const EVERY: Duration = Duration::from_millis(25);
/// Answers that take long enough to be under way whenever a process is told to stop.
const SLOW_CONNECTIONS: u32 = 4;
const SLOW_MS: u64 = 1500;
const SLOW_PIECES: usize = 10;

/// What the page says about who answers.
#[derive(serde::Deserialize)]
struct Page {
    release: String,
}

pub fn requests() -> [Requests; 2] {
    [
        Requests {
            path: "/".to_owned(),
            connections: CONNECTIONS,
            every: EVERY,
            is_quick: true,
            release: |body| {
                serde_json::from_slice::<Page>(body)
                    .map(|page| page.release)
                    .map_err(|error| format!("the page is not whole: {error}"))
            },
        },
        Requests {
            path: format!("/slow?ms={SLOW_MS}"),
            connections: SLOW_CONNECTIONS,
            every: Duration::from_millis(SLOW_MS),
            is_quick: false,
            release: slow_release,
        },
    ]
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

#[cfg(test)]
mod tests {
    use super::*;

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
