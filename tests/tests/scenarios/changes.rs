//! Promotions of every kind, interrupted at every phase.

use slipway_domain::promotion::{Cause, Kind, Outcome};
use slipway_tests::sim::cluster::{Ending, Life, Meddling, Script};
use slipway_tests::sim::setup::{Act, OnConflict, ReleaseSpec, ServiceSpec, Setup};
use slipway_tests::sim::weather::{Away, Moment, Outage, Strike, Weather};

use super::stage::{app, endings, play, promoting, running, with_web};

fn crashing() -> Script {
    Script { life: Life::Ends { after_ms: 300, how: Ending::Code(3), times: None }, ..Script::default() }
}

fn web(index: usize, count: u32) -> (String, usize, u32) {
    ("web".to_owned(), index, count)
}

#[test]
fn when_one_service_fails_all_go_back() {
    let mut release = app();
    release.services[1].character.usual = crashing();
    assert_eq!(endings(&promoting(release.clone())), [(Outcome::RolledBack, Some(Cause::CrashLoop))]);
    assert_eq!(running(&promoting(release)), [web(0, 3), ("worker".to_owned(), 0, 1)]);
}

#[test]
fn services_are_added_early_and_removed_at_the_commit() {
    let other = ReleaseSpec::of([ServiceSpec::new("web", 3), ServiceSpec::new("api", 2)]);
    let setup = promoting(other);
    assert_eq!(endings(&setup), [(Outcome::Succeeded, None)]);
    assert_eq!(running(&setup), [("api".to_owned(), 1, 2), web(1, 3)]);
}

#[test]
fn a_service_that_was_added_goes_when_the_release_goes_back() {
    let mut other = ReleaseSpec::of([ServiceSpec::new("web", 3), ServiceSpec::new("api", 2)]);
    other.services[1].character.odd = vec![(1, crashing())];
    let setup = promoting(other);
    assert_eq!(endings(&setup), [(Outcome::RolledBack, Some(Cause::CrashLoop))]);
    assert_eq!(running(&setup), [web(0, 3), ("worker".to_owned(), 0, 1)]);
}

#[test]
fn scaling_up_and_down_moves_only_the_difference() {
    let up = Setup::new(vec![app()]).then(1_000, Act::Scale { service: "web", count: 5 });
    assert_eq!(endings(&up), [(Outcome::Succeeded, None)]);
    assert_eq!(running(&up), [web(0, 5), ("worker".to_owned(), 0, 1)]);
    let down = Setup::new(vec![app()]).then(1_000, Act::Scale { service: "web", count: 1 });
    assert_eq!(endings(&down), [(Outcome::Succeeded, None)]);
    assert_eq!(running(&down), [web(0, 1), ("worker".to_owned(), 0, 1)]);
}

#[test]
fn a_scaling_that_fails_goes_back_to_the_formation_before() {
    let mut release = app();
    release.services[0].character.odd = vec![(1, crashing())];
    let setup = Setup::new(vec![release]).then(1_000, Act::Scale { service: "web", count: 5 });
    assert_eq!(endings(&setup), [(Outcome::RolledBack, Some(Cause::CrashLoop))]);
    assert_eq!(running(&setup), [web(0, 3), ("worker".to_owned(), 0, 1)]);
}

#[test]
fn a_restart_replaces_every_process_by_a_copy() {
    let setup = Setup::new(vec![app()]).then(1_000, Act::Restart);
    let report = play(&setup);
    assert_eq!(
        report.endings.iter().map(|ending| (ending.kind, ending.outcome)).collect::<Vec<_>>(),
        [(Kind::Restart, Some(Outcome::Succeeded))]
    );
    assert_eq!(report.running.iter().map(|(.., count)| *count).collect::<Vec<_>>(), [3, 1]);
    assert!(report.running.iter().all(|(_, index, _)| *index != 0), "the copy runs, not the original");
}

/// From the start to after the end, every second.
fn moments() -> impl Iterator<Item = u64> {
    (1..60).map(|second| second * 700)
}

#[test]
fn a_cancel_at_any_moment_ends_in_one_release() {
    let mut outcomes = std::collections::BTreeSet::new();
    for release in [app(), with_web(crashing())] {
        for at_ms in moments() {
            let endings = endings(&promoting(release.clone()).then(at_ms, Act::Cancel));
            outcomes.extend(endings);
        }
    }
    let expected = [
        (Outcome::Succeeded, None),
        (Outcome::RolledBack, Some(Cause::CrashLoop)),
        (Outcome::Cancelled, Some(Cause::Cancelled)),
    ];
    assert_eq!(outcomes, expected.into());
}

