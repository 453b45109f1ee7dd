//! DynamoDB in the process: the engine reached through the SDK's own HTTP client, without a socket.
//!
//! ```text
//! aws-sdk-dynamodb ──► connector ──(faults)──► dispatch ──► engine (SQLite: a file, or memory)
//! ```
//!
//! The SDK writes its requests and reads its answers as it does against AWS, so that everything above has one code
//! path. Tests may put [`Faults`](faults::Faults) in between. This crate never knows what is stored, and it never
//! produces throttling, conflicts or lost answers by itself.

mod connector;
mod dispatch;
pub mod embedded;
pub mod faults;
