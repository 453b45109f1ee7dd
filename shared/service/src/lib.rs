//! The use cases, and the few ports that they need. The only crate that orders I/O: gather, decide, act.
