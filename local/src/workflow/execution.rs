//! One run of a state machine, as it is stored at every state entry.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use slipway_domain::time::Time;

use super::machine::Exit;

/// Step Functions ends a standard execution at so many history events; a loop without end ends here, too.
pub const MOST_HISTORY_EVENTS: u32 = 25_000;

/// The events of a state: entered and left.
const EVENTS_PER_STATE: u32 = 2;

/// The events of one attempt of a task: scheduled, started, ended.
const EVENTS_PER_ATTEMPT: u32 = 3;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    pub name: String,
    pub input: Value,
    pub status: Status,
    pub started_at: Time,
    /// The state that the execution is in, or in which it ended.
    pub state: String,
    pub state_input: Value,
    pub variables: Map<String, Value>,
    /// When the state was entered, or entered again after a restart of the program.
    pub entered_at: Time,
    /// How often each retrier of the state was used, in the order of its `Retry`.
    pub retries: Vec<u32>,
    /// State entries and retries, which is what Step Functions charges for.
    pub transitions: u64,
    pub history_events: u32,
    pub ended_at: Option<Time>,
    /// The output of an execution that succeeded.
    pub output: Option<Value>,
    /// Why one failed.
    pub failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Running,
    Succeeded,
    Failed,
    TimedOut,
}

/// An error by name, as `Catch` hands it on and as a failed execution ends with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub error: String,
    pub cause: String,
}

impl Execution {
    pub(super) fn begin(name: &str, input: Value, start_at: &str, now: Time) -> Self {
        Self {
            name: name.to_owned(),
            state_input: input.clone(),
            input,
            status: Status::Running,
            started_at: now,
            state: start_at.to_owned(),
            variables: Map::new(),
            entered_at: now,
            retries: Vec::new(),
            transitions: 1,
            history_events: 1 + EVENTS_PER_STATE,
            ended_at: None,
            output: None,
            failure: None,
        }
    }

    /// Leaves the state for the next one, or ends.
    pub(super) fn leave(&mut self, exit: Exit, now: Time) {
        self.variables.extend(exit.assigned);
        let Some(next) = exit.next else {
            self.output = Some(exit.output);
            self.end(Status::Succeeded, now);
            return;
        };
        self.state = next;
        self.state_input = exit.output;
        self.entered_at = now;
        self.retries.clear();
        self.transitions += 1;
        self.history_events = self.history_events.saturating_add(EVENTS_PER_STATE);
    }

    /// Goes on after a restart of the program: the state is entered at `now`, because a task takes its clock from
    /// that time and must not take one that stood still.
    pub(super) fn enter_again(&mut self, now: Time) {
        self.entered_at = now;
    }

    pub(super) fn attempted(&mut self) {
        self.history_events = self.history_events.saturating_add(EVENTS_PER_ATTEMPT);
    }

    pub(super) fn retried(&mut self, retrier: usize) {
        if self.retries.len() <= retrier {
            self.retries.resize(retrier + 1, 0);
        }
        self.retries[retrier] += 1;
        self.transitions += 1;
    }

    pub(super) fn fail(&mut self, failure: Failure, now: Time) {
        self.failure = Some(failure);
        self.end(Status::Failed, now);
    }

    pub(super) fn time_out(&mut self, now: Time) {
        self.end(Status::TimedOut, now);
    }

    pub fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    /// How often the current state was tried again.
    pub fn retry_count(&self) -> u32 {
        self.retries.iter().sum()
    }

    /// Whether it ended longer than `age` ago.
    pub(super) fn ended_before(&self, age: Duration, now: Time) -> bool {
        self.ended_at.is_some_and(|ended| now.since(ended) > age)
    }

    fn end(&mut self, status: Status, now: Time) {
        self.status = status;
        self.ended_at = Some(now);
    }
}
