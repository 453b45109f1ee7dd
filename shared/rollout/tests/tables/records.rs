//! From a decision to the records: numbered events, one terminal event, the latch, epochs and versions.

use slipway_domain::promotion::{Cause, Environment, Epoch, Failure, Outcome, Phase, SavedAction, Status};
use slipway_domain::time::Time;
use slipway_rollout::apply::{self, Applied};

use crate::world::{EPOCH, NOW, World, ago, booting, crash_loop, key, many, name, ready, release, service};

pub fn environment(promotion: &slipway_domain::promotion::Promotion) -> Environment {
    Environment {
        app: promotion.app.clone(),
        name: promotion.environment.clone(),
        cluster: None,
        status: if promotion.phase == Phase::Restoring { Status::Rollback } else { Status::Updating },
        active: promotion.from.clone(),
        newest: Some(promotion.to.clone()),
        promotion: Some(promotion.id.clone()),
        epoch: promotion.epoch,
        formation: promotion.plan.services.iter().filter_map(|s| Some((s.name.clone(), s.before?))).collect(),
        cleanup_pending: false,
        created_at: ago(10_000),
        version: 21,
    }
}

fn apply(world: &World) -> Applied {
    let seen = world.unseen.is_none().then_some(&world.seen);
    apply::turn(&environment(&world.promotion), &world.promotion, &world.decide(), seen, world.now).unwrap()
}

fn told(applied: &Applied) -> Vec<String> {
    let line = |event: &slipway_domain::promotion::Event| {
        let outcome = event.outcome.map(|outcome| format!(" [{outcome}]")).unwrap_or_default();
        format!("{} {}: {}{outcome}", event.number, event.source, event.message)
    };
    applied.events.iter().map(line).collect()
}

fn failure(cause: Cause) -> Failure {
    let message = "seen before".to_owned();
    Failure {
        cause,
        message,
        service: None,
        process: None,
        exit: None,
        at: ago(20),
        log: Vec::new(),
        events: Vec::new(),
    }
}

fn rolling() -> World {
    World::rolling(1, 1).old(vec![ready(500)])
}

fn settled() -> World {
    World::web(Phase::Settling, 1, 2)
        .fresh(many(2, &ready(99)))
        .but(|promotion| promotion.memory.complete_since = Some(ago(50)))
}

#[test]
fn a_turn_saves_what_it_will_do_before_it_does_it() {
    let applied = apply(&rolling());
    let promotion = &applied.promotion;
    let saved = SavedAction { deployment: key("web", "new"), resource_version: "10".to_owned(), replicas: 1, turn: 5 };
    assert_eq!(promotion.actions, [saved]);
    assert_eq!((promotion.turn, promotion.version, promotion.clock), (5, 10, NOW));
    assert!(promotion.moved);
    assert_eq!(applied.environment, None, "nothing of it changed");
    let line = applied.events.last().unwrap();
    assert_eq!((line.source.as_str(), line.message.as_str()), ("system/web", "Scaled up web-rnewnewnewn to 1"));
}

#[test]
fn stamps_and_creates_move_nothing() {
    let world = World::web(Phase::Preparing, 1, 1).old(vec![ready(500)]).without("web", "new");
    let applied = apply(&world.see("web", "old", |old| old.epoch = Epoch(6)));
    assert!(!applied.promotion.moved);
    assert_eq!(applied.promotion.actions, []);
    assert_eq!(applied.promotion.phase, Phase::Preparing);
}

#[test]
fn the_last_count_of_an_object_stays_saved_for_as_long_as_it_exists() {
    let rows = [
        ("it may still land", rolling().saved("web", "old", 4, 0), 1),
        ("it has landed, and tells a look that is older", rolling().saved("web", "old", 3, 0), 1),
        ("it is gone", rolling().saved("cron", "old", 4, 1), 0),
    ];
    for (what, world, kept) in rows {
        let applied = apply(&world);
        let left = applied.promotion.actions.iter().filter(|action| action.deployment != key("web", "new")).count();
        assert_eq!(left, kept, "{what}");
    }
    let unseen = rolling().saved("web", "old", 3, 0);
    let unseen = unseen.unseen(slipway_rollout::decide::Unseen::Unreachable("timed out".to_owned()));
    assert_eq!(apply(&unseen).promotion.actions.len(), 1, "nothing was seen");
}

