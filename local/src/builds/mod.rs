//! Builds on this machine: an uploaded archive becomes a read-only tree named by its digest, the image.
//!
//! ```text
//! PUT /uploads/… ─► archive.tgz ─► unpack (refuses what leaves the tree) ─► build command ─► digest ─► images/sha256-…
//! ```
//!
//! Dockerfiles are not interpreted here: what the archive holds, and what the manifest's build command makes of it, is
//! what runs. An image is never changed after it has its name.

pub mod builder;
mod command;
mod folder;
pub mod registry;
mod tree;
pub mod unpack;
pub mod uploads;
