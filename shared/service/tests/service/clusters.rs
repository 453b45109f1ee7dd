//! Tenants' clusters and the environments in them, and the tenants themselves, as a hosted installation has them.

use std::collections::BTreeSet;

use slipway_domain::cluster::EksPlace;
use slipway_domain::cluster::role::ExternalId;
use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::id::TenantId;
use slipway_domain::name::{ClusterName, EnvironmentName};
use slipway_domain::promotion::Outcome;
use slipway_service::builds::intake::Login;
use slipway_service::caller::Caller;
use slipway_service::clusters::NotConnected;
use slipway_service::promotions::PromoteOptions;
use slipway_service::request::Idempotency;
use slipway_service::runs::NewRunRequest;
use slipway_service::slipway::Slipway;
use slipway_service::tenants::{Operator, OperatorToken};
use slipway_store::records::Role;

use crate::hosted::hosted;
use crate::world::{WEB, World, by_id, service};

fn place() -> EksPlace {
    EksPlace {
        region: "eu-central-1".parse().unwrap(),
        account: "123456789012".parse().unwrap(),
        name: "Prod".parse().unwrap(),
    }
}

fn name(text: &str) -> ClusterName {
    text.parse().unwrap()
}

async fn connect(world: &World, cluster: &str) -> Result<()> {
    world.slipway.create_cluster(&world.owner, &name(cluster), &place(), None).await?;
    world.slipway.connect_cluster(&world.owner, &name(cluster)).await.map(drop)
}

#[tokio::test]
async fn a_cluster_is_pending_until_every_check_holds() {
    let (world, clusters) = hosted().await;
    let World { slipway, owner, .. } = &world;
    let made = slipway.create_cluster(owner, &name("main"), &place(), None).await.unwrap().value;
    assert_eq!(made.cluster.connected_at, None);
    let role = made.role.to_string();
    assert!(role.starts_with("arn:aws:iam::123456789012:role/slipway-t") && role.ends_with("-main"), "{role}");
    assert!(made.setup.terraform.contains(made.cluster.external_id.as_str()));
    let taken = world.refused(slipway.create_cluster(owner, &name("main"), &place(), None)).await;
    assert_eq!((taken.code, taken.fields[0].pointer.as_str()), ("cluster_exists", "/name"));

    *clusters.verdict.lock().unwrap() = Err(NotConnected::Refused("the role lets anybody in".to_owned()));
    let refused = world.refused(slipway.connect_cluster(owner, &name("main"))).await;
    assert_eq!((refused.code, refused.message.as_str()), ("cluster_refused", "the role lets anybody in"));
    *clusters.verdict.lock().unwrap() = Err(NotConnected::Away("AWS did not answer".to_owned()));
    let away = world.refused(slipway.connect_cluster(owner, &name("main"))).await;
    assert_eq!((away.kind, away.code), (Kind::Unavailable, "cluster_unreachable"));
    *clusters.verdict.lock().unwrap() = Ok(());
    let connected = slipway.connect_cluster(owner, &name("main")).await.unwrap().cluster;
    assert!(connected.connected_at.is_some());
    let again = slipway.connect_cluster(owner, &name("main")).await.unwrap().cluster;
    assert_eq!(again, connected, "a further check changes nothing");
    let tried = clusters.tried.lock().unwrap();
    assert_eq!(tried.iter().map(ExternalId::as_str).collect::<BTreeSet<_>>().len(), 4, "each is tried once: {tried:?}");
}

#[tokio::test]
async fn external_ids_are_never_used_again() {
    let (world, _) = hosted().await;
    let World { slipway, owner, .. } = &world;
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let made = slipway.create_cluster(owner, &name("main"), &place(), None).await.unwrap().value;
        assert!(seen.insert(made.cluster.external_id.to_string()), "{:?}", made.cluster);
        slipway.delete_cluster(owner, &name("main")).await.unwrap();
    }
}

