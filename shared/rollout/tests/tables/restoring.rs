//! The decision while restoring: the same counting with the old release as the target, in a hurry.

use slipway_domain::promotion::Phase;
use slipway_rollout::observation::Process;

use crate::world::{
    World, booting, crash_loop, exit, lost, many, name, ready, release, service, stopping, unlisted, waiting,
};

fn restoring(before: u32, after: u32) -> World {
    World::web(Phase::Restoring, before, after)
}

fn healthy_before(world: World, count: u32) -> World {
    world.but(|promotion| promotion.healthy_before = Some([(name("web"), count)].into()))
}

#[test]
fn the_new_release_goes_and_the_old_one_comes_back() {
    let rows = [
        (restoring(3, 3).old(many(3, &ready(500))).fresh(vec![crash_loop()]), "web/new 1→0"),
        (restoring(3, 3).old(many(3, &ready(500))).fresh(vec![ready(9)]), "web/new 1→0"),
        (restoring(3, 3).old(many(2, &ready(500))).fresh(many(2, &ready(9))), "web/new 2→1"),
        (restoring(3, 3).fresh(many(3, &ready(9))), "web/old 0→1"),
        (restoring(3, 3).old(vec![booting(1)]).fresh(many(3, &ready(9))), "nothing"),
        (restoring(3, 3).old(vec![ready(0)]).fresh(many(3, &ready(9))), "web/new 3→2"),
        (restoring(3, 3).fresh(many(3, &crash_loop())), "web/old 0→1, web/new 3→0"),
        (restoring(3, 3).old(many(3, &ready(0))), "Restored"),
    ];
    for (world, expected) in rows {
        assert_eq!(world.says(), expected);
    }
}

#[test]
fn only_the_bound_limits_the_way_up() {
    assert_eq!(restoring(5, 5).says(), "web/old 0→5", "no batch");
    assert_eq!(restoring(5, 5).old(many(2, &booting(1))).says(), "web/old 2→5", "nor what is in flight");
    assert_eq!(restoring(5, 5).fresh(many(4, &ready(9))).says(), "web/old 0→2");
    let waiting = restoring(5, 5).strict().fresh(many(5, &stopping(1)));
    assert_eq!(waiting.says(), "web/old 0→5", "it does not wait for what is stopping");
    let down = restoring(5, 5).old(many(5, &ready(9))).fresh([many(3, &ready(9)), many(4, &stopping(1))].concat());
    assert_eq!(down.says(), "web/new 3→0", "nor is a batch the most that may be stopping");
}

#[test]
fn the_bake_and_restarts_are_ignored() {
    let restarted = Process { restarts: 9, last_exit: Some(exit(1, "Error", "")), ..ready(0) };
    let world = restoring(1, 1).old(vec![restarted]);
    assert_eq!(world.says(), "Restored");
    assert_eq!(restoring(1, 1).old(vec![unlisted(500)]).says(), "nothing", "but not the load balancer");
    let another = Process { genuine: false, ..ready(500) };
    assert_eq!(restoring(1, 1).old(vec![another]).says(), "nothing", "nor the image");
}

#[test]
fn the_minimum_is_at_most_what_was_healthy_before() {
    let world = |healthy| healthy_before(restoring(3, 3), healthy).old(vec![ready(9)]).fresh(many(3, &ready(9)));
    for (healthy, expected) in [(3, "web/new 3→2"), (2, "web/new 3→1"), (1, "web/new 3→0"), (0, "web/new 3→0")]
    {
        assert_eq!(world(healthy).says(), expected, "{healthy}");
    }
    // Half of four are two, and no more were healthy: two stay.
    let blocked =
        |healthy| healthy_before(restoring(4, 4), healthy).minimum(50).old(vec![booting(1)]).fresh(many(4, &ready(9)));
    assert_eq!(blocked(4).says(), "web/new 4→2", "up is blocked by the bound");
    assert_eq!(blocked(2).says(), "web/new 4→2");
    assert_eq!(blocked(1).says(), "web/new 4→1");
    let on_its_way = restoring(4, 4).minimum(50).old(many(4, &booting(1))).fresh(vec![ready(9)]);
    assert_eq!(on_its_way.says(), "nothing", "nothing is blocked: the ready one stays until others are");
}

