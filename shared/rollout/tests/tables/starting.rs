//! The first records of a promotion, taking over from a running one, and whether there is anything to do.

use slipway_domain::promotion::{Epoch, Kind, Outcome, Phase, Promotion, Status};
use slipway_rollout::decide::is_complete;
use slipway_rollout::start::{CannotStart, Start, Started, noop, start};

use crate::records::environment;
use crate::world::{NOW, World, booting, lost, many, ready, release, service, stopping};

fn asked(to: &str) -> Start {
    Start {
        id: "PSUCCESSORS".parse().unwrap(),
        kind: Kind::Promote,
        actor: "ada".to_owned(),
        reason: None,
        to: release(to),
        plan: World::rolling(1, 1).promotion.plan,
    }
}

fn take_over(running: &Promotion) -> Started {
    start(&environment(running), Some(running), asked("other"), NOW).unwrap()
}

#[test]
fn a_promotion_starts_in_a_new_epoch_with_event_1() {
    let mut before = environment(&World::rolling(1, 1).promotion);
    before.promotion = None;
    before.status = Status::Failed;
    let started = start(&before, None, asked("new"), NOW).unwrap();
    let promotion = &started.promotion;
    assert_eq!((promotion.phase, promotion.execution, promotion.epoch), (Phase::Preparing, 1, Epoch(8)));
    assert_eq!((promotion.from.clone(), promotion.to.clone()), (Some(release("old")), release("new")));
    assert_eq!((promotion.moved, promotion.events, promotion.version), (false, 1, 1));
    assert_eq!((promotion.status_before, promotion.healthy_before.clone()), (Status::Failed, None));
    assert_eq!((started.event.number, started.event.outcome), (1, None));
    let after = &started.environment;
    assert_eq!((after.status, after.epoch, after.version), (Status::Updating, Epoch(8), 22));
    assert_eq!((after.promotion.clone(), after.active.clone()), (Some(promotion.id.clone()), Some(release("old"))));
    assert!(started.superseded.is_none());
}

#[test]
fn a_successor_inherits_the_way_back_and_what_was_moved() {
    for phase in [Phase::Preparing, Phase::Rolling, Phase::Settling, Phase::Restoring] {
        let running = World::web(phase, 3, 3).promotion;
        let started = take_over(&running);
        let promotion = &started.promotion;
        assert_eq!(promotion.from, Some(release("old")), "{phase}: never the one that was on its way");
        assert_eq!((promotion.moved, promotion.epoch), (running.moved, Epoch(8)), "{phase}");
        assert_eq!((promotion.status_before, &promotion.healthy_before), (Status::Running, &running.healthy_before));
        assert_eq!(started.environment.promotion, Some(promotion.id.clone()));
        let superseded = started.superseded.unwrap().promotion;
        assert_eq!(superseded.outcome, Some(Outcome::Superseded));
        assert_eq!(superseded.superseded_by, Some(promotion.id.clone()));
    }
}

#[test]
fn what_was_healthy_is_inherited_only_with_the_same_way_back() {
    let running = World::rolling(3, 3).promotion;
    let mut environment = environment(&running);
    environment.active = Some(release("other"));
    let started = start(&environment, Some(&running), asked("new"), NOW).unwrap();
    assert_eq!(started.promotion.healthy_before, None);
}

#[test]
fn what_has_ended_cannot_be_taken_over_from() {
    let ended = World::web(Phase::Ended, 1, 1).promotion;
    assert!(start(&environment(&ended), Some(&ended), asked("other"), NOW).is_err());
}

#[test]
fn nothing_starts_beside_a_running_promotion() {
    let running = World::rolling(1, 1).promotion;
    let busy = environment(&running);
    let mut idle = busy.clone();
    idle.promotion = None;
    let other = Promotion { id: "PANOTHERONE".parse().unwrap(), ..running.clone() };
    for (environment, known) in [(&busy, None), (&busy, Some(&other)), (&idle, Some(&running))] {
        let refused = start(environment, known, asked("new"), NOW).map(|started| started.promotion.id);
        assert_eq!(refused, Err(CannotStart::NotTheRunning));
    }
}

#[test]
fn a_noop_ends_as_it_begins() {
    let (promotion, event) = noop(&environment(&World::rolling(1, 1).promotion), asked("old"), NOW);
    assert_eq!((promotion.phase, promotion.outcome), (Phase::Ended, Some(Outcome::Noop)));
    assert_eq!((event.number, event.outcome, promotion.events), (1, Some(Outcome::Noop), 1));
    assert_eq!(promotion.epoch, Epoch(7), "it fences nothing");
}

#[test]
fn there_is_nothing_to_do_only_when_the_cluster_was_seen_complete() {
    let active = |processes| {
        let world = World::web(Phase::Preparing, 2, 2).without("web", "old");
        world.but(|promotion| promotion.from = Some(release("new"))).fresh(processes)
    };
    let complete = || active(many(2, &ready(99)));
    let rows = [
        ("complete", complete(), true),
        ("one blinks", active(vec![ready(99), lost(1)]), false),
        ("one boots", active(vec![ready(99), booting(1)]), false),
        ("one too few", active(vec![ready(99)]), false),
        ("one too many", active(many(3, &ready(99))), false),
        ("not visible", complete().pending("web", "new"), false),
        ("drifted", complete().see("web", "new", |new| new.intact = false), false),
        ("another release runs", complete().old(vec![ready(99)]), false),
        ("another is stopping", complete().old(vec![stopping(1)]), true),
        ("another service runs", complete().with("cron", "other", vec![ready(99)]), false),
        ("another service is at 0", complete().with("cron", "other", vec![]), true),
    ];
    for (what, world, expected) in rows {
        assert_eq!(is_complete(&world.promotion, &world.seen), expected, "{what}");
    }
    let two = World::of(Phase::Preparing, vec![service("web", Some(1), Some(1)), service("api", None, Some(1))]);
    let two = two.with("web", "new", vec![ready(99)]);
    assert!(!is_complete(&two.promotion, &two.seen), "every service");
}
