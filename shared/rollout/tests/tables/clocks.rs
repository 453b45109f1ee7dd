//! Clocks, requests, and what cannot be seen.

use std::time::Duration;

use slipway_domain::promotion::{Cause, Phase};
use slipway_domain::time::Time;
use slipway_rollout::decide::{Mode, Unseen, deadline};

use crate::world::{NOW, World, ago, booting, homeless, lost, many, ready, stopping, unlisted};

const OPEN: [Phase; 4] = [Phase::Preparing, Phase::Rolling, Phase::Settling, Phase::Restoring];

fn at_work(phase: Phase) -> World {
    World::web(phase, 2, 2).old(many(2, &ready(500)))
}

fn millis(time: Time, millis: i64) -> Time {
    Time::from_millis(time.as_millis() + millis)
}

#[test]
fn each_phase_has_its_clock() {
    let rows = [
        (Phase::Preparing, 10, 60, "Broken(deadline)"),
        (Phase::Rolling, 90, 600, "Broken(deadline)"),
        (Phase::Settling, 90, 600, "Broken(deadline)"),
        (Phase::Restoring, 20, 600, "RestoringOver(deadline)"),
    ];
    for (phase, began, limit, expected) in rows {
        let mut world = at_work(phase).fresh(vec![booting(1)]);
        let due = ago(began).plus(Duration::from_secs(limit));
        assert_eq!(deadline(&world.promotion), due, "{phase}");
        world.now = millis(due, -1);
        assert!(!world.says().contains("deadline"), "{phase}: a moment before");
        for after in [0, 1, 60_000] {
            world.now = millis(due, after);
            assert_eq!(world.says(), expected, "{phase}: {after} ms after");
        }
    }
}

#[test]
fn a_shorter_deadline_may_be_asked_for() {
    let mut world = at_work(Phase::Rolling).fresh(vec![booting(1)]).but(|promotion| promotion.plan.total_ms = 95_000);
    assert_eq!(world.says(), "nothing");
    world.now = NOW.plus(Duration::from_secs(5));
    assert_eq!(world.failure().message, "not done in time, while rolling");
}

#[test]
fn the_deadline_names_what_is_waited_for() {
    let world = at_work(Phase::Rolling).fresh(vec![homeless()]);
    let mut late = world.later(1);
    late.now = NOW.plus(Duration::from_mins(10));
    let failure = late.failure();
    assert_eq!(failure.cause, Cause::Unschedulable);
    assert_eq!(failure.message, "0/1 nodes are available: 1 Insufficient memory.");
    assert_eq!(failure.process.as_deref(), Some("web/new-0"));
    assert_eq!(failure.at, late.now);
    // The wait is over when the next look does not see it any more.
    let mut over = world.later(1).fresh(vec![ready(2)]).later(1);
    over.now = NOW.plus(Duration::from_mins(10));
    assert_eq!(over.failure().cause, Cause::Deadline);
}

#[test]
fn a_wait_keeps_the_time_at_which_it_began() {
    let first = at_work(Phase::Rolling).fresh(vec![homeless()]).later(1);
    let second = first.later(1);
    assert_eq!(first.promotion.memory.waiting.as_ref().unwrap().at, NOW);
    assert_eq!(second.promotion.memory, first.promotion.memory, "a wait that goes on is no news");
}

#[test]
fn a_cancel_turns_back_in_every_phase_but_restoring() {
    for (phase, expected) in [
        (Phase::Preparing, "Broken(cancelled)"),
        (Phase::Rolling, "Broken(cancelled)"),
        (Phase::Settling, "Broken(cancelled)"),
    ] {
        let world = at_work(phase).but(|promotion| promotion.cancel = Some("ada".to_owned()));
        assert_eq!(world.says(), expected);
        assert_eq!(world.failure().message, "cancelled by ada");
        let unreachable = world.unseen(Unseen::Unreachable("timed out".to_owned()));
        assert_eq!(unreachable.says(), expected, "it needs no look at the cluster");
    }
    let restoring = at_work(Phase::Restoring);
    let asked = restoring.clone().but(|promotion| promotion.cancel = Some("ada".to_owned()));
    assert_eq!(asked.says(), restoring.says());
}

#[test]
fn lost_access_turns_back_and_ends_restoring() {
    for phase in OPEN {
        let world = at_work(phase).unseen(Unseen::Unauthorized("403 Forbidden".to_owned()));
        let expected = if phase == Phase::Restoring { "RestoringOver" } else { "Broken" };
        assert_eq!(world.says(), format!("{expected}(cluster_unauthorized)"));
        assert_eq!(world.failure().message, "403 Forbidden");
    }
}

