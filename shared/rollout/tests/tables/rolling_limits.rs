//! What holds a rollout up, what it may give up for it, and what fails it.

use slipway_domain::promotion::Phase;
use slipway_rollout::observation::{Process, Refusal, Visibility};

use crate::world::{
    World, booting, crash_loop, exit, homeless, lost, many, name, ready, release, service, unlisted, waiting,
};

fn refused(world: World, refusal: Refusal) -> World {
    world.see("web", "new", |new| {
        new.replicas = 1;
        new.visibility = Visibility::Refused(refusal);
    })
}

fn quota() -> Refusal {
    Refusal::Quota("exceeded quota: pods, requested: pods=1, used: pods=4, limited: pods=4".to_owned())
}

#[test]
fn below_the_formation_only_while_the_way_up_is_blocked() {
    let world = |percent| World::rolling(4, 4).minimum(percent).old(many(4, &ready(500)));
    assert_eq!(world(50).says(), "web/new 0→1", "there is room");
    assert_eq!(world(50).fresh(vec![booting(1)]).says(), "nothing", "the batch is in flight");
    // No node for the next one.
    assert_eq!(world(50).fresh(vec![homeless()]).says(), "web/old 4→3");
    assert_eq!(world(100).fresh(vec![homeless()]).says(), "nothing");
    // Quota.
    assert_eq!(refused(world(50), quota()).says(), "web/old 4→3");
    assert_eq!(refused(world(100), quota()).says(), "nothing");
    // The bound: an old one that blinks takes the room of the next.
    let blinking =
        |percent| world(percent).old(vec![ready(500), ready(500), ready(500), lost(3)]).fresh(vec![ready(9)]);
    assert_eq!(blinking(100).says(), "nothing");
    assert_eq!(blinking(75).says(), "web/old 4→3, web/new 1→2");
    // Blocked, and at the minimum.
    assert_eq!(world(50).old(many(2, &ready(500))).fresh(vec![homeless()]).says(), "nothing");
    assert_eq!(world(25).old(many(2, &ready(500))).fresh(vec![homeless()]).says(), "web/old 2→1");
    assert_eq!(world(0).old(many(1, &ready(500))).fresh(vec![homeless()]).says(), "web/old 1→0");
}

#[test]
fn the_minimum_is_rounded_up() {
    let rows = [(3, 50, 2, "nothing"), (3, 50, 3, "web/old 3→2"), (3, 67, 3, "nothing"), (3, 66, 3, "web/old 3→2")];
    for (formation, percent, left, expected) in rows {
        let world = World::rolling(formation, formation).minimum(percent).old(many(left, &ready(500)));
        assert_eq!(world.fresh(vec![homeless()]).says(), expected, "{percent} % of {formation}, {left} left");
    }
}

#[test]
fn strict_with_a_minimum_below_the_formation_drains_first() {
    let world = World::rolling(2, 2).strict().minimum(50);
    let stopping = [many(1, &ready(500)), vec![crate::world::stopping(2)]].concat();
    assert_eq!(world.clone().old(stopping).fresh(vec![ready(9)]).says(), "nothing", "one is stopping already");
    assert_eq!(world.old(many(1, &ready(500))).fresh(vec![ready(9)]).says(), "web/new 1→2");
}

#[test]
fn a_refusal_by_an_admission_webhook_fails() {
    let world = refused(World::rolling(1, 1).old(vec![ready(500)]), Refusal::Admission("no latest tags".to_owned()));
    assert_eq!(world.says(), "Broken(admission_denied)");
    let failure = world.failure();
    assert_eq!(
        (failure.service, failure.message.as_str()),
        (Some(name("web")), "the cluster refused it: no latest tags")
    );
}

#[test]
fn a_refusal_that_may_pass_is_waited_for_and_named_at_the_deadline() {
    for (refusal, cause) in [(quota(), "quota"), (Refusal::Other("no such account".to_owned()), "config_error")] {
        let world = refused(World::rolling(1, 1).old(vec![ready(500)]), refusal);
        assert_eq!(world.says(), "nothing");
        assert_eq!(world.later(600).says(), format!("Broken({cause})"));
    }
}

