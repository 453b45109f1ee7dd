//! `slipway deploy-debug`: what is wrong, what shows it, what to do next.

use serde_json::Value;
use slipway_domain::promotion::Exit;
use slipway_rollout::observation::{Process, Readiness, Refusal, Stage};

use crate::server::Server;
use crate::told::story;

fn process(stage: Stage) -> Process {
    Process {
        name: String::new(),
        uid: String::new(),
        genuine: true,
        stopping_since: None,
        stage,
        readiness: Readiness::Never,
        registered: false,
        restarts: 0,
        init_failures: 0,
        last_exit: None,
        probe_error: None,
    }
}

fn crashing() -> Process {
    let exit = Exit { code: Some(127), reason: "Error".to_owned(), ..Exit::default() };
    let waiting = Stage::Waiting { reason: "CrashLoopBackOff".to_owned(), message: String::new() };
    Process { restarts: 4, last_exit: Some(exit), ..process(waiting) }
}

fn deaf() -> Process {
    let running = Stage::Running { started_at: "2026-01-15T14:00:00Z".parse().unwrap() };
    Process { probe_error: Some("connect: connection refused".to_owned()), ..process(running) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_names_what_is_wrong_and_what_to_do_next() {
    let server = Server::new().await;
    let driver = server.carry_out();
    let mut told = vec![server.slipway(&["deploy-debug"]).await];
    server.slipway(&["deploy"]).await;
    told.push(server.slipway(&["deploy-debug"]).await);
    let cluster = &server.world.cluster;
    let image = server.world.image(1);
    for ill in [crashing(), deaf()] {
        cluster.ill.lock().unwrap().insert(image.clone(), ill);
        told.push(server.slipway(&["deploy-debug", "web"]).await);
    }
    cluster.ill.lock().unwrap().clear();
    *cluster.refusal.lock().unwrap() = Some(Refusal::Quota("exceeded quota: pods=2".to_owned()));
    told.push(server.slipway(&["deploy-debug"]).await);
    *cluster.refusal.lock().unwrap() = None;
    told.push(server.slipway(&["deploy-debug", "wbe"]).await);
    told.push(server.slipway(&["logs", "--service", "wbe"]).await);
    driver.abort();
    let codes: Vec<i32> = told.iter().map(|told| told.code).collect();
    assert_eq!(codes, [0, 0, 1, 1, 1, 1, 1]);
    insta::assert_snapshot!(story(&told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_promotion_before_is_explained_although_all_is_well_again() {
    let server = Server::new().await;
    let driver = server.carry_out();
    server.slipway(&["deploy"]).await;
    server.world.cluster.broken.lock().unwrap().insert(server.world.image(2));
    assert_eq!(server.slipway(&["deploy"]).await.code, 3);
    let told = server.slipway(&["deploy-debug"]).await;
    driver.abort();
    assert_eq!(told.code, 0);
    insta::assert_snapshot!(story(&[told]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_in_json_is_the_answer_and_ends_with_the_same_code() {
    let server = Server::new().await;
    let driver = server.carry_out();
    server.slipway(&["deploy"]).await;
    server.world.cluster.ill.lock().unwrap().insert(server.world.image(1), crashing());
    let told = server.slipway(&["deploy-debug", "--json"]).await;
    driver.abort();
    let document: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told.code, told.stderr.as_str()), (1, ""));
    assert_eq!(document["findings"][0]["cause"], "crash_loop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_that_no_service_declares_is_noted() {
    let server = Server::new().await;
    let manifest = "environment:\n  - KEY=1\nservices:\n  web:\n    port: 3000\n";
    server.world.build(9, manifest).await;
    let told = server.slipway(&["env", "set", "KYE=2", "KEY=3"]).await;
    insta::assert_snapshot!(story(&[told]));
}
