//! Many at once.

use futures::future::join_all;
use slipway_service::promotions::PromoteOptions;
use slipway_service::releases::BaseChoice;
use slipway_service::request::Idempotency;

use crate::world::{WEB, World, by_id};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_changes_of_different_variables_are_all_kept() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    let keys: Vec<String> = (0..50).map(|number| format!("KEY_{number:02}")).collect();
    let changes = keys.iter().map(|key| world.change(vec![(key.as_str(), Some("value"))]));
    for changed in join_all(changes).await {
        changed.unwrap();
    }
    let view = slipway.variables(owner, app, production, &BaseChoice::Newest).await.unwrap();
    assert_eq!(view.variables.iter().map(|variable| variable.key.to_string()).collect::<Vec<_>>(), keys);
    assert_eq!(slipway.app(owner, app).await.unwrap().app.release_count, 51);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_parallel_promotes_with_one_key_start_one_promotion() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    let key = Idempotency::new("one", "POST promotions", b"{}").unwrap();
    let (reference, options) = (by_id(&release.id), PromoteOptions::default());
    let requests = (0..100).map(|_| slipway.promote(owner, app, production, &reference, &options, Some(&key)));
    let answers: Vec<_> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.value.id == answers[0].value.id));
    assert_eq!(world.workflows.started.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_promotes_without_a_key_one_starts_and_the_others_are_told_of_it() {
    let world = World::new().await;
    let (_, release) = world.build(1, WEB).await;
    let options = PromoteOptions::default();
    let answers = join_all((0..20).map(|_| world.promote(&release, &options))).await;
    let started: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(started.len(), 1);
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!((error.code, &error.details[0].1), ("environment_busy", &started[0].id.to_string()));
    }
}
