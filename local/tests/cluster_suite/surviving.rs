//! Servers, keepers and routers that are killed.

use std::collections::BTreeSet;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use slipway_rollout::observation::{Deployment, Process, Stage, Visibility};

use super::{World, get, is_empty, keeper, ready};
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
    assert_eq!(over[0].stage, Stage::Over { reason: "its keeper vanished".to_owned() });
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
    assert_eq!(get(&address).await.0, 200);
}

#[tokio::test]
async fn a_second_server_for_the_same_folder_is_refused() {
    let world = World::start().await;
    let config = slipway_local::cluster::Config::new(world.path(""), crate::common::helper());
    let refused = slipway_local::cluster::LocalCluster::open(config).await.err().unwrap();
    let text = "another server works on this data folder: stop it, or choose another folder";
    assert_eq!(refused.to_string(), text);
}
