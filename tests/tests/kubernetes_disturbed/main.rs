//! Promotions on a real cluster while users are served, workers are killed, and the control plane stands still.
//!
//! What happens here happens to the whole cluster, or to whoever shares its two cores: one test at a time.

mod frozen;
mod traffic;

use std::path::Path;

use slipway_tests::product::installed::Product;
use tokio::sync::{Mutex, MutexGuard};

static CLUSTER: Mutex<()> = Mutex::const_new(());

/// The cluster for oneself, with a server on it.
async fn alone() -> (MutexGuard<'static, ()>, Product) {
    let turn = CLUSTER.lock().await;
    (turn, Product::start(Path::new(env!("CARGO_BIN_EXE_test-server"))).await.unwrap())
}
