//! The product as its users meet it, wherever it runs: `SLIPWAY_TARGET` says where, `local` unless it is set. The same
//! stories hold on this machine, on a Kubernetes cluster and on AWS as deployed.

mod stories;

use std::path::Path;

use slipway_tests::end_to_end::place::Place;

/// Each story has an app of its own, so that they can be told at once.
#[tokio::test(flavor = "multi_thread")]
async fn every_story_holds() {
    let place = Place::named(Path::new(env!("CARGO_BIN_EXE_test-server"))).await.unwrap();
    let only = std::env::var("STORY").unwrap_or_default();
    let (mut failed, mut count) = (Vec::new(), 0);
    let told = tokio::join!(
        tell(&only, "good and bad releases", stories::good_and_bad_releases(&place)),
        tell(&only, "a cancelled promotion", stories::cancelled(&place)),
        tell(&only, "a promotion that another one takes over", stories::superseded(&place)),
        tell(&only, "bad requests", stories::bad_requests(&place)),
    );
    for story in [told.0, told.1, told.2, told.3] {
        count += u32::from(story == Ok(true));
        failed.extend(story.err());
    }
    assert!(count > 0 || !failed.is_empty(), "STORY names no story");
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Tells it unless `STORY` names others.
#[expect(clippy::print_stdout, reason = "which stories hold is shown by `--nocapture`")]
async fn tell(
    only: &str,
    name: &str,
    story: impl Future<Output = slipway_tests::server::Result<()>>,
) -> Result<bool, String> {
    if !name.contains(only) {
        return Ok(false);
    }
    let begun = std::time::Instant::now();
    let told = story.await;
    println!(
        "{name}: {} after {:.1} s",
        if told.is_ok() { "holds" } else { "does not hold" },
        begun.elapsed().as_secs_f64()
    );
    told.map(|()| true).map_err(|error| format!("{name}: {error}"))
}
