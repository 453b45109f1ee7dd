//! Processes that serve, come and go.

use std::collections::BTreeSet;
use std::time::Duration;

use slipway_rollout::observation::{Process, Readiness, Visibility};
use slipway_service::ports::Cluster;

use super::{World, get, is_empty, is_running, ready};
use crate::common::{alive, until_async};

#[tokio::test]
async fn processes_are_started_served_and_stopped() {
    let world = World::start().await;
    let key = world.create(world.template("RAAAAAAAAAA", "exec node server.js")).await;
    let empty = world.until("the first sight", &key, is_empty).await;
    assert_eq!((empty.replicas, empty.processes.len(), empty.intact), (0, 0, true));

    world.scale(&key, 3).await;
    assert_eq!(world.deployment(&key).await.replicas, 3);
    let seen = world.until_ready(&key, 3).await;
    assert_eq!(seen.visibility, Visibility::Visible);
    for process in &seen.processes {
        assert!(process.name.starts_with("web-raaaaaaaaaa-"), "{}", process.name);
        assert!(process.genuine && is_running(process) && process.restarts == 0, "{process:?}");
    }
    let address = world.address().await;
    let mut names = BTreeSet::new();
    for _ in 0..30 {
        let (status, name) = get(&address).await;
        assert_eq!(status, 200);
        names.insert(name);
    }
    assert_eq!(names, seen.processes.iter().map(|process| process.name.clone()).collect());

    world.scale(&key, 0).await;
    let seen = world.until("none", &key, is_empty).await;
    assert_eq!(seen.replicas, 0);
    assert_eq!(get(&address).await.0, 503);
    // The logs of processes that are gone can still be read.
    let name = names.first().unwrap();
    assert!(world.tail(name).await.last().unwrap().starts_with("stopping after "), "{:?}", world.tail(name).await);
}

#[tokio::test]
async fn a_stopping_process_finishes_what_it_serves() {
    let world = World::start().await;
    let key = world.serve(world.template("RAAAAAAAAAA", "exec node server.js"), 1).await;
    let url = format!("{}/slow", world.address().await);
    let slow = tokio::spawn(async move { get(&url).await });
    let process = world.deployment(&key).await.processes[0].clone();
    // The request is at the process before the process is stopped.
    until_async("the request", || async {
        let port = std::fs::read_to_string(world.path("router/state.json")).unwrap();
        let table: serde_json::Value = serde_json::from_str(&port).unwrap();
        let port = table["table"]["services"][0]["targets"][0]["port"].as_u64().unwrap();
        let established = std::fs::read_to_string("/proc/net/tcp").unwrap();
        // Remote side of the router's connection, in state 01: established.
        established.lines().any(|line| line.contains(&format!(":{port:04X} 01 "))).then_some(())
    })
    .await;
    world.scale(&key, 0).await;
    let stopping = world.until("stopping", &key, |seen| seen.processes.iter().all(Process::is_stopping)).await;
    assert!(stopping.processes.iter().all(|process| !process.registered));
    assert_eq!(slow.await.unwrap(), (200, format!("slow {}", process.name)));
    world.until("none", &key, is_empty).await;
}

#[tokio::test]
async fn a_process_without_ports_is_ready_while_it_runs() {
    let world = World::start().await;
    let key = world.create(world.worker("RAAAAAAAAAA", "echo \"port ${PORT:-none}\"; exec sleep 600")).await;
    world.scale(&key, 1).await;
    let seen = world.until("running", &key, |seen| seen.processes.iter().any(is_running)).await;
    let process = &seen.processes[0];
    assert!(matches!(process.readiness, Readiness::Ready { .. }) && !process.registered, "{process:?}");
    until_async("its output", || async { (world.tail(&process.name).await == ["port none"]).then_some(()) }).await;
}

#[tokio::test]
async fn one_that_ignores_the_signal_is_gone_after_its_grace() {
    let world = World::start().await;
    let mut template = world.worker("RAAAAAAAAAA", "trap '' TERM; echo $$; while :; do sleep 0.05; done");
    template.grace = Duration::from_millis(100);
    let key = world.create(template).await;
    world.scale(&key, 1).await;
    let seen = world.until("running", &key, |seen| seen.processes.iter().any(is_running)).await;
    let name = &seen.processes[0].name;
    let pid = loop {
        if let Some(pid) = world.tail(name).await.first().and_then(|line| line.parse().ok()) {
            break pid;
        }
        let seen = world.look().await;
        world.cluster().changed(&world.namespace, &seen, Duration::from_millis(20)).await;
    };
    world.scale(&key, 0).await;
    world.until("none", &key, is_empty).await;
    assert!(!alive(pid));
}

#[tokio::test]
async fn two_releases_share_the_traffic_of_a_service() {
    let world = World::start().await;
    let old = world.serve(world.template("RAAAAAAAAAA", "exec node server.js"), 1).await;
    let new = world.serve(world.template("RBBBBBBBBBB", "exec node server.js"), 1).await;
    let address = world.address().await;
    let mut names = BTreeSet::new();
    for _ in 0..10 {
        names.insert(get(&address).await.1[..15].to_owned());
    }
    assert_eq!(names, BTreeSet::from(["web-raaaaaaaaaa".to_owned(), "web-rbbbbbbbbbb".to_owned()]));
    world.scale(&old, 0).await;
    world.until("none of the old", &old, is_empty).await;
    assert_eq!(ready(&world.deployment(&new).await), 1);
    assert!(get(&address).await.1.starts_with("web-rbbbbbbbbbb"));
}
