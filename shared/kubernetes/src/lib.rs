//! The tenant's cluster over the Kubernetes API: what a rollout needs of it, and nothing that a rollout decides.
//!
//! ```text
//! Template ──► objects ──► API server ──► read ──► Observation
//! ```
//!
//! It never decides what should run, never touches an object without our labels, and never reads a Secret.

pub mod access;
mod act;
pub mod client;
pub mod connect;
pub mod drift;
pub mod failure;
mod logs;
pub mod names;
pub mod objects;
mod observe;
mod publish;
pub mod read;
mod runs;
mod tail;
mod watch;
