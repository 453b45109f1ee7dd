use slipway_domain::build::{Build, BuildStatus};

use super::world::*;
use crate::builds::CompleteBuild;
use crate::error::{StoreError, Subject};
use crate::records::{NoticeKind, Page};

fn complete(number: u64, release: u64, expected: BuildStatus) -> CompleteBuild {
    let build = Build {
        status: BuildStatus::Complete,
        image: Some(image()),
        manifest: Some(parsed_manifest()),
        ended_at: Some(at(number + 10)),
        release: Some(release_id(release)),
        ..build(number)
    };
    CompleteBuild { build, expected, release: new_release(release) }
}

#[tokio::test]
async fn a_build_runs_completes_and_makes_its_release_in_one_transaction() {
    let world = world().await.with_app().await;
    world.scoped.create_build(&change(), &build(1), at(3600)).await.unwrap();
    let running = Build { status: BuildStatus::Running, started_at: Some(at(5)), ..build(1) };
    world.scoped.update_build(&change(), &running, BuildStatus::Created).await.unwrap();
    assert_eq!(world.scoped.build(&shop(), &build_id(1)).await, Ok(Some(running)));
    let complete = complete(1, 1, BuildStatus::Running);
    world.scoped.complete_build(&change(), &complete).await.unwrap();
    assert_eq!(world.scoped.build(&shop(), &build_id(1)).await, Ok(Some(complete.build)));
    let id = slipway_domain::release::ReleaseRef::Number(1);
    assert_eq!(world.scoped.release(&shop(), &id).await, Ok(Some(release(1))));
    assert_eq!(world.environment().await.newest, Some(release_id(1)));
    let notices = world.scoped.notices(&Page::first(10)).await.unwrap().items;
    let mut kinds: Vec<NoticeKind> = notices.iter().map(|notice| notice.kind).collect();
    kinds.sort();
    assert_eq!(kinds, [NoticeKind::BuildCompleted, NoticeKind::ReleaseCreated]);
}

#[tokio::test]
async fn an_update_needs_the_status_that_was_read_and_a_build_that_is_open() {
    let world = world().await.with_app().await;
    let failed = Build { status: BuildStatus::Failed, failure: Some("no Dockerfile".to_owned()), ..build(1) };
    let missing = world.scoped.update_build(&change(), &failed, BuildStatus::Created).await;
    assert_eq!(missing, Err(StoreError::Missing(Subject::Build)));
    world.scoped.create_build(&change(), &build(1), at(3600)).await.unwrap();
    let stale = world.scoped.update_build(&change(), &failed, BuildStatus::Running).await;
    assert_eq!(stale, Err(StoreError::Stale(Subject::Build)));
    world.scoped.update_build(&change(), &failed, BuildStatus::Created).await.unwrap();
    let notices = world.scoped.notices(&Page::first(10)).await.unwrap().items;
    assert_eq!(notices.iter().map(|notice| notice.kind).collect::<Vec<_>>(), [NoticeKind::BuildFailed]);
    let late = world.scoped.complete_build(&change(), &complete(1, 1, BuildStatus::Running)).await;
    assert_eq!(late, Err(StoreError::Stale(Subject::Build)));
    assert_eq!(world.scoped.app(&shop()).await.unwrap().unwrap().release_count, 0);
}

#[tokio::test]
async fn a_sealed_build_refuses_every_further_write() {
    let world = world().await.with_app().await;
    world.scoped.create_build(&change(), &build(1), at(3600)).await.unwrap();
    world.scoped.complete_build(&change(), &complete(1, 1, BuildStatus::Created)).await.unwrap();
    let cancelled = Build { status: BuildStatus::Cancelled, ..build(1) };
    for expected in [BuildStatus::Created, BuildStatus::Running] {
        let refused = world.scoped.update_build(&change(), &cancelled, expected).await;
        assert_eq!(refused, Err(StoreError::Sealed(Subject::Build)));
        let again = world.scoped.complete_build(&change(), &complete(1, 2, expected)).await;
        assert_eq!(again, Err(StoreError::Sealed(Subject::Build)));
    }
    let anew = world.scoped.create_build(&change(), &build(1), at(3600)).await;
    assert_eq!(anew, Err(StoreError::Sealed(Subject::Build)));
}

#[tokio::test]
async fn a_completion_whose_release_is_refused_seals_nothing() {
    let world = world().await.with_releases().await;
    world.scoped.create_build(&change(), &build(1), at(3600)).await.unwrap();
    let mut complete = complete(1, 3, BuildStatus::Created);
    complete.release.expected_newest = Some(release_id(1));
    let stale = world.scoped.complete_build(&change(), &complete).await;
    assert_eq!(stale, Err(StoreError::Stale(Subject::Newest)));
    assert_eq!(world.scoped.build(&shop(), &build_id(1)).await, Ok(Some(build(1))));
    complete.release.expected_newest = Some(release_id(2));
    world.scoped.complete_build(&change(), &complete).await.unwrap();
}

#[tokio::test]
async fn builds_are_listed_newest_first_open_and_sealed_together() {
    let world = world().await.with_app().await;
    for number in 1..=5 {
        world.scoped.create_build(&change(), &build(number), at(3600)).await.unwrap();
    }
    let sealed = complete(3, 1, BuildStatus::Created);
    world.scoped.complete_build(&change(), &sealed).await.unwrap();
    let first = world.scoped.builds(&shop(), &Page::first(3)).await.unwrap();
    assert_eq!(first.items, [build(5), build(4), sealed.build]);
    let rest = world.scoped.builds(&shop(), &Page { after: first.next, limit: 3 }).await.unwrap();
    assert_eq!((rest.items, rest.next), (vec![build(2), build(1)], None));
}

#[tokio::test]
async fn a_build_needs_its_app_and_an_id_of_its_own() {
    let world = world().await;
    let orphan = world.scoped.create_build(&change(), &build(1), at(3600)).await;
    assert_eq!(orphan, Err(StoreError::Missing(Subject::App)));
    let world = world.with_app().await;
    world.scoped.create_build(&change(), &build(1), at(3600)).await.unwrap();
    let twice = world.scoped.create_build(&change(), &build(1), at(3600)).await;
    assert_eq!(twice, Err(StoreError::Exists(Subject::Build)));
}