#[test]
fn a_touch_that_is_lost_is_made_again() {
    let mut world = rolling().saved("web", "old", 4, 0);
    for _ in 0..3 {
        assert_eq!(world.says(), "stamp web/old");
        world.promotion = apply(&world).promotion;
    }
    assert_eq!(world.see("web", "old", |old| old.turn = 5).says(), "web/new 0→1");
}

#[test]
fn the_clock_never_runs_backwards() {
    let mut world = rolling();
    world.now = ago(5);
    let applied = apply(&world);
    assert_eq!(applied.promotion.clock, NOW);
    assert!(applied.events.iter().all(|event| event.at == NOW));
}

#[test]
fn the_next_turn_is_due_in_a_window_or_at_the_deadline() {
    assert_eq!(apply(&rolling()).promotion.turn_due, Time::from_millis(NOW.as_millis() + 50_000));
    let late = rolling().but(|promotion| promotion.rolling_at = Some(ago(570)));
    assert_eq!(apply(&late).promotion.turn_due, Time::from_millis(NOW.as_millis() + 30_000));
}

#[test]
fn leaving_preparing_starts_the_total_clock_once() {
    let applied = apply(&World::web(Phase::Preparing, 1, 1).old(vec![ready(500)]));
    assert_eq!((applied.promotion.phase, applied.promotion.rolling_at), (Phase::Rolling, Some(NOW)));
    let back = World::web(Phase::Settling, 1, 1).fresh(vec![booting(1)]);
    let applied = apply(&back);
    assert_eq!((applied.promotion.phase, applied.promotion.rolling_at), (Phase::Rolling, Some(ago(90))));
    assert_eq!(applied.promotion.epoch, EPOCH, "it grows at restoring only");
}

#[test]
fn turning_back_latches_the_failure_and_grows_the_epoch() {
    let applied = apply(&rolling().fresh(vec![crash_loop()]));
    let promotion = &applied.promotion;
    assert_eq!((promotion.phase, promotion.restoring_at), (Phase::Restoring, Some(NOW)));
    assert_eq!(promotion.failure.as_ref().unwrap().cause, Cause::CrashLoop);
    let environment = applied.environment.as_ref().unwrap();
    assert_eq!((promotion.epoch, environment.epoch), (Epoch(8), Epoch(8)));
    assert_eq!((environment.status, environment.version), (Status::Rollback, 22));
    assert_eq!((promotion.execution, promotion.outcome), (1, None));
    assert!(environment.promotion.is_some() && environment.active == Some(release("old")));
    let said = told(&applied);
    assert_eq!(
        &said[said.len() - 2..],
        [
            "8 system/web/new-0: crash_loop: the process ends again and again (exit code 1)",
            "9 system/app: Status: Updating => Rollback"
        ]
    );
}

#[test]
fn the_epoch_grows_beyond_whichever_is_the_greater() {
    let world = rolling().fresh(vec![crash_loop()]);
    let mut environment = environment(&world.promotion);
    environment.epoch = Epoch(12);
    let applied = apply::turn(&environment, &world.promotion, &world.decide(), Some(&world.seen), NOW).unwrap();
    assert_eq!((applied.promotion.epoch, applied.environment.unwrap().epoch), (Epoch(13), Epoch(13)));
}

