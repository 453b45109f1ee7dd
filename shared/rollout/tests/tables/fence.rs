//! The fence: stamps, missing objects, drift, and writes that may still be on their way.

use slipway_domain::promotion::{Epoch, Phase};
use slipway_rollout::fence::{Stamp, admits};

use crate::world::{EPOCH, World, crash_loop, many, ready};

fn preparing() -> World {
    World::web(Phase::Preparing, 2, 2).old(many(2, &ready(500)))
}

fn older(world: World, of: &str) -> World {
    world.see("web", of, |deployment| deployment.epoch = Epoch(6))
}

#[test]
fn the_first_act_of_an_epoch_is_to_stamp_everything_and_to_create_what_is_missing() {
    let rows = [
        (older(preparing(), "old").without("web", "new"), "create web/new, stamp web/old"),
        (preparing().without("web", "new"), "create web/new"),
        (preparing().without("web", "old").without("web", "new"), "create web/new, create web/old"),
        (older(older(preparing(), "old"), "new"), "stamp web/new, stamp web/old"),
        (older(preparing().with("web", "other", vec![]), "other"), "stamp web/other"),
        (older(preparing().with("cron", "other", vec![]), "old"), "stamp web/old"),
        (preparing(), "Prepared"),
    ];
    for (world, expected) in rows {
        let mut said: Vec<String> = world.says().split(", ").map(str::to_owned).collect();
        said.sort();
        assert_eq!(said.join(", "), expected);
    }
}

#[test]
fn the_stamps_come_first_in_every_phase_even_when_the_counts_are_right() {
    for phase in [Phase::Preparing, Phase::Rolling, Phase::Settling, Phase::Restoring] {
        let unstamped = World::web(phase, 1, 1).old(vec![ready(500)]).fresh(vec![crash_loop()]);
        let world = older(unstamped.but(|promotion| promotion.memory.stamped = Epoch(6)), "old");
        assert_eq!(world.says(), "stamp web/old", "{phase}");
        assert_eq!(world.decide().memory.stamped, Epoch(6), "{phase}");
    }
    let complete = older(World::web(Phase::Restoring, 1, 1).old(vec![ready(500)]), "old");
    assert_eq!(complete.says(), "stamp web/old", "done is judged by the stamp, too");
}

#[test]
fn only_what_bears_the_stamp_is_prepared() {
    let world = preparing();
    assert_eq!(world.decide().memory.stamped, EPOCH);
    assert_eq!(older(world, "new").decide().memory.stamped, Epoch(0));
}

fn drifted(world: World, generation: u64) -> World {
    world.see("web", "new", |new| {
        new.intact = false;
        new.generation = generation;
    })
}

fn put_right(world: World) -> World {
    world.see("web", "new", |new| {
        new.intact = true;
        new.epoch = EPOCH;
        new.generation += 1;
    })
}

fn rolling() -> World {
    World::rolling(1, 1).old(vec![ready(500)]).fresh(vec![ready(2)])
}

#[test]
fn drift_is_put_right_once_and_fails_the_second_time() {
    let first = drifted(rolling(), 11);
    assert_eq!(first.says(), "stamp web/new");
    assert_eq!(first.later(1).says(), "stamp web/new", "the same sight again");
    let right = put_right(first.later(1));
    assert_eq!(right.says(), "nothing");
    let second = drifted(right.later(1), 13);
    assert_eq!(second.says(), "Broken(drifted)");
    assert_eq!(
        second.failure().message,
        "web-rnewnewnewn (generation 13) was changed by somebody else, and again after it was put right"
    );
}

#[test]
fn what_the_cluster_reports_of_the_object_is_no_further_drift() {
    let mut world = drifted(rolling(), 11);
    for version in ["12", "13", "14", "15"] {
        assert_eq!(world.says(), "stamp web/new");
        world = world.later(1).see("web", "new", |new| version.clone_into(&mut new.resource_version));
    }
    let foreign = |world: World, epoch| world.see("web", "old", |old| old.epoch = Epoch(epoch));
    let first = foreign(put_right(world.later(1)).later(1), 3);
    assert_eq!(first.says(), "Broken(drifted)", "a stamp that was changed is a change");
}

#[test]
fn drift_in_a_further_change_may_be_a_conflict_and_is_put_right_once_more() {
    let first = drifted(rolling(), 11);
    let second = drifted(first.later(1), 12);
    assert_eq!(second.says(), "stamp web/new");
    assert_eq!(drifted(second.later(1), 13).says(), "Broken(drifted)");
}

