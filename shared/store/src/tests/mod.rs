//! The store on the embedded engine: what each function does and refuses, and what holds of all of them.

mod apps;
mod builds;
mod clusters;
mod due;
mod faults;
mod keys;
mod logs;
mod promotions;
mod races;
mod releases;
mod runs;
mod sealed;
mod secrets;
mod sources;
mod tenancy;
mod tenants;
mod world;
