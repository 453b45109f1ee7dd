//! YAML as nodes that know where they stand. Text stays text: what a value means is decided by who asks for it.
//!
//! Aliases and merge keys are followed, within a budget. Several documents, keys given twice, tags of one's own, and
//! files that are too deep or grow too large when their aliases are followed are refused.

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::error::{Position, Problem};

/// Lists and mappings inside one another.
pub(super) const MAX_DEPTH: usize = 32;

/// Keys and values in the file, each alias counted with all that it stands for. 50 services of 100 settings leave room
/// for twice as many.
const MAX_NODES: usize = 20_000;

/// A text counts as one value more for each 100 bytes, so that aliases to a long text cannot fill the memory: all of
/// them together have at most 2 MB.
const BYTES_PER_NODE: usize = 100;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub position: Position,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    /// `plain`: without quotes, so that it may also be meant as a number or a boolean.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// Keys are unique, in the order of the file.
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub key_position: Position,
    pub value: Node,
}

/// A node with what it costs to use it again.
#[derive(Clone)]
struct Built {
    node: Node,
    /// What it and all in it count as.
    size: usize,
    /// Collections inside one another, itself counted.
    height: usize,
}

/// Reads the one document of `text`.
pub(super) fn load(text: &str) -> Result<Node, Problem> {
    let mut options = granit_parser::options! { flow_nesting_limit: 2 * MAX_DEPTH, block_nesting_limit: 2 * MAX_DEPTH };
    options.set_emit_comments(false);
    let mut loader = Loader {
        parser: Parser::new_from_str_with_options(text, options),
        anchors: BTreeMap::new(),
        nodes: 0,
        path: Vec::new(),
        last: Position::START,
    };
    loader.document()
}

struct Loader<'text> {
    parser: Parser<'text, StrInput<'text>>,
    anchors: BTreeMap<usize, Built>,
    nodes: usize,
    path: Vec<String>,
    last: Position,
}

impl<'text> Loader<'text> {
    fn document(&mut self) -> Result<Node, Problem> {
        let empty = "the file is empty: list the app's services under `services`";
        loop {
            match self.next()? {
                (Event::StreamStart, _) => {}
                (Event::DocumentStart(..), _) => break,
                (_, position) => return Err(Problem::new(position, "", empty)),
            }
        }
        let (event, position) = self.next()?;
        let root = self.build(event, position, 0)?.node;
        loop {
            match self.next()? {
                (Event::DocumentEnd, _) => {}
                (Event::StreamEnd, _) => break,
                (_, position) => {
                    let message = "a second document begins here: keep one document per file";
                    return Err(Problem::new(position, "", message));
                }
            }
        }
        if matches!(root.value, Value::Null) { Err(Problem::new(Position::START, "", empty)) } else { Ok(root) }
    }

