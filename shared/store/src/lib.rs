//! The one table, through `aws-sdk-dynamodb`: what is kept, under which conditions it changes, and who may see it.
//!
//! ```text
//! Store ── scoped(tenant) ──► Scoped: clusters, apps, environments, builds, releases, promotions, runs, tokens, audit, …
//!   └───── system() ────────► System: ids of what is due, and nothing else
//! ```
//!
//! Every change is one transaction: state, events, outbox, audit row and idempotency record together. Sealed things are
//! written under `attribute_not_exists` and are never named by an update. No public function takes a key, and no rule
//! of a rollout lives here: the versions that the caller read are the only conditions.

mod apps;
mod audit;
pub mod builds;
mod clusters;
mod collection;
mod database;
mod due;
mod environments;
pub mod error;
mod events;
mod item;
pub mod keys;
mod layout;
mod list;
pub mod narrow;
pub mod promotions;
mod reasons;
pub mod records;
pub mod releases;
pub mod retry;
mod runs;
mod store;
pub mod stream;
mod table;
mod tenants;
pub mod token_id;
mod transaction;

pub use store::{Scoped, Store, System};

#[cfg(test)]
mod tests;