#[tokio::test]
async fn an_environment_goes_into_the_only_cluster_or_the_one_that_is_named() {
    let (world, clusters) = hosted().await;
    let World { slipway, owner, app, production, .. } = &world;
    connect(&world, "main").await.unwrap();
    let made = slipway.create_app(owner, app, None, None).await.unwrap().value;
    assert_eq!(made.environments[0].cluster, Some(name("main")));
    connect(&world, "other").await.unwrap();
    let staging: EnvironmentName = "staging".parse().unwrap();
    let unnamed = world.refused(slipway.create_environment(owner, app, &staging, None, None)).await;
    assert_eq!(unnamed.code, "cluster_required");
    assert!(unnamed.message.ends_with("main, other"), "{unnamed}");
    let unknown = world.refused(slipway.create_environment(owner, app, &staging, Some(&name("none")), None)).await;
    assert_eq!((unknown.code, unknown.fields[0].pointer.as_str()), ("cluster_unknown", "/cluster"));
    slipway.create_environment(owner, app, &staging, Some(&name("other")), None).await.unwrap();

    let (_, release) = world.build(1, WEB).await;
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    assert_eq!(*clusters.used.lock().unwrap(), BTreeSet::from([name("main")]));
    let in_use = world.refused(slipway.delete_cluster(owner, &name("main"))).await;
    assert_eq!(in_use.code, "cluster_in_use");
    assert!(in_use.message.contains("shop/production"), "{in_use}");
    let running = world.refused(slipway.move_environment(owner, app, production, &name("other"), None)).await;
    assert_eq!(running.code, "environment_in_use");
    slipway.move_environment(owner, app, &staging, &name("main"), None).await.unwrap();
    slipway.delete_cluster(owner, &name("other")).await.unwrap();
}

#[tokio::test]
async fn an_environment_without_a_connected_cluster_promotes_nothing_and_says_what_to_do() {
    let (world, clusters) = hosted().await;
    let World { slipway, owner, app, production, .. } = &world;
    slipway.create_app(owner, app, None, None).await.unwrap();
    let (_, release) = world.build(1, WEB).await;
    let options = PromoteOptions::default();
    let promote = || world.promote(&release, &options);
    let says = |error: &Error| (error.code, error.message.clone());
    let (code, words) = says(&world.refused(promote()).await);
    assert_eq!(code, "cluster_refused");
    assert!(words.contains("production of shop is in no cluster yet"), "{words}");

    slipway.create_cluster(owner, &name("main"), &place(), None).await.unwrap();
    let version = world.environment().await.version;
    let main = name("main");
    let stale = slipway.move_environment(owner, app, production, &main, Some(version + 1));
    assert_eq!(world.refused(stale).await.code, "stale_version");
    slipway.move_environment(owner, app, production, &main, Some(version)).await.unwrap();
    let (_, words) = says(&world.refused(promote()).await);
    assert!(words.contains("slipway clusters connect main"), "{words}");
    slipway.connect_cluster(owner, &name("main")).await.unwrap();
    let plan = slipway.plan_promotion(owner, app, production, &by_id(&release.id), &options).await.unwrap();
    assert!(plan.blocked_by.is_empty(), "{:?}", plan.blocked_by);
    connect(&world, "other").await.unwrap();
    slipway.move_environment(owner, app, production, &name("other"), None).await.unwrap();
    clusters.used.lock().unwrap().clear();
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    assert_eq!(*clusters.used.lock().unwrap(), BTreeSet::from([name("other")]), "it was moved a moment ago");
}

#[tokio::test]
async fn clusters_are_the_owners_to_connect_and_nobody_elses_to_see() {
    let (world, _) = hosted().await;
    connect(&world, "main").await.unwrap();
    let World { slipway, owner, .. } = &world;
    let (_, token) = slipway.create_token(owner, "ci", Role::Deployer).await.unwrap();
    let deployer = slipway.authenticate(token.reveal(), "r").await.unwrap();
    let forbidden = [
        world.refused(slipway.create_cluster(&deployer, &name("b"), &place(), None)).await,
        world.refused(slipway.connect_cluster(&deployer, &name("main"))).await,
        world.refused(slipway.delete_cluster(&deployer, &name("main"))).await,
    ];
    assert!(forbidden.iter().all(|error| error.code == "forbidden"), "{forbidden:?}");
    assert_eq!(slipway.clusters(&deployer).await.unwrap().len(), 1);
    let other = stranger(slipway).await;
    assert!(slipway.clusters(&other).await.unwrap().is_empty());
    let foreign = world.refused(slipway.cluster(&other, &name("main"))).await;
    let absent = world.refused(slipway.cluster(&other, &name("main"))).await;
    assert_eq!((foreign.code, &foreign), ("cluster_not_found", &absent));
}

async fn stranger(slipway: &Slipway) -> Caller {
    let token = slipway.bootstrap_local(&TenantId::from_entropy(99)).await.unwrap().unwrap();
    slipway.authenticate(token.reveal(), "r").await.unwrap()
}

