//! External builds: where to push, what completes them, what does not, and installations that take none.

use std::sync::Arc;
use std::time::Duration;

use slipway_domain::build::{BuildStatus, Upload};
use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::id::{BuildId, TenantId};
use slipway_domain::release::ImageDigest;
use slipway_domain::secret::Secret;
use slipway_domain::time::Time;
use slipway_service::builds::intake::{Intake, Login, NoBuilder};
use slipway_service::builds::{BUILD_LIMIT, BuildView, Completion, ManifestText, NewBuild, Source};
use slipway_service::promotions::PromoteOptions;
use slipway_service::request::Idempotency;
use slipway_service::slipway::Slipway;

use crate::world::{WEB, World, new_build};

fn external() -> NewBuild {
    NewBuild { source: Source::External, ..new_build() }
}

fn pushed(image: &ImageDigest) -> Completion {
    let manifest = ManifestText { file: "slipway.yml".to_owned(), text: WEB.to_owned() };
    Completion::Image { image: image.clone(), manifest: Some(manifest) }
}

impl World {
    async fn external(&self) -> BuildId {
        let created = self.slipway.create_build(&self.owner, &self.app, &external(), None).await.unwrap();
        created.value.build.build.id
    }

    async fn complete(&self, build: &BuildId, image: &ImageDigest) -> Result<BuildView> {
        self.slipway.complete_build(&self.owner, &self.app, build, &pushed(image)).await
    }
}

#[tokio::test]
async fn an_image_that_was_pushed_completes_the_build_and_makes_its_release() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let created = slipway.create_build(owner, app, &external(), None).await.unwrap().value;
    let push = created.push.unwrap();
    let tenant = owner.tenant().as_str().to_lowercase();
    assert_eq!((push.repository.to_string(), push.login), (format!("registry.example.com/{tenant}/shop"), Login::Open));
    assert_eq!((created.build.build.status, created.upload), (BuildStatus::Created, None));

    let id = created.build.build.id;
    let view = world.complete(&id, &world.image(1)).await.unwrap();
    assert_eq!((view.build.status, view.build.image), (BuildStatus::Complete, Some(world.image(1))));
    let release = world.release(&view.release.unwrap()).await;
    assert_eq!((release.build, release.image), (id, world.image(1)));
    assert!(world.cluster.replicas().is_empty());
}

#[tokio::test]
async fn an_image_that_was_not_pushed_is_refused_with_the_place_to_push_it_to() {
    let world = World::new().await;
    let id = world.external().await;
    let image = ImageDigest::from_sha256(&[7; 32]);
    let error = world.refused(world.complete(&id, &image)).await;
    assert_eq!((error.kind, error.code), (Kind::Unprocessable, "image_missing"));
    let tenant = world.owner.tenant().as_str().to_lowercase();
    let expected =
        format!("the registry has no image {image} of shop: push it to registry.example.com/{tenant}/shop first");
    assert_eq!((error.message, error.fields[0].pointer.as_str()), (expected, "/image"));
    world.complete(&id, &world.image(7)).await.unwrap();
}

#[tokio::test]
async fn a_build_completes_once() {
    let world = World::new().await;
    let id = world.external().await;
    let first = world.complete(&id, &world.image(1)).await.unwrap();
    let again = world.complete(&id, &world.image(1)).await.unwrap();
    assert_eq!((again.build, again.release), (first.build, first.release));
    let error = world.refused(world.complete(&id, &world.image(2))).await;
    assert_eq!((error.kind, error.code), (Kind::Conflict, "build_ended"));
    assert!(error.details.contains(&("image", world.image(1).to_string())), "{:?}", error.details);
    assert_eq!(world.slipway.app(&world.owner, &world.app).await.unwrap().app.release_count, 1);
}

#[tokio::test]
async fn of_two_images_that_race_for_a_build_one_wins_and_the_other_is_told() {
    let world = World::new().await;
    let id = world.external().await;
    let images: Vec<_> = (1..=8).map(|number| world.image(number)).collect();
    let results = futures::future::join_all(images.iter().map(|image| world.complete(&id, image))).await;
    let taken = world.slipway.build(&world.owner, &world.app, &id, Duration::ZERO).await.unwrap().build.image;
    for (image, result) in images.iter().zip(results) {
        match result {
            Ok(view) => assert_eq!((Some(image), &view.build.image), (taken.as_ref(), &taken)),
            Err(error) => assert_eq!((error.code, taken.as_ref() == Some(image)), ("build_ended", false)),
        }
    }
}

#[tokio::test]
async fn a_build_that_nothing_is_pushed_for_fails_by_itself() {
    let world = World::new().await;
    let (id, late) = (world.external().await, world.external().await);
    world.wait(BUILD_LIMIT);
    // Too late, also when nobody has looked at it since.
    let error = world.complete(&late, &world.image(1)).await.unwrap_err();
    assert_eq!((error.code, error.details), ("build_ended", vec![("status", "failed".to_owned())]));
    let view = world.slipway.build(&world.owner, &world.app, &id, Duration::ZERO).await.unwrap();
    assert_eq!(view.build.status, BuildStatus::Failed);
    assert_eq!(view.build.failure.as_deref(), Some("it was not completed within its time limit"));
    assert_eq!(world.environment().await.newest, None);
}

