//! Releases: numbers, bases, tags, copies between environments, diffs, states.

use slipway_domain::promotion::Outcome;
use slipway_domain::release::{ReleaseRef, ReleaseState};
use slipway_domain::variables::VariableKey;
use slipway_service::releases::{BaseChoice, NewRelease, NewReleaseSource};
use slipway_service::request::Page;

use crate::world::{WEB, World, by_id, new_build};

fn from(source: NewReleaseSource) -> NewRelease {
    NewRelease { source, description: None, tag: None }
}

#[tokio::test]
async fn every_release_has_the_next_number_and_the_variables_of_its_base() {
    let world = World::new().await;
    let (_, first) = world.build(1, WEB).await;
    let second = world.set(&[("A", "1")]).await;
    let (_, third) = world.build(2, WEB).await;
    assert_eq!([first.number, second.number, third.number], [1, 2, 3]);
    assert_eq!(third.parent, Some(second.id.clone()));
    assert_eq!(third.fingerprints, second.fingerprints);
    assert_ne!(second.digest, third.digest);
    assert_eq!(second.description, "env add:A");
}

#[tokio::test]
async fn a_release_is_found_by_id_number_and_tag() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (build, first) = world.build(1, WEB).await;
    let tag = "v1.4.0".parse().unwrap();
    let source = NewReleaseSource::Build { build: build.clone(), base: BaseChoice::Newest };
    let new = NewRelease { source, description: Some("the fix".to_owned()), tag: Some(tag) };
    let tagged = slipway.create_release(owner, app, production, &new, None).await.unwrap().value.release.release;
    for reference in [tagged.id.to_string(), "v2".to_owned(), "v1.4.0".to_owned()] {
        let found = slipway.release(owner, app, &reference.parse::<ReleaseRef>().unwrap()).await.unwrap();
        assert_eq!(found.release, tagged, "{reference}");
    }
    let error = world.refused(slipway.create_release(owner, app, production, &new, None)).await;
    assert_eq!((error.code, error.fields[0].pointer.as_str()), ("tag_taken", "/tag"));
    let error = world.refused(slipway.release(owner, app, &"v99".parse().unwrap())).await;
    assert_eq!(error.code, "release_not_found");
    assert_eq!((tagged.description.as_str(), tagged.parent), ("the fix", Some(first.id)));
}

#[tokio::test]
async fn the_answer_says_what_an_unpromoted_base_brings() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (build, first) = world.build(1, WEB).await;
    assert_eq!(world.ship(&first).await, Outcome::Succeeded);
    let waiting = world.set(&[("FEATURE", "half-finished")]).await;

    let newest = NewReleaseSource::Build { build: build.clone(), base: BaseChoice::Newest };
    let created = slipway.create_release(owner, app, production, &from(newest), None).await.unwrap().value;
    let base = created.base.unwrap();
    assert_eq!((base.release, base.promoted), (waiting.id, false));
    assert_eq!(base.differs.unwrap().variables.added[0].as_str(), "FEATURE");

    let active = NewReleaseSource::Build { build, base: BaseChoice::Active };
    let created = slipway.create_release(owner, app, production, &from(active), None).await.unwrap().value;
    let base = created.base.unwrap();
    assert_eq!((base.release, base.promoted, base.differs), (first.id, true, None));
    assert!(created.release.release.fingerprints.is_empty());
}

#[tokio::test]
async fn one_build_serves_every_environment() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    world.set(&[("WHERE", "production")]).await;
    let staging = world.staging().await;
    let (_, tried) = world.build_in(&staging, 2, WEB).await;

    let pair = NewReleaseSource::Release { release: by_id(&tried.id), base: BaseChoice::Newest };
    let paired = slipway.create_release(owner, app, production, &from(pair), None).await.unwrap().value.release.release;
    assert_eq!((&paired.build, &paired.image, &paired.environment), (&tried.build, &tried.image, production));
    assert_eq!(paired.fingerprints.keys().map(VariableKey::as_str).collect::<Vec<_>>(), ["WHERE"]);
    assert_eq!(paired.copied_from, None);

    let copy = from(NewReleaseSource::Copy { release: by_id(&tried.id) });
    let created = slipway.create_release(owner, app, production, &copy, None).await.unwrap().value;
    let copied = created.release.release;
    assert_eq!((&copied.digest, copied.copied_from.as_ref()), (&tried.digest, Some(&tried.id)));
    assert!(created.base.is_none() && copied.fingerprints.is_empty());
    // Taken over from another environment it is new here, not as old as there.
    assert_eq!(copied.original_number, copied.number);
    let original = slipway.release(owner, app, &by_id(&tried.id)).await.unwrap();
    assert_eq!(original.copies, [copied.id]);
}

