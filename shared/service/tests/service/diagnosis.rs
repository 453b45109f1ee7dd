//! What is found wrong, with its evidence and without anybody's secrets.

use slipway_domain::error::Kind;
use slipway_domain::promotion::{Cause, Exit, Outcome};
use slipway_rollout::observation::{Process, Readiness, Refusal, Stage};
use slipway_service::diagnosis::{DiagnosisView, ServiceHealth};
use slipway_service::ports::{ClusterError, LogQuery};
use slipway_service::promotions::PromoteOptions;

use crate::world::{WEB, World, service};

const SECRET: &str = "hunter2-and-more";

fn crashing() -> Process {
    let exit = Exit { code: Some(1), reason: "Error".to_owned(), message: format!("no {SECRET}"), ..Exit::default() };
    let reason = "CrashLoopBackOff".to_owned();
    Process {
        name: String::new(),
        uid: String::new(),
        genuine: true,
        stopping_since: None,
        stage: Stage::Waiting { reason, message: String::new() },
        readiness: Readiness::Never,
        registered: false,
        restarts: 4,
        init_failures: 0,
        last_exit: Some(exit),
        probe_error: None,
    }
}

async fn diagnosis(world: &World) -> DiagnosisView {
    world.slipway.diagnosis(&world.owner, &world.app, &world.production, None).await.unwrap()
}

/// A world whose active release has that secret, is well, and is the second.
async fn shipped() -> World {
    let world = World::new().await;
    let (_, first) = world.build(1, WEB).await;
    assert_eq!(world.ship(&first).await, Outcome::Succeeded);
    let release = world.set(&[("SECRET", SECRET)]).await;
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    world
}

#[tokio::test]
async fn what_is_well_has_no_finding_and_is_counted() {
    let world = shipped().await;
    let before = world.dump().await;
    let view = diagnosis(&world).await;
    let active = world.environment().await.active.unwrap();
    assert_eq!(view.findings, []);
    let health = ServiceHealth { service: service("web"), release: active, asked: 2, healthy: 2, starting: 0, sick: 0 };
    assert_eq!(view.services, [health]);
    assert!(view.promotion.is_none());
    assert_eq!(world.dump().await, before, "a look changes nothing");
}

#[tokio::test]
async fn an_environment_in_which_nothing_runs_is_not_sick() {
    let world = World::new().await;
    let view = diagnosis(&world).await;
    assert!(view.findings.is_empty() && view.services.is_empty() && view.promotion.is_none());
}

#[tokio::test]
async fn a_crash_loop_of_the_active_release_is_found_with_masked_evidence() {
    let world = shipped().await;
    let active = world.environment().await.active.unwrap();
    world.cluster.ill.lock().unwrap().insert(world.image(1), crashing());
    *world.cluster.says.lock().unwrap() = Some(format!("password {SECRET} is wrong for {active}"));
    let view = diagnosis(&world).await;
    assert_eq!((view.services[0].asked, view.services[0].healthy, view.services[0].sick), (2, 0, 2));
    let finding = &view.findings[0];
    assert_eq!((finding.cause, finding.restarts, finding.ready), (Cause::CrashLoop, 4, false));
    assert_eq!(finding.message, "the process ends again and again (exit code 1)");
    assert_eq!(finding.exit.as_ref().unwrap().message, "no ***");
    assert_eq!(finding.log, [format!("password *** is wrong for {active}")]);
    let process = finding.process.as_ref().unwrap();
    let expected = format!(
        "read why it ends: slipway logs --process {process} -a shop; or go back: slipway releases rollback -a shop"
    );
    assert_eq!(finding.next, expected);
    assert_eq!(view.findings.len(), 2);
}

