//! From complete to the commit, and back when it no longer holds.

use slipway_domain::promotion::Phase;
use slipway_rollout::observation::Visibility;

use crate::world::{World, ago, booting, crash_loop, lost, many, ready, service, stopping, waiting};

/// Complete since so long ago, one bake of 5 s.
fn settling(seconds: u64) -> World {
    World::web(Phase::Settling, 2, 2)
        .fresh(many(2, &ready(99)))
        .but(|promotion| promotion.memory.complete_since = Some(ago(seconds)))
}

#[test]
fn complete_means_that_all_are_verified_and_none_of_the_others_is_left() {
    let complete = || World::rolling(2, 2).fresh(many(2, &ready(9)));
    assert_eq!(complete().says(), "Completed");
    let rows = [
        ("one unverified", complete().fresh(vec![ready(9), ready(4)]), "nothing"),
        ("an old one asked for", complete().old(vec![ready(500)]), "web/old 1→0"),
        ("one of neither release", complete().with("web", "other", vec![ready(500)]), "web/other 1→0"),
        (
            "an old one still runs",
            complete().old(vec![ready(500)]).see("web", "old", |old| old.replicas = 0),
            "nothing",
        ),
        ("a stopping one is not waited for", complete().old(vec![stopping(1)]), "Completed"),
        ("one too few", complete().fresh(vec![ready(9)]), "web/new 1→2"),
        ("not stamped", complete().see("web", "old", |old| old.epoch.0 = 6), "stamp web/old"),
    ];
    for (what, world, expected) in rows {
        assert_eq!(world.says(), expected, "{what}");
    }
}

#[test]
fn every_service_has_to_be_complete() {
    let world = World::of(Phase::Rolling, vec![service("web", Some(1), Some(1)), service("worker", None, Some(1))])
        .with("web", "new", vec![ready(9)]);
    assert_eq!(world.clone().with("worker", "new", vec![ready(3)]).says(), "nothing");
    assert_eq!(world.with("worker", "new", vec![ready(5)]).says(), "Completed");
}

#[test]
fn it_commits_after_one_more_bake() {
    for (seconds, expected) in [(0, "nothing"), (4, "nothing"), (5, "Settled"), (6, "Settled")] {
        assert_eq!(settling(seconds).says(), expected, "{seconds} s");
    }
    assert_eq!(settling(2).decide().wait.as_millis(), 3_000);
}

#[test]
fn the_longest_bake_of_all_services_counts() {
    let longer = |seconds| {
        let mut worker = service("worker", None, Some(0));
        worker.bake_ms = 20_000;
        settling(seconds).but(|promotion| promotion.plan.services.push(worker)).with("worker", "new", vec![])
    };
    assert_eq!(longer(19).says(), "nothing");
    assert_eq!(longer(20).says(), "Settled");
}

#[test]
fn the_bake_begins_when_everything_was_complete() {
    let complete = World::rolling(1, 1).fresh(vec![ready(99)]);
    let decision = complete.decide();
    assert_eq!(decision.memory.complete_since, Some(complete.now));
    let settling = complete.later(4).but(|promotion| promotion.phase = Phase::Settling);
    assert_eq!(settling.says(), "nothing");
    assert_eq!(settling.later(1).says(), "Settled");
}

#[test]
fn what_no_longer_holds_goes_back_to_rolling() {
    let rows = [
        ("one blinks", vec![ready(99), lost(1)]),
        ("one was replaced", vec![ready(99), booting(1)]),
        ("one is ready again, for less than the bake", vec![ready(99), ready(2)]),
        ("one is gone", vec![ready(99)]),
    ];
    for (what, new) in rows {
        let world = settling(9).fresh(new);
        assert_eq!(world.says(), "Uncompleted", "{what}");
        assert_eq!(world.decide().memory.complete_since, None, "{what}");
    }
    let unknown = settling(9).see("web", "new", |new| new.visibility = Visibility::Pending);
    assert_eq!(unknown.says(), "Uncompleted", "what is unknown is not done");
}

#[test]
fn a_doomed_process_turns_back_while_settling() {
    assert_eq!(settling(9).fresh(vec![ready(99), crash_loop()]).says(), "Broken(crash_loop)");
}

#[test]
fn a_process_to_be_replaced_goes_back_to_rolling_first() {
    let world = settling(9).fresh(vec![ready(99), waiting("RunContainerError", "device busy")]);
    assert_eq!(world.says(), "Uncompleted");
    let rolling = world.later(1).but(|promotion| promotion.phase = Phase::Rolling);
    assert_eq!(rolling.says(), "replace web/new-1");
}
