//! Starts executions, carries them on from state to state, and goes on with them after a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use serde_json::Value;
use slipway_service::ports::Clock;
use tokio::task::JoinSet;

use super::definition::Definition;
use super::execution::{Execution, Failure, MOST_HISTORY_EVENTS};
use super::folder::Folder;
use super::machine::{self, Exit, Reaction};
use super::retry::{self, Again, Jitter};
use super::states::{State, TaskState};
use super::{Task, TaskError};

/// How long an execution that ended is kept, so that a late second start of it is still recognised.
const KEEP_ENDED: Duration = Duration::from_hours(24);

/// How long a state waits for a disk that refuses its entry before it tries again.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// Runs the executions of one definition. Dropping it stops all of them where they are, as the death of the program
/// would; [`Runner::resume`] of the next runner on the same folder goes on.
pub struct Runner {
    shared: Arc<Shared>,
    /// One start at a time, so that of two starts with the same name one is the first.
    starts: tokio::sync::Mutex<()>,
    running: Mutex<JoinSet<()>>,
}

/// What a start came to. Both are success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    Started,
    /// An execution of this name and this input exists, running or ended.
    AlreadyExists,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("an execution is named with 1 to 80 of A-Z, a-z, 0-9, _ and -, not {name:?}")]
    Name { name: String },
    #[error("an execution {name} exists with another input; start this one under another name")]
    OtherInput { name: String },
    #[error("the input of an execution is at most 256 KiB")]
    TooLarge,
    #[error("store the execution {name}")]
    Store { name: String, source: io::Error },
}

struct Shared {
    definition: Definition,
    folder: Folder,
    task: Arc<dyn Task>,
    clock: Arc<dyn Clock>,
    shelf: Mutex<Shelf>,
}

/// The executions as they are stored, and which of them this runner drives.
#[derive(Default)]
struct Shelf {
    executions: BTreeMap<String, Execution>,
    driven: BTreeSet<String>,
}

impl Runner {
    /// Opens the folder and reads what is in it; nothing runs before [`Runner::start`] or [`Runner::resume`].
    pub fn new(definition: Definition, folder: &Path, task: Arc<dyn Task>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let folder = Folder::open(folder)?;
        let executions = folder.load()?.into_iter().map(|execution| (execution.name.clone(), execution)).collect();
        let shelf = Mutex::new(Shelf { executions, driven: BTreeSet::new() });
        let shared = Arc::new(Shared { definition, folder, task, clock, shelf });
        Ok(Self { shared, starts: tokio::sync::Mutex::default(), running: Mutex::default() })
    }

    /// Stores a new execution and begins it. A second start with the same name and input is the same start.
    pub async fn start(&self, name: &str, input: Value) -> Result<Started, StartError> {
        if !is_name(name) {
            return Err(StartError::Name { name: name.to_owned() });
        }
        let input = machine::within_limit(input).map_err(|_| StartError::TooLarge)?;
        let _first = self.starts.lock().await;
        if let Some(existing) = self.execution(name) {
            let same = existing.input == input;
            return if same {
                Ok(Started::AlreadyExists)
            } else {
                Err(StartError::OtherInput { name: name.to_owned() })
            };
        }
        let shared = &self.shared;
        let execution = Execution::begin(name, input, &shared.definition.start_at, shared.clock.now());
        let stored = shared.folder.save(&execution).await;
        stored.map_err(|source| StartError::Store { name: name.to_owned(), source })?;
        self.drive(execution);
        Ok(Started::Started)
    }

    /// Goes on with every open execution at the state where it was, and removes those that ended over 24 hours ago.
    /// A task that was interrupted is called again with the time of this call as its state's entered time. Returns
    /// the names of the executions that go on.
    pub fn resume(&self) -> io::Result<Vec<String>> {
        let now = self.shared.clock.now();
        let mut resumed = Vec::new();
        for mut execution in self.list() {
            if execution.ended_before(KEEP_ENDED, now) {
                self.shared.folder.remove(&execution.name)?;
                self.shared.shelf().executions.remove(&execution.name);
            } else if execution.is_running() && !self.shared.shelf().driven.contains(&execution.name) {
                execution.enter_again(now);
                resumed.push(execution.name.clone());
                self.drive(execution);
            }
        }
        Ok(resumed)
    }

    /// All executions that are known, ordered by name.
    pub fn list(&self) -> Vec<Execution> {
        self.shared.shelf().executions.values().cloned().collect()
    }

    pub fn execution(&self, name: &str) -> Option<Execution> {
        self.shared.shelf().executions.get(name).cloned()
    }

    /// State entries and retries so far, which is what Step Functions would charge for.
    pub fn transitions(&self, name: &str) -> Option<u64> {
        self.shared.shelf().executions.get(name).map(|execution| execution.transitions)
    }

    /// Stops every execution where it is and waits until nothing is written any more.
    pub async fn stop(self) {
        let mut running = std::mem::take(&mut *lock(&self.running));
        running.shutdown().await;
        self.shared.folder.quiet().await;
    }