    fn next(&mut self) -> Result<(Event<'text>, Position), Problem> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.last = start(&span);
                Ok((event, self.last))
            }
            Some(Err(error)) => Err(self.unreadable(&error)),
            None => Ok((Event::StreamEnd, self.last)),
        }
    }

    fn unreadable(&self, error: &ScanError) -> Problem {
        let marker = error.marker();
        let position = position(marker.line(), marker.col());
        if matches!(error.kind(), ErrorKind::UnknownAnchor) {
            return self.problem(position, "uses an alias that names nothing: write `&name` before the value it means");
        }
        let message =
            format!("the file is not valid YAML here: {}; check indentation, quotes and brackets", error.info());
        Problem::new(position, "", message)
    }

    fn build(&mut self, event: Event<'text>, position: Position, depth: usize) -> Result<Built, Problem> {
        let (built, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let size = weight(&text);
                self.count(size, position)?;
                let value = self.scalar(text.into_owned(), style, tag.as_deref(), position)?;
                (Built { node: Node { position, value }, size, height: 0 }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &["seq"], position)?;
                (self.list(position, depth + 1)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &["map"], position)?;
                (self.map(position, depth + 1)?, anchor)
            }
            Event::Alias(anchor) => (self.alias(anchor, position, depth)?, 0),
            _ => return Err(self.problem(position, "is incomplete: the file ends here")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, built.clone());
        }
        Ok(built)
    }

    fn alias(&mut self, anchor: usize, position: Position, depth: usize) -> Result<Built, Problem> {
        let Some(built) = self.anchors.get(&anchor) else {
            return Err(self.problem(position, "uses an alias inside the value that it names: write the value out"));
        };
        let (size, height) = (built.size, built.height);
        self.count(size, position)?;
        check_depth(depth + height, position)?;
        self.anchors.get(&anchor).cloned().ok_or_else(|| self.problem(position, "uses an alias that names nothing"))
    }

    fn list(&mut self, position: Position, depth: usize) -> Result<Built, Problem> {
        self.count(1, position)?;
        check_depth(depth, position)?;
        let mut items = Vec::new();
        let (mut size, mut height) = (1, 0);
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            self.path.push(format!("[{}]", items.len()));
            let item = self.build(event, at, depth)?;
            self.path.pop();
            size += item.size;
            height = height.max(item.height);
            items.push(item.node);
        }
        Ok(Built { node: Node { position, value: Value::List(items) }, size, height: height + 1 })
    }

    fn map(&mut self, position: Position, depth: usize) -> Result<Built, Problem> {
        self.count(1, position)?;
        check_depth(depth, position)?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut merged = Vec::new();
        let (mut size, mut height) = (1, 0);
        loop {
            let (event, key_position) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let (key, plain) = self.key(event, key_position)?;
            self.path.push(key.clone());
            let (event, at) = self.next()?;
            let mut value = self.build(event, at, depth)?;
            self.path.pop();
            size += weight(&key) + value.size;
            height = height.max(value.height);
            if plain && key == "<<" {
                merged.push((key_position, value.node));
                continue;
            }
            if !seen.insert(key.clone()) {
                self.path.push(key);
                return Err(self.problem(key_position, "is given twice: keep one of the two"));
            }
            if matches!(value.node.value, Value::Null) {
                // An absent value has no place of its own.
                value.node.position = key_position;
            }
            entries.push(Entry { key, key_position, value: value.node });
        }
        for (at, node) in merged {
            self.merge(&mut entries, &mut seen, node, at)?;
        }
        Ok(Built { node: Node { position, value: Value::Map(entries) }, size, height: height + 1 })
    }

    /// The keys of a merged mapping stand behind those that are written out, and give way to them.
    fn merge(
        &self,
        entries: &mut Vec<Entry>,
        seen: &mut BTreeSet<String>,
        node: Node,
        at: Position,
    ) -> Result<(), Problem> {
        match node.value {
            Value::Map(more) => {
                entries.extend(more.into_iter().filter(|entry| seen.insert(entry.key.clone())));
                Ok(())
            }
            Value::List(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => {
                items.into_iter().try_for_each(|item| self.merge(entries, seen, item, at))
            }
            _ => Err(self.problem(at, "merges what is no mapping: write `<<: *defaults`, where `defaults` names one")),
        }
    }

    fn key(&mut self, event: Event<'text>, position: Position) -> Result<(String, bool), Problem> {
        match event {
            Event::Scalar(text, style, _, tag) => {
                self.count(weight(&text), position)?;
                self.refuse_tag(tag.as_deref(), &["str"], position)?;
                Ok((text.into_owned(), style == ScalarStyle::Plain))
            }
            _ => Err(self.problem(position, "has a key that is not plain text: write a word")),
        }
    }

    fn scalar(&self, text: String, style: ScalarStyle, tag: Option<&Tag>, at: Position) -> Result<Value, Problem> {
        self.refuse_tag(tag, &["str", "int", "bool", "null", "float"], at)?;
        let text_tag = tag.and_then(Tag::core_suffix) == Some("str");
        let plain = style == ScalarStyle::Plain && !text_tag;
        if plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
            return Ok(Value::Null);
        }
        Ok(Value::Scalar { text, plain })
    }

    fn refuse_tag(&self, tag: Option<&Tag>, allowed: &[&str], position: Position) -> Result<(), Problem> {
        let Some(tag) = tag else { return Ok(()) };
        if tag.core_suffix().is_some_and(|suffix| allowed.contains(&suffix)) {
            return Ok(());
        }
        Err(self.problem(position, &format!("has the tag `{}`, which has no meaning here: remove it", tag.original())))
    }

    fn count(&mut self, more: usize, position: Position) -> Result<(), Problem> {
        self.nodes += more;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message = format!("the file holds more than {MAX_NODES} values once its aliases are followed: shorten it");
        Err(Problem::new(position, "", message))
    }

    fn problem(&self, position: Position, message: &str) -> Problem {
        Problem::new(position, join(&self.path), message)
    }
}

fn check_depth(depth: usize, position: Position) -> Result<(), Problem> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    let message = format!("the file nests more than {MAX_DEPTH} levels deep here: flatten it");
    Err(Problem::new(position, "", message))
}

fn weight(text: &str) -> usize {
    1 + text.len() / BYTES_PER_NODE
}

/// `services`, `web`, `ports`, `[1]` → `services.web.ports[1]`.
fn join(path: &[String]) -> String {
    path.join(".").replace(".[", "[")
}

fn start(span: &Span) -> Position {
    position(span.start.line(), span.start.col())
}

/// The parser counts columns from 0, and people from 1.
fn position(line: usize, column: usize) -> Position {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Position { line: number(line.max(1)), column: number(column).saturating_add(1) }
}
