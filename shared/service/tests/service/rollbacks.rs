//! Rolling back by hand, and what may be promoted after it.

use slipway_domain::promotion::{Kind, Outcome, Status};
use slipway_domain::release::ReleaseRef;
use slipway_service::promotions::PromoteOptions;
use slipway_service::request::Idempotency;
use slipway_service::rollbacks::{RollbackOptions, RolledBack};
use slipway_service::scale::RestartOptions;

use crate::world::{WEB, World, by_id};

async fn roll_back(world: &World, release: Option<ReleaseRef>) -> slipway_domain::error::Result<RolledBack> {
    let World { slipway, owner, app, production, .. } = world;
    let options = RollbackOptions { release, reason: Some("it is on fire".to_owned()), if_match: None };
    Ok(Box::pin(slipway.roll_back(owner, app, production, &options, None)).await?.value)
}

#[tokio::test]
async fn a_rollback_promotes_a_fresh_copy_and_says_what_it_reverts() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let (_, good) = world.build(1, WEB).await;
    assert_eq!(world.ship(&good).await, Outcome::Succeeded);
    let bad = world.set(&[("FLAG", "on")]).await;
    assert_eq!(world.ship(&bad).await, Outcome::Succeeded);

    let rolled = roll_back(&world, None).await.unwrap();
    let copy = &rolled.release.release;
    assert_eq!((copy.copied_from.as_ref(), &copy.digest, copy.original_number), (Some(&good.id), &good.digest, 1));
    assert_eq!((copy.number, copy.reason.as_deref()), (3, Some("it is on fire")));
    assert_eq!((rolled.promotion.kind, rolled.promotion.to.clone()), (Kind::Rollback, copy.id.clone()));
    assert_eq!(rolled.reverts.unwrap().variables.removed[0].as_str(), "FLAG");
    assert_eq!(world.finish(&rolled.promotion.id).await, Outcome::Succeeded);
    assert_eq!(world.environment().await.active, Some(copy.id.clone()));
    let original = slipway.release(owner, app, &by_id(&good.id)).await.unwrap();
    assert_eq!((original.release, original.copies), (good, vec![copy.id.clone()]));
}

#[tokio::test]
async fn rolling_back_twice_goes_two_steps_back() {
    let world = World::new().await;
    let mut good = Vec::new();
    for number in 1..=3 {
        let (_, release) = world.build(number, WEB).await;
        assert_eq!(world.ship(&release).await, Outcome::Succeeded);
        good.push(release);
    }
    for expected in [&good[1], &good[0]] {
        let rolled = roll_back(&world, None).await.unwrap();
        assert_eq!(rolled.release.release.copied_from.as_ref(), Some(&expected.id));
        assert_eq!(world.finish(&rolled.promotion.id).await, Outcome::Succeeded);
    }
    let error = world.refused(roll_back(&world, None)).await;
    assert_eq!(error.code, "nothing_to_roll_back_to");
}

#[tokio::test]
async fn a_fix_that_waited_while_someone_rolled_back_can_be_promoted() {
    let world = World::new().await;
    let (_, first) = world.build(1, WEB).await;
    let (_, second) = world.build(2, WEB).await;
    assert_eq!(world.ship(&first).await, Outcome::Succeeded);
    assert_eq!(world.ship(&second).await, Outcome::Succeeded);
    let (_, fix) = world.build(3, WEB).await;
    let rolled = roll_back(&world, None).await.unwrap();
    assert_eq!(world.finish(&rolled.promotion.id).await, Outcome::Succeeded);
    assert!(rolled.release.release.number > fix.number);
    assert_eq!(world.ship(&fix).await, Outcome::Succeeded);
}

