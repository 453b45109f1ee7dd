//! Each reason for which a promotion is refused: its own code, and nothing changed.

use slipway_domain::error::Kind;
use slipway_domain::promotion::Outcome;
use slipway_domain::release::ReleaseRef;
use slipway_service::ports::ClusterError;
use slipway_service::promotions::PromoteOptions;
use slipway_service::request::Idempotency;

use crate::world::{WEB, World, new_build};

#[tokio::test]
async fn a_release_that_does_not_exist() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    for text in ["RAAAAAAAAAA", "v7", "no-such-tag"] {
        let reference: ReleaseRef = text.parse().unwrap();
        let options = PromoteOptions::default();
        let error = world.refused(slipway.promote(owner, app, production, &reference, &options, None)).await;
        assert_eq!((error.kind, error.code), (Kind::NotFound, "release_not_found"), "{text}");
    }
}

#[tokio::test]
async fn an_incomplete_build() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let options = PromoteOptions::default();
    let build = slipway.create_build(owner, app, &new_build(), None).await.unwrap().value.build.build.id;
    let reference: ReleaseRef = build.as_str().parse().unwrap();
    let error = world.refused(slipway.promote(owner, app, production, &reference, &options, None)).await;
    assert_eq!((error.kind, error.code), (Kind::Conflict, "build_incomplete"));

    let (complete, release) = world.build(1, WEB).await;
    let reference: ReleaseRef = complete.as_str().parse().unwrap();
    let error = world.refused(slipway.promote(owner, app, production, &reference, &options, None)).await;
    assert_eq!(error.code, "release_not_found");
    assert_eq!(error.details, [("release", release.id.to_string())], "a build is no release, but it has one");
}

#[tokio::test]
async fn missing_variables() {
    let world = World::new().await;
    let manifest = "services:\n  web:\n    port: 3000\n    environment:\n      - API_KEY\n      - MODE=fast\n  worker:\n    environment:\n      - API_KEY\n      - QUEUE\n";
    let (_, release) = world.build(1, manifest).await;
    let error = world.refused(world.promote(&release, &PromoteOptions::default())).await;
    assert_eq!((error.kind, error.code), (Kind::Unprocessable, "variables_missing"));
    let fields: Vec<_> = error.fields.iter().map(|field| (field.pointer.as_str(), field.message.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("/variables/API_KEY", "is declared by web, worker and not set"),
            ("/variables/QUEUE", "is declared by worker and not set"),
        ]
    );
    let set = world.set(&[("API_KEY", "k"), ("QUEUE", "q")]).await;
    assert_eq!(world.ship(&set).await, Outcome::Succeeded);
}

#[tokio::test]
async fn rights_that_are_missing_are_all_named_with_the_command_that_grants_them() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    let missing = ["create, patch deployments".to_owned(), "create secrets".to_owned()];
    *world.access.missing.lock().unwrap() = missing.to_vec();
    let error = world.refused(world.promote(&release, &PromoteOptions::default())).await;
    assert_eq!((error.kind, error.code), (Kind::Conflict, "cluster_unauthorized"));
    for words in [&missing[0], &missing[1], "shop--production", "slipway clusters access shop production"] {
        assert!(error.message.contains(words), "{}", error.message);
    }
    let reference = ReleaseRef::Id(release.id.clone());
    let plan = slipway.plan_promotion(owner, app, production, &reference, &PromoteOptions::default()).await.unwrap();
    assert_eq!(plan.blocked_by.iter().map(|error| error.code).collect::<Vec<_>>(), ["cluster_unauthorized"]);
    let access = slipway.cluster_access(owner, app, production).await.unwrap();
    assert_eq!(access.missing.as_deref(), Some(&missing[..]));
    assert!(access.manifest.is_some_and(|text| text.contains("shop--production")));
    world.access.missing.lock().unwrap().clear();
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
}

#[tokio::test]
async fn a_busy_environment() {
    let world = World::new().await;
    let (_, first) = world.build(1, WEB).await;
    let (_, second) = world.build(2, WEB).await;
    let running = world.promote(&first, &PromoteOptions::default()).await.unwrap();
    let error = world.refused(world.promote(&second, &PromoteOptions::default())).await;
    assert_eq!((error.kind, error.code), (Kind::Conflict, "environment_busy"));
    assert_eq!(
        error.details,
        [("promotion", running.id.to_string()), ("actor", "local".to_owned()), ("phase", "preparing".to_owned()),]
    );
}