#[tokio::test]
async fn a_login_is_made_for_every_answer_and_kept_nowhere() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let login = |password: &str| Login::Temporary {
        username: "AWS".to_owned(),
        password: Secret::from(password),
        expires_at: Time::from_millis(1_800_000_000_000),
    };
    let key = Idempotency::new("key-1", "POST /v1/apps/shop/builds", b"{}").unwrap();
    for password in ["CANARY-one", "CANARY-two"] {
        *world.repositories.0.lock().unwrap() = Ok(login(password));
        let created = slipway.create_build(owner, app, &external(), Some(&key)).await.unwrap().value;
        assert_eq!(created.push.unwrap().login, login(password));
    }
    assert!(!format!("{:?}", world.dump().await).contains("CANARY"));
}

#[tokio::test]
async fn a_registry_that_was_away_is_asked_again_by_the_repeat() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    let key = Idempotency::new("key-1", "POST /v1/apps/shop/builds", b"{}").unwrap();
    *world.repositories.0.lock().unwrap() = Err(Error::unavailable("timeout"));
    let error = slipway.create_build(owner, app, &external(), Some(&key)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    *world.repositories.0.lock().unwrap() = Ok(Login::Own);
    let made = slipway.create_build(owner, app, &external(), Some(&key)).await.unwrap();
    assert!(made.replayed);
    assert_eq!(made.value.push.unwrap().login, Login::Own);
    // What is complete is not pushed to any more.
    world.complete(&made.value.build.build.id, &world.image(1)).await.unwrap();
    let late = slipway.create_build(owner, app, &external(), Some(&key)).await.unwrap();
    assert_eq!(late.value.push, None);
}

#[tokio::test]
async fn an_image_of_another_tenants_app_of_the_same_name_is_not_there() {
    let world = World::new().await;
    let World { slipway, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    let token = slipway.bootstrap_local(&TenantId::from_entropy(2)).await.unwrap().unwrap();
    let other = slipway.authenticate(token.reveal(), "request-2").await.unwrap();
    slipway.create_app(&other, app, None, None).await.unwrap();
    let id = slipway.create_build(&other, app, &external(), None).await.unwrap().value.build.build.id;
    let foreign = slipway.complete_build(&other, app, &id, &pushed(&release.image)).await.unwrap_err();
    assert_eq!(foreign.code, "image_missing");
    assert!(foreign.message.contains(&other.tenant().as_str().to_lowercase()), "{}", foreign.message);

    // The same bytes in its own repository are its own image.
    world.registry.0.lock().unwrap().insert((other.tenant().clone(), release.image.clone()));
    let view = slipway.complete_build(&other, app, &id, &pushed(&release.image)).await.unwrap();
    world.registry.0.lock().unwrap().remove(&(other.tenant().clone(), release.image.clone()));
    let reference = crate::world::by_id(&view.release.unwrap());
    let options = PromoteOptions::default();
    let gone = slipway.promote(&other, app, production, &reference, &options, None).await.unwrap_err();
    assert_eq!(gone.code, "image_missing");
    world.promote(&release, &options).await.unwrap();
}

#[tokio::test]
async fn an_installation_refuses_the_builds_that_it_cannot_make_or_take() {
    let world = World::new().await;
    let World { owner, app, .. } = &world;
    let archive = Source::Archive(Upload { size_bytes: 1, sha256: "ab".repeat(32) });
    let none = Arc::new(NoBuilder);
    let pushed_to = Slipway {
        intake: Intake::External(world.repositories.clone()),
        builder: none.clone(),
        objects: none,
        ..world.slipway.clone()
    };
    let builds_itself = Slipway { intake: Intake::Archives, ..world.slipway.clone() };
    let cases = [
        (&pushed_to, archive.clone(), Some(("source_builds_not_taken", "slipway build --external"))),
        (&pushed_to, Source::External, None),
        (&pushed_to, Source::Existing, None),
        (&builds_itself, archive, None),
        (&builds_itself, Source::External, Some(("external_builds_not_taken", "--registry"))),
        (&builds_itself, Source::Existing, None),
    ];
    for (slipway, source, refusal) in cases {
        let new = NewBuild { source: source.clone(), ..new_build() };
        match refusal {
            None => assert!(slipway.create_build(owner, app, &new, None).await.is_ok(), "{source:?}"),
            Some((code, advice)) => {
                let error = world.refused(slipway.create_build(owner, app, &new, None)).await;
                assert_eq!((error.code, error.fields[0].pointer.as_str()), (code, "/source"));
                assert!(error.message.contains(advice), "{}", error.message);
            }
        }
    }
}

#[tokio::test]
async fn what_a_builder_left_running_fails_where_there_is_none_any_more() {
    let world = World::new().await;
    let World { owner, app, .. } = &world;
    let archive = Source::Archive(Upload { size_bytes: 1, sha256: "ab".repeat(32) });
    let new = NewBuild { source: archive, ..new_build() };
    let id = world.slipway.create_build(owner, app, &new, None).await.unwrap().value.build.build.id;
    world.objects.0.lock().unwrap().insert(id.clone());
    world.slipway.complete_build(owner, app, &id, &Completion::Uploaded).await.unwrap();
    let none = Arc::new(NoBuilder);
    let without = Slipway { builder: none.clone(), objects: none, ..world.slipway.clone() };
    let view = without.build(owner, app, &id, Duration::ZERO).await.unwrap();
    assert_eq!(view.build.failure.as_deref(), Some("this server has no builder any more"));
    assert!(without.build_log(owner, app, &id, 0, Duration::ZERO).await.unwrap().finished);
}
