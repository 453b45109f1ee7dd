//! Writes of workers that slept.

use slipway_domain::promotion::Epoch;
use slipway_service::ports::{Cluster, NewDeployment, Removal, Write};

use super::{World, is_conflict, is_empty};
use crate::common::{alive, until_async};

#[tokio::test]
async fn a_write_lands_only_on_what_was_observed_and_never_under_a_newer_epoch() {
    let world = World::start().await;
    let key = world.create(world.worker("RAAAAAAAAAA", "exec sleep 600")).await;
    let seen = world.deployment(&key).await;
    let write = |epoch: u64, replicas: Option<u32>| Write {
        key: key.clone(),
        uid: seen.uid.clone(),
        resource_version: seen.resource_version.clone(),
        epoch: Epoch(epoch),
        turn: 1,
        replicas,
    };
    world.cluster().write(&world.namespace, &write(2, None)).await.unwrap();
    let stamped = world.deployment(&key).await;
    assert_eq!((stamped.epoch, stamped.replicas), (Epoch(2), 0));
    assert_ne!(stamped.resource_version, seen.resource_version);

    let late = [
        ("an old version", write(2, Some(1))),
        ("an old epoch", Write { resource_version: stamped.resource_version.clone(), ..write(1, Some(1)) }),
        (
            "another object",
            Write { uid: "other".to_owned(), resource_version: stamped.resource_version.clone(), ..write(3, Some(1)) },
        ),
        ("an absent object", Write { key: World::key("RBBBBBBBBBB"), ..write(3, Some(1)) }),
    ];
    for (what, write) in late {
        assert!(is_conflict(&world.cluster().write(&world.namespace, &write).await), "{what} was admitted");
    }
    let after = world.until("the stamp", &key, is_empty).await;
    assert_eq!((after.resource_version, after.epoch, after.replicas), (stamped.resource_version, Epoch(2), 0));
}

#[tokio::test]
async fn the_same_write_again_is_a_conflict_but_the_next_turn_is_a_change() {
    let world = World::start().await;
    let key = world.create(world.worker("RAAAAAAAAAA", "exec sleep 600")).await;
    let first = world.deployment(&key).await.resource_version;
    world.scale(&key, 0).await;
    let second = world.deployment(&key).await.resource_version;
    world.scale(&key, 0).await;
    let third = world.deployment(&key).await.resource_version;
    assert!(first != second && second != third, "{first} {second} {third}");
}

#[tokio::test]
async fn a_second_create_changes_nothing() {
    let world = World::start().await;
    let key = world.create(world.worker("RAAAAAAAAAA", "exec sleep 600")).await;
    world.scale(&key, 0).await;
    let before = world.deployment(&key).await;
    let template = world.worker("RAAAAAAAAAA", "exec sleep 1");
    let again = NewDeployment { key: key.clone(), epoch: Epoch(9), template };
    world.cluster().create(&world.namespace, &again).await.unwrap();
    let after = world.deployment(&key).await;
    assert_eq!((after.uid, after.resource_version, after.epoch), (before.uid, before.resource_version, before.epoch));
}

#[tokio::test]
async fn a_removal_names_the_version_it_was_decided_on() {
    let world = World::start().await;
    let key = world.create(world.worker("RAAAAAAAAAA", "exec sleep 600")).await;
    let old = world.deployment(&key).await;
    world.scale(&key, 1).await;
    let running = world.until("running", &key, |seen| seen.processes.iter().any(super::is_running)).await;
    let removal = |version: &str| Removal::Deployment {
        key: key.clone(),
        uid: old.uid.clone(),
        resource_version: version.to_owned(),
    };
    let namespace = &world.namespace;
    assert!(is_conflict(&world.cluster().remove(namespace, &removal(&old.resource_version)).await));
    world.cluster().remove(namespace, &removal(&running.resource_version)).await.unwrap();
    assert!(world.look().await.deployments.is_empty());
    world.cluster().remove(namespace, &removal(&running.resource_version)).await.unwrap();
    let keeper = super::keeper(&world, &running.processes[0]);
    until_async("the end of its process", || async { (!alive(keeper)).then_some(()) }).await;
    assert!(!world.path(&format!("cluster/templates/{}.json", old.uid)).exists());
}

#[tokio::test]
async fn a_removed_process_is_replaced() {
    let world = World::start().await;
    let key = world.create(world.worker("RAAAAAAAAAA", "exec sleep 600")).await;
    world.scale(&key, 1).await;
    let seen = world.until("running", &key, |seen| seen.processes.iter().any(super::is_running)).await;
    let old = &seen.processes[0];
    let removal = Removal::Process { name: old.name.clone(), uid: old.uid.clone() };
    world.cluster().remove(&world.namespace, &removal).await.unwrap();
    world
        .until("another", &key, |seen| {
            seen.processes.len() == 1 && seen.processes[0].uid != old.uid && super::is_running(&seen.processes[0])
        })
        .await;
}

#[tokio::test]
async fn a_template_that_somebody_else_changed_is_reported_and_not_run() {
    let world = World::start().await;
    let key = world.create(world.worker("RAAAAAAAAAA", "exec sleep 600")).await;
    let seen = world.deployment(&key).await;
    let path = world.path(&format!("cluster/templates/{}.json", seen.uid));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("600", "601")).unwrap();
    world.scale(&key, 1).await;
    let seen = world.until("the report", &key, |seen| !seen.intact).await;
    assert!(seen.processes.is_empty());
}