#[test]
fn the_first_failure_stays() {
    let mut world = World::web(Phase::Restoring, 1, 1);
    world.promotion.failure = Some(failure(Cause::OutOfMemory));
    world.now = Time::from_millis(NOW.as_millis() + 600_000);
    let applied = apply(&world);
    assert_eq!(applied.promotion.failure.as_ref().unwrap().cause, Cause::OutOfMemory);
    assert_eq!(applied.promotion.outcome, Some(Outcome::RollbackFailed));
    assert_eq!(
        told(&applied),
        [
            "4 system/app: deadline: not done in time, while restoring",
            "5 system/app: Status: Rollback => Failed",
            "6 system/app: The old release could not be restored; what is healthy is left running [rollback_failed]"
        ]
    );
}

#[test]
fn the_commit_moves_active_and_the_formation() {
    let applied = apply(&settled());
    let environment = applied.environment.clone().unwrap();
    assert_eq!(environment.active, Some(release("new")));
    assert_eq!(environment.formation, [(name("web"), 2)].into());
    assert_eq!((environment.status, environment.promotion.clone()), (Status::Running, None));
    assert!(!environment.cleanup_pending);
    assert_eq!((applied.promotion.outcome, applied.promotion.ended_at), (Some(Outcome::Succeeded), Some(NOW)));
    let said = told(&applied);
    assert_eq!(
        &said[said.len() - 2..],
        ["12 system/app: Status: Updating => Running", "13 system/app: RNEWNEWNEWN is active [succeeded]"]
    );
}

#[test]
fn what_the_target_lacks_is_left_to_clean_up() {
    let cron = settled().but(|promotion| promotion.plan.services.push(service("cron", Some(1), None)));
    let applied = apply(&cron.clone().with("cron", "old", vec![ready(500)]));
    let environment = applied.environment.unwrap();
    assert!(environment.cleanup_pending);
    assert_eq!(environment.formation, [(name("web"), 2)].into());
    assert!(!apply(&cron.with("cron", "old", vec![])).environment.unwrap().cleanup_pending);
    let stranger = settled().with("older", "other", vec![ready(500)]);
    assert!(apply(&stranger).environment.unwrap().cleanup_pending);
}

#[test]
fn a_promotion_that_moved_nothing_puts_the_status_back() {
    let cancelled = |phase| {
        let world = World::web(phase, 1, 1).old(vec![ready(500)]);
        apply(&world.but(|promotion| {
            promotion.cancel = Some("ada".to_owned());
            promotion.status_before = Status::Failed;
        }))
    };
    let applied = cancelled(Phase::Preparing);
    assert_eq!(applied.promotion.outcome, Some(Outcome::Cancelled));
    assert_eq!(applied.environment.unwrap().status, Status::Failed);
    let applied = cancelled(Phase::Rolling);
    assert_eq!((applied.promotion.phase, applied.promotion.outcome), (Phase::Restoring, None));
}

#[test]
fn restored_says_how_many_are_healthy_when_not_all_are() {
    let restored = |old, cause: Cause| {
        let world = World::web(Phase::Restoring, 2, 2).old(old);
        apply(&world.but(|promotion| {
            promotion.failure = Some(failure(cause));
            promotion.healthy_before = Some([(name("web"), 1)].into());
        }))
    };
    let last = |applied: &Applied| told(applied).last().unwrap().split_once(' ').unwrap().1.to_owned();
    let applied = restored(many(2, &ready(99)), Cause::CrashLoop);
    assert_eq!(last(&applied), "system/app: Rolled back to ROLDOLDOLDO [rolled_back]");
    assert_eq!(applied.environment.unwrap().status, Status::Running);
    let applied = restored(vec![ready(99), booting(1)], Cause::CrashLoop);
    assert_eq!(last(&applied), "system/app: Rolled back to ROLDOLDOLDO, with 1 of 2 processes healthy [rolled_back]");
    let applied = restored(many(2, &ready(99)), Cause::Cancelled);
    assert_eq!(last(&applied), "system/app: Rolled back to ROLDOLDOLDO [cancelled]");
}

