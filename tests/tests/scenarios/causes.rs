//! Each cause has a world in which it turns a promotion back.

use slipway_domain::promotion::{Cause, Outcome};
use slipway_tests::sim::cluster::{Ending, Image, Life, Meddling, Node, Script, Start};
use slipway_tests::sim::setup::{Act, ServiceSpec, Setup};
use slipway_tests::sim::weather::{Away, Outage, Weather};

use super::stage::{app, endings, promoting, running, with_web};

/// The world of a cause. A cause without a world does not compile.
fn world(cause: Cause) -> Setup {
    let script = match cause {
        Cause::ImageNotFound => Script { image: Image::NotFound, ..Script::default() },
        Cause::ImageDenied => Script { image: Image::Denied, ..Script::default() },
        Cause::ImagePullSlow => Script { image: Image::Slow(None), ..Script::default() },
        Cause::ImageInvalid => Script { image: Image::Invalid, ..Script::default() },
        Cause::ConfigError => Script { start: Start::KeyMissing, ..Script::default() },
        Cause::StartError => Script { start: Start::CommandMissing, ..Script::default() },
        Cause::Infrastructure => Script { evicted_ms: Some(2_000), ..Script::default() },
        Cause::CrashLoop => Script { life: ends(Ending::Code(1)), ..Script::default() },
        Cause::OutOfMemory => Script { life: ends(Ending::OutOfMemory), ..Script::default() },
        Cause::Exited => Script { life: ends(Ending::Zero), ..Script::default() },
        Cause::HealthTimeout => Script { boot_ms: None, ..Script::default() },
        Cause::NotRegistered => Script { registers_ms: None, ..Script::default() },
        Cause::Flapping => Script { life: Life::Flaps { up_ms: 1_500, down_ms: 700 }, ..Script::default() },
        Cause::Unschedulable => Script { node: Node::None(None), ..Script::default() },
        Cause::InitFailed => Script { init_failures: 2, ..Script::default() },
        Cause::Quota
        | Cause::AdmissionDenied
        | Cause::ClusterUnreachable
        | Cause::ClusterUnauthorized
        | Cause::Drifted
        | Cause::Deadline
        | Cause::Internal
        | Cause::Cancelled => return around(cause),
    };
    promoting(with_web(script))
}

/// Causes that lie outside of the release's processes.
fn around(cause: Cause) -> Setup {
    let mut setup = promoting(with_web(Script::default()));
    match cause {
        Cause::Quota => setup.cluster.quota = Some(4),
        Cause::AdmissionDenied => setup.releases[1].services[0].character.refused = true,
        Cause::ClusterUnreachable => setup.weather = away(Away::Cluster, 10_000, 130_000),
        Cause::ClusterUnauthorized => setup.weather = away(Away::Access, 8_000, 9_000),
        Cause::Drifted => return drifting(setup),
        // Each process takes the 40 s of its bake, and there are 90 s for three.
        Cause::Deadline => setup.releases[1].services[0].bake_seconds = 40,
        // Longer than the retries of a step last, which is 31 s at the most.
        Cause::Internal => setup.weather = away(Away::Store, 8_000, 70_000),
        _ => return setup.then(9_000, Act::Cancel),
    }
    setup
}

/// An outsider changes the object twice: once it is put right.
fn drifting(setup: Setup) -> Setup {
    let meddle = || Act::Meddle { release: 0, service: "web", with: Meddling::Template };
    setup.then(4_000, meddle()).then(6_000, meddle())
}

fn away(away: Away, from_ms: u64, to_ms: u64) -> Weather {
    Weather { outages: vec![Outage { away, from_ms, to_ms }], ..Weather::default() }
}

fn ends(how: Ending) -> Life {
    Life::Ends { after_ms: 300, how, times: None }
}

