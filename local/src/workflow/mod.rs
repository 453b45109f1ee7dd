//! The state machine of a rollout, executed on this machine from the file that is deployed.
//!
//! ```text
//! rollout.asl.json ──parse──► Definition ─┐
//!                                         ├─► Runner ──invoke──► Task (the step function)
//! folder of executions ◄──every entry─────┘      └──sleep──► Clock
//! ```
//!
//! The runner knows the state types and fields that the definition uses, with the meaning that Step Functions gives
//! them, and refuses every other one by name when the definition is parsed. It never skips a field that it does not
//! understand, and it holds no rule of a rollout: those are in the step function.

pub mod definition;
pub mod execution;
mod fields;
mod folder;
mod machine;
mod query;
mod retry;
pub mod runner;
mod states;

use async_trait::async_trait;
use serde_json::Value;

use self::definition::Definition;

/// What a Task state calls: the functions that the definition names.
#[async_trait]
pub trait Task: Send + Sync {
    /// Runs `function` (the definition's `FunctionName`, as written there) on `payload` and returns its answer.
    ///
    /// It may be called twice with the same payload, and the future may be dropped half-way when the state's time is
    /// over. A panic counts as an error named `Lambda.Unknown`.
    async fn invoke(&self, function: &str, payload: Value) -> Result<Value, TaskError>;
}

/// Why a task did not answer. `name` is what `Retry` and `Catch` compare, letter by letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {cause}")]
pub struct TaskError {
    pub name: String,
    pub cause: String,
}

/// The definition that is deployed, parsed.
pub fn rollout_definition() -> Definition {
    Definition::parse(include_str!("../../../infra/rollout.asl.json"))
        .expect("the definition is part of the program, and a test parses it")
}
