//! The deployed definition along every path of the table in infra/tests/paths.json. A second interpreter is held against
//! the same table by `make test-interpreter`.

use std::fmt::Write;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use slipway_local::workflow::definition::Definition;
use slipway_local::workflow::execution::{Execution, Status};

use crate::world::{Act, BEGIN_MS, World};

const DEFINITION: &str = include_str!("../../../infra/rollout.asl.json");
const TABLE: &str = include_str!("../../../infra/tests/paths.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "about")]
    _about: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    acts: Vec<Scripted>,
    path: String,
    end: String,
    /// What the second interpreter does instead.
    #[serde(rename = "moto")]
    _moto: Option<Value>,
}

/// What the function does in so many calls, as the table says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scripted {
    /// An answer may be null, which is not the same as none.
    #[serde(default, deserialize_with = "present")]
    answer: Option<Value>,
    error: Option<String>,
    #[serde(default)]
    never: bool,
    #[serde(default = "once")]
    times: usize,
    takes_ms: Option<u64>,
    deadline_ms_after_start: Option<i64>,
    padding_bytes: Option<usize>,
}

impl Scripted {
    fn acts(self) -> impl Iterator<Item = Act> {
        let act = match (self.answer, self.error, self.never) {
            (Some(mut answer), None, false) => {
                if let Some(after_start) = self.deadline_ms_after_start {
                    answer["deadline_ms"] = json!(BEGIN_MS + after_start);
                }
                if let Some(bytes) = self.padding_bytes {
                    answer["padding"] = json!("x".repeat(bytes));
                }
                match self.takes_ms {
                    None => Act::Answer(answer),
                    Some(ms) => Act::Slow(Duration::from_millis(ms), answer),
                }
            }
            (None, Some(name), false) => Act::Fail(name.leak()),
            (None, None, true) => Act::Hang,
            _ => panic!("an act is one of answer, error and never"),
        };
        std::iter::repeat_n(act, self.times)
    }
}

fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

const fn once() -> usize {
    1
}

#[tokio::test]
async fn the_local_runner_takes_every_path_of_the_table() {
    let definition = Definition::parse(DEFINITION).unwrap();
    let mut differences = Vec::new();
    for row in rows() {
        differences.extend(difference(&definition, row).await);
    }
    assert_eq!(differences, Vec::<String>::new());
}

#[tokio::test]
async fn a_definition_that_is_wrong_in_one_place_takes_another_path() {
    for (at, wrong) in [
        ("/States/Advance/Catch", json!([])),
        ("/States/Advance/Retry/1/MaxAttempts", json!(6)),
        ("/States/Restore/Retry/0/ErrorEquals/0", json!("Another")),
        ("/States/Route/Default", json!("Advance")),
    ] {
        let mut definition: Value = serde_json::from_str(DEFINITION).unwrap();
        *definition.pointer_mut(at).unwrap() = wrong;
        let definition = Definition::parse(&definition.to_string()).unwrap();
        assert!(some_row_differs(&definition).await, "{at}");
    }
}

async fn some_row_differs(definition: &Definition) -> bool {
    for row in rows() {
        if difference(definition, row).await.is_some() {
            return true;
        }
    }
    false
}

fn rows() -> Vec<Row> {
    serde_json::from_str::<Table>(TABLE).unwrap().rows
}

/// What the row does instead of what it says.
async fn difference(definition: &Definition, row: Row) -> Option<String> {
    let over = Act::Fail("TheScriptIsOver");
    let world = World::new(definition.clone(), row.acts.into_iter().flat_map(Scripted::acts).chain([over]));
    let (execution, steps) = world.run_watched(input()).await;
    let entries = entries(&steps);
    assert_eq!(execution.transitions, entries.iter().map(|entry| entry.tries).sum::<u64>(), "{}", row.name);
    let (path, end) = (path(&entries), end(&execution));
    if path != row.path || end != row.end {
        return Some(format!("{}: {path}, {end}", row.name));
    }
    let payloads = world.script.payloads();
    (payloads != expected_calls(&entries)).then(|| format!("{}: called with {payloads:?}", row.name))
}

/// A state that was entered, when, and how often it was tried.
struct Entry {
    state: String,
    entered_at: String,
    tries: u64,
}

/// No step may be missing, or the path would be a guess.
fn entries(steps: &[Execution]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        assert_eq!(step.transitions, index as u64 + 1, "each step is seen");
        match entries.last_mut().filter(|_| step.retry_count() > 0) {
            Some(entry) => entry.tries += 1,
            None => entries.push(Entry { state: step.state.clone(), entered_at: entered_at(step), tries: 1 }),
        }
    }
    entries
}

/// The moment as the protocol writes it: with milliseconds, in UTC.
fn entered_at(step: &Execution) -> String {
    let milliseconds = step.entered_at.as_millis().rem_euclid(1000);
    format!("{}.{milliseconds:03}Z", step.entered_at.to_string().trim_end_matches('Z'))
}

fn path(entries: &[Entry]) -> String {
    let mut path = String::new();
    for Entry { state, tries, .. } in entries {
        let separator = if path.is_empty() { "" } else { " " };
        write!(path, "{separator}{state}").unwrap();
        if *tries > 1 {
            write!(path, "*{tries}").unwrap();
        }
    }
    path
}

/// As Step Functions names it.
fn end(execution: &Execution) -> String {
    let status = match execution.status {
        Status::Running => "RUNNING",
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::TimedOut => "TIMED_OUT",
    };
    match &execution.failure {
        None => status.to_owned(),
        Some(failure) => format!("{status} {}", failure.error),
    }
}

/// Every try is told the same: the ids, the time at which its state was entered, and a mode.
fn expected_calls(entries: &[Entry]) -> Vec<Value> {
    let tasks = entries.iter().filter(|entry| ["Advance", "Restore"].contains(&entry.state.as_str()));
    tasks.flat_map(|entry| std::iter::repeat_n(entry, usize::try_from(entry.tries).unwrap())).map(payload).collect()
}

fn payload(entry: &Entry) -> Value {
    let mut payload = input();
    payload["entered_at"] = json!(entry.entered_at);
    payload["mode"] = json!(entry.state.to_lowercase());
    payload
}

fn input() -> Value {
    json!({ "tenant": "TABCDEFGHIJ", "app": "shop", "environment": "live", "promotion": "PABCDEFGHIJ", "execution": 3 })
}
