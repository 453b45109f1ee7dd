use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use slipway_domain::app::App;
use slipway_embedded::faults::{Call, Fault, Faults, Refusal};
use tokio::sync::oneshot;

use super::world::*;
use crate::error::{StoreError, Subject};
use crate::records::Page;
use crate::releases::NewRelease;

/// Meets the first calls of one operation with a fault each.
struct First {
    operation: &'static str,
    left: AtomicU32,
    fault: fn() -> Fault,
}

impl Faults for First {
    fn fault(&self, call: &Call<'_>) -> Fault {
        let count = || self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if call.operation == self.operation && count().is_ok() { (self.fault)() } else { Fault::Pass }
    }
}

async fn first(operation: &'static str, times: u32, fault: fn() -> Fault) -> World {
    faulty(Some(Arc::new(First { operation, left: AtomicU32::new(times), fault }))).await
}

const WRITE: &str = "TransactWriteItems";

const FAULTS: [(fn() -> Fault, StoreError); 3] = [
    (|| Fault::FailBefore(Refusal::Throttled), StoreError::Throttled),
    (|| Fault::FailBefore(Refusal::Conflict), StoreError::Conflict),
    (|| Fault::FailBefore(Refusal::Internal), StoreError::Unavailable(String::new())),
];

/// Without the text of a failure, which is for the log.
fn kind(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(_) => StoreError::Unavailable(String::new()),
        other => other.clone(),
    }
}

#[tokio::test]
async fn a_write_survives_refusals_that_pass() {
    for (fault, _) in FAULTS {
        let world = first(WRITE, 5, fault).await.with_app().await;
        assert_eq!(world.scoped.app(&shop()).await, Ok(Some(app())));
    }
}

#[tokio::test]
async fn a_write_gives_up_on_refusals_that_stay_and_writes_nothing() {
    for (fault, expected) in FAULTS {
        let world = first(WRITE, u32::MAX, fault).await;
        let refused = world.scoped.create_app(&change(), &app(), &environment()).await.unwrap_err();
        assert_eq!(kind(&refused), expected);
        assert_eq!(world.dump().await, []);
    }
}

#[tokio::test]
async fn a_lost_answer_is_found_out_and_the_change_made_once() {
    for times in 1..=5 {
        let world = first(WRITE, times, || Fault::FailAfter).await;
        world.scoped.create_app(&keyed("key", "print", "shop"), &app(), &environment()).await.unwrap();
        assert_eq!(world.scoped.audit(&Page::first(10)).await.unwrap().items.len(), 1);
    }
}

#[tokio::test]
async fn when_every_answer_is_lost_the_caller_is_told_that_it_is_not_known() {
    let world = first(WRITE, u32::MAX, || Fault::FailAfter).await;
    let lost = world.scoped.create_app(&keyed("key", "print", "shop"), &app(), &environment()).await.unwrap_err();
    assert_eq!(kind(&lost), StoreError::Unavailable(String::new()));
    assert_eq!(world.scoped.app(&shop()).await, Ok(Some(app())));
    let healthy = world.embedded.clone().with_faults(Arc::new(Pass));
    let again = crate::Store::new(healthy.client(), TABLE, world.keys.clone()).scoped(tenant(0));
    let again = again.create_app(&keyed("key", "print", "shop"), &app(), &environment()).await;
    assert!(matches!(again, Err(StoreError::Replay(_))), "{again:?}");
}

struct Pass;

impl Faults for Pass {
    fn fault(&self, _call: &Call<'_>) -> Fault {
        Fault::Pass
    }
}

#[tokio::test]
async fn every_read_survives_failures_that_pass() {
    for operation in ["GetItem", "Query", "BatchGetItem", "TransactGetItems"] {
        for (fault, _) in FAULTS {
            let world = first(operation, 5, fault).await.with_releases().await;
            world.scoped.start_promotion(&change(), &start(1, 1, &world.environment().await)).await.unwrap();
            assert_eq!(world.scoped.releases(&shop(), None, &Page::first(5)).await.unwrap().items.len(), 2);
            assert!(world.scoped.load(&shop(), &production(), &promotion_id(1)).await.unwrap().is_some());
        }
        let world = first(operation, 5, || Fault::FailAfter).await.with_releases().await;
        assert_eq!(world.scoped.releases(&shop(), None, &Page::first(5)).await.unwrap().items.len(), 2);
    }
}

/// Holds the first write until it is let go, and tells when it is held.
struct Hold(Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>);

impl Faults for Hold {
    fn fault(&self, call: &Call<'_>) -> Fault {
        if !call.request.contains("release 2") {
            return Fault::Pass;
        }
        let Some((held, go)) = self.0.lock().unwrap().take() else { return Fault::Pass };
        held.send(()).unwrap();
        Fault::Hold(Box::pin(async move { go.await.unwrap() }))
    }
}

#[tokio::test]
async fn a_write_that_was_held_up_meets_what_happened_meanwhile() {
    let (held, is_held) = oneshot::channel();
    let (go, gone) = oneshot::channel();
    let world = faulty(Some(Arc::new(Hold(Mutex::new(Some((held, gone))))))).await.with_app().await;
    world.scoped.create_release(&change(), &new_release(1)).await.unwrap();
    let sleeper = world.scoped.clone();
    let sleeper = tokio::spawn(async move { sleeper.create_release(&change(), &new_release(2)).await });
    is_held.await.unwrap();
    let mut other = new_release(2);
    other.release.id = release_id(9);
    other.release.description = "the quicker one".to_owned();
    world.scoped.create_release(&change(), &other).await.unwrap();
    go.send(()).unwrap();
    assert_eq!(sleeper.await.unwrap(), Err(StoreError::Stale(Subject::ReleaseCount)));
}

#[tokio::test]
async fn what_the_database_refuses_as_such_is_a_mistake_of_ours() {
    let world = world().await;
    let stray = crate::Store::new(world.embedded.client(), "no-table", world.keys.clone()).scoped(tenant(0));
    let refused = stray.create_app(&change(), &App { ..app() }, &environment()).await;
    assert!(matches!(refused, Err(StoreError::Misuse(_))), "{refused:?}");
    let refused = stray.app(&shop()).await;
    assert!(matches!(refused, Err(StoreError::Misuse(_))), "{refused:?}");
}

#[tokio::test]
async fn a_release_that_cannot_be_encrypted_is_not_written() {
    let world = world().await.with_app().await;
    let broken = crate::Store::new(world.embedded.client(), TABLE, Arc::new(NoKeys)).scoped(tenant(0));
    let before = world.dump().await.len();
    let refused = broken.create_release(&change(), &NewRelease { ..new_release(1) }).await;
    assert_eq!(refused, Err(StoreError::Keys(crate::keys::KeyError::Unavailable("away".to_owned()))));
    assert_eq!(world.dump().await.len(), before);
}

struct NoKeys;

#[async_trait::async_trait]
impl crate::keys::Keys for NoKeys {
    async fn data_key(&self, _: &crate::keys::KeyContext) -> Result<crate::keys::DataKey, crate::keys::KeyError> {
        Err(crate::keys::KeyError::Unavailable("away".to_owned()))
    }

    async fn unwrap(
        &self,
        _: &[u8],
        _: &crate::keys::KeyContext,
    ) -> Result<crate::keys::PlainKey, crate::keys::KeyError> {
        Err(crate::keys::KeyError::Unavailable("away".to_owned()))
    }
}