#[test]
fn an_unreachable_cluster_holds_everything_but_the_clocks() {
    for phase in OPEN {
        let world = at_work(phase).unseen(Unseen::Unreachable("timed out".to_owned()));
        assert_eq!(world.says(), "nothing", "{phase}");
        let mut late = world.later(1);
        assert_eq!(late.promotion.memory.processes, world.promotion.memory.processes);
        late.now = deadline(&late.promotion);
        let expected = if phase == Phase::Restoring { "RestoringOver" } else { "Broken" };
        assert_eq!(late.says(), format!("{expected}(cluster_unreachable)"), "{phase}");
        // It answered again: that was not the reason.
        let mut seen = late.clone();
        seen.unseen = None;
        seen.now = NOW;
        assert_eq!(seen.later(1).promotion.memory.waiting, None, "{phase}");
    }
}

#[test]
fn a_step_that_keeps_failing_turns_back() {
    for phase in OPEN {
        let mut world = at_work(phase);
        let advancing = world.says();
        world.mode = Mode::Restore;
        let expected = if phase == Phase::Restoring { advancing } else { "Broken(internal)".to_owned() };
        assert_eq!(world.says(), expected, "{phase}");
    }
    let mut late = at_work(Phase::Rolling);
    late.mode = Mode::Restore;
    late.now = deadline(&late.promotion);
    assert_eq!(late.says(), "Broken(deadline)", "the state machine saw the deadline first");
}

#[test]
fn turning_back_does_nothing_else_in_the_same_step() {
    let world = at_work(Phase::Rolling).batch(3).fresh(vec![crate::world::crash_loop()]);
    assert_eq!(world.says(), "Broken(crash_loop)");
}

#[test]
fn nothing_is_decided_of_a_promotion_that_has_ended() {
    let mut world = at_work(Phase::Ended).but(|promotion| promotion.cancel = Some("ada".to_owned()));
    world.mode = Mode::Restore;
    assert_eq!(world.says(), "nothing");
    world.now = NOW.plus(Duration::from_hours(9));
    assert_eq!(world.unseen(Unseen::Unauthorized(String::new())).says(), "nothing");
}

/// How long the step waits for a change, in milliseconds.
fn wait(world: &World) -> u128 {
    world.decide().wait.as_millis()
}

#[test]
fn the_wait_ends_when_a_clock_of_a_process_is_due() {
    let world = |process| at_work(Phase::Rolling).fresh(vec![process]);
    let rows = [
        ("baked", world(ready(2)), 3_005),
        ("boot", world(booting(1)), 3_005),
        ("registration", world(unlisted(100)), 20_005),
        ("lost", world(lost(12)), 18_005),
        ("nothing", world(ready(50)), 50_000),
    ];
    for (what, world, expected) in rows {
        assert_eq!(wait(&world), expected, "{what}");
    }
    let stopping = World::rolling(1, 1).strict().old(vec![stopping(25)]).fresh(vec![homeless()]);
    assert_eq!(wait(&stopping), 15_005, "gone");
    let mut late = world(homeless());
    late.now = millis(deadline(&late.promotion), -7);
    assert_eq!(wait(&late), 20, "a clock that is due now must not spin");
}

/// A cluster that tells the time in whole seconds may have told it up to one late.
#[test]
fn the_part_of_a_second_that_the_cluster_did_not_tell_is_not_waited_for_twice() {
    let mut world = World::rolling(1, 1).old(vec![ready(500)]).fresh(vec![ready(2)]);
    let rows = [(0, 3_005), (300, 2_705), (850, 2_155), (999, 2_105), (5_000, 2_105), (-400, 3_005), (-90_000, 3_005)];
    for (ahead, expected) in rows {
        world.now = millis(world.seen.at, ahead);
        assert_eq!(wait(&world), expected, "our clock is {ahead} ms ahead");
    }
    // Looks that come too early are a tenth of a second apart.
    let mut early = World::rolling(1, 1).old(vec![ready(500)]).fresh(vec![ready(4)]);
    early.now = millis(early.seen.at, 950);
    assert_eq!(wait(&early), 105);
}

#[test]
fn a_clock_that_the_step_waits_for_has_run_out_when_it_looks_again() {
    // Whole seconds: the look after the wait is at the moment itself.
    let fails = |process, expected: &str| {
        let world = at_work(Phase::Rolling).fresh(vec![process]);
        assert_eq!(world.says(), "nothing");
        let seconds = u64::try_from(wait(&world) / 1000).unwrap();
        assert_eq!(world.later(seconds).says(), expected);
    };
    fails(booting(1), "Broken(health_timeout)");
    fails(unlisted(100), "Broken(not_registered)");
    fails(lost(12), "Broken(health_timeout)");
    fails(ready(2), "web/old 2→1, web/new 1→2");
}
