//! What the tests of the whole share. Shipped code never depends on it.

pub mod demo;
pub mod end_to_end;
pub mod kubernetes;
pub mod load;
pub mod model;
pub mod product;
pub mod server;
pub mod sim;
