//! The fence, checked in every world that a small model can reach.
//!
//! ```text
//! Records ── Frame ──► real records, real observation ──► start, decide, turn, new_execution, overdue, admits
//!    ▲                                                                        │
//!    └──────────── canonical ◄── what is stored of the outcome ◄── Frame ─────┘
//! ```
//!
//! Three promotions, each following or taking over from the one before; releases of one service, of which one may crash;
//! workers that stop between any two of their calls, for ever or until any later moment; a cancel, another execution, a
//! clock that is over, at any moment. Every decision, every record and every admission of a write is made by the shipped
//! functions of `slipway_rollout`. What is written here is their surroundings: who calls when, and what the cluster
//! stores. The order of a worker's calls (load, observe and decide, save, one action after the other, a fresh load after
//! a create, the end of the turn at a conflict) is the shipped turn's. It never checks how fast anything is, nor the
//! decisions on what processes do.
//!
//! # Why the worlds are finitely many, and none is lost
//!
//! What is stored of a world ([`state::State`]) leaves out or renames only what no later step can tell apart:
//!
//! - Epochs, resource versions and the order of workers are renamed ([`canonical`]): they are compared and nothing else.
//! - Versions of records, turn numbers and counters of events decide nothing but whether a save is refused. A save is
//!   refused exactly when the records were replaced since they were loaded; so a worker that holds older records, and
//!   has not saved, is the same as one that has yet to load ([`state::Worker::Idle`]). A turn that does anything saves
//!   first, also one that says nothing new.
//! - An execution is older exactly when its records were replaced; its workers are found stale when they load, and do
//!   nothing: only calls for the present one need to be started.
//! - Time stands still, but for looks that find the clock of the phase over; those may happen at any moment. Processes
//!   are ready or crash from their start on and have no bake: so nothing that is remembered of single processes, of
//!   waits or of what was told is ever asked for again. Sights of drift are counted up to the number from which on the
//!   shipped rule makes no difference.
//! - A promotion that has ended is never written again, and nobody works for it: of its record only the outcome stays,
//!   until the next one starts.
//! - Objects are collected only long after any token of a worker has expired: they are never deleted here, and have one
//!   uid.
//! - A worker that sleeps for ever occupies a place; one that dies frees it. As many sleep at the same time as there
//!   are places, and over the whole way any number.
//!
//! A broken rule ends the way: what could follow is not visited.

pub mod canonical;
pub mod check;
pub mod guard;
pub mod records;
pub mod state;
pub mod step;
pub mod story;
pub mod world;
