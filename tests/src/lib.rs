//! What the tests of the whole share. Shipped code never depends on it.

pub mod model;
pub mod server;
pub mod sim;
