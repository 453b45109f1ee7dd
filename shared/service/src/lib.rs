//! The use cases, and the few ports that they need. The only crate that orders I/O: gather, decide, act.

pub mod mask;
pub mod ports;
pub mod template;
pub mod turn;
