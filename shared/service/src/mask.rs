//! Takes the values of variables out of text that may be seen without the right to reveal them: log lines of a sick
//! process, answers of a health check; and cuts such text to what is kept or shown of it.

use slipway_domain::secret::Secret;
use slipway_domain::variables::RESERVED;

use crate::ports::Template;

/// Shorter values are left: they are words and numbers that occur by themselves.
const MIN_CHARACTERS: usize = 8;
const MASK: &str = "***";

/// The text with every value of at least 8 characters replaced, the longest first, so that nothing remains of one that
/// contains another. A value of several lines is masked line by line as well, since logs are cut at line breaks.
pub fn mask<'a>(text: &str, values: impl IntoIterator<Item = &'a Secret>) -> String {
    let mut parts: Vec<&str> = values.into_iter().flat_map(|value| parts(value.reveal())).collect();
    parts.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    parts.dedup();
    parts
        .into_iter()
        .fold(text.to_owned(), |text, part| if text.contains(part) { text.replace(part, MASK) } else { text })
}

/// What is to be hidden of a process: the values of all its variables but those that Slipway tells every process, without
/// which a log is hard to read.
pub fn secrets(template: &Template) -> Vec<&Secret> {
    let own = template.variables.iter().filter(|(key, _)| !RESERVED.contains(&key.as_str()));
    own.map(|(_, value)| value).collect()
}

/// As many of the newest lines as fit into the count and, together, into the bytes.
pub fn newest(lines: Vec<String>, count: usize, bytes: usize) -> Vec<String> {
    let mut room = bytes;
    let mut kept: Vec<String> = lines
        .into_iter()
        .rev()
        .take(count)
        .take_while(|line| {
            let fits = line.len() < room;
            room = room.saturating_sub(line.len() + 1);
            fits
        })
        .collect();
    kept.reverse();
    kept
}

fn parts(value: &str) -> impl Iterator<Item = &str> {
    let lines = value.lines().map(str::trim).filter(move |line| *line != value);
    std::iter::once(value).chain(lines).filter(|part| part.chars().count() >= MIN_CHARACTERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str, values: &[&str]) -> String {
        let secrets: Vec<Secret> = values.iter().map(|value| Secret::from(*value)).collect();
        mask(text, &secrets)
    }

    #[test]
    fn values_of_eight_characters_are_masked_and_shorter_ones_are_not() {
        assert_eq!(masked("key abcdefgh failed", &["abcdefgh"]), "key *** failed");
        assert_eq!(masked("key abcdefg failed", &["abcdefg"]), "key abcdefg failed");
        assert_eq!(masked("ääääääää ääääääää", &["ääääääää"]), "*** ***");
    }

    #[test]
    fn a_value_that_contains_another_leaves_no_rest() {
        assert_eq!(masked("url postgres://u:password@db", &["password", "postgres://u:password@db"]), "url ***");
    }

    #[test]
    fn each_line_of_a_value_is_masked() {
        let value = "-----BEGIN KEY-----\nMIIEvQIBADAN\nshort\n";
        assert_eq!(masked("read MIIEvQIBADAN then short", &[value]), "read *** then short");
    }

    #[test]
    fn the_mask_is_not_a_value_itself() {
        assert_eq!(masked("nothing to hide", &["", "********"]), "nothing to hide");
    }

    #[test]
    fn the_newest_lines_are_kept_within_the_limit() {
        let lines: Vec<String> = (0..200).map(|number| format!("{number} {}", "x".repeat(1000))).collect();
        let kept = newest(lines, 100, 64 * 1024);
        assert!(kept.iter().map(String::len).sum::<usize>() <= 64 * 1024);
        assert!(kept.last().unwrap().starts_with("199 "));
        assert_eq!(kept.len(), 65);
        assert_eq!(newest(kept, 2, 64 * 1024).len(), 2);
    }
}
