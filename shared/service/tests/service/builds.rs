//! Builds: from created to sealed, and every way in which they do not get there.

use std::time::Duration;

use slipway_domain::build::{BuildStatus, Commit, Upload};
use slipway_domain::manifest;
use slipway_domain::release::ImageDigest;
use slipway_domain::time::Time;
use slipway_service::builds::{BUILD_LIMIT, Completion, ManifestText, NewBuild, Source};
use slipway_service::ports::{BuildState, LogLine};
use slipway_service::request::Idempotency;

use crate::world::{WEB, World, new_build};

fn from_archive() -> NewBuild {
    NewBuild {
        source: Source::Archive(Upload { size_bytes: 512, sha256: "ab".repeat(32) }),
        commit: Some(Commit::new("0a1b2c3d4e5f", "my commit message").unwrap()),
        ..new_build()
    }
}

fn done(image: ImageDigest) -> BuildState {
    let manifest = manifest::parse("slipway.yml", WEB).unwrap();
    BuildState::Done { image, manifest, warnings: vec!["the archive has a folder node_modules".to_owned()] }
}

#[tokio::test]
async fn an_upload_is_built_and_sealed_with_its_release() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let created = slipway.create_build(owner, app, &from_archive(), None).await.unwrap().value;
    let id = created.build.build.id.clone();
    assert_eq!(created.upload.unwrap().max_bytes, 512);
    assert_eq!(created.build.build.description, "build 0a1b2c3d my commit message");

    let early = world.refused(slipway.complete_build(owner, app, &id, &Completion::Uploaded)).await;
    assert_eq!(early.code, "upload_missing");

    world.objects.0.lock().unwrap().insert(id.clone());
    let running = slipway.complete_build(owner, app, &id, &Completion::Uploaded).await.unwrap();
    assert_eq!(running.build.status, BuildStatus::Running);
    assert_eq!(slipway.build(owner, app, &id, Duration::ZERO).await.unwrap().build.status, BuildStatus::Running);

    let image = world.image(1);
    world.builder.builds.lock().unwrap().get_mut(&id).unwrap().1 = done(image.clone());
    let view = slipway.build(owner, app, &id, Duration::ZERO).await.unwrap();
    assert_eq!((view.build.status, view.build.image.clone()), (BuildStatus::Complete, Some(image)));
    assert_eq!(view.build.warnings[0].message, "the archive has a folder node_modules");
    let release = world.release(&view.release.unwrap()).await;
    assert_eq!(
        (release.number, release.build, release.description.as_str()),
        (1, id.clone(), "build 0a1b2c3d my commit message")
    );
    assert_eq!(world.environment().await.newest, Some(release.id));

    // Building ships nothing, and what is sealed stays as it is.
    assert!(world.cluster.replicas().is_empty());
    let again = slipway.complete_build(owner, app, &id, &Completion::Uploaded).await.unwrap();
    assert_eq!(again.build, view.build);
    let cancel = world.refused(slipway.cancel_build(owner, app, &id)).await;
    assert_eq!(cancel.code, "build_ended");
}

#[tokio::test]
async fn two_who_look_at_once_make_one_release() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let id = slipway.create_build(owner, app, &from_archive(), None).await.unwrap().value.build.build.id;
    world.objects.0.lock().unwrap().insert(id.clone());
    slipway.complete_build(owner, app, &id, &Completion::Uploaded).await.unwrap();
    world.builder.builds.lock().unwrap().get_mut(&id).unwrap().1 = done(world.image(1));
    let looks = (0..8).map(|_| slipway.build(owner, app, &id, Duration::ZERO));
    let views = futures::future::try_join_all(looks).await.unwrap();
    assert!(views.iter().all(|view| view.release == views[0].release && view.release.is_some()));
    assert_eq!(slipway.app(owner, app).await.unwrap().app.release_count, 1);
}

#[tokio::test]
async fn a_build_that_fails_says_why_and_makes_no_release() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let id = slipway.create_build(owner, app, &from_archive(), None).await.unwrap().value.build.build.id;
    world.objects.0.lock().unwrap().insert(id.clone());
    slipway.complete_build(owner, app, &id, &Completion::Uploaded).await.unwrap();
    let reason = "slipway.yml:3:5: services.web.prot is not known".to_owned();
    world.builder.builds.lock().unwrap().get_mut(&id).unwrap().1 = BuildState::Failed { reason: reason.clone() };
    let view = slipway.build(owner, app, &id, Duration::ZERO).await.unwrap();
    assert_eq!((view.build.status, view.build.failure, view.release), (BuildStatus::Failed, Some(reason), None));
    assert_eq!(world.environment().await.newest, None);
}

