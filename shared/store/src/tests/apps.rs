use slipway_domain::promotion::{Environment, Status};

use super::world::*;
use crate::error::{StoreError, Subject};
use crate::records::Page;

#[tokio::test]
async fn an_app_comes_with_its_environment_and_its_name_is_taken_once() {
    let world = world().await;
    let (shop, production) = (shop(), production());
    assert_eq!(world.scoped.app(&shop).await, Ok(None));
    world.scoped.create_app(&change(), &app(), &environment()).await.unwrap();
    assert_eq!(world.scoped.app(&shop).await, Ok(Some(app())));
    assert_eq!(world.scoped.environment(&shop, &production).await, Ok(Some(environment())));
    let again = world.scoped.create_app(&change(), &app(), &environment()).await;
    assert_eq!(again, Err(StoreError::Exists(Subject::App)));
}

#[tokio::test]
async fn apps_are_listed_by_name_page_by_page() {
    let world = world().await;
    for name in ["c", "a", "e", "b", "d"] {
        let app = slipway_domain::app::App { name: name.parse().unwrap(), ..app() };
        let environment = Environment { app: app.name.clone(), ..environment() };
        world.scoped.create_app(&change(), &app, &environment).await.unwrap();
    }
    let mut names = Vec::new();
    let mut page = Page::first(2);
    loop {
        let listed = world.scoped.apps(&page).await.unwrap();
        names.push(listed.items.iter().map(|app| app.name.to_string()).collect::<Vec<_>>());
        page.after = listed.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(names, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
}

#[tokio::test]
async fn an_environment_is_saved_only_over_the_version_that_was_read() {
    let world = world().await.with_app().await;
    let saved = Environment { status: Status::Running, version: 2, ..environment() };
    world.scoped.save_environment(&change(), &saved, 1).await.unwrap();
    assert_eq!(world.environment().await, saved);
    let stale = world.scoped.save_environment(&change(), &saved, 1).await;
    assert_eq!(stale, Err(StoreError::Stale(Subject::Environment)));
    let absent = Environment { name: "staging".parse().unwrap(), ..saved.clone() };
    let missing = world.scoped.save_environment(&change(), &absent, 1).await;
    assert_eq!(missing, Err(StoreError::Missing(Subject::Environment)));
    let jump = world.scoped.save_environment(&change(), &Environment { version: 9, ..saved }, 2).await;
    assert!(matches!(jump, Err(StoreError::Misuse(_))), "{jump:?}");
}

#[tokio::test]
async fn saving_an_environment_leaves_its_newest_release() {
    let world = world().await.with_releases().await;
    let saved = Environment { status: Status::Running, version: 2, newest: None, ..environment() };
    world.scoped.save_environment(&change(), &saved, 1).await.unwrap();
    assert_eq!(world.environment().await, Environment { newest: Some(release_id(2)), ..saved });
}

#[tokio::test]
async fn environments_are_added_to_an_app_that_exists() {
    let world = world().await.with_app().await;
    let staging = Environment { name: "staging".parse().unwrap(), ..environment() };
    world.scoped.create_environment(&change(), &staging).await.unwrap();
    assert_eq!(world.scoped.environments(&shop()).await, Ok(vec![environment(), staging.clone()]));
    let again = world.scoped.create_environment(&change(), &staging).await;
    assert_eq!(again, Err(StoreError::Exists(Subject::Environment)));
    let stray = Environment { app: "other".parse().unwrap(), ..staging };
    assert_eq!(world.scoped.create_environment(&change(), &stray).await, Err(StoreError::Missing(Subject::App)));
}
