//! Promotions that start: what they write, noop, supersede, cancel, events.

use std::time::Duration;

use slipway_domain::promotion::{Cause, Kind, Outcome, Phase, Status};
use slipway_rollout::decide::Mode;
use slipway_service::promotions::{OnConflict, PromoteOptions};
use slipway_service::request::{Idempotency, Page};
use slipway_service::turn::Route;

use crate::world::{WEB, World, by_id};

fn supersede() -> PromoteOptions {
    PromoteOptions { on_conflict: OnConflict::Supersede, ..PromoteOptions::default() }
}

#[tokio::test]
async fn a_promotion_makes_a_release_the_active_one() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    let options = PromoteOptions { reason: Some("the first".to_owned()), ..PromoteOptions::default() };
    let promotion = world.promote(&release, &options).await.unwrap();
    assert_eq!((promotion.kind, promotion.phase, promotion.execution), (Kind::Promote, Phase::Preparing, 1));
    assert_eq!((promotion.from, promotion.reason.as_deref()), (None, Some("the first")));
    let environment = world.environment().await;
    assert_eq!((environment.status, environment.promotion.as_ref()), (Status::Updating, Some(&promotion.id)));
    assert_eq!(environment.active, None, "active moves only at the commit");

    assert_eq!(world.finish(&promotion.id).await, Outcome::Succeeded);
    let view = slipway.environment(owner, app, production).await.unwrap();
    assert_eq!((view.environment.status, view.environment.promotion), (Status::Running, None));
    assert_eq!(view.environment.active, Some(release.id.clone()));
    assert_eq!(view.addresses[0].url, "http://web.local");
    let name = format!("shop--production/web-{}", release.id.as_str().to_ascii_lowercase());
    assert_eq!(world.cluster.replicas().into_iter().collect::<Vec<_>>(), [(name, 2)]);
}

#[tokio::test]
async fn a_bad_release_puts_the_old_one_back() {
    let world = World::new().await;
    let (_, good) = world.build(1, WEB).await;
    let (_, bad) = world.build(2, WEB).await;
    world.cluster.broken.lock().unwrap().insert(bad.image.clone());
    assert_eq!(world.ship(&good).await, Outcome::Succeeded);
    let before = world.cluster.replicas();
    let promotion = world.promote(&bad, &PromoteOptions::default()).await.unwrap();
    assert_eq!(world.finish(&promotion.id).await, Outcome::RolledBack);
    assert_eq!(world.cluster.replicas(), before);
    let environment = world.environment().await;
    assert_eq!((environment.status, environment.active), (Status::Running, Some(good.id)));
    assert_eq!(world.promotion(&promotion.id).await.failure.unwrap().cause, Cause::HealthTimeout);
}

#[tokio::test]
async fn promoting_what_is_active_and_complete_is_a_noop_in_the_history() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    world.wait(Duration::from_secs(30));
    let plan = slipway.plan_promotion(owner, app, production, &by_id(&release.id), &PromoteOptions::default()).await;
    assert!(plan.unwrap().noop);
    let before = world.environment().await;
    let promotion = world.promote(&release, &PromoteOptions::default()).await.unwrap();
    assert_eq!((promotion.outcome, promotion.phase), (Some(Outcome::Noop), Phase::Ended));
    assert_eq!(world.environment().await, before);
    let history = slipway.promotions(owner, app, production, &Page::default()).await.unwrap();
    assert_eq!(
        history.items.iter().map(|item| item.outcome.unwrap()).collect::<Vec<_>>(),
        [Outcome::Noop, Outcome::Succeeded]
    );
    let events = slipway.promotion_events(owner, app, production, &promotion.id, 0, Duration::ZERO).await.unwrap();
    assert_eq!((events.events.len(), events.finished), (1, true));
}

#[tokio::test]
async fn what_is_active_and_not_complete_is_promoted_again() {
    let world = World::new().await;
    let (_, release) = world.build(1, WEB).await;
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    world.cluster.broken.lock().unwrap().insert(release.image.clone());
    let promotion = world.promote(&release, &PromoteOptions::default()).await.unwrap();
    assert_eq!((promotion.outcome, promotion.phase), (None, Phase::Preparing));
}

#[tokio::test]
async fn a_successor_keeps_the_way_back_and_what_was_moved() {
    let world = World::new().await;
    let (_, good) = world.build(1, WEB).await;
    let (_, slow) = world.build(2, WEB).await;
    let (_, fix) = world.build(3, WEB).await;
    assert_eq!(world.ship(&good).await, Outcome::Succeeded);
    world.cluster.broken.lock().unwrap().insert(slow.image.clone());
    let first = world.promote(&slow, &PromoteOptions::default()).await.unwrap();
    let input = world.restoring(&first).await;
    let second = world.promote(&fix, &supersede()).await.unwrap();
    let first = world.promotion(&first.id).await;
    assert_eq!((first.outcome, first.superseded_by.as_ref()), (Some(Outcome::Superseded), Some(&second.id)));
    assert_eq!((second.from.as_ref(), second.moved, second.status_before), (Some(&good.id), true, Status::Running));
    assert_eq!(second.healthy_before, first.healthy_before);
    assert!(second.epoch > first.epoch);
    assert_eq!(world.step(input, Mode::Advance).await, Route::Ended, "the old execution stops");
    assert_eq!(world.finish(&second.id).await, Outcome::Succeeded);
}