#[tokio::test]
async fn an_image_that_the_registry_does_not_confirm_completes_nothing() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let id = slipway.create_build(owner, app, &from_archive(), None).await.unwrap().value.build.build.id;
    world.objects.0.lock().unwrap().insert(id.clone());
    slipway.complete_build(owner, app, &id, &Completion::Uploaded).await.unwrap();
    let never_pushed = ImageDigest::from_sha256(&[9; 32]);
    world.builder.builds.lock().unwrap().get_mut(&id).unwrap().1 = done(never_pushed.clone());
    let view = slipway.build(owner, app, &id, Duration::ZERO).await.unwrap();
    assert_eq!(view.build.failure, Some(format!("the registry does not hold its image {never_pushed}")));
}

#[tokio::test]
async fn a_build_is_never_running_for_ever() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let id = slipway.create_build(owner, app, &from_archive(), None).await.unwrap().value.build.build.id;
    let waiting = slipway.create_build(owner, app, &from_archive(), None).await.unwrap().value.build.build.id;
    world.objects.0.lock().unwrap().insert(id.clone());
    slipway.complete_build(owner, app, &id, &Completion::Uploaded).await.unwrap();
    world.wait(BUILD_LIMIT);
    let swept = slipway.sweep().await.unwrap();
    assert_eq!((swept.builds, swept.errors), (2, 0));
    for build in [&id, &waiting] {
        let view = slipway.build(owner, app, build, Duration::ZERO).await.unwrap();
        assert_eq!(view.build.status, BuildStatus::Failed, "{build}");
    }
    assert!(world.builder.cancelled.lock().unwrap().contains(&id));
}

#[tokio::test]
async fn a_builder_that_lost_a_build_is_told_again() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let id = slipway.create_build(owner, app, &from_archive(), None).await.unwrap().value.build.build.id;
    world.objects.0.lock().unwrap().insert(id.clone());
    *world.builder.away.lock().unwrap() = true;
    slipway.complete_build(owner, app, &id, &Completion::Uploaded).await.unwrap();
    *world.builder.away.lock().unwrap() = false;
    assert!(world.builder.builds.lock().unwrap().is_empty());
    slipway.build(owner, app, &id, Duration::ZERO).await.unwrap();
    assert!(world.builder.builds.lock().unwrap().contains_key(&id));
}

#[tokio::test]
async fn a_known_image_needs_no_manifest_and_an_unknown_one_does() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let image = world.image(1);
    let id = slipway.create_build(owner, app, &new_build(), None).await.unwrap().value.build.build.id;
    let complete = |manifest| Completion::Image { image: image.clone(), manifest };
    let error = world.refused(slipway.complete_build(owner, app, &id, &complete(None))).await;
    assert_eq!(error.code, "manifest_required");
    let bad = ManifestText { file: "slipway.yml".to_owned(), text: "services:\n  web:\n    scale: many\n".to_owned() };
    let error = world.refused(slipway.complete_build(owner, app, &id, &complete(Some(bad)))).await;
    assert_eq!(error.code, "invalid_manifest");
    assert!(error.details.contains(&("line", "3".to_owned())), "{:?}", error.details);

    world.build(1, WEB).await;
    let view = slipway.complete_build(owner, app, &id, &complete(None)).await.unwrap();
    assert_eq!(view.build.manifest.unwrap().services[0].name.as_str(), "web");

    let absent = Completion::Image { image: ImageDigest::from_sha256(&[7; 32]), manifest: Some(web()) };
    let other = slipway.create_build(owner, app, &new_build(), None).await.unwrap().value.build.build.id;
    let error = world.refused(slipway.complete_build(owner, app, &other, &absent)).await;
    assert_eq!((error.code, error.fields[0].pointer.as_str()), ("image_missing", "/image"));
}

fn web() -> ManifestText {
    ManifestText { file: "slipway.yml".to_owned(), text: WEB.to_owned() }
}

