use slipway_domain::promotion::Exit;

use super::world::*;
use crate::error::{StoreError, Subject};
use crate::records::{Page, Run, RunEnd};

#[tokio::test]
async fn a_run_ends_once() {
    let world = world().await.with_releases().await;
    let end = RunEnd { exit: Exit { code: Some(0), ..Exit::default() }, at: at(9), timed_out: false };
    let missing = world.scoped.finish_run(&run(1), &end).await;
    assert_eq!(missing, Err(StoreError::Missing(Subject::Run)));
    world.scoped.create_run(&change(), &run(1)).await.unwrap();
    assert_eq!(world.scoped.run(&shop(), &run(1).id).await, Ok(Some(run(1))));
    assert_eq!(world.scoped.create_run(&change(), &run(1)).await, Err(StoreError::Exists(Subject::Run)));
    world.scoped.begin_run(&run(1)).await.unwrap();
    assert_eq!(world.scoped.run(&shop(), &run(1).id).await, Ok(Some(Run { begun: true, ..run(1) })));
    world.scoped.finish_run(&run(1), &end).await.unwrap();
    assert_eq!(world.scoped.begin_run(&run(1)).await, Err(StoreError::Stale(Subject::Run)));
    let other = RunEnd { timed_out: true, ..end.clone() };
    assert_eq!(world.scoped.finish_run(&run(1), &other).await, Err(StoreError::Stale(Subject::Run)));
    let ended = Run { ended: Some(end), ..run(1) };
    assert_eq!(world.scoped.run(&shop(), &run(1).id).await, Ok(Some(ended.clone())));
    let born_ended = world.scoped.create_run(&change(), &ended).await;
    assert!(matches!(born_ended, Err(StoreError::Misuse(_))), "{born_ended:?}");
}

#[tokio::test]
async fn runs_are_listed_newest_first() {
    let world = world().await.with_releases().await;
    for number in [2, 1, 3] {
        world.scoped.create_run(&change(), &run(number)).await.unwrap();
    }
    let listed = world.scoped.runs(&shop(), &production(), &Page::first(2)).await.unwrap();
    assert_eq!(listed.items, [run(3), run(2)]);
    let rest = Page { after: listed.next, limit: 2 };
    assert_eq!(world.scoped.runs(&shop(), &production(), &rest).await.unwrap().items, [run(1)]);
}
