//! Another formation.

use std::collections::BTreeMap;

use slipway_domain::promotion::{Kind, Outcome};
use slipway_service::promotions::PromoteOptions;
use slipway_service::scale::{MAX_PROCESSES, ScaleOptions, Scaled};

use crate::world::{WEB, World, service};

fn to(counts: &[(&str, u32)]) -> ScaleOptions {
    let formation = counts.iter().map(|(name, count)| (service(name), *count)).collect();
    ScaleOptions { formation, reason: None, if_match: None }
}

#[tokio::test]
async fn scaling_moves_only_the_difference_and_is_kept_at_the_commit() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    let scaled = slipway.scale(owner, app, production, &to(&[("web", 5)]), None).await.unwrap().value;
    let Scaled::Started(promotion) = scaled else { panic!("nothing was started") };
    assert_eq!((promotion.kind, &promotion.to, promotion.from.as_ref()), (Kind::Scale, &release.id, Some(&release.id)));
    assert_eq!(world.environment().await.formation, BTreeMap::from([(service("web"), 2)]));
    assert_eq!(world.finish(&promotion.id).await, Outcome::Succeeded);
    assert_eq!(world.environment().await.formation, BTreeMap::from([(service("web"), 5)]));
    assert_eq!(world.cluster.replicas().values().copied().collect::<Vec<_>>(), [5]);
    // A later release keeps the formation, whatever its manifest says.
    let (_, next) = world.build(2, WEB).await;
    assert_eq!(world.ship(&next).await, Outcome::Succeeded);
    assert_eq!(world.cluster.replicas().values().copied().collect::<Vec<_>>(), [5]);
}

#[tokio::test]
async fn a_formation_that_is_so_already_changes_nothing() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    let before = world.dump().await;
    let scaled = slipway.scale(owner, app, production, &to(&[("web", 2)]), None).await.unwrap().value;
    assert!(matches!(scaled, Scaled::Unchanged(environment) if environment.active == Some(release.id)));
    assert_eq!(world.dump().await, before);
}

#[tokio::test]
async fn what_can_not_be_scaled_is_refused_by_its_field() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let nothing_active = world.refused(slipway.scale(owner, app, production, &to(&[("web", 1)]), None)).await;
    assert_eq!(nothing_active.code, "no_active_release");
    let (_, release) = world.build(1, WEB).await;
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    let cases = [
        (to(&[]), "invalid_scale", "/formation"),
        (to(&[("web", MAX_PROCESSES + 1)]), "invalid_scale", "/formation/web"),
        (to(&[("web", 1), ("wroker", 1)]), "service_not_found", "/formation/wroker"),
        (ScaleOptions { if_match: Some(99), ..to(&[("web", 1)]) }, "stale_version", "If-Match"),
        (ScaleOptions { if_match: Some(99), ..to(&[("web", 2)]) }, "stale_version", "If-Match"),
    ];
    for (options, code, pointer) in cases {
        let error = world.refused(slipway.scale(owner, app, production, &options, None)).await;
        assert_eq!((error.code, error.fields[0].pointer.as_str()), (code, pointer));
    }
    let (_, next) = world.build(2, WEB).await;
    world.promote(&next, &PromoteOptions::default()).await.unwrap();
    let error = world.refused(slipway.scale(owner, app, production, &to(&[("web", 1)]), None)).await;
    assert_eq!(error.code, "environment_busy");
}
