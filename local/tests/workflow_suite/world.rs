//! A runner in a folder of its own, a clock that moves only when everything waits, and a task that follows a script.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};
use slipway_domain::time::Time;
use slipway_local::workflow::definition::Definition;
use slipway_local::workflow::execution::Execution;
use slipway_local::workflow::runner::{Runner, Started};
use slipway_local::workflow::{Task, TaskError};
use slipway_service::ports::Clock;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// 2026-01-15T14:30:49.120Z.
pub const BEGIN_MS: i64 = 1_768_487_449_120;

/// How long a test waits, in real time, for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
pub struct VirtualClock {
    inner: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    elapsed: Duration,
    next: u64,
    open: BTreeMap<u64, (Duration, oneshot::Sender<()>)>,
    /// By how much each wait that ended moved the clock.
    slept: Vec<Duration>,
    /// The file of an execution to look at whenever the time is asked for, which the runner does at every step.
    watched: Option<PathBuf>,
    seen: Vec<Execution>,
}

impl Waiters {
    fn look(&mut self) {
        let Some(content) = self.watched.as_ref().and_then(|file| std::fs::read(file).ok()) else { return };
        let execution: Execution = serde_json::from_slice(&content).unwrap();
        if self.seen.last().is_none_or(|last| last.transitions < execution.transitions) {
            self.seen.push(execution);
        }
    }
}

impl VirtualClock {
    /// Moves to the earliest wait and ends it. False when nothing waits.
    pub fn advance(&self) -> bool {
        let mut inner = self.inner.lock().unwrap();
        let Some((&id, _)) = inner.open.iter().min_by_key(|(_, (due, _))| *due) else { return false };
        let (due, wake) = inner.open.remove(&id).unwrap();
        let waited = due.saturating_sub(inner.elapsed);
        inner.slept.push(waited);
        inner.elapsed = inner.elapsed.max(due);
        wake.send(()).is_ok()
    }

    /// What was stored of the execution each time that it had entered a state or was about to try again.
    pub fn seen(&self) -> Vec<Execution> {
        self.inner.lock().unwrap().seen.clone()
    }

    pub fn pass(&self, duration: Duration) {
        self.inner.lock().unwrap().elapsed += duration;
    }

    /// How many waits have neither ended nor been given up.
    pub fn waiting(&self) -> usize {
        self.inner.lock().unwrap().open.len()
    }

    /// By how much the clock moved, step by step.
    pub fn slept(&self) -> Vec<Duration> {
        self.inner.lock().unwrap().slept.clone()
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Time {
        let mut inner = self.inner.lock().unwrap();
        inner.look();
        Time::from_millis(BEGIN_MS).plus(inner.elapsed)
    }

    async fn sleep(&self, duration: Duration) {
        let (wake, woken) = oneshot::channel();
        let id = {
            let mut inner = self.inner.lock().unwrap();
            let (id, due) = (inner.next, inner.elapsed.saturating_add(duration));
            inner.next += 1;
            inner.open.insert(id, (due, wake));
            id
        };
        let _leave = Leave { clock: self, id };
        woken.await.unwrap();
    }
}

struct Leave<'a> {
    clock: &'a VirtualClock,
    id: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.clock.inner.lock().unwrap().open.remove(&self.id);
    }
}

#[derive(Clone, Debug)]
pub enum Act {
    Answer(Value),
    /// Answers after so much virtual time.
    Slow(Duration, Value),
    Fail(&'static str),
    Panic,
    /// Never answers.
    Hang,
}

/// Plays its acts one after the other, and the last one for ever.
pub struct Script {
    acts: Mutex<VecDeque<Act>>,
    calls: Mutex<Vec<(String, Value)>>,
    clock: Arc<VirtualClock>,
}

impl Script {
    pub fn payloads(&self) -> Vec<Value> {
        self.calls.lock().unwrap().iter().map(|(_, payload)| payload.clone()).collect()
    }

    pub fn functions(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|(function, _)| function.clone()).collect()
    }