#[tokio::test]
async fn an_installation_with_a_cluster_of_its_own_connects_no_others() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let errors = [
        world.refused(slipway.create_cluster(owner, &name("main"), &place(), None)).await,
        world.refused(slipway.create_app(owner, &"api".parse().unwrap(), Some(&name("main")), None)).await,
        world.refused(slipway.move_environment(owner, app, production, &name("main"), None)).await,
    ];
    assert!(errors.iter().all(|error| error.code == "clusters_not_taken"), "{errors:?}");
    assert!(slipway.clusters(owner).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_operator_makes_tenants_and_nobody_else_does() {
    let (mut world, _) = hosted().await;
    let OperatorToken { token, sha256 } = OperatorToken::new([7, 8], 9);
    let unknown = world.slipway.authenticate_operator(token.reveal(), "r").unwrap_err();
    assert_eq!(unknown.code, "unauthenticated", "there is no operator");
    world.slipway.operator = Some(sha256.parse::<Operator>().unwrap());
    let slipway = &world.slipway;
    let (_, owners) = slipway.create_token(&world.owner, "ana", Role::Owner).await.unwrap();
    for wrong in [owners.reveal(), OperatorToken::new([7, 9], 9).token.reveal(), ""] {
        assert_eq!(slipway.authenticate_operator(wrong, "r").unwrap_err(), unknown);
    }
    assert_eq!(slipway.authenticate(token.reveal(), "r").await.unwrap_err().code, "unauthenticated");

    let operator = slipway.authenticate_operator(token.reveal(), "r").unwrap();
    let key = |key: &str| Idempotency::new(key, "POST /v1/tenants", b"{}").unwrap();
    let first = slipway.create_tenant(&operator, "Acme", &key("one")).await.unwrap();
    let owner = slipway.authenticate(first.value.token.reveal(), "r").await.unwrap();
    assert_eq!((owner.tenant(), owner.role(), first.replayed), (&first.value.tenant.id, Role::Owner, false));
    let again = slipway.create_tenant(&operator, "Acme", &key("one")).await.unwrap();
    assert_eq!((&again.value.tenant, again.replayed), (&first.value.tenant, true));
    assert_ne!(again.value.token.reveal(), first.value.token.reveal(), "what was shown once is not kept");
    let other = slipway.create_tenant(&operator, "Acme", &key("two")).await.unwrap();
    assert_ne!(other.value.tenant.id, first.value.tenant.id);
    let reused = world.refused(slipway.create_tenant(&operator, "Other", &key("one"))).await;
    assert_eq!(reused.code, "idempotency_key_reused");
    let nameless = world.refused(slipway.create_tenant(&operator, " ", &key("three"))).await;
    assert_eq!((nameless.code, nameless.fields[0].pointer.as_str()), ("invalid_tenant", "/name"));
}

#[tokio::test]
async fn only_the_accounts_of_connected_clusters_may_pull_an_apps_images() {
    let (world, _) = hosted().await;
    connect(&world, "main").await.unwrap();
    let other = EksPlace { account: "210987654321".parse().unwrap(), ..place() };
    world.slipway.create_cluster(&world.owner, &name("other"), &other, None).await.unwrap();
    let cluster = name("main");
    world.slipway.create_app(&world.owner, &world.app, Some(&cluster), None).await.unwrap();
    let staging: EnvironmentName = "staging".parse().unwrap();
    let second = name("other");
    world.slipway.create_environment(&world.owner, &world.app, &staging, Some(&second), None).await.unwrap();
    let (_, release) = world.build(1, WEB).await;
    let pullers = || world.repositories.1.lock().unwrap().get(&world.app).cloned();
    assert_eq!(pullers(), None, "nobody needs the image yet");
    *world.repositories.0.lock().unwrap() = Err(Error::unavailable("the registry is away"));
    assert_eq!(world.ship(&release).await, Outcome::Succeeded, "most images can be pulled all the same");
    *world.repositories.0.lock().unwrap() = Ok(Login::Open);
    assert_eq!(pullers(), None);
    let run =
        NewRunRequest { service: service("web"), command: vec!["true".to_owned()], release: None, time_limit: None };
    world.slipway.create_run(&world.owner, &world.app, &world.production, &run, None).await.unwrap();
    assert_eq!(pullers(), Some(vec![place().account]), "the other cluster is not connected");
    world.slipway.connect_cluster(&world.owner, &second).await.unwrap();
    world.slipway.move_environment(&world.owner, &world.app, &staging, &cluster, None).await.unwrap();
    assert_eq!(pullers(), Some(vec![place().account]), "nothing of the app is in the other cluster");
    world.slipway.move_environment(&world.owner, &world.app, &staging, &second, None).await.unwrap();
    assert_eq!(pullers(), Some(vec![place().account, other.account]));
}
