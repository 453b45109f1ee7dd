//! What a state makes of its input and of a task's answer: plain functions of an execution, no I/O and no clock.

use serde_json::{Map, Value, json};
use slipway_domain::time::Time;

use super::TaskError;
use super::execution::{Execution, Failure};
use super::query::{QueryError, Scope, Template};
use super::retry::{self, Again};
use super::states::{ChoiceState, Data, TaskState};

/// The largest input or output of a state, in bytes of JSON: 256 KiB.
pub(super) const LARGEST_DATA_BYTES: usize = 256 * 1024;

/// Leaving a state.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exit {
    /// None at the end of the execution.
    pub next: Option<String>,
    pub output: Value,
    pub assigned: Map<String, Value>,
}

/// What follows from an error in a Task state.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reaction {
    Again(Again),
    Leave(Exit),
    Fail(Failure),
}

impl Failure {
    pub(super) fn new(error: &str, cause: impl Into<String>) -> Self {
        Self { error: error.to_owned(), cause: cause.into() }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Self::new(retry::QUERY, error.to_string())
    }
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        Self { error: error.name, cause: error.cause }
    }
}

/// The payload that the task is called with.
pub(super) fn payload(task: &TaskState, execution: &Execution) -> Result<Value, Failure> {
    let payload = task.payload.render(&scope(execution, Extra::Nothing))?;
    within_limit(payload)
}

/// Leaves a Task state with the answer of its function.
pub(super) fn answered(task: &TaskState, execution: &Execution, answer: &Value) -> Result<Exit, Failure> {
    let result = json!({ "ExecutedVersion": "$LATEST", "Payload": answer, "StatusCode": 200 });
    let result = within_limit(result)?;
    let scope = scope(execution, Extra::Result(&result));
    leave(&task.data, task.next.clone(), &scope, &result)
}

/// Decides between another attempt, a catcher and the end.
pub(super) fn failed(task: &TaskState, execution: &Execution, failure: Failure) -> Reaction {
    if let Some(again) = retry::again(&task.retriers, &execution.retries, &failure.error) {
        return Reaction::Again(again);
    }
    let Some(catcher) = task.catchers.iter().find(|catcher| catcher.errors.matches(&failure.error)) else {
        return Reaction::Fail(failure);
    };
    let error = json!({ "Error": failure.error, "Cause": failure.cause });
    let scope = scope(execution, Extra::Error(&error));
    match leave(&catcher.data, Some(catcher.next.clone()), &scope, &error) {
        Ok(exit) => Reaction::Leave(exit),
        Err(failure) => Reaction::Fail(failure),
    }
}

/// Leaves a Choice state by the first rule whose condition holds.
pub(super) fn choose(choice: &ChoiceState, execution: &Execution) -> Result<Exit, Failure> {
    let scope = scope(execution, Extra::Nothing);
    for rule in choice.rules.iter().chain(&choice.default) {
        if rule.condition.holds(&scope)? {
            return leave(&rule.data, Some(rule.next.clone()), &scope, &execution.state_input);
        }
    }
    Err(Failure::new(retry::NO_CHOICE, "no condition holds, and there is no Default"))
}

/// Ends with success.
pub(super) fn succeed(output: Option<&Template>, execution: &Execution) -> Result<Exit, Failure> {
    let output = match output {
        None => execution.state_input.clone(),
        Some(template) => template.render(&scope(execution, Extra::Nothing))?,
    };
    Ok(Exit { next: None, output: within_limit(output)?, assigned: Map::new() })
}

/// Ends with the failure that a Fail state names.
pub(super) fn fail(error: Option<&Template>, cause: Option<&Template>, execution: &Execution) -> Failure {
    let scope = scope(execution, Extra::Nothing);
    let text = |template: Option<&Template>| template.map_or(Ok(String::new()), |template| template.text(&scope));
    match (text(error), text(cause)) {
        (Ok(error), Ok(cause)) => Failure { error, cause },
        (Err(error), _) | (_, Err(error)) => error.into(),
    }
}

pub(super) fn within_limit(value: Value) -> Result<Value, Failure> {
    let bytes = value.to_string().len();
    if bytes <= LARGEST_DATA_BYTES {
        return Ok(value);
    }
    let cause = format!("{bytes} bytes of JSON are more than the {LARGEST_DATA_BYTES} that a state may hold");
    Err(Failure::new(retry::DATA_LIMIT, cause))
}

/// Variables and output are both computed from the variables as they were when the state was entered.
fn leave(data: &Data, next: Option<String>, scope: &Scope<'_>, default: &Value) -> Result<Exit, Failure> {
    let mut assigned = Map::new();
    for (name, template) in &data.assign {
        assigned.insert(name.clone(), template.render(scope)?);
    }
    let output = match &data.output {
        None => default.clone(),
        Some(template) => template.render(scope)?,
    };
    Ok(Exit { next, output: within_limit(output)?, assigned })
}

/// What `$states` holds beside input and context.
#[derive(Clone, Copy)]
enum Extra<'a> {
    Nothing,
    Result(&'a Value),
    Error(&'a Value),
}

fn scope<'a>(execution: &'a Execution, extra: Extra<'_>) -> Scope<'a> {
    let mut states = json!({ "input": execution.state_input, "context": context(execution) });
    match extra {
        Extra::Nothing => {}
        Extra::Result(result) => states["result"] = result.clone(),
        Extra::Error(error) => states["errorOutput"] = error.clone(),
    }
    Scope { states, variables: &execution.variables }
}

/// The context object, as far as it means something on this machine.
fn context(execution: &Execution) -> Value {
    json!({
        "Execution": {
            "Id": execution.name,
            "Input": execution.input,
            "Name": execution.name,
            "StartTime": rfc3339(execution.started_at),
        },
        "State": {
            "EnteredTime": rfc3339(execution.entered_at),
            "Name": execution.state,
            "RetryCount": execution.retry_count(),
        },
    })
}

/// With milliseconds, as Step Functions writes it.
fn rfc3339(time: Time) -> String {
    let seconds = time.to_string();
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), time.as_millis().rem_euclid(1000))
}
