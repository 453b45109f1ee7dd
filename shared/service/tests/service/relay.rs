//! What leaves the table: by the stream, and by the sweep where the stream does not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use slipway_domain::error::{Error, Kind};
use slipway_domain::id::TenantId;
use slipway_service::promotions::PromoteOptions;
use slipway_service::relay::{Message, Queue, Relay, Unsent};
use slipway_store::records::{Notice, Page};
use slipway_store::stream::{self, Fresh};

use crate::world::{WEB, World};

/// Keeps what it is sent, except for what `refuses` is in.
#[derive(Default)]
struct MemoryQueue {
    sent: Mutex<Vec<String>>,
    refuses: Mutex<Option<&'static str>>,
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(&self, messages: &[Message]) -> Vec<Unsent> {
        let refuses = *self.refuses.lock().unwrap();
        let (unsent, taken): (Vec<_>, Vec<_>) =
            messages.iter().partition(|message| refuses.is_some_and(|word| message.body.contains(word)));
        self.sent.lock().unwrap().extend(taken.into_iter().map(|message| message.body.clone()));
        let full = || Error::unavailable("the queue is full");
        unsent.into_iter().map(|message| Unsent { id: message.id.clone(), error: full() }).collect()
    }
}

impl MemoryQueue {
    fn kinds(&self) -> Vec<String> {
        let kind = |body: &String| serde_json::from_str::<Value>(body).unwrap()["kind"].as_str().unwrap().to_owned();
        self.sent.lock().unwrap().iter().map(kind).collect()
    }
}

fn relay(world: &World) -> (Relay, Arc<MemoryQueue>) {
    let queue = Arc::new(MemoryQueue::default());
    let relay = Relay {
        store: world.slipway.store.clone(),
        workflows: world.workflows.clone(),
        queue: queue.clone(),
        clock: world.clock.clone(),
    };
    (relay, queue)
}

async fn outbox(world: &World) -> Vec<Notice> {
    let store = world.slipway.store.scoped(world.owner.tenant().clone());
    store.notices(&Page::first(Page::MAX_LIMIT)).await.unwrap().items
}

fn told(tenant: &TenantId, notices: &[Notice]) -> Vec<(String, Fresh)> {
    let fresh = |(number, notice): (usize, &Notice)| {
        (number.to_string(), Fresh::Notice(tenant.clone(), Box::new(notice.clone())))
    };
    notices.iter().enumerate().map(fresh).collect()
}

#[tokio::test]
async fn a_notice_is_sent_and_taken_out_and_one_that_is_not_taken_stays() {
    let world = World::new().await;
    let (_, release) = world.build(1, WEB).await;
    world.promote(&release, &PromoteOptions::default()).await.unwrap();
    let (relay, queue) = relay(&world);
    let notices = outbox(&world).await;
    assert_eq!(notices.len(), 3, "{notices:?}");
    *queue.refuses.lock().unwrap() = Some("promotion.started");
    let failed = relay.carry(&told(world.owner.tenant(), &notices)).await;
    let started = notices.iter().position(|notice| notice.promotion.is_some()).unwrap();
    assert_eq!(failed.iter().map(|unsent| unsent.id.clone()).collect::<Vec<_>>(), [started.to_string()]);
    assert_eq!(outbox(&world).await, [notices[started].clone()]);
    let sent = queue.sent.lock().unwrap().clone();
    let first: Value = serde_json::from_str(&sent[0]).unwrap();
    assert_eq!(first["tenant"], json!(world.owner.tenant().as_str()));
    // Those of one moment are in an order of their own.
    let others = notices.iter().filter(|notice| notice.promotion.is_none());
    assert_eq!(Some(first["id"].clone()), others.map(|notice| json!(notice.id)).next());
}