#[test]
fn the_first_doomed_process_fails_the_rollout_whatever_the_batch() {
    for batch in [1, 5] {
        let world = World::rolling(5, 5).batch(batch).old(many(5, &ready(500))).fresh(vec![ready(9), crash_loop()]);
        assert_eq!(world.says(), "Broken(crash_loop)");
        let failure = world.failure();
        assert_eq!(failure.service, Some(name("web")));
        assert_eq!(failure.process.as_deref(), Some("web/new-1"));
        assert_eq!(failure.exit, Some(exit(1, "Error", "")));
    }
}

#[test]
fn the_health_of_the_old_release_fails_nothing() {
    let world = World::rolling(2, 2).old(many(2, &crash_loop()));
    assert_eq!(world.says(), "web/old 2→1, web/new 0→1");
}

fn unstartable() -> Process {
    waiting("RunContainerError", "context deadline exceeded")
}

fn fresh(process: Process) -> impl FnOnce(&mut slipway_rollout::observation::Deployment) {
    move |new| new.processes = vec![Process { name: "web/new-9".into(), uid: "uid-web/new-9".into(), ..process }]
}

#[test]
fn a_process_that_cannot_start_is_replaced_once() {
    let first = World::rolling(1, 1).old(vec![ready(500)]).fresh(vec![unstartable()]);
    assert_eq!(first.says(), "replace web/new-0");
    assert_eq!(first.later(1).says(), "replace web/new-0", "it was saved, and not carried out");
    let second = first.later(1).see("web", "new", fresh(unstartable()));
    assert_eq!(second.says(), "Broken(start_error)");
    let healed = first.later(1).see("web", "new", fresh(booting(1)));
    assert_eq!(healed.says(), "nothing");
}

#[test]
fn a_process_that_is_replaced_counts_as_stopping_in_the_same_decision() {
    let world = World::rolling(4, 4).batch(2).old(many(4, &ready(500))).fresh(vec![unstartable()]);
    assert_eq!(world.clone().says(), "replace web/new-0, web/new 1→2");
    assert_eq!(world.strict().says(), "replace web/new-0");
    // Of a batch of 1 the replaced one is all that may stop.
    let world = World::rolling(2, 2).old(vec![ready(500), crash_loop()]).fresh(vec![unstartable()]);
    assert_eq!(world.says(), "replace web/new-0");
}

#[test]
fn two_that_cannot_start_in_one_look_are_one_sight() {
    let world = World::rolling(2, 2).batch(2).old(many(2, &ready(500))).fresh(many(2, &unstartable()));
    assert_eq!(world.says(), "replace web/new-0, replace web/new-1");
    assert_eq!(world.later(1).see("web", "new", fresh(unstartable())).says(), "Broken(start_error)");
}

#[test]
fn nothing_is_replaced_while_the_last_write_is_not_visible() {
    let world = World::rolling(1, 1).old(vec![ready(500)]).fresh(vec![unstartable()]).pending("web", "new");
    assert_eq!(world.says(), "nothing");
    assert!(world.decide().memory.counters.is_empty());
}

#[test]
fn a_denied_pull_fails_when_it_is_seen_twice() {
    let denied = || waiting("ErrImagePull", "server message: insufficient_scope: authorization failed");
    let world = World::rolling(2, 2).batch(2).old(many(2, &ready(500))).fresh(many(2, &denied()));
    assert_eq!(world.says(), "nothing", "two in one look are one sight");
    assert_eq!(world.later(1).says(), "Broken(image_denied)");
    let passed = world.later(1).fresh(many(2, &booting(1)));
    assert_eq!(passed.says(), "nothing");
}

#[test]
fn readiness_is_counted_as_lost_inside_the_bake_only() {
    let mut world = World::rolling(1, 1).old(vec![ready(500)]).fresh(vec![ready(1)]);
    for losses in 1..=3 {
        world = world.later(0).fresh(vec![lost(0)]);
        let expected = if losses == 3 { "Broken(flapping)" } else { "nothing" };
        assert_eq!(world.says(), expected, "{losses}");
        world = world.later(0).fresh(vec![ready(1)]);
    }
    let mut world = World::rolling(1, 1).old(vec![ready(500)]).fresh(vec![ready(9)]);
    for _ in 0..5 {
        world = world.later(0).fresh(vec![lost(0)]);
        assert_eq!(world.says(), "nothing", "it had held for the bake");
        world = world.later(0).fresh(vec![ready(9)]);
    }
}

