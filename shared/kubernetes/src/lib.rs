//! The tenant's cluster over the Kubernetes API: what a rollout needs of it, and nothing that a rollout decides.
//!
//! ```text
//! Template ──► objects ──► API server ──► read ──► Observation
//! ```
//!
//! It never decides what should run, never touches an object without our labels, and never reads a Secret.

mod act;
pub mod access;
pub mod client;
pub mod connect;
pub mod drift;
pub mod failure;
pub mod names;
pub mod objects;
mod observe;
mod publish;
pub mod read;
mod tail;
mod watch;
mod refusal;
