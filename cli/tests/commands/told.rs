//! What the program said, without what differs from run to run.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Output;

/// The end of one run of the program.
#[derive(Debug)]
pub struct Told {
    typed: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Told {
    pub fn new(typed: &str, output: &Output) -> Self {
        Self {
            typed: typed.to_owned(),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// The value of a line such as `Release: RBCDEFGHIJK`.
    pub fn value(&self, name: &str) -> String {
        let found = self.stdout.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no {name} in {self:?}")).to_owned()
    }

    /// As it stands in a terminal, with the exit code when it is not 0.
    pub fn shown(&self) -> String {
        let mut text = format!("$ slipway {}\n{}", self.typed, self.stdout);
        for line in self.stderr.lines() {
            text.push_str(format!("(stderr) {line}").trim_end());
            text.push('\n');
        }
        if self.code != 0 {
            writeln!(text, "(exit code {})", self.code).unwrap();
        }
        text
    }
}

/// A whole story with ids, times, digests and ages replaced, so that two runs read the same.
pub fn story(tellings: &[Told]) -> String {
    let text: Vec<String> = tellings.iter().map(Told::shown).collect();
    let mut ids = BTreeMap::new();
    let lines = text.join("\n");
    lines.lines().map(|line| aged(&words(line, &mut ids))).collect::<Vec<_>>().join("\n")
}

/// Word by word; an id becomes its letter and the number of its first appearance.
fn words(line: &str, ids: &mut BTreeMap<String, String>) -> String {
    let separators = |character: char| !(character.is_ascii_alphanumeric() || matches!(character, '-' | ':' | '.'));
    let mut text = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.find(separators).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        text.push_str(&replaced(word, ids));
        let skip = after.chars().next().map_or(0, char::len_utf8);
        text.push_str(&after[..skip]);
        rest = &after[skip..];
    }
    text
}

fn replaced(word: &str, ids: &mut BTreeMap<String, String>) -> String {
    let bare = word.trim_end_matches([':', '.']);
    let tail = &word[bare.len()..];
    if is_id(bare) {
        return format!("{}{tail}", numbered(bare, ids));
    }
    if let Some((before, tag)) = bare.rsplit_once(':')
        && is_id(tag)
    {
        return format!("{before}:{}{tail}", numbered(tag, ids));
    }
    let parts: Vec<&str> = bare.split('-').collect();
    if let Some(index) = parts.iter().position(|part| is_id(&part.to_ascii_uppercase()) && part.starts_with('r')) {
        let release = numbered(&parts[index].to_ascii_uppercase(), ids).to_ascii_lowercase();
        let before = parts[..index].join("-");
        let process = if parts.len() > index + 1 { "-<process>" } else { "" };
        return format!("{before}-{release}{process}{tail}");
    }
    if bare.len() == 20 && bare.ends_with('Z') && bare.starts_with("20") {
        return format!("<time>{tail}");
    }
    if bare.len() >= 12 && bare.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return format!("<hex>{tail}");
    }
    word.to_owned()
}

fn is_id(word: &str) -> bool {
    word.len() == 11
        && word.starts_with(['B', 'R', 'P', 'J'])
        && word.bytes().all(|byte| byte.is_ascii_uppercase())
        && word != "PERMISSIONS"
}

fn numbered(id: &str, ids: &mut BTreeMap<String, String>) -> String {
    let kind = &id[..1];
    let count = ids.keys().filter(|known| known.starts_with(kind)).count() + 1;
    ids.entry(id.to_owned()).or_insert_with(|| format!("{kind}{count:0>10}")).clone()
}

/// `310 days ago` differs from day to day; the columns after it are shifted by its width.
fn aged(line: &str) -> String {
    let Some(end) = line.find(" ago") else { return line.replace("just now", "<ago>") };
    let start = line[..end].rmatch_indices(' ').nth(1).map_or(0, |(index, _)| index + 1);
    let rest = line[end + 4..].trim_start();
    let separator = if rest.is_empty() || rest.starts_with(')') { "" } else { "  " };
    format!("{}<ago>{separator}{rest}", &line[..start])
}