#[test]
fn each_cause_turns_a_promotion_back() {
    for cause in Cause::ALL {
        // Without access nothing can be put back, and what is healthy is left running.
        let outcome = match cause {
            Cause::Cancelled => Outcome::Cancelled,
            Cause::ClusterUnauthorized => Outcome::RollbackFailed,
            _ => Outcome::RolledBack,
        };
        assert_eq!(endings(&world(*cause)), [(outcome, Some(*cause))], "{cause}");
    }
}

#[test]
fn whatever_the_cause_the_old_release_runs_again_in_full() {
    for cause in Cause::ALL.iter().filter(|cause| **cause != Cause::ClusterUnauthorized) {
        let expected = [("web".to_owned(), 0, 3), ("worker".to_owned(), 0, 1)];
        assert_eq!(running(&world(*cause)), expected, "{cause}");
    }
}

/// What may still come right is waited for.
fn comes_right(script: Script) {
    let setup = promoting(with_web(script));
    assert_eq!(endings(&setup), [(Outcome::Succeeded, None)]);
}

#[test]
fn a_slow_pull_is_waited_for() {
    comes_right(Script { image: Image::Slow(Some(10_000)), ..Script::default() });
}

#[test]
fn a_pull_that_was_denied_once_is_not() {
    let script = Script { image: Image::DeniedFor(60_000), ..Script::default() };
    assert_eq!(endings(&promoting(with_web(script))), [(Outcome::RolledBack, Some(Cause::ImageDenied))]);
}

#[test]
fn a_full_node_is_waited_for() {
    comes_right(Script { node: Node::None(Some(15_000)), ..Script::default() });
}

#[test]
fn a_cache_that_syncs_is_waited_for() {
    comes_right(Script { start: Start::CacheSyncs(8_000), ..Script::default() });
}

#[test]
fn one_failure_of_an_init_container_is_forgiven() {
    comes_right(Script { init_failures: 1, ..Script::default() });
}

#[test]
fn one_crash_is_forgiven() {
    let life = Life::Ends { after_ms: 300, how: Ending::Code(1), times: Some(1) };
    comes_right(Script { life, ..Script::default() });
}

#[test]
fn a_process_that_could_not_be_started_is_replaced_once() {
    let mut release = with_web(Script::default());
    let fault = Script { start: Start::NodeFault, ..Script::default() };
    release.services[0].character.odd = vec![(1, fault.clone())];
    assert_eq!(endings(&promoting(release.clone())), [(Outcome::Succeeded, None)]);
    release.services[0].character.odd.push((2, fault));
    assert_eq!(endings(&promoting(release)), [(Outcome::RolledBack, Some(Cause::StartError))]);
}

#[test]
fn an_evicted_process_is_replaced_and_not_counted() {
    let mut release = with_web(Script::default());
    let evicted = Script { evicted_ms: Some(2_500), ..Script::default() };
    release.services[0].character.odd = vec![(0, evicted.clone()), (1, evicted.clone()), (2, evicted)];
    assert_eq!(endings(&promoting(release)), [(Outcome::Succeeded, None)]);
}

#[test]
fn a_short_loss_of_the_cluster_is_waited_for() {
    let mut setup = promoting(app());
    setup.weather = away(Away::Cluster, 8_000, 50_000);
    assert_eq!(endings(&setup), [(Outcome::Succeeded, None)]);
}

#[test]
fn a_short_loss_of_the_store_is_waited_for() {
    let mut setup = promoting(app());
    setup.weather = away(Away::Store, 8_000, 9_000);
    assert_eq!(endings(&setup), [(Outcome::Succeeded, None)]);
}

#[test]
fn a_quota_is_met_by_stopping_an_old_one_first_where_the_minimum_allows() {
    let mut setup = promoting(with_web(Script::default()));
    setup.cluster.quota = Some(4);
    let lower = |service: ServiceSpec| ServiceSpec { minimum_percent: 50, ..service };
    setup.releases[1].services = setup.releases[1].services.clone().into_iter().map(lower).collect();
    setup.releases[1].services[1].minimum_percent = 0;
    assert_eq!(endings(&setup), [(Outcome::Succeeded, None)]);
}
