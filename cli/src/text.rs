//! Texts for people: times that have passed, and what came from elsewhere without what would move the cursor.

use jiff::Timestamp;

/// Without control characters, which could otherwise rewrite what the terminal shows.
pub fn clean(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || *character == '\t' || *character == '\n').collect()
}

/// `3 minutes ago`, as of `now`.
pub fn ago(time: &str, now: Timestamp) -> String {
    let Ok(time) = time.parse::<Timestamp>() else { return time.to_owned() };
    let seconds = now.as_second().saturating_sub(time.as_second()).max(0);
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    match count {
        0 => "just now".to_owned(),
        1 => format!("1 {unit} ago"),
        _ => format!("{count} {unit}s ago"),
    }
}

/// The time in whole seconds: `2026-01-15T14:30:49Z`.
pub fn seconds(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(timestamp) => Timestamp::from_second(timestamp.as_second()).unwrap_or(timestamp).to_string(),
        Err(_) => time.to_owned(),
    }
}

/// A point in time: RFC 3339, or a while ago such as `90s`, `10m`, `2h`, `3d`.
pub fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(timestamp) = text.parse() {
        return Ok(timestamp);
    }
    let refusal = || format!("{text:?} is neither a time such as 2026-01-15T14:30:49Z nor a while such as 10m or 2h");
    let unit = text.chars().last().ok_or_else(refusal)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(refusal()),
    };
    let count: i64 = text[..text.len() - 1].parse().ok().filter(|count| *count >= 0).ok_or_else(refusal)?;
    let second = now.as_second().checked_sub(count.checked_mul(seconds).ok_or_else(refusal)?).ok_or_else(refusal)?;
    Timestamp::from_second(second).map_err(|_| refusal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-15T14:30:49Z".parse().unwrap()
    }

    #[test]
    fn times_are_told_in_the_largest_whole_unit() {
        for (time, told) in [
            ("2026-01-15T14:30:49.900Z", "just now"),
            ("2026-01-15T14:31:30Z", "just now"),
            ("2026-01-15T14:30:48Z", "1 second ago"),
            ("2026-01-15T14:30:00Z", "49 seconds ago"),
            ("2026-01-15T14:29:49Z", "1 minute ago"),
            ("2026-01-15T12:31:00Z", "1 hour ago"),
            ("2026-01-12T14:30:49Z", "3 days ago"),
            ("yesterday", "yesterday"),
        ] {
            assert_eq!(ago(time, now()), told, "{time}");
        }
    }

    #[test]
    fn a_while_is_counted_back_from_now() {
        for (text, time) in [
            ("90s", Some("2026-01-15T14:29:19Z")),
            ("10m", Some("2026-01-15T14:20:49Z")),
            ("2h", Some("2026-01-15T12:30:49Z")),
            ("3d", Some("2026-01-12T14:30:49Z")),
            ("2026-01-01T00:00:00Z", Some("2026-01-01T00:00:00Z")),
            ("-1m", None),
            ("m", None),
            ("", None),
            ("10", None),
            ("10ü", None),
            ("9223372036854775807d", None),
        ] {
            assert_eq!(since(text, now()).ok().map(|time| time.to_string()), time.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn control_characters_are_taken_out() {
        assert_eq!(clean("a\u{1b}]0;x\u{7}b\tc\rd"), "a]0;xb\tcd");
    }

    #[test]
    fn times_are_shown_in_whole_seconds() {
        assert_eq!(seconds("2026-01-15T14:30:49.120Z"), "2026-01-15T14:30:49Z");
    }
}
