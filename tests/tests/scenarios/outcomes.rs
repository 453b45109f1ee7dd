//! Each outcome has a world that ends so.

use slipway_domain::promotion::{Cause, Outcome, Status};
use slipway_tests::sim::cluster::{Ending, Life, Script};
use slipway_tests::sim::setup::{Act, OnConflict, Setup};
use slipway_tests::sim::weather::{Away, Outage, Weather};

use super::stage::{app, endings, first, play, promoting, running, with_web};

fn crashing() -> Script {
    Script { life: Life::Ends { after_ms: 300, how: Ending::Code(3), times: None }, ..Script::default() }
}

/// The world of an outcome. An outcome without a world does not compile.
fn world(outcome: Outcome) -> Setup {
    match outcome {
        Outcome::Succeeded => promoting(app()),
        Outcome::Noop => Setup::new(vec![app()]).promote(1_000, 0),
        Outcome::RolledBack => promoting(with_web(crashing())),
        Outcome::RollbackFailed => without_a_way_back(),
        Outcome::Failed => first(with_web(crashing())),
        Outcome::Cancelled => promoting(app()).then(9_000, Act::Cancel),
        Outcome::Superseded => promoting(app()).then(9_000, supersede(0)),
    }
}

/// The cluster is away from the moment of the first crash until restoring is over.
fn without_a_way_back() -> Setup {
    let outage = Outage { away: Away::Cluster, from_ms: 5_000, to_ms: 900_000 };
    let weather = Weather { outages: vec![outage], ..Weather::default() };
    Setup { weather, ..promoting(with_web(Script::default())) }
}

fn supersede(release: usize) -> Act {
    Act::Promote { release, on_conflict: OnConflict::Supersede }
}

#[test]
fn each_outcome_is_reached() {
    for outcome in Outcome::ALL {
        let endings = endings(&world(*outcome));
        assert_eq!(endings.first().map(|(outcome, _)| *outcome), Some(*outcome), "{endings:?}");
    }
}

#[test]
fn only_a_failed_rollback_and_a_failed_first_promotion_leave_the_environment_failed() {
    for outcome in Outcome::ALL {
        let failed = matches!(outcome, Outcome::RollbackFailed | Outcome::Failed);
        let expected = if failed { Status::Failed } else { Status::Running };
        assert_eq!(play(&world(*outcome)).environment.status, expected, "{outcome}");
    }
}

#[test]
fn a_good_release_replaces_every_process() {
    assert_eq!(running(&promoting(app())), [("web".to_owned(), 1, 3), ("worker".to_owned(), 1, 1)]);
}

#[test]
fn the_first_promotion_makes_the_formation_of_the_manifest() {
    assert_eq!(running(&first(app())), [("web".to_owned(), 0, 3), ("worker".to_owned(), 0, 1)]);
}

#[test]
fn a_bad_first_promotion_leaves_nothing_running() {
    assert_eq!(running(&first(with_web(crashing()))), []);
}

#[test]
fn a_good_release_leaves_a_failed_environment() {
    let mut setup = first(with_web(crashing())).promote(600_000, 1);
    setup.releases.push(app());
    assert_eq!(endings(&setup), [(Outcome::Failed, Some(Cause::CrashLoop)), (Outcome::Succeeded, None)]);
    assert_eq!(play(&setup).environment.status, Status::Running);
}

#[test]
fn losing_access_while_restoring_leaves_what_is_healthy() {
    let outage = Outage { away: Away::Access, from_ms: 5_000, to_ms: 900_000 };
    let weather = Weather { outages: vec![outage], ..Weather::default() };
    let setup = Setup { weather, ..promoting(app()) };
    assert_eq!(endings(&setup), [(Outcome::RollbackFailed, Some(Cause::ClusterUnauthorized))]);
    let web: u32 = running(&setup).iter().filter(|(service, ..)| service == "web").map(|(.., count)| count).sum();
    assert!(web >= 3, "{web} processes of web are left");
}

#[test]
fn a_failed_rollback_is_left_by_promoting_what_was_active() {
    let setup = without_a_way_back().promote(1_800_000, 0);
    let expected = [(Outcome::RollbackFailed, Some(Cause::ClusterUnreachable)), (Outcome::Succeeded, None)];
    assert_eq!(endings(&setup), expected);
}
