//! Servers, keepers and routers that are killed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use slipway_local::supervisor::spec::Folder;
use slipway_rollout::observation::{Deployment, Process, Stage, Visibility};

use super::{World, get, is_empty, keeper, ready, try_get};
use crate::common::{alive, until, until_async};

fn uids(seen: &Deployment) -> BTreeSet<String> {
    seen.processes.iter().map(|process| process.uid.clone()).collect()
}

#[tokio::test]
async fn processes_serve_while_the_server_is_away_and_are_adopted() {
    let mut world = World::start().await;
    let key = world.serve(world.template("RAAAAAAAAAA", "exec node server.js"), 2).await;
    let before = world.deployment(&key).await;
    let address = world.address().await;
    world.close();
    assert_eq!(get(&address).await.0, 200);
    world.reopen().await;
    let after = world.until_ready(&key, 2).await;
    assert_eq!(uids(&before), uids(&after));
    assert!(after.processes.iter().all(|process| process.restarts == 0));
    assert_eq!(world.address().await, address);
    // Adopted ones can be stopped.
    world.scale(&key, 0).await;
    world.until("none", &key, is_empty).await;
}

#[tokio::test]
async fn a_keeper_that_is_killed_takes_its_process_with_it_and_is_replaced() {
    let world = World::start().await;
    let key = world.serve(world.template("RAAAAAAAAAA", "setsid sleep 600 & echo $!; exec node server.js"), 2).await;
    let before = world.deployment(&key).await;
    let victim = &before.processes[0];
    let stray: i32 = world.tail(&victim.name).await[0].parse().unwrap();
    kill(Pid::from_raw(keeper(&world, victim)), Signal::SIGKILL).unwrap();
    let after = world
        .until("the replacement", &key, |seen| {
            ready(seen) == 2 && seen.visibility == Visibility::Visible && seen.processes.len() == 3
        })
        .await;
    let over: Vec<&Process> = after.processes.iter().filter(|process| process.uid == victim.uid).collect();
    assert_eq!(
        over[0].stage,
        Stage::Over { reason: "what kept it was killed, or the machine was started again".to_owned() }
    );
    assert_eq!(after.live().count(), 2);
    until_async("the end of what it left behind", || async { (!alive(stray)).then_some(()) }).await;
}

#[tokio::test]
async fn a_keeper_that_was_killed_while_the_server_was_away_is_replaced() {
    let mut world = World::start().await;
    let key = world.serve(world.template("RAAAAAAAAAA", "exec node server.js"), 1).await;
    let victim = world.deployment(&key).await.processes[0].clone();
    world.close();
    kill(Pid::from_raw(keeper(&world, &victim)), Signal::SIGKILL).unwrap();
    world.reopen().await;
    world.until("the replacement", &key, |seen| ready(seen) == 1).await;
}

#[tokio::test]
async fn what_was_written_down_and_never_begun_is_started_by_the_next_server() {
    let mut world = World::start().await;
    let key = world.serve(world.template("RAAAAAAAAAA", "exec node server.js"), 2).await;
    let before = world.deployment(&key).await;
    world.close();
    // As if the server had been killed before it made the one folder, and before it started the other's keeper.
    for (process, left) in before.processes.iter().zip([[].as_slice(), &["spec.json"]]) {
        kill(Pid::from_raw(keeper(&world, process)), Signal::SIGKILL).unwrap();
        let folder = world.path(&format!("cluster/processes/{}", process.name));
        until("the end of the keeper", || (!Folder::new(&folder).is_kept().unwrap()).then_some(()));
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_file() && !left.iter().any(|name| entry.file_name() == *name) {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
    }
    world.reopen().await;
    let after = world.until_ready(&key, 2).await;
    assert_eq!(uids(&before), uids(&after));
}

#[tokio::test]
async fn no_request_is_lost_while_releases_and_servers_change() {
    let mut world = World::start().await;
    let mut old = world.serve(world.template("RAAAAAAAAAA", "exec node server.js"), 2).await;
    let (stop, address) = (Arc::new(AtomicBool::new(false)), world.address().await);
    let clients: Vec<_> = (0..4).map(|_| tokio::spawn(ask(address.clone(), Arc::clone(&stop)))).collect();
    for release in ["RBBBBBBBBBB", "RCCCCCCCCCC"] {
        let new = world.create(world.template(release, "exec node server.js")).await;
        for count in 1..=2 {
            world.scale(&new, count).await;
            world.reopen().await;
            world.until("new ones", &new, |seen| ready(seen) == count as usize).await;
            world.scale(&old, 2 - count).await;
            world.until("fewer old ones", &old, |seen| seen.live().count() == 2 - count as usize).await;
        }
        world.until("no old ones", &old, is_empty).await;
        old = new;
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        let (answers, failures) = client.await.unwrap();
        assert!(answers > 20, "only {answers} answers");
        assert_eq!(failures, Vec::<(u16, String)>::new());
    }
}

/// Asks until told to stop. Answers with the count of good answers, and the others.
async fn ask(address: String, stop: Arc<AtomicBool>) -> (usize, Vec<(u16, String)>) {
    let (mut answers, mut failures) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        match get(&address).await {
            (200, _) => answers += 1,
            failure => failures.push(failure),
        }
    }
    (answers, failures)
}

#[tokio::test]
async fn a_stop_that_was_begun_is_ended_by_the_next_server() {
    let mut world = World::start().await;
    let key = world.serve(world.template("RAAAAAAAAAA", "exec node server.js"), 1).await;
    let url = format!("{}/slow", world.address().await);
    let slow = tokio::spawn(async move { get(&url).await });
    world.scale(&key, 0).await;
    world.reopen().await;
    world.until("none", &key, is_empty).await;
    // It came before the stop or after it; it was answered either way.
    assert!([200, 503].contains(&slow.await.unwrap().0));
}

#[tokio::test]
async fn a_router_that_is_killed_is_started_again_at_the_same_address() {
    let world = World::start().await;
    let key = world.serve(world.template("RAAAAAAAAAA", "exec node server.js"), 1).await;
    let address = world.address().await;
    let dir = world.path("router").display().to_string();
    let router = until("the router", || {
        std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            let words: Vec<_> = command.split(|byte| *byte == 0).collect();
            (words.get(1..3) == Some(&[b"router".as_slice(), dir.as_bytes()])).then_some(())?;
            entry.file_name().to_str()?.parse::<i32>().ok()
        })
    });
    kill(Pid::from_raw(router), Signal::SIGKILL).unwrap();
    let port: u16 = address.rsplit(':').next().unwrap().parse().unwrap();
    until("its end", || (!alive(router)).then_some(()));
    until_async("another router", || async { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok() }).await;
    world.until_ready(&key, 1).await;
    assert_eq!(world.address().await, address);
    // The threads of a process that was killed end one by one, and the last one takes the port along.
    let status = until_async("an answer", || async { try_get(&address).await.ok() }).await.0;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_second_server_for_the_same_folder_is_refused() {
    let world = World::start().await;
    let config = slipway_local::cluster::Config::new(world.path(""), crate::common::helper());
    let refused = slipway_local::cluster::LocalCluster::open(config).await.err().unwrap();
    let text = "another server works on this data folder: stop it, or choose another folder";
    assert_eq!(refused.to_string(), text);
}