#[test]
fn a_successor_ends_its_predecessor() {
    for phase in [Phase::Preparing, Phase::Rolling, Phase::Settling, Phase::Restoring] {
        let world = World::web(phase, 1, 1);
        let environment = environment(&world.promotion);
        let successor = "PSUCCESSORS".parse().unwrap();
        let applied = apply::superseded(&environment, &world.promotion, &successor, NOW).unwrap();
        assert_eq!(applied.promotion.outcome, Some(Outcome::Superseded));
        assert_eq!(applied.promotion.superseded_by, Some(successor));
        assert_eq!(told(&applied), ["4 system/app: Superseded by PSUCCESSORS [superseded]"]);
        let after = applied.environment.unwrap();
        assert_eq!((after.status, after.active), (environment.status, environment.active));
    }
    let ended = World::web(Phase::Ended, 1, 1).promotion;
    assert!(apply::superseded(&environment(&ended), &ended, &ended.id, NOW).is_err());
}

#[test]
fn a_new_execution_grows_the_epoch_and_tells_who_asked() {
    let world = rolling();
    let environment = environment(&world.promotion);
    let restarted = apply::new_execution(&environment, &world.promotion, None, NOW);
    assert_eq!((restarted.promotion.execution, restarted.promotion.epoch), (2, Epoch(8)));
    assert_eq!((restarted.promotion.version, restarted.promotion.cancel.as_deref()), (10, None));
    assert_eq!(restarted.promotion.turn_due, Time::from_millis(NOW.as_millis() + 50_000));
    let after = restarted.environment.clone().unwrap();
    assert_eq!((after.epoch, after.version), (Epoch(8), 22));
    assert_eq!(told(&restarted), Vec::<String>::new());
    let cancelled = apply::new_execution(&environment, &world.promotion, Some("ada"), NOW);
    assert_eq!(told(&cancelled), ["4 system/app: Cancel requested by ada"]);
    let again = apply::new_execution(&after, &cancelled.promotion, Some("bob"), NOW);
    assert_eq!(again.promotion.cancel.as_deref(), Some("ada"), "the first who asked");
}

#[test]
fn the_sweep_leaves_restarts_and_ends() {
    let promotion = |phase| World::web(phase, 1, 1).but(|it| it.turn_due = ago(0)).promotion;
    let at = |millis: i64| Time::from_millis(NOW.as_millis() + millis);
    let sweep = |phase, millis| apply::sweep(&promotion(phase), at(millis));
    for phase in [Phase::Preparing, Phase::Rolling, Phase::Settling, Phase::Restoring] {
        assert_eq!(sweep(phase, -1), apply::Sweep::Leave);
        assert_eq!(sweep(phase, 59_999), apply::Sweep::Leave);
        assert_eq!(sweep(phase, 60_000), apply::Sweep::Restart);
        // 60 + 600 + 600 + 2 × 180 s after the start.
        let started = (promotion(phase).started_at.as_millis()) - NOW.as_millis();
        assert_eq!(sweep(phase, started + 1_619_999), apply::Sweep::Restart);
        assert_eq!(sweep(phase, started + 1_620_000), apply::Sweep::End);
    }
    assert_eq!(sweep(Phase::Ended, 9_999_999), apply::Sweep::Leave);
}

#[test]
fn an_overdue_promotion_is_ended_by_what_it_moved() {
    for (moved, outcome, status) in
        [(false, Outcome::Failed, Status::Running), (true, Outcome::RollbackFailed, Status::Failed)]
    {
        let world = rolling().but(|promotion| promotion.moved = moved);
        let applied = apply::overdue(&environment(&world.promotion), &world.promotion, NOW).unwrap();
        assert_eq!(applied.promotion.outcome, Some(outcome));
        assert_eq!(applied.promotion.failure.as_ref().unwrap().cause, Cause::Internal);
        let after = applied.environment.clone().unwrap();
        assert_eq!((after.status, after.promotion, after.active), (status, None, Some(release("old"))));
        assert_eq!(applied.events.iter().filter(|event| event.outcome.is_some()).count(), 1);
    }
}