#[tokio::test]
async fn a_base_of_another_environment_is_refused() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (build, _) = world.build(1, WEB).await;
    let staging = world.staging().await;
    let (_, there) = world.build_in(&staging, 2, WEB).await;
    let cases = [
        (BaseChoice::Release(by_id(&there.id)), "wrong_environment"),
        (BaseChoice::Active, "no_active_release"),
        (BaseChoice::Release("v77".parse().unwrap()), "release_not_found"),
    ];
    for (base, code) in cases {
        let new = from(NewReleaseSource::Build { build: build.clone(), base });
        let error = world.refused(slipway.create_release(owner, app, production, &new, None)).await;
        assert_eq!(error.code, code);
    }
}

#[tokio::test]
async fn an_incomplete_build_gives_no_release() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let build = slipway.create_build(owner, app, &new_build(), None).await.unwrap().value.build.build.id;
    let new = from(NewReleaseSource::Build { build, base: BaseChoice::Newest });
    let error = world.refused(slipway.create_release(owner, app, production, &new, None)).await;
    assert_eq!((error.code, error.details.last()), ("build_incomplete", Some(&("status", "created".to_owned()))));
}

#[tokio::test]
async fn states_are_derived_from_what_became_of_a_release() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, first) = world.build(1, WEB).await;
    let (_, second) = world.build(2, WEB).await;
    let (_, broken) = world.build(3, WEB).await;
    let (_, ready) = world.build(4, WEB).await;
    world.cluster.broken.lock().unwrap().insert(broken.image.clone());
    assert_eq!(world.ship(&first).await, Outcome::Succeeded);
    assert_eq!(world.ship(&second).await, Outcome::Succeeded);
    assert_eq!(world.ship(&broken).await, Outcome::RolledBack);
    let listed = slipway.releases(owner, app, Some(production), &Page::default()).await.unwrap();
    let states: Vec<_> = listed.items.iter().map(|view| (view.release.id.clone(), view.state, view.active)).collect();
    assert_eq!(
        states,
        [
            (ready.id, ReleaseState::Ready, false),
            (broken.id, ReleaseState::RolledBack, false),
            (second.id, ReleaseState::Deployed, true),
            (first.id, ReleaseState::Superseded, false),
        ]
    );
}

#[tokio::test]
async fn lists_go_on_where_they_stopped() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    world.build(1, WEB).await;
    for number in 0..6 {
        world.set(&[("N", &number.to_string())]).await;
    }
    let mut numbers = Vec::new();
    let mut page = Page { limit: 3, after: None };
    loop {
        let part = slipway.releases(owner, app, None, &page).await.unwrap();
        assert!(part.items.len() <= 3);
        numbers.extend(part.items.iter().map(|view| view.release.number));
        match part.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn a_diff_names_keys_and_never_values() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    world.build(1, WEB).await;
    let before = world.set(&[("KEPT", "CANARY-1"), ("CHANGED", "CANARY-2"), ("GONE", "CANARY-3")]).await;
    world.change(vec![("CHANGED", Some("CANARY-4")), ("GONE", None), ("NEW", Some("CANARY-5"))]).await.unwrap();
    let (_, after) = world.build(2, "services:\n  web:\n    port: 3000\n    scale: 5\n  worker: {}\n").await;
    let compared = slipway.diff_releases(owner, app, &by_id(&before.id), &by_id(&after.id)).await.unwrap();
    let diff = &compared.diff;
    let keys = |keys: &[VariableKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(keys(&diff.variables.added), ["NEW"]);
    assert_eq!(keys(&diff.variables.changed), ["CHANGED"]);
    assert_eq!(keys(&diff.variables.removed), ["GONE"]);
    assert!(diff.image.is_some());
    assert_eq!(diff.services.added[0].as_str(), "worker");
    assert_eq!(diff.services.changed[0].settings[0].setting, "scale");
    assert!(!format!("{compared:?}").contains("CANARY"));
}
