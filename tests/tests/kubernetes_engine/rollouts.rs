//! Promotions that succeed, and ones that turn back.

use slipway_domain::promotion::{Cause, Outcome, Status};
use slipway_tests::kubernetes::harness::{Make, Stage};

const THREE: &str =
    "services: {web: {port: 3000, health: {path: /health, timeout: 10}, scale: 3, termination: {grace: 5}}}";

#[tokio::test(flavor = "multi_thread")]
async fn a_good_release_replaces_the_old_one_process_by_process() {
    let stage = Stage::set().await;
    let first = stage.release(&Make { manifest: THREE, image: stage.images["1"].clone(), variables: &[] });
    let ended = stage.promote(&first).await;
    assert_eq!(ended.outcome, Some(Outcome::Succeeded), "{}", stage.story(&ended));

    let second =
        stage.release(&Make { manifest: THREE, image: stage.images["2"].clone(), variables: &[("A", "$(B) $$")] });
    let ended = stage.promote(&second).await;
    assert_eq!(ended.outcome, Some(Outcome::Succeeded), "{}", stage.story(&ended));
    assert_eq!(stage.running().await, [(second.clone(), (3, 3))].into());
    let environment = stage.records.ledger().environment.clone();
    assert_eq!((environment.status, environment.active), (Status::Running, Some(second)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loop_restores_the_old_release() {
    let stage = Stage::set().await;
    let good = stage.release(&Make { manifest: THREE, image: stage.images["1"].clone(), variables: &[] });
    let ended = stage.promote(&good).await;
    assert_eq!(ended.outcome, Some(Outcome::Succeeded), "{}", stage.story(&ended));

    let crash = [("CRASH_AFTER_MS", "200"), ("EXIT_CODE", "7")];
    let bad = stage.release(&Make { manifest: THREE, image: stage.images["2"].clone(), variables: &crash });
    let ended = stage.promote(&bad).await;
    assert_eq!(ended.outcome, Some(Outcome::RolledBack), "{}", stage.story(&ended));
    let failure = ended.failure.clone().expect("it says why");
    assert_eq!(failure.cause, Cause::CrashLoop, "{}", stage.story(&ended));
    assert_eq!(failure.exit.and_then(|exit| exit.code), Some(7));
    assert_eq!(stage.running().await, [(good.clone(), (3, 3))].into());
    let environment = stage.records.ledger().environment.clone();
    assert_eq!((environment.status, environment.active), (Status::Running, Some(good)));
}
