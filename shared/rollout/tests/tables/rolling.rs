//! The decision while rolling: what goes up, what goes down, in which order.

use slipway_domain::promotion::Phase;

use crate::world::{World, booting, crash_loop, lost, many, ready, release, service, stopping, unlisted};

#[test]
fn one_process_at_a_time_is_started_verified_and_stopped() {
    let rows = [
        (World::rolling(3, 3).old(many(3, &ready(500))), "web/new 0→1"),
        (World::rolling(3, 3).old(many(3, &ready(500))).fresh(vec![booting(1)]), "nothing"),
        (World::rolling(3, 3).old(many(3, &ready(500))).fresh(vec![ready(4)]), "nothing"),
        (World::rolling(3, 3).old(many(3, &ready(500))).fresh(vec![ready(5)]), "web/old 3→2, web/new 1→2"),
        (World::rolling(3, 3).old(many(2, &ready(500))).fresh(vec![ready(9)]), "web/new 1→2"),
        (World::rolling(3, 3).old(many(1, &ready(500))).fresh(many(3, &ready(9))), "web/old 1→0"),
        (World::rolling(3, 3).fresh(many(3, &ready(9))), "Completed"),
    ];
    for (world, expected) in rows {
        assert_eq!(world.says(), expected, "{:?}", world.seen.deployments);
    }
}

#[test]
fn a_process_is_verified_when_everything_about_it_holds() {
    let restarted = |count| crate::world::exit(1, "Error", "").clone_into_process(count);
    let rows = [
        ("ready for the bake", ready(5), true),
        ("ready for less", ready(4), false),
        ("not listed", unlisted(9), false),
        ("lost", lost(2), false),
        ("booting", booting(1), false),
        ("one restart", restarted(1), true),
        ("another image", slipway_rollout::observation::Process { genuine: false, ..ready(9) }, false),
    ];
    for (what, process, verified) in rows {
        let world = World::rolling(1, 1).old(vec![ready(500)]).fresh(vec![process]);
        assert_eq!(world.says(), if verified { "web/old 1→0" } else { "nothing" }, "{what}");
        assert_eq!(world.decide().verified, u32::from(verified), "{what}");
    }
}

trait IntoProcess {
    fn clone_into_process(self, restarts: u32) -> slipway_rollout::observation::Process;
}

impl IntoProcess for slipway_domain::promotion::Exit {
    fn clone_into_process(self, restarts: u32) -> slipway_rollout::observation::Process {
        slipway_rollout::observation::Process { restarts, last_exit: Some(self), ..ready(9) }
    }
}

#[test]
fn a_service_without_ports_is_verified_without_a_load_balancer() {
    let world = World::rolling(1, 1)
        .but(|promotion| promotion.plan.services[0].ports = false)
        .old(vec![unlisted(500)])
        .fresh(vec![unlisted(5)]);
    assert_eq!(world.says(), "web/old 1→0");
}

fn two_services() -> World {
    World::of(Phase::Rolling, vec![service("web", Some(2), Some(2)), service("worker", Some(2), Some(2))])
        .with("web", "old", many(2, &ready(500)))
        .with("worker", "old", many(2, &ready(500)))
}

#[test]
fn the_batch_is_shared_by_the_services_in_the_order_of_the_manifest() {
    let rows = [
        (two_services(), "web/new 0→1"),
        (two_services().batch(2), "web/new 0→2"),
        (two_services().batch(3), "web/new 0→2, worker/new 0→1"),
        (two_services().batch(9), "web/new 0→2, worker/new 0→2"),
        (two_services().batch(2).with("web", "new", vec![booting(1)]), "web/new 1→2"),
        (two_services().batch(2).with("worker", "new", vec![booting(1)]), "web/new 0→1"),
        (two_services().with("worker", "new", vec![booting(1)]), "nothing"),
        (two_services().with("web", "new", many(2, &ready(9))).with("web", "old", vec![]), "worker/new 0→1"),
    ];
    for (world, expected) in rows {
        assert_eq!(world.says(), expected, "batch {}", world.promotion.plan.batch);
    }
}

#[test]
fn a_larger_batch_moves_more_at_once() {
    let world = || World::rolling(6, 6).batch(3).old(many(6, &ready(500)));
    assert_eq!(world().says(), "web/new 0→3");
    assert_eq!(
        world().fresh(vec![ready(9), ready(9), booting(1)]).says(),
        "web/old 6→4, web/new 3→5",
        "what goes makes room"
    );
    let world = world().old(many(4, &ready(500))).fresh(vec![ready(9), ready(9), booting(1)]);
    assert_eq!(world.says(), "web/new 3→5");
}