#[tokio::test]
async fn a_first_release_has_no_way_back() {
    let world = World::new().await;
    let (_, release) = world.build(1, WEB).await;
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    world.cluster.ill.lock().unwrap().insert(world.image(1), crashing());
    for finding in diagnosis(&world).await.findings {
        assert!(!finding.next.contains("rollback"), "{finding:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_asks_whether_the_port_is_the_right_one() {
    let world = shipped().await;
    let running = Stage::Running { started_at: "2026-01-15T14:00:00Z".parse().unwrap() };
    let probe_error = Some(format!("GET /?key={SECRET}: connect: connection refused"));
    let deaf = Process { stage: running, restarts: 0, last_exit: None, probe_error, ..crashing() };
    world.cluster.ill.lock().unwrap().insert(world.image(1), deaf);
    let finding = diagnosis(&world).await.findings.remove(0);
    assert_eq!(finding.probe_error.as_deref(), Some("GET /?key=***: connect: connection refused"));
    assert!(finding.message.ends_with("within 3 s: GET /?key=***: connect: connection refused"), "{finding:?}");
    assert!(
        finding.next.starts_with("does the app listen on $PORT (3000 in the manifest), and on every address"),
        "{finding:?}"
    );
}

#[tokio::test]
async fn what_the_cluster_refuses_is_a_finding_of_the_service() {
    let world = shipped().await;
    *world.cluster.refusal.lock().unwrap() = Some(Refusal::Quota("exceeded quota: pods".to_owned()));
    let view = diagnosis(&world).await;
    assert_eq!(view.findings.len(), 1);
    let finding = &view.findings[0];
    assert_eq!((finding.cause, finding.process.as_ref(), finding.log.len()), (Cause::Quota, None, 0));
    assert_eq!(finding.message, "1 of 2 processes could be created: exceeded quota: pods");
}

#[tokio::test]
async fn the_last_lines_are_read_of_a_few_processes_of_a_kind() {
    let world = World::new().await;
    let (_, release) = world.build(1, "services:\n  web:\n    port: 3000\n    scale: 5\n").await;
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    world.cluster.ill.lock().unwrap().insert(world.image(1), crashing());
    let logs: Vec<usize> = diagnosis(&world).await.findings.iter().map(|finding| finding.log.len()).collect();
    assert_eq!(logs, [1, 1, 1, 0, 0]);
}

#[tokio::test]
async fn the_last_promotion_is_told_while_it_is_one_that_failed() {
    let world = shipped().await;
    let (_, bad) = world.build(2, WEB).await;
    world.cluster.broken.lock().unwrap().insert(world.image(2));
    let promotion = world.promote(&bad, &PromoteOptions::default()).await.unwrap();
    assert_eq!(world.finish(&promotion.id).await, Outcome::RolledBack);
    let view = diagnosis(&world).await;
    assert_eq!(view.findings, [], "the old release is back, and well");
    let context = view.promotion.unwrap();
    assert_eq!((context.promotion.id, context.waits_for), (promotion.id.clone(), None));
    assert_eq!(context.promotion.failure.unwrap().cause, Cause::HealthTimeout);
    let next = context.next.unwrap();
    assert!(next.ends_with(&format!("slipway promotions info {} -a shop", promotion.id)), "{next}");
    let again = world.set(&[("A", "1")]).await;
    world.cluster.broken.lock().unwrap().clear();
    assert_eq!(world.ship(&again).await, Outcome::Succeeded);
    assert!(diagnosis(&world).await.promotion.is_none());
}

#[tokio::test]
async fn a_promotion_that_waits_says_for_what() {
    let world = shipped().await;
    world.build(2, WEB).await;
    let words = format!("0/1 nodes are available for {SECRET}");
    let stage = Stage::Unscheduled(Some(words));
    let homeless = Process { stage, restarts: 0, last_exit: None, ..crashing() };
    world.cluster.ill.lock().unwrap().insert(world.image(2), homeless);
    let release = world.set(&[("A", "1")]).await;
    let promotion = world.promote(&release, &PromoteOptions::default()).await.unwrap();
    let input = world.workflows.started.lock().unwrap()[&promotion.execution_name()].clone();
    for _ in 0..3 {
        world.step(input.clone(), slipway_rollout::decide::Mode::Advance).await;
    }
    let view = diagnosis(&world).await;
    let context = view.promotion.unwrap();
    let waiting = context.waits_for.unwrap();
    assert_eq!((waiting.cause, waiting.message.as_str()), (Cause::Unschedulable, "0/1 nodes are available for ***"));
    assert_eq!(context.next.unwrap(), "give the cluster another node, or ask for less with services.web.scale");
    assert_eq!(view.findings.len(), 1, "nothing is missed of the old release while it is being replaced");
    assert_eq!(view.findings[0].release, release.id);
}

#[tokio::test]
async fn a_service_that_there_is_not_is_refused_with_those_that_there_are() {
    let world = shipped().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (web, typo) = (service("web"), service("wbe"));
    assert_eq!(slipway.diagnosis(owner, app, production, Some(&web)).await.unwrap().services.len(), 1);
    let query = |service| LogQuery { service: Some(service), limit: 10, ..LogQuery::default() };
    slipway.logs(owner, app, production, &query(web)).await.unwrap();
    for error in [
        world.refused(slipway.diagnosis(owner, app, production, Some(&typo))).await,
        world.refused(slipway.logs(owner, app, production, &query(typo.clone()))).await,
    ] {
        assert_eq!((error.kind, error.code), (Kind::NotFound, "service_not_found"));
        assert_eq!(error.message, "production has no service wbe; it has web");
        assert_eq!(error.fields[0].pointer, "service");
    }
}

#[tokio::test]
async fn a_cluster_that_cannot_be_seen_is_told_as_such() {
    let world = shipped().await;
    for (away, code) in [
        (ClusterError::Unreachable("timed out".to_owned()), "cluster_unreachable"),
        (ClusterError::Unauthorized("forbidden".to_owned()), "cluster_unauthorized"),
    ] {
        *world.cluster.away.lock().unwrap() = Some(away);
        let look = world.slipway.diagnosis(&world.owner, &world.app, &world.production, None);
        assert_eq!(world.refused(look).await.code, code);
    }
}
