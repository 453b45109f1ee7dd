//! Variables: each change is a release, values are seen by nobody who may not, limits are kept.

use slipway_domain::error::Kind;
use slipway_domain::secret::Secret;
use slipway_service::releases::BaseChoice;
use slipway_service::request::Idempotency;
use slipway_service::variables::{ChangeVariables, VariableChange, VariablesChanged};
use slipway_store::records::Page;

use crate::world::{WEB, World, by_id, patch};

#[tokio::test]
async fn setting_and_unsetting_makes_a_release_that_says_so() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, built) = world.build(1, WEB).await;
    world.set(&[("PORT_HINT", "1"), ("OLD", "x")]).await;
    let changed = world.change(vec![("API_KEY", Some("k")), ("PORT_HINT", Some("2")), ("OLD", None)]).await.unwrap();
    let VariablesChanged::Released { release, base, .. } = changed else { panic!("nothing was released") };
    assert_eq!(release.release.description, "env add:API_KEY change:PORT_HINT remove:OLD");
    assert_eq!((release.release.build, base.promoted), (built.build, false));
    let view = slipway.variables(owner, app, production, &BaseChoice::Newest).await.unwrap();
    assert_eq!(view.release, Some(release.release.id));
    assert_eq!(
        view.variables.iter().map(|variable| variable.key.as_str()).collect::<Vec<_>>(),
        ["API_KEY", "PORT_HINT"]
    );
    assert!(world.cluster.replicas().is_empty(), "setting a variable ships nothing");
}

#[tokio::test]
async fn setting_what_is_set_already_makes_no_release() {
    let world = World::new().await;
    world.build(1, WEB).await;
    let set = world.set(&[("A", "1")]).await;
    let before = world.dump().await;
    for entries in [vec![("A", Some("1"))], vec![("B", None)], vec![]] {
        let changed = world.change(entries).await.unwrap();
        assert!(matches!(changed, VariablesChanged::Unchanged { release } if release == set.id));
    }
    assert_eq!(world.dump().await, before);
}

#[tokio::test]
async fn replacing_keeps_only_what_is_given() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    world.set(&[("A", "1"), ("B", "2")]).await;
    let change =
        VariableChange::Replace(vec![("B".to_owned(), Secret::from("2")), ("C".to_owned(), Secret::from("3"))]);
    let change = ChangeVariables { change, ..patch(&[]) };
    let changed = slipway.change_variables(owner, app, production, change, None).await.unwrap().value;
    let VariablesChanged::Released { release, .. } = changed else { panic!("nothing was released") };
    assert_eq!(release.release.description, "env add:C remove:A");
}

#[tokio::test]
async fn values_come_back_bit_for_bit_after_an_audit_row() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    let value = "CANARY-äöü\n\u{1F600}\t\"$(X)\"\\ ";
    let release = world.set(&[("SECRET", value)]).await;
    let revealed = slipway.reveal_variables(owner, app, production, &BaseChoice::Newest).await.unwrap();
    assert_eq!(revealed.variables.get(&"SECRET".parse().unwrap()).unwrap().reveal(), value);
    let store = slipway.store.scoped(owner.tenant().clone());
    let audit = store.audit(&Page::first(100)).await.unwrap();
    let reveal: Vec<_> = audit.items.iter().filter(|row| row.action == "variables.reveal").collect();
    assert_eq!(reveal.len(), 1);
    assert_eq!((reveal[0].actor.as_str(), reveal[0].request_id.as_str()), ("local", "request-1"));
    assert_eq!(reveal[0].target, format!("apps/shop/releases/{}/variables", release.id));
    let dump = format!("{:?}", world.dump().await);
    assert!(!dump.contains("CANARY"), "a value is in the table");
}

#[tokio::test]
async fn values_are_revealed_in_their_own_environment_alone() {
    let world = World::new().await;
    let World { slipway, owner, app, .. } = &world;
    world.build(1, WEB).await;
    let release = world.set(&[("SECRET", "of production")]).await;
    let staging = world.staging().await;
    let named = BaseChoice::Release(by_id(&release.id));
    let error = world.refused(slipway.reveal_variables(owner, app, &staging, &named)).await;
    assert_eq!((error.kind, error.code), (Kind::Conflict, "wrong_environment"));
    let error = world.refused(slipway.reveal_variables(owner, app, &staging, &BaseChoice::Newest)).await;
    assert_eq!((error.kind, error.code), (Kind::NotFound, "release_not_found"));
    let revealed = slipway.reveal_variables(owner, app, &world.production, &named).await.unwrap();
    assert_eq!(revealed.release, release.id);
}

