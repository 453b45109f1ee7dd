//! Requests and answers as values.

use std::time::Duration;

use crate::settings::Settings;

/// What matters of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub target: String,
    pub body_bytes: u64,
    /// The caller wants the connection to end after the answer.
    pub closes: bool,
}

/// An answer, and how long to wait before it is given.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub delay: Duration,
    status: &'static str,
    body: String,
}

impl Request {
    /// Reads the head of a request; none when it makes no sense.
    pub fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (_, target, version) = (words.next()?, words.next()?, words.next()?);
        let fields: Vec<(String, &str)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
            .collect();
        let field = |name: &str| fields.iter().find(|field| field.0 == name).map(|field| field.1);
        // Nothing here sends bodies in chunks, and to guess where one ends would garble what follows.
        if field("transfer-encoding").is_some() {
            return None;
        }
        Some(Self {
            target: target.to_owned(),
            body_bytes: field("content-length").map_or(Some(0), |text| text.parse().ok())?,
            closes: version == "HTTP/1.0" || field("connection").is_some_and(|text| text.eq_ignore_ascii_case("close")),
        })
    }
}

impl Answer {
    /// What a process of this age says.
    pub fn to(request: &Request, settings: &Settings, age: Duration) -> Self {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        if path == "/health" && !settings.health.is_well(age) {
            return Self { delay: Duration::ZERO, status: "503 Service Unavailable", body: "sick\n".to_owned() };
        }
        let milliseconds = query.strip_prefix("ms=").and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let delay = if path == "/slow" { Duration::from_millis(milliseconds) } else { Duration::ZERO };
        let Settings { version, release, process, .. } = settings;
        let [version, release, process] = [version, release, process].map(|text| quoted(text));
        let body = format!("{{\"version\":{version},\"release\":{release},\"process\":{process}}}\n");
        Self { delay, status: "200 OK", body }
    }

    pub fn bytes(&self, closes: bool) -> Vec<u8> {
        let Self { status, body, .. } = self;
        let connection = if closes { "connection: close\r\n" } else { "" };
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{connection}\r\n{body}", body.len()).into_bytes()
    }
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|one| match one {
            '"' | '\\' => format!("\\{one}"),
            one if one.is_control() => format!("\\u{:04x}", u32::from(one)),
            one => one.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_how_long_its_body_is_and_whether_it_is_the_last() {
        let request = Request::parse("POST /slow?ms=5 HTTP/1.1\r\nContent-Length: 3\r\nCONNECTION: Close\r\n\r\n");
        assert_eq!(request, Some(Request { target: "/slow?ms=5".to_owned(), body_bytes: 3, closes: true }));
    }

    #[test]
    fn what_cannot_be_understood_is_no_request() {
        for head in ["\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n"] {
            assert_eq!(Request::parse(head), None, "{head:?}");
        }
    }

    #[test]
    fn the_answer_names_who_gives_it() {
        let settings = Settings::from_environment(|name| Some(name.to_owned()).filter(|name| name == "VERSION"));
        let request = Request { target: "/slow?ms=7".to_owned(), body_bytes: 0, closes: false };
        let answer = Answer::to(&request, &settings.expect("it is only a name"), Duration::ZERO);
        assert_eq!(answer.delay, Duration::from_millis(7));
        let expected = "HTTP/1.1 200 OK\r\ncontent-length: 48\r\n\r\n\
                        {\"version\":\"VERSION\",\"release\":\"\",\"process\":\"\"}\n";
        assert_eq!(String::from_utf8(answer.bytes(false)).expect("it is text"), expected);
    }
}
