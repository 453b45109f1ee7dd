//! What the sweep does about work that nobody does.

use std::time::Duration;

use slipway_domain::promotion::{Outcome, Status};
use slipway_service::ports::ClusterError;
use slipway_service::promotions::PromoteOptions;

use crate::world::{WEB, World};

/// A promotion whose execution could not be started.
async fn unstarted(world: &World) -> slipway_domain::promotion::Promotion {
    let (_, release) = world.build(1, WEB).await;
    *world.workflows.away.lock().unwrap() = true;
    let promotion = world.promote(&release, &PromoteOptions::default()).await.unwrap();
    assert!(world.workflows.started.lock().unwrap().is_empty());
    promotion
}

#[tokio::test]
async fn a_start_that_was_lost_is_made_up_for() {
    let world = World::new().await;
    let promotion = unstarted(&world).await;
    *world.workflows.away.lock().unwrap() = false;
    world.wait(Duration::from_secs(30));
    let swept = world.slipway.sweep().await.unwrap();
    assert_eq!((swept.restarted, swept.errors), (0, 0), "the same start once more, not another");
    assert_eq!(world.promotion(&promotion.id).await, promotion);
    assert!(world.workflows.started.lock().unwrap().contains_key(&promotion.execution_name()));
    assert_eq!(world.finish(&promotion.id).await, Outcome::Succeeded);
}

#[tokio::test]
async fn a_promotion_that_is_not_heard_of_gets_another_execution() {
    let world = World::new().await;
    let World { slipway, .. } = &world;
    let promotion = unstarted(&world).await;
    world.wait(Duration::from_secs(50 + 60));
    *world.workflows.away.lock().unwrap() = false;
    assert_eq!(slipway.sweep().await.unwrap().restarted, 1);
    let swept = world.promotion(&promotion.id).await;
    assert_eq!(swept.execution, 2);
    assert!(swept.epoch > promotion.epoch);
    assert_eq!(slipway.sweep().await.unwrap().restarted, 0, "the new execution has its own time");
    assert!(world.workflows.started.lock().unwrap().contains_key(&swept.execution_name()));
    // Preparing is over by now, and nothing was moved.
    assert_eq!(world.finish(&promotion.id).await, Outcome::Failed);
    assert_eq!(world.environment().await.status, Status::Creating);
}

#[tokio::test]
async fn a_promotion_that_nobody_works_on_ends_after_all_its_clocks() {
    let world = World::new().await;
    let World { slipway, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    let promotion = world.promote(&release, &PromoteOptions::default()).await.unwrap();
    world.wait(promotion.plan.overdue());
    let swept = slipway.sweep().await.unwrap();
    assert_eq!((swept.ended, swept.restarted, swept.errors), (1, 0, 0));
    let ended = world.promotion(&promotion.id).await;
    assert_eq!(ended.outcome, Some(Outcome::Failed));
    let environment = world.environment().await;
    assert_eq!((environment.status, environment.promotion), (Status::Creating, None));
    assert_eq!(slipway.sweep().await.unwrap().ended, 0);
}

#[tokio::test]
async fn what_a_commit_left_running_is_stopped() {
    let world = World::new().await;
    let World { slipway, .. } = &world;
    let (_, first) = world.build(1, "services:\n  web:\n    port: 3000\n  worker:\n    scale: 2\n").await;
    assert_eq!(world.ship(&first).await, Outcome::Succeeded);
    let (_, second) = world.build(2, "services:\n  web:\n    port: 3000\n").await;
    let promotion = world.promote(&second, &PromoteOptions::default()).await.unwrap();
    assert_eq!(world.finish(&promotion.id).await, Outcome::Succeeded);
    let swept = slipway.sweep().await.unwrap();
    assert_eq!(swept.errors, 0);
    assert!(!world.environment().await.cleanup_pending);
    let left: Vec<_> = world.cluster.replicas().into_keys().collect();
    assert_eq!(left, [format!("shop--production/web-{}", second.id.as_str().to_ascii_lowercase())]);
}

#[tokio::test]
async fn what_no_promotion_needs_any_more_is_collected_after_a_while() {
    let world = World::new().await;
    let (_, first) = world.build(1, WEB).await;
    let (_, second) = world.build(2, WEB).await;
    assert_eq!(world.ship(&first).await, Outcome::Succeeded);
    assert_eq!(world.ship(&second).await, Outcome::Succeeded);
    assert_eq!(world.cluster.objects(), 2);
    world.wait(Duration::from_mins(19));
    assert_eq!(world.slipway.collect().await, Ok(0), "a worker of before may still be asleep");
    world.wait(Duration::from_mins(1));
    *world.cluster.away.lock().unwrap() = Some(ClusterError::Unreachable("away".to_owned()));
    assert_eq!(world.slipway.collect().await, Ok(0));
    *world.cluster.away.lock().unwrap() = None;
    assert_eq!(world.slipway.collect().await, Ok(0), "not every minute");
    world.wait(Duration::from_mins(20));
    assert_eq!(world.slipway.collect().await, Ok(1), "what could not be looked at is looked at again");
    assert_eq!((world.cluster.objects(), world.cluster.replicas().len()), (1, 1));
    assert_eq!(world.slipway.collect().await, Ok(0));
}
