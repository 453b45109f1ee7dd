use std::time::Duration;

use super::world::*;
use crate::error::StoreError;
use crate::records::{Change, IdempotencyRecord, NoticeKind, Page};

const SCOPE: &str = "token POST /v1/apps";

fn record(fingerprint: &str) -> IdempotencyRecord {
    IdempotencyRecord {
        fingerprint: fingerprint.to_owned(),
        status: 202,
        resource: "shop".to_owned(),
        created_at: at(0),
    }
}

#[tokio::test]
async fn a_request_that_was_carried_out_is_replayed_and_another_one_with_its_key_refused() {
    let world = world().await;
    world.scoped.create_app(&keyed("key", "print", "shop"), &app(), &environment()).await.unwrap();
    assert_eq!(world.scoped.idempotency(SCOPE, "key", at(1)).await, Ok(Some(record("print"))));
    let again = world.scoped.create_app(&keyed("key", "print", "shop"), &app(), &environment()).await;
    assert_eq!(again, Err(StoreError::Replay(record("print"))));
    let other = world.scoped.create_app(&keyed("key", "other", "shop"), &app(), &environment()).await;
    assert_eq!(other, Err(StoreError::Mismatch(record("print"))));
    assert_eq!(world.scoped.idempotency(SCOPE, "other", at(1)).await, Ok(None));
    assert_eq!(world.scoped.idempotency("token POST /v1/appsk", "ey", at(1)).await, Ok(None));
    assert_eq!(world.store.scoped(tenant(1)).idempotency(SCOPE, "key", at(1)).await, Ok(None));
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let world = world().await;
    let target = "variables";
    let day = Duration::from_hours(24);
    let keyed = |seconds: i64| {
        let now = slipway_domain::time::Time::from_millis(at(0).plus(day).as_millis() + seconds * 1000);
        Change { now, ..keyed("key", "print", "shop") }
    };
    world.scoped.record(&super::world::keyed("key", "print", "shop"), target).await.unwrap();
    let early = world.scoped.record(&keyed(-1), target).await;
    assert_eq!(early, Err(StoreError::Replay(record("print"))));
    assert_eq!(world.scoped.idempotency(SCOPE, "key", keyed(-1).now).await, Ok(Some(record("print"))));
    assert_eq!(world.scoped.idempotency(SCOPE, "key", keyed(0).now).await, Ok(None));
    world.scoped.record(&keyed(0), target).await.unwrap();
    let again = world.scoped.record(&keyed(1), target).await;
    assert!(matches!(again, Err(StoreError::Replay(_))), "{again:?}");
}

#[tokio::test]
async fn every_change_leaves_an_audit_row_and_a_refused_one_leaves_none() {
    let world = world().await;
    world.scoped.create_app(&change(), &app(), &environment()).await.unwrap();
    world.scoped.create_app(&change(), &app(), &environment()).await.unwrap_err();
    let reveal = Change { now: at(1), action: "variables.reveal", ..change() };
    world.scoped.record(&reveal, "apps/shop/releases/v1").await.unwrap();
    let rows = world.scoped.audit(&Page::first(10)).await.unwrap().items;
    let read: Vec<_> = rows.iter().map(|row| (row.action.as_str(), row.target.as_str(), row.actor.as_str())).collect();
    assert_eq!(read, [("variables.reveal", "apps/shop/releases/v1", "ana"), ("test", "apps/shop", "ana")]);
    let first = world.scoped.audit(&Page::first(1)).await.unwrap();
    let rest = world.scoped.audit(&Page { after: first.next, limit: 1 }).await.unwrap();
    assert_eq!((first.items, rest.items, rest.next), (rows[..1].to_vec(), rows[1..].to_vec(), None));
}

#[tokio::test]
async fn a_notice_leaves_the_outbox_once_delivered() {
    let world = world().await.with_releases().await;
    let notices = world.scoped.notices(&Page::first(1)).await.unwrap();
    let rest = world.scoped.notices(&Page { after: notices.next, limit: 1 }).await.unwrap();
    let [notice] = notices.items.as_slice() else { panic!("{notices:?}", notices = notices.items) };
    assert_eq!((notice.kind, &notice.app), (NoticeKind::ReleaseCreated, &shop()));
    world.scoped.delivered(&notice.id).await.unwrap();
    world.scoped.delivered(&notice.id).await.unwrap();
    assert_eq!(world.scoped.notices(&Page::first(10)).await.unwrap().items, rest.items);
}

#[tokio::test]
async fn a_cursor_that_no_list_gave_is_refused() {
    let world = world().await;
    for cursor in [String::new(), "x".repeat(1025)] {
        let refused = world.scoped.audit(&Page { after: Some(cursor), limit: 1 }).await;
        assert!(matches!(refused, Err(StoreError::Misuse(_))), "{refused:?}");
    }
}