#[tokio::test]
async fn a_record_that_is_brought_again_sends_nothing_again() {
    let world = World::new().await;
    world.build(1, WEB).await;
    let (relay, queue) = relay(&world);
    let fresh = told(world.owner.tenant(), &outbox(&world).await);
    for _ in 0..2 {
        assert!(relay.carry(&fresh).await.is_empty());
        assert_eq!(queue.sent.lock().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_promotion_is_started_once_and_an_ended_one_never() {
    let world = World::new().await;
    let (_, release) = world.build(1, WEB).await;
    *world.workflows.away.lock().unwrap() = true;
    let promotion = world.promote(&release, &PromoteOptions::default()).await.unwrap();
    let (relay, _) = relay(&world);
    let fresh = |promotion| Fresh::Promotion(world.owner.tenant().clone(), Box::new(promotion));
    let failed = relay.carry(&[("7".to_owned(), fresh(promotion.clone()))]).await;
    assert_eq!(
        failed.iter().map(|unsent| (unsent.id.as_str(), unsent.error.kind)).collect::<Vec<_>>(),
        [("7", Kind::Unavailable)]
    );
    *world.workflows.away.lock().unwrap() = false;
    assert!(relay.carry(&[("7".to_owned(), fresh(promotion.clone()))]).await.is_empty());
    assert!(world.workflows.started.lock().unwrap().contains_key(&promotion.execution_name()));
    world.finish(&promotion.id).await;
    world.workflows.started.lock().unwrap().clear();
    let ended = world.promotion(&promotion.id).await;
    assert!(relay.carry(&[("8".to_owned(), fresh(ended))]).await.is_empty());
    assert!(world.workflows.started.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_sweep_sends_what_the_stream_has_missed_for_long_enough() {
    let world = World::new().await;
    world.build(1, WEB).await;
    let (relay, queue) = relay(&world);
    assert_eq!(relay.sweep().await, Ok(0), "the stream has its time");
    world.wait(Duration::from_secs(31));
    *queue.refuses.lock().unwrap() = Some("build.completed");
    assert_eq!(relay.sweep().await, Ok(1));
    *queue.refuses.lock().unwrap() = None;
    assert_eq!(relay.sweep().await, Ok(1));
    assert_eq!(relay.sweep().await, Ok(0));
    let mut kinds = queue.kinds();
    kinds.sort();
    assert_eq!(kinds, ["build.completed", "release.created"]);
    assert_eq!(outbox(&world).await, []);
}

#[test]
fn records_of_the_stream_are_read_or_left_alone_or_refused() {
    let record = |event: &str, partition: &str, sort: &str, body: &str| {
        json!({
            "eventName": event,
            "dynamodb": { "Keys": { "pk": { "S": partition }, "sk": { "S": sort } }, "NewImage": { "body": { "S": body } } },
        })
    };
    let notice = r#"{"id":"1#a","kind":"build.failed","at":1,"app":"shop","environment":"production","build":null,
                     "release":null,"promotion":null}"#;
    let outbox = "t#TAAAAAAAAAA#outbox";
    let read = stream::read(&record("INSERT", outbox, "notice#1#a", notice)).unwrap();
    assert!(
        matches!(read, Some(Fresh::Notice(tenant, notice)) if tenant.as_str() == "TAAAAAAAAAA" && notice.id == "1#a")
    );
    let left = [
        record("MODIFY", outbox, "notice#1#a", "garbage"),
        record("REMOVE", outbox, "notice#1#a", "garbage"),
        record("INSERT", "t#TAAAAAAAAAA#apps", "app#shop", "garbage"),
        record("INSERT", "t#TAAAAAAAAAA#app#outbox#sealed#tags", "tag#x", "garbage"),
        record("INSERT", "t#short#outbox", "notice#1#a", "garbage"),
    ];
    assert!(left.iter().all(|record| stream::read(record) == Ok(None)));
    let bad = [
        record("INSERT", outbox, "notice#1#a", "{}"),
        record("INSERT", "t#TAAAAAAAAAA#app#shop#promotion#PAAAAAAAAAA", "promotion", "[]"),
        json!({ "eventName": "INSERT" }),
        json!({ "eventName": "INSERT", "dynamodb": { "Keys": { "pk": { "S": outbox }, "sk": { "S": "notice#1#a" } } } }),
    ];
    assert!(bad.iter().all(|record| stream::read(record).is_err()));
}