#[test]
fn the_bound_is_the_formation_and_a_batch() {
    // A smaller formation: five old ones are two more than the bound of 3 + 1 allows beside one new one.
    let world = World::rolling(5, 3).old(many(5, &ready(500)));
    assert_eq!(world.says(), "web/old 5→4");
    assert_eq!(World::rolling(5, 3).old(many(4, &ready(500))).says(), "web/old 4→3, web/new 0→1");
    assert_eq!(World::rolling(5, 3).old(many(3, &ready(500))).says(), "web/new 0→1");
    // A larger one has room for a batch only.
    assert_eq!(World::rolling(3, 5).old(many(3, &ready(500))).says(), "web/new 0→1");
    assert_eq!(World::rolling(3, 5).batch(9).old(many(3, &ready(500))).says(), "web/new 0→5");
}

#[test]
fn what_goes_makes_room_at_once_unless_its_stop_counts() {
    let world = World::rolling(3, 3).old(many(3, &ready(500))).fresh(vec![ready(9)]);
    assert_eq!(world.says(), "web/old 3→2, web/new 1→2");
    assert_eq!(world.strict().says(), "web/old 3→2");
}

#[test]
fn stopping_processes_count_in_the_bound_only_when_strict() {
    let world = || World::rolling(2, 2).old(vec![ready(500), stopping(3)]).fresh(vec![ready(9)]);
    assert_eq!(world().says(), "web/new 1→2");
    assert_eq!(world().strict().says(), "nothing");
    // Pause and grace are 10 s here: half a minute later it counts as gone.
    let late = |seconds| World::rolling(2, 2).old(vec![ready(500), stopping(seconds)]).fresh(vec![ready(9)]).strict();
    assert_eq!(late(39).says(), "nothing");
    assert_eq!(late(40).says(), "web/new 1→2");
}

#[test]
fn no_more_than_a_batch_is_stopping() {
    let world = |seconds| {
        let old = [many(3, &ready(500)), many(1, &stopping(seconds))].concat();
        World::rolling(4, 4).old(old).fresh(many(2, &ready(9)))
    };
    assert_eq!(world(3).says(), "nothing");
    assert_eq!(world(40).says(), "web/old 3→2, web/new 2→3");
    let world = World::rolling(4, 4).batch(2).old([many(4, &crash_loop()), vec![stopping(3)]].concat());
    assert_eq!(world.says(), "web/old 4→3, web/new 0→2");
}

#[test]
fn unhealthy_old_processes_go_first_and_need_no_replacement() {
    let world = World::rolling(3, 3).old(vec![ready(500), crash_loop(), ready(500)]);
    assert_eq!(world.says(), "web/old 3→2, web/new 0→1");
    let world = World::rolling(3, 3).old(many(3, &booting(500)));
    assert_eq!(world.says(), "web/old 3→2, web/new 0→1", "never ready");
    let world = World::rolling(3, 3).batch(3).old(many(3, &crash_loop()));
    assert_eq!(world.says(), "web/old 3→0, web/new 0→3", "a fix ships while production is down");
}

#[test]
fn an_old_process_that_lost_its_readiness_just_now_neither_counts_nor_goes() {
    for (seconds, expected) in [(1, "web/new 0→1"), (29, "web/new 0→1"), (30, "web/old 3→2, web/new 0→1")] {
        assert_eq!(World::rolling(3, 3).old(many(3, &lost(seconds))).says(), expected, "{seconds} s");
    }
    // It does not count: two ready ones and a verified one are the minimum of three.
    let world = World::rolling(3, 3).old(vec![ready(500), ready(500), lost(9)]).fresh(vec![ready(9)]);
    assert_eq!(world.says(), "nothing");
    // Ready again, and not yet listed by the load balancer, is no loss either.
    let world = World::rolling(3, 3).old(vec![ready(500), ready(500), unlisted(9)]).fresh(vec![ready(9)]);
    assert_eq!(world.says(), "nothing");
}

#[test]
fn a_slot_without_a_process_is_an_unhealthy_process() {
    let world = World::rolling(3, 3).old(many(2, &ready(500))).see("web", "old", |old| old.replicas = 3);
    assert_eq!(world.says(), "web/old 3→2, web/new 0→1");
    let world = world.fresh(vec![ready(9)]);
    assert_eq!(world.says(), "web/old 3→2, web/new 1→2");
    let counted = world.see("web", "old", |old| old.replicas = 2);
    assert_eq!(counted.says(), "web/new 1→2", "the two that are ready stay until another is verified");
}

