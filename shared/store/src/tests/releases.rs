use slipway_domain::promotion::Environment;
use slipway_domain::release::{Release, ReleaseRef};

use super::world::*;
use crate::error::{StoreError, Subject};
use crate::records::Page;
use crate::releases::NewRelease;

#[tokio::test]
async fn a_release_is_found_by_id_number_and_tag() {
    let world = world().await.with_app().await;
    let mut new = new_release(1);
    new.release.tag = Some("v1.4.0".parse().unwrap());
    world.scoped.create_release(&change(), &new).await.unwrap();
    for reference in [release_id(1).as_str(), "v1", "v1.4.0"] {
        let reference: ReleaseRef = reference.parse().unwrap();
        assert_eq!(world.scoped.release(&shop(), &reference).await, Ok(Some(new.release.clone())), "{reference:?}");
    }
    for reference in [release_id(2).as_str(), "v2", "v1.4.1"] {
        let reference: ReleaseRef = reference.parse().unwrap();
        assert_eq!(world.scoped.release(&shop(), &reference).await, Ok(None), "{reference:?}");
    }
    assert_eq!(world.scoped.app(&shop()).await.unwrap().unwrap().release_count, 1);
    assert_eq!(world.environment().await, Environment { newest: Some(release_id(1)), ..environment() });
}

#[tokio::test]
async fn variables_come_back_bit_for_bit() {
    let world = world().await.with_app().await;
    let values = [
        ("EMPTY", ""),
        ("LINES", "a\r\n\u{1}\tb "),
        ("MARKS", "\u{feff}zürich \u{1f600}\u{202e}"),
        ("QUOTES", "\"'$(X)\\"),
    ];
    let new = NewRelease { variables: variables(&values), ..new_release(1) };
    world.scoped.create_release(&change(), &new).await.unwrap();
    assert_eq!(world.scoped.variables(&new.release).await, Ok(new.variables));
}

#[tokio::test]
async fn the_largest_set_of_variables_fits() {
    let world = world().await.with_app().await;
    let value = "\u{1}".repeat(64 * 1024 - 1);
    let values = [("A", &*value), ("B", &*value), ("C", &*value), ("D", &*value)];
    let new = NewRelease { variables: variables(&values), ..new_release(1) };
    world.scoped.create_release(&change(), &new).await.unwrap();
    assert_eq!(world.scoped.variables(&new.release).await, Ok(new.variables));
}

#[tokio::test]
async fn each_refusal_of_a_release_names_what_refused() {
    let world = world().await.with_releases().await;
    let create = async |new: &NewRelease| world.scoped.create_release(&change(), new).await;
    let mut number_taken = new_release(2);
    number_taken.release.id = release_id(9);
    number_taken.expected_newest = Some(release_id(2));
    assert_eq!(create(&number_taken).await, Err(StoreError::Stale(Subject::ReleaseCount)));
    let other_base = NewRelease { expected_newest: Some(release_id(1)), ..new_release(3) };
    assert_eq!(create(&other_base).await, Err(StoreError::Stale(Subject::Newest)));
    let no_base = NewRelease { expected_newest: None, ..new_release(3) };
    assert_eq!(create(&no_base).await, Err(StoreError::Stale(Subject::Newest)));
    let mut id_taken = new_release(3);
    id_taken.release.id = release_id(1);
    assert_eq!(create(&id_taken).await, Err(StoreError::Exists(Subject::Release)));
    let mut stray = new_release(3);
    stray.release.environment = "staging".parse().unwrap();
    assert_eq!(create(&stray).await, Err(StoreError::Missing(Subject::Environment)));
    stray.release.app = "other".parse().unwrap();
    assert_eq!(create(&stray).await, Err(StoreError::Missing(Subject::App)));
    assert_eq!(create(&new_release(3)).await, Ok(()));
}

#[tokio::test]
async fn a_tag_is_given_once_in_an_app() {
    let world = world().await.with_app().await;
    let tagged = |number| {
        let mut new = new_release(number);
        new.release.tag = Some("2026-03-15-fix".parse().unwrap());
        new
    };
    world.scoped.create_release(&change(), &tagged(1)).await.unwrap();
    let again = world.scoped.create_release(&change(), &tagged(2)).await;
    assert_eq!(again, Err(StoreError::Exists(Subject::Tag)));
    assert_eq!(world.scoped.app(&shop()).await.unwrap().unwrap().release_count, 1);
}

#[tokio::test]
async fn releases_are_listed_newest_first_of_the_app_or_of_one_environment() {
    let world = world().await.with_app().await;
    let staging = Environment { name: "staging".parse().unwrap(), ..environment() };
    world.scoped.create_environment(&change(), &staging).await.unwrap();
    let mut last = [None, None];
    let mut made: Vec<Release> = Vec::new();
    for number in 1..=12 {
        let place = usize::from(number % 3 == 0);
        let mut new = new_release(number);
        new.release.environment = if place == 0 { production() } else { staging.name.clone() };
        new.expected_newest = last[place].replace(release_id(number));
        world.scoped.create_release(&change(), &new).await.unwrap();
        made.insert(0, new.release);
    }
    let first = world.scoped.releases(&shop(), None, &Page::first(7)).await.unwrap();
    assert_eq!(first.items, made[..7]);
    let rest = world.scoped.releases(&shop(), None, &Page { after: first.next, limit: 7 }).await.unwrap();
    assert_eq!((rest.items.as_slice(), rest.next), (&made[7..], None));
    made.retain(|release| release.environment == staging.name);
    let staged = world.scoped.releases(&shop(), Some(&staging.name), &Page::first(7)).await.unwrap();
    assert_eq!((staged.items, staged.next), (made, None));
}

#[tokio::test]
async fn a_record_beyond_the_limit_of_an_item_is_refused_before_it_is_sent() {
    let world = world().await.with_app().await;
    let mut new = new_release(1);
    new.release.description = "x".repeat(400 * 1024);
    let refused = world.scoped.create_release(&change(), &new).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { subject: Subject::Release, .. })), "{refused:?}");
    assert_eq!(world.scoped.app(&shop()).await.unwrap().unwrap().release_count, 0);
}