#[test]
fn a_supersede_at_any_moment_ends_in_the_successor() {
    let supersede = Act::Promote { release: 2, on_conflict: OnConflict::Supersede };
    for release in [app(), with_web(crashing())] {
        for at_ms in moments() {
            let mut setup = promoting(release.clone()).then(at_ms, supersede.clone());
            setup.releases.push(app());
            assert_eq!(running(&setup), [web(2, 3), ("worker".to_owned(), 2, 1)], "superseded at {at_ms} ms");
        }
    }
}

#[test]
fn a_bad_successor_goes_back_to_what_was_good_before_both() {
    let supersede = Act::Promote { release: 2, on_conflict: OnConflict::Supersede };
    for at_ms in moments() {
        let mut setup = promoting(with_web(crashing())).then(at_ms, supersede.clone());
        setup.releases.push(with_web(crashing()));
        assert_eq!(running(&setup), [web(0, 3), ("worker".to_owned(), 0, 1)], "superseded at {at_ms} ms");
    }
}

#[test]
fn a_rollback_takes_over_from_what_runs() {
    let setup = promoting(app()).then(9_000, Act::Rollback);
    let kinds: Vec<_> = play(&setup).endings.iter().map(|ending| (ending.kind, ending.outcome)).collect();
    assert_eq!(kinds, [(Kind::Promote, Some(Outcome::Superseded)), (Kind::Rollback, Some(Outcome::Succeeded))]);
}

#[test]
fn promoting_the_active_release_mends_what_an_outsider_scaled() {
    let meddle = Act::Meddle { release: 0, service: "web", with: Meddling::Count(1) };
    let setup = Setup::new(vec![app()]).then(500, meddle).promote(10_000, 0);
    assert_eq!(endings(&setup), [(Outcome::Succeeded, None)]);
    assert_eq!(running(&setup), [web(0, 3), ("worker".to_owned(), 0, 1)]);
}

#[test]
fn variables_that_are_set_meanwhile_do_not_disturb() {
    let setup = promoting(app()).then(4_000, Act::SetVariables).then(9_000, Act::SetVariables);
    assert_eq!(endings(&setup), [(Outcome::Succeeded, None)]);
}

#[test]
fn the_sweep_takes_over_from_an_execution_that_is_lost() {
    let weather = Weather { lost_executions: 300, ..Weather::default() };
    for seed in 0..20 {
        let setup = Setup { seed, weather: weather.clone(), ..promoting(app()) };
        assert_eq!(endings(&setup).len(), 1);
    }
}

#[test]
fn the_sweep_ends_what_nobody_works_on() {
    let weather = Weather { lost_executions: 1_000, ..Weather::default() };
    let setup = Setup { weather, ..promoting(app()) };
    assert_eq!(endings(&setup), [(Outcome::Failed, Some(Cause::Internal))]);
}

#[test]
fn the_sweep_ends_what_was_moved_and_abandoned_as_a_failed_rollback() {
    // The first execution works until its worker dies at the 30th call; all later ones are lost at once.
    let strike = Strike { call: 30, moment: Moment::AfterEffect };
    let weather = Weather { strike: Some(strike), lost_after_ms: Some(3_000), ..Weather::default() };
    let setup = Setup { weather, ..promoting(app()) };
    assert_eq!(endings(&setup), [(Outcome::RollbackFailed, Some(Cause::Internal))]);
}

#[test]
fn an_execution_that_is_started_twice_is_one() {
    let weather = Weather { doubled_executions: 1_000, doubled_calls: 1_000, ..Weather::default() };
    for seed in 0..20 {
        let setup = Setup { seed, weather: weather.clone(), ..promoting(app()) };
        assert_eq!(endings(&setup), [(Outcome::Succeeded, None)]);
    }
}

/// The clean-up of a commit is held up by the cluster, the next promotion gets stuck half-way and cannot be turned
/// back: what runs then is left alone, whichever release it is of.
#[test]
fn a_late_clean_up_leaves_what_a_failed_rollback_left() {
    let without_worker = ReleaseSpec::of([ServiceSpec::new("web", 3)]);
    for committed_ms in (20_000..32_000).step_by(20) {
        let away = |from_ms, to_ms| Outage { away: Away::Cluster, from_ms, to_ms };
        let outages =
            vec![away(committed_ms, committed_ms + 20_000), away(committed_ms + 32_000, committed_ms + 1_800_000)];
        let weather = Weather { outages, ..Weather::default() };
        let releases = vec![app(), without_worker.clone(), without_worker.clone()];
        let setup = Setup { weather, ..Setup::new(releases).promote(1_000, 1).promote(committed_ms + 21_000, 2) };
        let web: u32 = running(&setup).iter().filter(|(service, ..)| service == "web").map(|(.., count)| count).sum();
        assert!(web >= 3, "{web} processes of web are left after {committed_ms} ms: {:?}", endings(&setup));
    }
}
