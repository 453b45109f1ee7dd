//! A value with its path, and the ways to read it. Every refusal says what is expected and what stands there.

use std::ops::RangeInclusive;

use super::error::{Position, Problem};
use super::yaml::{Entry, Node, Value};
use super::{Command, Warning};

/// What a value that is quoted in a message is cut to, in characters.
const QUOTED: usize = 40;

#[derive(Clone)]
pub(super) struct Field<'node> {
    pub path: String,
    pub key: &'node str,
    pub key_position: Position,
    pub node: &'node Node,
}

impl<'node> Field<'node> {
    pub fn root(node: &'node Node) -> Self {
        Self { path: String::new(), key: "", key_position: node.position, node }
    }

    pub fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(self.node.position, &self.path, message)
    }

    pub fn warning(&self, message: &str) -> Warning {
        Warning { message: format!("{} {message}", self.path), line: Some(self.key_position.line) }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }

    /// Empty, or off: a setting that asks for nothing.
    pub fn asks_for_nothing(&self) -> bool {
        match &self.node.value {
            Value::Null => true,
            Value::Scalar { text, plain } => *plain && text == "false",
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
        }
    }

    pub fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// `must be …, not …`.
    pub fn expected(&self, what: &str) -> Problem {
        let text = self.scalar().unwrap_or_default();
        let hint = if text.contains("${") && !what.contains("${") {
            ": variables are not expanded here, write the value"
        } else if text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()) {
            ": write it without leading zeros"
        } else {
            ""
        };
        self.problem(format!("must be {what}, not {}{hint}", self.found()))
    }

    fn found(&self) -> String {
        match &self.node.value {
            Value::Null => "empty".to_owned(),
            Value::Scalar { text, .. } => quoted(text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }

    pub fn entries(&self) -> Result<Vec<Field<'node>>, Problem> {
        self.entries_of("a mapping of names to values")
    }

    pub fn entries_of(&self, what: &str) -> Result<Vec<Field<'node>>, Problem> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries.iter().map(|entry| self.child(entry)).collect()),
            _ => Err(self.expected(what)),
        }
    }

    fn child(&self, entry: &'node Entry) -> Field<'node> {
        let path = if self.path.is_empty() { entry.key.clone() } else { format!("{}.{}", self.path, entry.key) };
        Field { path, key: &entry.key, key_position: entry.key_position, node: &entry.value }
    }

    pub fn items(&self, what: &str) -> Result<Vec<Field<'node>>, Problem> {
        let Value::List(items) = &self.node.value else { return Err(self.expected(what)) };
        let item = |(index, node): (usize, &'node Node)| Field {
            path: format!("{}[{index}]", self.path),
            key: self.key,
            key_position: node.position,
            node,
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// Text as it stands, quoted or not; numbers and booleans count as text too.
    pub fn scalar(&self) -> Option<&'node str> {
        match &self.node.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Not empty, and without control characters other than line breaks and tabs.
    pub fn text(&self, what: &str) -> Result<&'node str, Problem> {
        let text = self.scalar().ok_or_else(|| self.expected(what))?;
        if text.trim().is_empty() {
            return Err(self.problem(format!("must be {what}, not empty")));
        }
        if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
            return Err(self.problem("must not contain control characters: remove them"));
        }
        Ok(text)
    }

    pub fn boolean(&self) -> Result<bool, Problem> {
        match &self.node.value {
            Value::Scalar { text, plain: true } => match text.as_str() {
                "true" | "True" | "TRUE" | "yes" | "on" => Ok(true),
                "false" | "False" | "FALSE" | "no" | "off" => Ok(false),
                _ => Err(self.expected("true or false")),
            },
            _ => Err(self.expected("true or false")),
        }
    }

    /// `what` names the number: `a whole number of seconds`.
    pub fn number(&self, range: RangeInclusive<u32>, what: &str) -> Result<u32, Problem> {
        let number = self.scalar().and_then(whole_number).filter(|number| range.contains(number));
        number.ok_or_else(|| self.expected(&format!("{what} from {} to {}", range.start(), range.end())))
    }

    pub fn seconds(&self, range: RangeInclusive<u32>) -> Result<u32, Problem> {
        self.number(range, "a whole number of seconds")
    }

    /// A line for the shell, or a list of program and arguments.
    pub fn command(&self) -> Result<Command, Problem> {
        let what = "a command line or a list of program and arguments";
        if !self.is_list() {
            return Ok(Command::Shell(self.text(what)?.to_owned()));
        }
        let items = self.items(what)?;
        let first = items.first().ok_or_else(|| self.problem(format!("must be {what}, not an empty list")))?;
        first.text("the program to run")?;
        let words: Result<Vec<_>, _> = items.iter().map(Field::argument).collect();
        Ok(Command::Exec(words?))
    }

    /// An argument may be empty or span lines; only NUL cannot be passed to a program.
    fn argument(&self) -> Result<String, Problem> {
        let text = self.scalar().ok_or_else(|| self.expected("text"))?;
        if text.contains('\0') { Err(self.problem("must not contain NUL: remove it")) } else { Ok(text.to_owned()) }
    }

    /// The refusal of a key that means nothing here; `known` are those that do.
    pub fn unknown(&self, known: &[&str]) -> Problem {
        let hint = match nearest(self.key, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.len() == 1 => format!("remove it, or use {}", known.join("")),
            None => format!("remove it, or use one of {}", known.join(", ")),
        };
        Problem::new(self.key_position, &self.path, format!("is not a setting that is known here: {hint}"))
    }
}

/// Digits only, and no leading zero: YAML 1.1 would read `010` as eight.
pub(super) fn whole_number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (text == "0" || !text.starts_with('0')) { text.parse().ok() } else { None }
}

/// The value in backquotes, cut where it is long, without control characters.
pub(super) fn quoted(text: &str) -> String {
    let clean: String = text.chars().take(QUOTED).flat_map(char::escape_debug).collect();
    let rest = if text.chars().count() > QUOTED { "…" } else { "" };
    format!("`{}{rest}`", clean.replace("\\\"", "\"").replace("\\'", "'"))
}

/// The known word that differs by at most two edits, and at most half of its letters.
fn nearest<'known>(word: &str, known: &[&'known str]) -> Option<&'known str> {
    let scored = known.iter().map(|candidate| (distance(word, candidate), *candidate));
    scored.filter(|(edits, candidate)| *edits <= 2 && edits * 2 <= candidate.len()).min().map(|(_, near)| near)
}

/// Levenshtein's distance, by rows. Words longer than 64 characters are like nothing.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > 64 {
        return usize::MAX;
    }
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(!a.eq_ignore_ascii_case(b));
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