#[test]
fn a_stamp_that_was_changed_is_drift_and_so_is_an_object_that_is_gone() {
    let first = older(rolling(), "old");
    assert_eq!(first.says(), "stamp web/old");
    let right = first.later(1).see("web", "old", |old| old.epoch = EPOCH);
    let gone = right.later(1).without("web", "new");
    assert_eq!(gone.says(), "Broken(drifted)");
    assert_eq!(rolling().without("web", "new").says(), "create web/new");
}

#[test]
fn what_an_older_worker_creates_late_is_stamped_and_no_drift() {
    let late = |world: World, service: &str| {
        world.with(service, "other", vec![]).see(service, "other", |other| other.epoch = Epoch(5))
    };
    let first = late(rolling(), "web");
    assert_eq!(first.says(), "stamp web/other");
    let right = first.later(1).see("web", "other", |other| other.epoch = EPOCH);
    let second = late(right.later(1), "cron");
    assert_eq!(second.says(), "stamp cron/other");
    assert!(second.decide().memory.counters.is_empty());
}

#[test]
fn drift_ends_nothing_while_restoring() {
    let mut world = World::web(Phase::Restoring, 1, 1).old(vec![ready(500)]).fresh(vec![ready(9)]);
    for generation in [11, 13, 15, 17] {
        world = drifted(world, generation);
        assert_eq!(world.says(), "stamp web/new");
        world = put_right(world.later(1)).later(1);
    }
}

#[test]
fn a_saved_action_that_is_not_shown_is_touched_before_anything_else() {
    let world = World::rolling(2, 2).old(many(2, &ready(500)));
    assert_eq!(world.clone().saved("web", "new", 4, 1).says(), "web/new 0→1", "decided again");
    assert_eq!(world.clone().saved("web", "old", 4, 1).says(), "stamp web/old", "and nothing goes up meanwhile");
    assert_eq!(world.clone().saved("web", "old", 3, 1).says(), "web/new 0→1", "a later turn has written the object");
    assert_eq!(world.saved("web", "old", 4, 2).says(), "web/new 0→1", "it is shown");
}

#[test]
fn nothing_ends_before_a_saved_action_is_touched() {
    let complete = World::web(Phase::Settling, 1, 1)
        .fresh(vec![ready(99)])
        .but(|promotion| promotion.memory.complete_since = Some(crate::world::ago(50)));
    assert_eq!(complete.says(), "Settled");
    assert_eq!(complete.saved("web", "old", 4, 1).says(), "stamp web/old");
    let restored = World::web(Phase::Restoring, 1, 1).old(vec![ready(99)]);
    assert_eq!(restored.says(), "Restored");
    assert_eq!(restored.saved("web", "new", 4, 1).says(), "stamp web/new");
}

#[test]
fn another_count_for_an_object_with_an_open_action_waits_for_its_stamp() {
    let rolling = World::rolling(2, 2).old(vec![ready(500), ready(500)]);
    assert_eq!(rolling.says(), "web/new 0→1");
    let same = rolling.clone().saved("web", "new", 4, 1);
    assert_eq!(same.says(), "web/new 0→1");
    let other = rolling.saved("web", "new", 4, 2);
    assert_eq!(other.says(), "stamp web/new");
}

#[test]
fn a_doomed_process_turns_back_whatever_is_on_its_way() {
    let world = World::rolling(1, 1).old(vec![ready(500)]).fresh(vec![crash_loop()]).saved("web", "old", 4, 0);
    assert_eq!(world.says(), "Broken(crash_loop)");
}

#[test]
fn a_write_lands_only_on_the_object_and_version_that_it_was_decided_on() {
    let observed = Stamp { uid: "a", resource_version: "10", epoch: Epoch(7) };
    let rows = [
        (observed, true),
        (Stamp { epoch: Epoch(6), ..observed }, true),
        (Stamp { epoch: Epoch(0), ..observed }, true),
        (Stamp { epoch: Epoch(8), ..observed }, false),
        (Stamp { resource_version: "11", ..observed }, false),
        (Stamp { resource_version: "9", ..observed }, false),
        (Stamp { uid: "b", ..observed }, false),
    ];
    for (current, admitted) in rows {
        assert_eq!(admits(current, observed), admitted, "{current:?}");
    }
}
