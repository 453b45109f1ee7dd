//! The shipped engine on a real cluster. Needs one: `make test-kubernetes` runs this with it.

mod logs;
mod port;
mod rights;
mod rollouts;
mod runs;
mod sleepers;