#[tokio::test]
async fn a_cancelled_promotion_that_moved_nothing_leaves_all_as_it_was() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    let promotion = world.promote(&release, &PromoteOptions::default()).await.unwrap();
    let cancelled = slipway.cancel_promotion(owner, app, production, &promotion.id).await.unwrap();
    assert_eq!((cancelled.execution, cancelled.cancel.as_deref()), (2, Some("local")));
    assert!(cancelled.epoch > promotion.epoch);
    let again = slipway.cancel_promotion(owner, app, production, &promotion.id).await.unwrap();
    assert_eq!(again, cancelled, "asking twice is harmless");
    assert_eq!(world.finish(&promotion.id).await, Outcome::Cancelled);
    assert_eq!(world.environment().await.status, Status::Creating);
    let error = world.refused(Box::pin(slipway.cancel_promotion(owner, app, production, &promotion.id))).await;
    assert_eq!((error.code, &error.details[0].1), ("promotion_ended", &"cancelled".to_owned()));
}

#[tokio::test]
async fn restoring_can_not_be_cancelled() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, good) = world.build(1, WEB).await;
    let (_, bad) = world.build(2, WEB).await;
    world.cluster.broken.lock().unwrap().insert(bad.image.clone());
    assert_eq!(world.ship(&good).await, Outcome::Succeeded);
    let promotion = world.promote(&bad, &PromoteOptions::default()).await.unwrap();
    world.restoring(&promotion).await;
    let error = world.refused(Box::pin(slipway.cancel_promotion(owner, app, production, &promotion.id))).await;
    assert_eq!(error.code, "promotion_restoring");
}

#[tokio::test]
async fn events_are_complete_and_end_with_the_outcome() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    let promotion = world.promote(&release, &PromoteOptions::default()).await.unwrap();
    let first = slipway.promotion_events(owner, app, production, &promotion.id, 0, Duration::ZERO).await.unwrap();
    assert_eq!((first.next, first.finished), (1, false));
    let none =
        slipway.promotion_events(owner, app, production, &promotion.id, 1, Duration::from_secs(1)).await.unwrap();
    assert_eq!((none.events.len(), none.next, none.finished), (0, 1, false));
    world.finish(&promotion.id).await;
    let mut numbers = vec![1];
    let mut after = first.next;
    let outcome = loop {
        let page =
            slipway.promotion_events(owner, app, production, &promotion.id, after, Duration::ZERO).await.unwrap();
        numbers.extend(page.events.iter().map(|event| event.number));
        after = page.next;
        if page.finished {
            break page.events.last().unwrap().outcome;
        }
    };
    assert_eq!(numbers, (1..=after).collect::<Vec<_>>());
    assert_eq!(outcome, Some(Outcome::Succeeded));
    let end =
        slipway.promotion_events(owner, app, production, &promotion.id, after, Duration::from_secs(1)).await.unwrap();
    assert!(end.finished && end.events.is_empty());
}

#[tokio::test]
async fn a_replayed_promote_answers_with_the_same_promotion_even_though_the_environment_is_busy() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    let key = Idempotency::new("k", "POST promotions", b"{}").unwrap();
    let (reference, options) = (by_id(&release.id), PromoteOptions::default());
    let promote = || slipway.promote(owner, app, production, &reference, &options, Some(&key));
    let first = promote().await.unwrap();
    let second = promote().await.unwrap();
    assert_eq!((first.value.id, second.replayed), (second.value.id, true));
    assert_eq!(world.workflows.started.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_plan_says_what_would_happen_and_what_blocks_it() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, first) = world.build(1, WEB).await;
    assert_eq!(world.ship(&first).await, Outcome::Succeeded);
    let manifest = "services:\n  web:\n    port: 3000\n    environment:\n      - API_KEY\n  worker:\n    scale: 3\n";
    let (_, next) = world.build(2, manifest).await;
    let before = world.dump().await;
    let options = PromoteOptions { if_match: Some(1), ..PromoteOptions::default() };
    let plan = slipway.plan_promotion(owner, app, production, &by_id(&next.id), &options).await.unwrap();
    assert_eq!(world.dump().await, before);
    assert_eq!(plan.previous, Some(first.id));
    assert_eq!(plan.diff.unwrap().services.added[0].as_str(), "worker");
    let services = plan.plan.unwrap().services;
    let counts: Vec<_> =
        services.iter().map(|service| (service.name.as_str(), service.before, service.after)).collect();
    assert_eq!(counts, [("web", Some(2), Some(2)), ("worker", None, Some(3))]);
    assert!(plan.fits && plan.estimate_seconds > 0 && !plan.noop);
    let codes: Vec<_> = plan.blocked_by.iter().map(|error| error.code).collect();
    assert_eq!(codes, ["stale_version", "variables_missing"]);
}