    fn next(&self) -> Act {
        let mut acts = self.acts.lock().unwrap();
        if acts.len() > 1 { acts.pop_front().unwrap() } else { acts[0].clone() }
    }
}

#[async_trait]
impl Task for Script {
    async fn invoke(&self, function: &str, payload: Value) -> Result<Value, TaskError> {
        self.calls.lock().unwrap().push((function.to_owned(), payload));
        match self.next() {
            Act::Answer(value) => Ok(value),
            Act::Slow(time, value) => {
                self.clock.sleep(time).await;
                Ok(value)
            }
            Act::Fail(name) => Err(TaskError { name: name.to_owned(), cause: "as scripted".to_owned() }),
            Act::Panic => panic!("as scripted"),
            Act::Hang => std::future::pending().await,
        }
    }
}

pub struct World {
    pub runner: Runner,
    pub clock: Arc<VirtualClock>,
    pub script: Arc<Script>,
    pub folder: TempDir,
}

impl World {
    pub fn new(definition: Definition, acts: impl IntoIterator<Item = Act>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(VirtualClock::default());
        let (runner, script) = runner(definition, folder.path(), &clock, acts);
        Self { runner, clock, script, folder }
    }

    /// The program dies and is started again on the same folder.
    pub async fn restart(self, definition: Definition, acts: impl IntoIterator<Item = Act>) -> Self {
        self.runner.stop().await;
        let (runner, script) = runner(definition, self.folder.path(), &self.clock, acts);
        Self { runner, clock: self.clock, script, folder: self.folder }
    }

    /// Runs as [`World::run`] does, and keeps every step.
    pub async fn run_watched(&self, input: Value) -> (Execution, Vec<Execution>) {
        self.clock.inner.lock().unwrap().watched = Some(self.folder.path().join("e.json"));
        let execution = self.run(input).await;
        (execution, self.clock.seen())
    }

    pub async fn run(&self, input: Value) -> Execution {
        assert_eq!(self.runner.start("e", input).await.unwrap(), Started::Started);
        self.ended("e").await
    }

    /// Lets virtual time pass until the execution has ended.
    pub async fn ended(&self, name: &str) -> Execution {
        self.until(true, || self.runner.execution(name).filter(|execution| !execution.is_running())).await
    }

    /// Waits for something without letting virtual time pass.
    pub async fn seen<T>(&self, look: impl Fn() -> Option<T>) -> T {
        self.until(false, look).await
    }

    async fn until<T>(&self, move_on: bool, look: impl Fn() -> Option<T>) -> T {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(found) = look() {
                return found;
            }
            if move_on && self.clock.advance() {
                // What was woken runs before the clock moves again.
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
            } else {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        }
        panic!("it did not happen within {PATIENCE:?}: {:#?}", self.runner.list());
    }
}

fn runner(
    definition: Definition,
    folder: &Path,
    clock: &Arc<VirtualClock>,
    acts: impl IntoIterator<Item = Act>,
) -> (Runner, Arc<Script>) {
    let acts = Mutex::new(acts.into_iter().collect());
    let script = Arc::new(Script { acts, calls: Mutex::default(), clock: Arc::clone(clock) });
    let task: Arc<dyn Task> = script.clone();
    (Runner::new(definition, folder, task, clock.clone()).unwrap(), script)
}

/// A machine with these states that begins at `A`.
pub fn machine(states: &Value) -> Value {
    json!({ "QueryLanguage": "JSONata", "StartAt": "A", "States": states })
}

pub fn parsed(definition: &Value) -> Definition {
    Definition::parse(&definition.to_string()).unwrap()
}

/// A Task state `A` with further fields, and the end after it.
pub fn task(fields: Value) -> Value {
    let mut state = json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "Z",
        "Arguments": { "FunctionName": "f", "Payload": { "n": "{% $states.input.n %}" } },
    });
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    for (key, value) in fields {
        state[key] = value;
    }
    machine(&json!({ "A": state, "Z": { "Type": "Succeed" } }))
}

pub fn seconds(list: &[u64]) -> Vec<Duration> {
    list.iter().copied().map(Duration::from_secs).collect()
}
