//! Every row of the failure table, brought about for real: the whole product as a program, with exactly the rights of
//! `infra/cluster-access.yaml`, on a real API server with real containers.
//!
//! Each row has an app and a namespace of its own. An old release runs whole, a bad one is promoted, and what is looked
//! at is what a user would look at: the promotion over the API, and afterwards the processes in the cluster.

mod expect;
mod report;
mod rows;

use std::path::Path;
use std::time::Instant;

use futures::StreamExt;
use slipway_tests::product::installed::Product;

use crate::report::Line;

/// The node has two cores: more at once make each other slow.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_ends_in_its_cause_and_puts_the_old_release_back() {
    let product = Product::start(Path::new(env!("CARGO_BIN_EXE_test-server"))).await.unwrap();
    let only = std::env::var("ROW").unwrap_or_default();
    let rows = rows::all().into_iter().filter(|row| row.name.contains(&only));
    let begun = Instant::now();
    let lines: Vec<Line> =
        futures::stream::iter(rows).map(|row| row.play(&product)).buffer_unordered(AT_ONCE).collect().await;
    let seconds = begun.elapsed().as_secs_f64();
    report::print(&lines, seconds);
    let failed: Vec<String> = lines.iter().filter_map(Line::failure).collect();
    assert!(failed.is_empty(), "{}\n{}", failed.join("\n\n"), product.log_tail());
    assert!(!lines.is_empty(), "no row is called {only}");
}