#[tokio::test]
async fn a_variable_that_comes_to_no_service_is_told() {
    let world = World::new().await;
    let declared = "environment:\n  - ALL\nservices:\n  web:\n    port: 3000\n    domain: ${HOST}\n  worker:\n    \
                    environment:\n      - OWN=1\n";
    world.build(1, declared).await;
    let entries =
        vec![("ALL", Some("1")), ("OWN", Some("2")), ("HOST", Some("h")), ("TYPO", Some("3")), ("GONE", None)];
    let VariablesChanged::Released { unused, .. } = world.change(entries).await.unwrap() else { panic!("no release") };
    assert_eq!(unused, ["TYPO".parse().unwrap()]);
    let VariablesChanged::Released { unused, .. } = world.change(vec![("TYPO", None)]).await.unwrap() else {
        panic!("no release")
    };
    assert_eq!(unused, []);
    world.build(2, WEB).await;
    let VariablesChanged::Released { unused, .. } = world.change(vec![("TYPO", Some("4"))]).await.unwrap() else {
        panic!("no release")
    };
    assert_eq!(unused, [], "services that declare nothing get all");
}

#[tokio::test]
async fn every_bad_variable_is_told_by_its_pointer() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    let huge = "x".repeat(64 * 1024 + 1);
    let entries = [("1BAD", Some("x")), ("WITH SPACE", None), ("RELEASE", Some("x"))];
    let error = world.refused(slipway.change_variables(owner, app, production, patch(&entries), None)).await;
    let pointers: Vec<_> = error.fields.iter().map(|field| field.pointer.as_str()).collect();
    assert_eq!((error.code, pointers), ("invalid_variables", vec!["/variables/1BAD", "/variables/WITH SPACE"]));
    for (key, value, pointer) in [
        ("RELEASE", "x", "/variables/RELEASE"),
        ("BIG", huge.as_str(), "/variables/BIG"),
        ("NUL", "a\0b", "/variables/NUL"),
    ] {
        let change = patch(&[(key, Some(value))]);
        let error = world.refused(slipway.change_variables(owner, app, production, change, None)).await;
        assert_eq!((error.code, error.fields[0].pointer.as_str()), ("invalid_variables", pointer));
    }
    let most: Vec<(String, Option<Secret>)> =
        (0..513).map(|number| (format!("V{number}"), Some(Secret::from("x")))).collect();
    let change = ChangeVariables { change: VariableChange::Patch(most), ..patch(&[]) };
    let error = world.refused(slipway.change_variables(owner, app, production, change, None)).await;
    assert_eq!(error.fields[0].pointer, "/variables");
}

#[tokio::test]
async fn a_base_that_moved_on_is_stale_for_who_insists_on_it() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, built) = world.build(1, WEB).await;
    let newer = world.set(&[("A", "1")]).await;
    let insist = |seen| ChangeVariables { if_base: Some(seen), ..patch(&[("B", Some("2"))]) };
    let error = world.refused(slipway.change_variables(owner, app, production, insist(built.id), None)).await;
    assert_eq!((error.kind, error.code), (Kind::Stale, "base_changed"));
    slipway.change_variables(owner, app, production, insist(newer.id), None).await.unwrap();
}

#[tokio::test]
async fn variables_need_a_build_first() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let error = world.refused(world.change(vec![("A", Some("1"))])).await;
    assert_eq!(error.code, "no_release");
    let view = slipway.variables(owner, app, production, &BaseChoice::Newest).await.unwrap();
    assert!(view.release.is_none() && view.variables.is_empty());
}

#[tokio::test]
async fn a_replayed_change_answers_with_the_same_release() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    let key = Idempotency::new("k", "PATCH variables", b"A=1").unwrap();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let change = patch(&[("A", Some("1"))]);
        let posted = slipway.change_variables(owner, app, production, change, Some(&key)).await.unwrap();
        let VariablesChanged::Released { release, .. } = posted.value else { panic!("nothing was released") };
        ids.push((release.release.id, posted.replayed));
    }
    assert_eq!(ids[0].0, ids[1].0);
    assert_eq!((ids[0].1, ids[1].1), (false, true));
}