#[test]
fn the_restarts_of_a_new_process_count_from_the_beginning() {
    let world = World::rolling(1, 1).old(vec![ready(500)]);
    let restarted = |restarts| vec![Process { restarts, ..ready(9) }];
    assert_eq!(world.clone().fresh(restarted(1)).says(), "web/old 1→0");
    assert_eq!(world.clone().fresh(restarted(2)).says(), "Broken(crash_loop)");
    let known = world.known("web-new-0", |known| known.first_restarts = 4);
    assert_eq!(known.clone().fresh(restarted(5)).says(), "web/old 1→0");
    assert_eq!(known.fresh(restarted(6)).says(), "Broken(crash_loop)");
}

/// A promotion of the active release to another formation, after its first look.
fn same_release(before: u32, after: u32, found: Vec<Process>) -> World {
    let preparing = World::web(Phase::Preparing, before, after)
        .but(|promotion| promotion.from = Some(release("new")))
        .without("web", "old")
        .fresh(found);
    assert_eq!(preparing.says(), "Prepared");
    preparing.later(0).but(|promotion| {
        promotion.phase = Phase::Rolling;
        promotion.rolling_at = Some(crate::world::NOW);
    })
}

#[test]
fn processes_that_ran_at_the_first_look_are_never_in_flight_and_never_fail() {
    let found = vec![ready(500), crash_loop(), booting(900)];
    let world = same_release(3, 5, found.clone());
    assert_eq!(world.says(), "web/new 3→4", "two that are not verified do not use up the batch");
    let started = world.clone().fresh([found.clone(), vec![booting(1)]].concat());
    assert_eq!(started.says(), "nothing", "the fourth does");
    assert_eq!(started.later(3).says(), "Broken(health_timeout)");
    let others = [vec![ready(500), unlisted(900), booting(900)], many(2, &ready(9))].concat();
    assert_eq!(world.fresh(others).says(), "nothing", "they have to be verified before it settles");
    assert_eq!(same_release(2, 2, many(2, &ready(500))).says(), "Completed");
}

#[test]
fn processes_that_ran_at_the_first_look_keep_the_restarts_they_had() {
    let found = vec![Process { restarts: 7, ..ready(500) }];
    let world = same_release(1, 1, found.clone());
    assert_eq!(world.says(), "Completed");
    assert_eq!(world.clone().fresh(vec![Process { restarts: 8, ..ready(9) }]).says(), "Completed");
    assert_eq!(world.fresh(vec![Process { restarts: 9, ..ready(9) }]).says(), "nothing");
}

#[test]
fn a_successor_knows_what_ran_at_its_own_first_look() {
    let inherited = World::web(Phase::Preparing, 1, 1)
        .but(|promotion| {
            promotion.from = Some(release("new"));
            promotion.healthy_before = Some([(name("web"), 3)].into());
        })
        .without("web", "old")
        .fresh(vec![crash_loop()]);
    let decision = inherited.decide();
    assert!(decision.memory.processes["uid-web-new-0"].initial);
    assert_eq!(decision.healthy_before, Some([(name("web"), 3)].into()), "and what its predecessor found");
}

#[test]
fn the_first_look_counts_the_ready_processes_of_the_old_release() {
    let services =
        vec![service("web", Some(3), Some(3)), service("cron", Some(1), None), service("api", None, Some(1))];
    let world = World::of(Phase::Preparing, services).with("web", "old", vec![ready(500), lost(3), ready(1)]).with(
        "web",
        "other",
        many(2, &ready(500)),
    );
    assert_eq!(world.decide().healthy_before, Some([(name("web"), 2), (name("cron"), 0)].into()));
    let later = world.later(1).with("web", "old", vec![]);
    assert_eq!(later.decide().healthy_before.unwrap()[&name("web")], 2, "once");
}