#[test]
fn complete_means_as_many_verified_as_were_healthy_before() {
    let limping = || restoring(3, 3).old(vec![ready(9), crash_loop(), booting(900)]);
    assert_eq!(healthy_before(limping(), 1).says(), "Restored");
    assert_eq!(healthy_before(limping(), 2).says(), "nothing");
    assert_eq!(
        healthy_before(restoring(2, 2).old(many(2, &ready(9))), 7).says(),
        "Restored",
        "but no more than asked for"
    );
    let rows = [
        ("the counts stand", restoring(3, 3).old(many(2, &ready(9))), "web/old 2→3"),
        (
            "the stamps stand",
            restoring(1, 1).old(vec![ready(9)]).see("web", "new", |new| new.epoch.0 = 6),
            "stamp web/new",
        ),
        ("no other process is left", restoring(1, 1).old(vec![ready(9)]).fresh(vec![ready(9)]), "web/new 1→0"),
        (
            "nor one of neither release",
            restoring(1, 1).old(vec![ready(9)]).with("web", "other", vec![ready(9)]),
            "web/other 1→0",
        ),
        (
            "nor one that still runs",
            restoring(1, 1).old(vec![ready(9)]).fresh(vec![ready(9)]).see("web", "new", |new| new.replicas = 0),
            "nothing",
        ),
        ("the write is visible", restoring(1, 1).old(vec![ready(9)]).pending("web", "old"), "nothing"),
        ("stopping ones are not waited for", restoring(1, 1).old(vec![ready(9)]).fresh(vec![stopping(1)]), "Restored"),
    ];
    for (what, world, expected) in rows {
        assert_eq!(world.says(), expected, "{what}");
    }
}

#[test]
fn a_blip_of_all_of_them_does_not_remove_the_fleet() {
    let world = |seconds| restoring(3, 3).old(vec![lost(seconds)]).fresh(many(3, &lost(seconds)));
    assert_eq!(world(29).says(), "nothing");
    assert_eq!(world(30).says(), "web/new 3→0");
    let flapping = restoring(3, 3).old(many(3, &ready(500))).fresh(vec![lost(2)]);
    assert_eq!(flapping.says(), "web/new 1→0", "the old release alone is enough");
}

#[test]
fn a_failure_is_told_once_and_ends_nothing() {
    let world = restoring(2, 2).old(vec![ready(9), crash_loop()]);
    assert_eq!(world.says(), "nothing");
    let told = |world: &World| -> Vec<String> {
        world.decide().notes.into_iter().map(|note| format!("{}: {}", note.about, note.message)).collect()
    };
    assert!(told(&world).contains(&"web/old-1: Fails while it is put back: crash_loop".to_owned()));
    assert_eq!(told(&world.later(1)), Vec::<String>::new());
    let unstartable = restoring(1, 1).old(vec![waiting("RunContainerError", "device busy")]);
    assert_eq!(unstartable.says(), "nothing");
    assert_eq!(unstartable.later(600).says(), "RestoringOver(deadline)");
}

#[test]
fn services_that_the_old_release_lacks_go_to_0_at_once() {
    let services = vec![service("web", Some(1), Some(1)), service("cron", None, Some(3))];
    let world = World::of(Phase::Restoring, services).with("cron", "new", many(3, &ready(9)));
    assert_eq!(world.clone().with("web", "old", vec![booting(1)]).says(), "cron/new 3→0");
    assert_eq!(world.clone().pending("cron", "new").says(), "cron/new 3→0, web/old 0→1");
    let going = world.with("web", "old", vec![ready(9)]).see("cron", "new", |cron| cron.replicas = 0);
    assert_eq!(going.says(), "nothing", "they still run");
}

#[test]
fn services_that_the_new_release_lacks_are_put_back() {
    let services = vec![service("web", Some(1), Some(1)), service("cron", Some(2), None)];
    let world = World::of(Phase::Restoring, services).with("web", "old", vec![ready(9)]);
    assert_eq!(world.clone().says(), "cron/old 0→2");
    assert_eq!(world.with("cron", "old", many(2, &ready(9))).says(), "Restored");
}

#[test]
fn without_an_old_release_everything_goes_to_0() {
    let world =
        |processes| restoring(2, 2).but(|promotion| promotion.from = None).without("web", "old").fresh(processes);
    assert_eq!(world(many(2, &ready(9))).says(), "web/new 2→0");
    assert_eq!(world(vec![stopping(1)]).says(), "Emptied");
    assert_eq!(world(vec![ready(9)]).see("web", "new", |new| new.replicas = 0).says(), "nothing", "one still runs");
    let stranger = world(vec![]).with("cron", "other", vec![ready(9)]);
    assert_eq!(stranger.says(), "cron/other 1→0", "every Deployment of ours");
}

#[test]
fn a_scaling_goes_back_to_the_formation_before() {
    let same = |before, after, count| {
        let world = World::web(Phase::Restoring, before, after).without("web", "old");
        world.but(|promotion| promotion.from = Some(release("new"))).fresh(many(count, &ready(9)))
    };
    assert_eq!(same(2, 5, 4).says(), "web/new 4→2");
    assert_eq!(same(5, 2, 3).says(), "web/new 3→5");
    assert_eq!(same(2, 5, 2).says(), "Restored");
}

#[test]
fn nothing_is_done_for_a_service_whose_last_write_is_not_visible() {
    let world = restoring(3, 3).fresh(many(3, &crash_loop()));
    assert_eq!(world.clone().pending("web", "new").says(), "nothing");
    assert_eq!(world.pending("web", "old").says(), "nothing");
}