#[test]
fn processes_of_neither_release_go_before_those_of_the_old_one() {
    let world =
        World::rolling(3, 3).old(many(2, &ready(500))).with("web", "other", vec![ready(500)]).fresh(vec![ready(9)]);
    assert_eq!(world.says(), "web/other 1→0, web/new 1→2");
    let world = World::rolling(3, 3)
        .old(vec![ready(500), crash_loop()])
        .with("web", "other", vec![ready(500)])
        .fresh(vec![ready(9)]);
    assert_eq!(world.says(), "web/old 2→1, web/new 1→2", "an unhealthy one goes before a healthy one of neither");
    let world = World::rolling(3, 3).old(many(2, &ready(500))).with("web", "other", vec![ready(500)]);
    assert_eq!(world.says(), "web/new 0→1", "it is drained under the minimum, never cut");
}

#[test]
fn what_is_new_beyond_the_formation_goes_down_in_the_same_way() {
    let world = |after: u32| {
        World::rolling(5, after).but(|promotion| promotion.from = Some(release("new"))).without("web", "old")
    };
    assert_eq!(world(3).fresh(many(5, &ready(9))).says(), "web/new 5→4");
    assert_eq!(world(3).batch(2).fresh(many(5, &ready(9))).says(), "web/new 5→3");
    assert_eq!(world(3).fresh([many(4, &ready(9)), vec![stopping(2)]].concat()).says(), "nothing");
    assert_eq!(world(3).fresh([many(3, &ready(9)), many(2, &booting(1))].concat()).says(), "web/new 5→4", "unverified");
    assert_eq!(world(3).fresh(many(5, &lost(9))).says(), "nothing", "a blip of all of them");
    assert_eq!(world(0).fresh(many(5, &ready(9))).says(), "web/new 5→4");
}

#[test]
fn nothing_is_done_for_a_service_whose_last_write_is_not_visible() {
    assert_eq!(two_services().pending("web", "old").says(), "worker/new 0→1");
    assert_eq!(two_services().pending("web", "new").says(), "worker/new 0→1");
    assert_eq!(two_services().pending("web", "old").pending("worker", "old").says(), "nothing");
    let world = World::rolling(1, 1).old(vec![]).fresh(vec![ready(9)]);
    assert_eq!(world.says(), "Completed");
    assert_eq!(world.pending("web", "old").says(), "nothing", "what is unknown is not done");
}

#[test]
fn what_is_on_its_way_counts_although_it_is_not_visible() {
    let world = two_services().with("web", "new", vec![]).see("web", "new", |new| new.replicas = 1);
    assert_eq!(world.pending("web", "new").says(), "nothing", "the batch is used up");
}

#[test]
fn a_service_of_which_none_is_asked_for_is_verified_at_once() {
    assert_eq!(World::rolling(0, 0).says(), "Completed");
    assert_eq!(World::rolling(2, 0).old(many(2, &ready(500))).says(), "web/old 2→1");
    assert_eq!(World::rolling(2, 0).says(), "Completed");
}

#[test]
fn a_service_that_the_target_lacks_keeps_its_processes_until_the_commit() {
    let world = World::of(Phase::Rolling, vec![service("web", Some(1), Some(1)), service("cron", Some(2), None)]).with(
        "cron",
        "old",
        many(2, &ready(500)),
    );
    assert_eq!(world.clone().with("web", "old", vec![ready(500)]).says(), "web/new 0→1");
    assert_eq!(world.with("web", "new", vec![ready(9)]).says(), "Completed");
}

#[test]
fn a_new_service_starts_from_nothing() {
    let services = vec![service("web", Some(1), Some(1)), service("cron", None, Some(2))];
    let world = World::of(Phase::Rolling, services).with("web", "new", vec![ready(9)]);
    assert_eq!(world.clone().says(), "cron/new 0→1");
    assert_eq!(world.with("cron", "new", vec![ready(9)]).says(), "cron/new 1→2");
}

#[test]
fn a_count_that_somebody_changed_is_the_new_starting_point() {
    let world = World::rolling(3, 3).old(many(1, &ready(500))).fresh(vec![ready(9)]);
    assert_eq!(world.says(), "web/new 1→2");
    let world = World::rolling(3, 3).old(many(3, &ready(500))).fresh(many(5, &ready(9)));
    assert_eq!(world.says(), "web/old 3→2");
}
