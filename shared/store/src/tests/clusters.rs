use slipway_domain::cluster::Cluster;
use slipway_domain::promotion::Environment;

use super::world::*;
use crate::error::{StoreError, Subject};

#[tokio::test]
async fn a_cluster_is_changed_only_over_the_version_that_was_read() {
    let world = world().await;
    let made = cluster();
    assert_eq!(world.scoped.cluster(&made.name).await, Ok(None));
    world.scoped.create_cluster(&change(), &made).await.unwrap();
    assert_eq!(world.scoped.create_cluster(&change(), &made).await, Err(StoreError::Exists(Subject::Cluster)));
    let connected = Cluster { connected_at: Some(at(5)), version: 2, ..made.clone() };
    world.scoped.save_cluster(&change(), &connected).await.unwrap();
    assert_eq!(world.scoped.save_cluster(&change(), &connected).await, Err(StoreError::Stale(Subject::Cluster)));
    assert_eq!(world.scoped.clusters().await, Ok(vec![connected.clone()]));
    assert_eq!(world.scoped.delete_cluster(&change(), &made).await, Err(StoreError::Stale(Subject::Cluster)));
    world.scoped.delete_cluster(&change(), &connected).await.unwrap();
    assert_eq!(world.scoped.delete_cluster(&change(), &connected).await, Err(StoreError::Missing(Subject::Cluster)));
    assert_eq!(world.scoped.clusters().await, Ok(vec![]));
}

#[tokio::test]
async fn an_environment_is_only_ever_in_a_cluster_that_is_there() {
    let world = world().await.with_app().await;
    let staging = Environment { name: "staging".parse().unwrap(), cluster: Some(cluster().name), ..environment() };
    let missing = Err(StoreError::Missing(Subject::Cluster));
    assert_eq!(world.scoped.create_environment(&change(), &staging).await, missing);
    let moved = Environment { cluster: Some(cluster().name), version: 2, ..environment() };
    assert_eq!(world.scoped.move_environment(&change(), &moved, 1).await, missing);
    world.scoped.create_cluster(&change(), &cluster()).await.unwrap();
    world.scoped.create_environment(&change(), &staging).await.unwrap();
    world.scoped.move_environment(&change(), &moved, 1).await.unwrap();
    assert_eq!(world.environment().await, moved);
}
