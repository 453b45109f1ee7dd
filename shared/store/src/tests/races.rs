use futures::future::join_all;
use slipway_domain::release::ReleaseRef;

use super::world::*;
use crate::Scoped;
use crate::error::{StoreError, Subject};
use crate::records::Page;
use crate::releases::NewRelease;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_32_promotions_at_once_one_wins() {
    let world = world().await.with_releases().await;
    let read = world.environment().await;
    let tasks = (1..=32).map(|number| {
        let (scoped, start) = (world.scoped.clone(), start(number, 1, &read));
        tokio::spawn(async move { (number, scoped.start_promotion(&change(), &start).await) })
    });
    let results: Vec<_> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, result)| result.is_ok());
    let [(winner, _)] = won.as_slice() else { panic!("{} won", won.len()) };
    assert_eq!(world.environment().await.promotion, Some(promotion_id(*winner)));
    assert!(lost.iter().all(|(_, result)| *result == Err(StoreError::Stale(Subject::Environment))), "{lost:?}");
    let promotions = world.scoped.promotions(&shop(), &production(), &Page::first(100)).await.unwrap();
    assert_eq!(promotions.items.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_100_requests_with_one_key_one_is_carried_out_and_the_others_are_replays() {
    let world = world().await.with_releases().await;
    let read = world.environment().await;
    let tasks = (1..=100).map(|number| {
        let (scoped, start) = (world.scoped.clone(), start(number, 1, &read));
        let change = keyed("key", "print", promotion_id(number).as_str());
        tokio::spawn(async move { scoped.start_promotion(&change, &start).await })
    });
    let results: Vec<_> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let winner = world.environment().await.promotion.unwrap();
    for result in results.into_iter().filter_map(Result::err) {
        let StoreError::Replay(record) = result else { panic!("{result:?}") };
        assert_eq!(record.resource, winner.as_str());
    }
}

/// Makes a release of what is newest, again and again until nobody was quicker.
async fn insist(scoped: Scoped, id: u64) {
    loop {
        let app = scoped.app(&shop()).await.unwrap().unwrap();
        let environment = scoped.environment(&shop(), &production()).await.unwrap().unwrap();
        let mut new = NewRelease { expected_newest: environment.newest.clone(), ..new_release(1) };
        new.release.id = release_id(id);
        new.release.number = app.release_count + 1;
        new.release.parent = environment.newest;
        match scoped.create_release(&change(), &new).await {
            Ok(()) => return,
            Err(StoreError::Stale(Subject::ReleaseCount | Subject::Newest)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_50_releases_at_once_none_is_lost() {
    let world = world().await.with_app().await;
    join_all((1..=50).map(|id| tokio::spawn(insist(world.scoped.clone(), id))))
        .await
        .into_iter()
        .for_each(Result::unwrap);
    assert_eq!(world.scoped.app(&shop()).await.unwrap().unwrap().release_count, 50);
    let mut made = Vec::new();
    let mut newest = world.environment().await.newest;
    for number in (1..=50).rev() {
        let release = world.scoped.release(&shop(), &ReleaseRef::Number(number)).await.unwrap().unwrap();
        assert_eq!(Some(&release.id), newest.as_ref());
        newest = release.parent;
        made.push(release.id);
    }
    assert_eq!(newest, None);
    made.sort();
    let mut expected: Vec<_> = (1..=50).map(release_id).collect();
    expected.sort();
    assert_eq!(made, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn releases_that_are_made_meanwhile_do_not_disturb_a_promotion() {
    let world = world().await.with_releases().await;
    let start = start(1, 1, &world.environment().await);
    world.scoped.start_promotion(&change(), &start).await.unwrap();
    world.scoped.create_release(&change(), &new_release(3)).await.unwrap();
    let loaded = world.scoped.load(&shop(), &production(), &promotion_id(1)).await.unwrap().unwrap().0;
    assert_eq!((loaded.version, loaded.newest), (start.environment.version, Some(release_id(3))));
}
