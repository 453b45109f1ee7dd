//! The `Registry` port over the API that every OCI registry speaks, such as the distribution registry, Harbor or ECR.
//!
//! ```text
//! holds ──HEAD /v2/<tenant>/<app>/manifests/<digest>──► registry
//!            ◄── 401, "ask there for a token" ─────────
//!            ──GET <realm>?scope=repository:…:pull──► token service
//!            ──the same HEAD, with the token──────────► 200, 404, or why not
//! ```
//!
//! One question, asked by digest. This crate never reads what is in an image, never asks by a tag, and never writes to
//! a registry; credentials go to the registry that asks for them and to nobody else.

mod answer;
mod challenge;
mod oci;

pub use self::oci::{Credentials, OciRegistry};
