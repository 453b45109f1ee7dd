//! Values of variables are seen where they were asked for, and nowhere else: not in logs, answers, events, payloads of the
//! state machine, panics or the database, in whatever form.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "canary/panics.rs"]
mod panics;
#[path = "canary/planted.rs"]
mod planted;
#[path = "canary/story.rs"]
mod story;