#[tokio::test]
async fn a_log_is_followed_to_its_end() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let id = slipway.create_build(owner, app, &from_archive(), None).await.unwrap().value.build.build.id;
    world.objects.0.lock().unwrap().insert(id.clone());
    slipway.complete_build(owner, app, &id, &Completion::Uploaded).await.unwrap();
    let line = |text: &str| LogLine { at: Time::from_millis(0), process: "build".to_owned(), text: text.to_owned() };
    world.builder.lines.lock().unwrap().extend([line("one"), line("two")]);
    let first = slipway.build_log(owner, app, &id, 0, Duration::from_secs(5)).await.unwrap();
    assert_eq!((first.lines.len(), first.next, first.finished), (2, 2, false));
    let nothing = slipway.build_log(owner, app, &id, 2, Duration::from_secs(5)).await.unwrap();
    assert_eq!((nothing.lines.len(), nothing.next, nothing.finished), (0, 2, false));
    world.builder.builds.lock().unwrap().get_mut(&id).unwrap().1 = done(world.image(1));
    let last = slipway.build_log(owner, app, &id, 2, Duration::from_secs(5)).await.unwrap();
    assert_eq!((last.lines.len(), last.next, last.finished), (0, 2, true));
}

#[tokio::test]
async fn cancelling_ends_a_build_once() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let id = slipway.create_build(owner, app, &from_archive(), None).await.unwrap().value.build.build.id;
    let view = slipway.cancel_build(owner, app, &id).await.unwrap();
    assert_eq!(view.build.status, BuildStatus::Cancelled);
    assert_eq!(slipway.cancel_build(owner, app, &id).await.unwrap().build, view.build);
    let error = world.refused(slipway.complete_build(owner, app, &id, &Completion::Uploaded)).await;
    assert_eq!(error.code, "build_ended");
}

#[tokio::test]
async fn a_replayed_create_answers_with_the_same_build_and_an_upload_of_its_own() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let key = Idempotency::new("key-1", "POST /v1/apps/shop/builds", b"{}").unwrap();
    let first = slipway.create_build(owner, app, &from_archive(), Some(&key)).await.unwrap();
    let second = slipway.create_build(owner, app, &from_archive(), Some(&key)).await.unwrap();
    assert_eq!((first.replayed, second.replayed), (false, true));
    assert_eq!(first.value.build.build, second.value.build.build);
    assert!(second.value.upload.is_some());
    let other = Idempotency::new("key-1", "POST /v1/apps/shop/builds", b"{\"a\":1}").unwrap();
    let error = world.refused(slipway.create_build(owner, app, &from_archive(), Some(&other))).await;
    assert_eq!(error.code, "idempotency_key_reused");
}

#[tokio::test]
async fn a_bad_build_is_refused_by_its_field() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let archive = |size_bytes, sha256: &str| Source::Archive(Upload { size_bytes, sha256: sha256.to_owned() });
    let cases = [
        (NewBuild { source: archive(0, &"a".repeat(64)), ..new_build() }, "/source/size_bytes"),
        (NewBuild { source: archive(3 << 30, &"a".repeat(64)), ..new_build() }, "/source/size_bytes"),
        (NewBuild { source: archive(1, &"A".repeat(64)), ..new_build() }, "/source/sha256"),
        (NewBuild { description: Some("x".repeat(501)), ..new_build() }, "/description"),
        (NewBuild { description: Some("a\u{1b}b".to_owned()), ..new_build() }, "/description"),
        (NewBuild { manifest: Some("../slipway.yml".to_owned()), ..new_build() }, "/manifest"),
        (NewBuild { manifest: Some("/etc/passwd".to_owned()), ..new_build() }, "/manifest"),
        (NewBuild { time_limit: Some(Duration::ZERO), ..new_build() }, "/time_limit_seconds"),
        (NewBuild { time_limit: Some(BUILD_LIMIT * 2), ..new_build() }, "/time_limit_seconds"),
    ];
    for (new, pointer) in cases {
        let error = world.refused(slipway.create_build(owner, app, &new, None)).await;
        assert_eq!((error.code, error.fields[0].pointer.as_str()), ("invalid_build", pointer));
    }
    let nowhere = NewBuild { environment: "nowhere".parse().unwrap(), ..new_build() };
    let error = world.refused(slipway.create_build(owner, app, &nowhere, None)).await;
    assert_eq!(error.code, "environment_not_found");
}