#[tokio::test]
async fn an_older_release() {
    let world = World::new().await;
    let (_, first) = world.build(1, WEB).await;
    let (_, second) = world.build(2, WEB).await;
    assert_eq!(world.ship(&second).await, Outcome::Succeeded);
    let error = world.refused(world.promote(&first, &PromoteOptions::default())).await;
    assert_eq!((error.kind, error.code), (Kind::Conflict, "release_older"));
    assert!(error.message.ends_with("roll back to it instead"), "{}", error.message);
}

#[tokio::test]
async fn a_release_of_another_environment() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let staging = world.staging().await;
    let (_, release) = world.build_in(&staging, 1, WEB).await;
    let reference = ReleaseRef::Id(release.id);
    let options = PromoteOptions::default();
    let error = world.refused(slipway.promote(owner, app, production, &reference, &options, None)).await;
    assert_eq!((error.kind, error.code), (Kind::Conflict, "wrong_environment"));
    assert_eq!(error.details, [("environment", "staging".to_owned())]);
}

#[tokio::test]
async fn an_image_that_is_gone() {
    let world = World::new().await;
    let (_, release) = world.build(1, WEB).await;
    world.registry.0.lock().unwrap().clear();
    let error = world.refused(world.promote(&release, &PromoteOptions::default())).await;
    assert_eq!((error.kind, error.code), (Kind::Conflict, "image_missing"));
}

#[tokio::test]
async fn a_cluster_that_is_away_or_refuses_us() {
    let world = World::new().await;
    let (_, release) = world.build(1, WEB).await;
    let cases = [
        (ClusterError::Unreachable("timeout".to_owned()), Kind::Unavailable, "cluster_unreachable"),
        (ClusterError::Unauthorized("403".to_owned()), Kind::Conflict, "cluster_unauthorized"),
    ];
    for (state, kind, code) in cases {
        *world.cluster.away.lock().unwrap() = Some(state);
        let error = world.refused(world.promote(&release, &PromoteOptions::default())).await;
        assert_eq!((error.kind, error.code), (kind, code));
    }
}

#[tokio::test]
async fn a_version_that_is_not_the_current_one() {
    let world = World::new().await;
    let (_, release) = world.build(1, WEB).await;
    let version = world.environment().await.version;
    let seen = |version| PromoteOptions { if_match: Some(version), ..PromoteOptions::default() };
    let error = world.refused(world.promote(&release, &seen(version + 1))).await;
    assert_eq!((error.kind, error.code), (Kind::Stale, "stale_version"));
    world.promote(&release, &seen(version)).await.unwrap();
}

#[tokio::test]
async fn more_processes_than_one_execution_can_move() {
    let world = World::new().await;
    let manifest = "services:\n  web:\n    scale: 1000\n  worker:\n    scale: 1000\n";
    let (_, release) = world.build(1, manifest).await;
    let error = world.refused(world.promote(&release, &PromoteOptions::default())).await;
    assert_eq!((error.kind, error.code), (Kind::Unprocessable, "formation_too_large"));
}

#[tokio::test]
async fn a_deadline_or_a_reason_out_of_bounds() {
    let world = World::new().await;
    let (_, release) = world.build(1, WEB).await;
    for total_seconds in [0, 601, u64::MAX] {
        let options = PromoteOptions { total_seconds: Some(total_seconds), ..PromoteOptions::default() };
        let error = world.refused(world.promote(&release, &options)).await;
        assert_eq!((error.code, error.fields[0].pointer.as_str()), ("invalid_promotion", "/total_seconds"));
    }
    let options = PromoteOptions { reason: Some("x".repeat(501)), ..PromoteOptions::default() };
    let error = world.refused(world.promote(&release, &options)).await;
    assert_eq!((error.code, error.fields[0].pointer.as_str()), ("invalid_promotion", "/reason"));
    let shorter = PromoteOptions { total_seconds: Some(60), ..PromoteOptions::default() };
    assert_eq!(world.promote(&release, &shorter).await.unwrap().plan.total_ms, 60_000);
}

#[tokio::test]
async fn an_idempotency_key_that_is_none() {
    for key in ["", "with space", "ümlaut", &"x".repeat(256)] {
        let error = Idempotency::new(key, "POST /", b"").unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Malformed, "invalid_idempotency_key"), "{key}");
    }
}