    fn drive(&self, execution: Execution) {
        self.shared.shelf().take_on(&execution);
        let mut running = lock(&self.running);
        while running.try_join_next().is_some() {}
        running.spawn(Arc::clone(&self.shared).run(execution));
    }
}

impl Shelf {
    fn take_on(&mut self, execution: &Execution) {
        self.driven.insert(execution.name.clone());
        self.executions.insert(execution.name.clone(), execution.clone());
    }
}

impl Shared {
    async fn run(self: Arc<Self>, mut execution: Execution) {
        while execution.is_running() {
            self.step(&mut execution).await;
            self.keep(&execution).await;
        }
    }

    /// Works until the execution is in another state, is about to try again, or has ended.
    async fn step(&self, execution: &mut Execution) {
        if self.remaining(execution).is_zero() {
            return execution.time_out(self.clock.now());
        }
        if execution.history_events >= MOST_HISTORY_EVENTS {
            let cause = format!("the execution reached {MOST_HISTORY_EVENTS} history events");
            return execution.fail(Failure::new(retry::RUNTIME, cause), self.clock.now());
        }
        let Some(state) = self.definition.states.get(&execution.state) else {
            let cause = format!("the definition has no state {} any more", execution.state);
            return execution.fail(Failure::new(retry::RUNTIME, cause), self.clock.now());
        };
        match state {
            State::Task(task) => self.task(task, execution).await,
            State::Choice(choice) => self.leave(execution, machine::choose(choice, execution)),
            State::Succeed { output } => self.leave(execution, machine::succeed(output.as_ref(), execution)),
            State::Fail { error, cause } => {
                let failure = machine::fail(error.as_ref(), cause.as_ref(), execution);
                execution.fail(failure, self.clock.now());
            }
        }
    }

    async fn task(&self, task: &TaskState, execution: &mut Execution) {
        execution.attempted();
        let answer = match machine::payload(task, execution) {
            Ok(payload) => self.attempt(task, execution, payload).await,
            Err(failure) => Err(failure),
        };
        if self.remaining(execution).is_zero() {
            return execution.time_out(self.clock.now());
        }
        let failure = match answer.and_then(|answer| machine::answered(task, execution, &answer)) {
            Ok(exit) => return execution.leave(exit, self.clock.now()),
            Err(failure) => failure,
        };
        match machine::failed(task, execution, failure) {
            Reaction::Again(again) => self.wait(again, execution).await,
            Reaction::Leave(exit) => execution.leave(exit, self.clock.now()),
            Reaction::Fail(failure) => execution.fail(failure, self.clock.now()),
        }
    }

    /// One call of the function, for at most the state's time and never beyond the execution's.
    async fn attempt(&self, task: &TaskState, execution: &Execution, payload: Value) -> Result<Value, Failure> {
        let limit = task.timeout.min(self.remaining(execution));
        let call = AssertUnwindSafe(async { self.task.invoke(&task.function, payload).await }).catch_unwind();
        tokio::select! {
            biased;
            answer = call => answer.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))).map_err(Failure::from),
            () = self.clock.sleep(limit) => {
                Err(Failure::new(retry::TIMEOUT, format!("the task took longer than {} s", limit.as_secs())))
            }
        }
    }

    async fn wait(&self, again: Again, execution: &mut Execution) {
        execution.retried(again.retrier);
        self.keep(execution).await;
        let delay = match again.jitter {
            Jitter::None => again.delay,
            Jitter::Full => again.delay.mul_f64(rand::random_range(0.0..=1.0)),
        };
        self.clock.sleep(delay.min(self.remaining(execution))).await;
    }

    fn leave(&self, execution: &mut Execution, exit: Result<Exit, Failure>) {
        match exit {
            Ok(exit) => execution.leave(exit, self.clock.now()),
            Err(failure) => execution.fail(failure, self.clock.now()),
        }
    }

    /// How much of the execution's own time is left.
    fn remaining(&self, execution: &Execution) -> Duration {
        match self.definition.timeout {
            None => Duration::MAX,
            Some(timeout) => timeout.saturating_sub(self.clock.now().since(execution.started_at)),
        }
    }

    /// Stores the execution before anything else is done for it. A disk that refuses holds it up, and is told.
    async fn keep(&self, execution: &Execution) {
        while let Err(error) = self.folder.save(execution).await {
            tracing::error!(execution.name, %error, "could not store an execution, trying again");
            self.clock.sleep(DISK_PAUSE).await;
        }
        self.shelf().executions.insert(execution.name.clone(), execution.clone());
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        lock(&self.shelf)
    }
}

/// Nothing panics while it holds one of these locks half-way through a change, so a poisoned one is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> TaskError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let cause = format!("the task panicked: {}", text.unwrap_or("no message"));
    TaskError { name: "Lambda.Unknown".to_owned(), cause }
}

fn is_name(name: &str) -> bool {
    (1..=80).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}