#[tokio::test]
async fn during_a_promotion_it_takes_over_and_goes_to_the_active_release() {
    let world = World::new().await;
    let (_, first) = world.build(1, WEB).await;
    let (_, second) = world.build(2, WEB).await;
    assert_eq!(world.ship(&first).await, Outcome::Succeeded);
    let running = world.promote(&second, &PromoteOptions::default()).await.unwrap();
    let rolled = roll_back(&world, None).await.unwrap();
    assert_eq!(rolled.release.release.copied_from, Some(first.id));
    assert_eq!(world.promotion(&running.id).await.outcome, Some(Outcome::Superseded));
    assert_eq!(world.finish(&rolled.promotion.id).await, Outcome::Succeeded);
}

#[tokio::test]
async fn from_failed_it_goes_to_the_active_release() {
    let world = World::new().await;
    let (_, first) = world.build(1, WEB).await;
    let (_, second) = world.build(2, WEB).await;
    assert_eq!(world.ship(&first).await, Outcome::Succeeded);
    assert_eq!(world.ship(&second).await, Outcome::Succeeded);
    // Neither the next release nor the one to go back to gets ready.
    let (_, third) = world.build(3, WEB).await;
    world.cluster.broken.lock().unwrap().extend([third.image.clone()]);
    let promotion = world.promote(&third, &PromoteOptions::default()).await.unwrap();
    world.restoring(&promotion).await;
    world.cluster.broken.lock().unwrap().extend([second.image.clone()]);
    assert_eq!(world.finish(&promotion.id).await, Outcome::RollbackFailed);
    assert_eq!(world.environment().await.status, Status::Failed);
    world.cluster.broken.lock().unwrap().clear();
    let rolled = roll_back(&world, None).await.unwrap();
    assert_eq!(rolled.release.release.copied_from, Some(second.id));
    assert_eq!(world.finish(&rolled.promotion.id).await, Outcome::Succeeded);
    assert_eq!(world.environment().await.status, Status::Running);
}

#[tokio::test]
async fn a_named_release_is_gone_back_to_however_old() {
    let world = World::new().await;
    let (_, first) = world.build(1, WEB).await;
    for number in 1..=3 {
        let (_, release) = world.build(number, WEB).await;
        assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    }
    let rolled = roll_back(&world, Some("v1".parse().unwrap())).await.unwrap();
    assert_eq!(rolled.release.release.copied_from, Some(first.id));
    let error = world.refused(roll_back(&world, Some("v99".parse().unwrap()))).await;
    assert_eq!(error.code, "release_not_found");
}

#[tokio::test]
async fn a_replayed_rollback_makes_one_copy() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    for number in 1..=2 {
        let (_, release) = world.build(number, WEB).await;
        assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    }
    let key = Idempotency::new("k", "POST rollbacks", b"{}").unwrap();
    let options = RollbackOptions::default();
    let first = slipway.roll_back(owner, app, production, &options, Some(&key)).await.unwrap().value;
    let second = slipway.roll_back(owner, app, production, &options, Some(&key)).await.unwrap();
    assert!(second.replayed);
    assert_eq!((first.promotion.id, first.release.release), (second.value.promotion.id, second.value.release.release));
    assert_eq!(slipway.app(owner, app).await.unwrap().app.release_count, 3);
}

#[tokio::test]
async fn a_restart_promotes_a_fresh_copy_of_the_active_release() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let options = RestartOptions::default();
    let error = world.refused(slipway.restart(owner, app, production, &options, None)).await;
    assert_eq!(error.code, "no_active_release");
    let (_, release) = world.build(1, WEB).await;
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    let restarted = slipway.restart(owner, app, production, &options, None).await.unwrap().value;
    let copy = restarted.release.release;
    assert_eq!(
        (restarted.promotion.kind, copy.copied_from, copy.digest),
        (Kind::Restart, Some(release.id), release.digest)
    );
    let error = world.refused(slipway.restart(owner, app, production, &options, None)).await;
    assert_eq!(error.code, "environment_busy");
    assert_eq!(world.finish(&restarted.promotion.id).await, Outcome::Succeeded);
}
