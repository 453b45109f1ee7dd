//! Who may do what, and that nothing crosses a tenant.

use std::time::Duration;

use slipway_domain::error::Kind;
use slipway_domain::id::TenantId;
use slipway_service::caller::Caller;
use slipway_service::promotions::PromoteOptions;
use slipway_service::releases::BaseChoice;
use slipway_service::request::Page;
use slipway_service::runs::NewRunRequest;
use slipway_store::records::Role;

use crate::world::{WEB, World, by_id, new_build, patch, service};

async fn with_role(world: &World, role: Role) -> Caller {
    let (_, token) = world.slipway.create_token(&world.owner, "ana", role).await.unwrap();
    world.slipway.authenticate(token.reveal(), "request-2").await.unwrap()
}

#[tokio::test]
async fn the_owner_is_made_once_and_its_token_is_not_stored() {
    let world = World::without_app().await;
    let tenant = TenantId::from_entropy(1);
    assert!(world.slipway.bootstrap_local(&tenant).await.unwrap().is_none());
    let (_, token) = world.slipway.create_token(&world.owner, "ci", Role::Deployer).await.unwrap();
    let secret = token.reveal().rsplit('_').next().unwrap();
    let dump = format!("{:?}", world.dump().await);
    assert!(!dump.contains(secret) && !dump.contains(token.reveal()));
    assert!(dump.contains("ci"));
}

#[tokio::test]
async fn a_lost_local_token_is_replaced_by_an_owners() {
    let world = World::without_app().await;
    let nobody = world.refused(world.slipway.renew_local(&TenantId::from_entropy(9))).await;
    assert_eq!(nobody.code, "tenant_not_found");
    let token = world.slipway.renew_local(&TenantId::from_entropy(1)).await.unwrap();
    let caller = world.slipway.authenticate(token.reveal(), "r").await.unwrap();
    assert_eq!((caller.role(), caller.tenant()), (Role::Owner, world.owner.tenant()));
}

#[tokio::test]
async fn a_token_that_is_none_is_refused_like_one_that_is_unknown() {
    let world = World::without_app().await;
    let (_, token) = world.slipway.create_token(&world.owner, "ci", Role::Deployer).await.unwrap();
    let typo = token.reveal().replacen("slp_", "slq_", 1);
    let elsewhere = World::without_app().await;
    let (_, foreign) = elsewhere.slipway.create_token(&elsewhere.owner, "ci", Role::Viewer).await.unwrap();
    let errors = [
        world.slipway.authenticate(&typo, "r").await.unwrap_err(),
        world.slipway.authenticate("", "r").await.unwrap_err(),
        world.slipway.authenticate(foreign.reveal(), "r").await.unwrap_err(),
    ];
    for error in &errors {
        assert_eq!((error.kind, error), (Kind::Unauthenticated, &errors[0]));
    }
    world.slipway.authenticate(token.reveal(), "r").await.unwrap();
    world.wait(Duration::from_hours(91 * 24));
    assert_eq!(world.slipway.authenticate(token.reveal(), "r").await.unwrap_err(), errors[0]);
}

#[tokio::test]
async fn a_viewer_changes_nothing_and_a_deployer_sees_no_secrets() {
    let world = World::new().await;
    let World { slipway, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    let viewer = with_role(&world, Role::Viewer).await;
    let deployer = with_role(&world, Role::Deployer).await;
    let run =
        NewRunRequest { service: service("web"), command: vec!["env".to_owned()], release: None, time_limit: None };
    let reference = by_id(&release.id);
    let options = PromoteOptions::default();
    slipway.release(&viewer, app, &reference).await.unwrap();
    slipway.diagnosis(&viewer, app, production, None).await.unwrap();
    let mut errors = vec![
        world.refused(slipway.promote(&viewer, app, production, &reference, &options, None)).await,
        world.refused(slipway.create_build(&viewer, app, &new_build(), None)).await,
        world.refused(slipway.change_variables(&viewer, app, production, patch(&[("A", Some("1"))]), None)).await,
    ];
    for caller in [&viewer, &deployer] {
        errors.push(world.refused(slipway.create_run(caller, app, production, &run, None)).await);
        let reveal = slipway.reveal_variables(caller, app, production, &BaseChoice::Newest);
        errors.push(world.refused(reveal).await);
        errors.push(world.refused(slipway.create_app(caller, &"other".parse().unwrap(), None, None)).await);
        errors.push(world.refused(slipway.create_token(caller, "more", Role::Owner)).await);
    }
    for error in errors {
        assert_eq!((error.kind, error.code), (Kind::Forbidden, "forbidden"));
    }
    slipway.promote(&deployer, app, production, &reference, &options, None).await.unwrap();
}

#[tokio::test]
async fn another_tenants_things_are_as_absent_as_random_ids() {
    let world = World::new().await;
    let World { slipway, app, production, .. } = &world;
    let (build, release) = world.build(1, WEB).await;
    let promotion = world.promote(&release, &PromoteOptions::default()).await.unwrap();
    let token = slipway.bootstrap_local(&TenantId::from_entropy(2)).await.unwrap().unwrap();
    let other = slipway.authenticate(token.reveal(), "request-3").await.unwrap();
    let reference = by_id(&release.id);
    let before = world.dump().await;
    let codes = [
        slipway.app(&other, app).await.unwrap_err().code,
        slipway.environment(&other, app, production).await.unwrap_err().code,
        slipway.build(&other, app, &build, Duration::ZERO).await.unwrap_err().code,
        slipway.release(&other, app, &reference).await.unwrap_err().code,
        slipway.reveal_variables(&other, app, production, &BaseChoice::Newest).await.unwrap_err().code,
        slipway.promotion(&other, app, production, &promotion.id).await.unwrap_err().code,
        slipway.cancel_promotion(&other, app, production, &promotion.id).await.unwrap_err().code,
        slipway.promote(&other, app, production, &reference, &PromoteOptions::default(), None).await.unwrap_err().code,
        slipway.processes(&other, app, production).await.unwrap_err().code,
        slipway.diagnosis(&other, app, production, None).await.unwrap_err().code,
    ];
    assert_eq!(codes, ["app_not_found"; 10]);
    assert!(slipway.apps(&other, &Page::default()).await.unwrap().items.is_empty());
    assert_eq!(world.dump().await, before);
    // The same name is free in another tenant.
    slipway.create_app(&other, app, None, None).await.unwrap();
}

#[tokio::test]
async fn names_are_unique_and_lists_in_order() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    assert_eq!(world.refused(slipway.create_app(owner, app, None, None)).await.code, "app_exists");
    assert_eq!(
        world.refused(slipway.create_environment(owner, app, production, None, None)).await.code,
        "environment_exists"
    );
    slipway.create_app(owner, &"api".parse().unwrap(), None, None).await.unwrap();
    for name in ["staging", "demo"] {
        slipway.create_environment(owner, app, &name.parse().unwrap(), None, None).await.unwrap();
    }
    let environments = slipway.environments(owner, app).await.unwrap();
    let names: Vec<_> = environments.iter().map(|environment| environment.name.as_str()).collect();
    assert_eq!(names, ["production", "demo", "staging"]);
    let apps = slipway.apps(owner, &Page::default()).await.unwrap();
    assert_eq!(apps.items.iter().map(|view| view.app.name.as_str()).collect::<Vec<_>>(), ["api", "shop"]);
}
