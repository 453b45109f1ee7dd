//! What is sealed stays as it is: shown by writes that go around the store's functions.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use slipway_domain::build::{Build, BuildStatus};

use super::world::*;
use crate::builds::CompleteBuild;
use crate::error::{StoreError, Subject};
use crate::item::{BODY, Item};
use crate::layout::{Layout, PARTITION, SORT};
use crate::reasons::Meaning;
use crate::transaction::ABSENT;

async fn world_with_everything() -> World {
    let world = world().await.with_releases().await;
    world.scoped.create_build(&change(), &build(1), at(3600)).await.unwrap();
    let mut release = new_release(3);
    release.release.tag = Some("v3.0".parse().unwrap());
    let build =
        Build { status: BuildStatus::Complete, image: Some(image()), manifest: Some(parsed_manifest()), ..build(1) };
    let complete = CompleteBuild { build, expected: BuildStatus::Created, release };
    world.scoped.complete_build(&change(), &complete).await.unwrap();
    world.scoped.start_promotion(&change(), &start(1, 1, &world.environment().await)).await.unwrap();
    world
}

fn text<'item>(item: &'item Item, name: &str) -> &'item str {
    item[name].as_s().unwrap()
}

fn sorted(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_by_key(|item| (text(item, PARTITION).to_owned(), text(item, SORT).to_owned()));
    items
}

#[tokio::test]
async fn the_database_refuses_a_second_write_of_everything_sealed() {
    let world = world_with_everything().await;
    let before = sorted(world.dump().await);
    let client = world.embedded.client();
    let mut places = Vec::new();
    for item in before.iter().filter(|item| text(item, PARTITION).contains("#sealed#")) {
        let mut forged = item.clone();
        forged.insert(BODY.to_owned(), AttributeValue::S("forged".to_owned()));
        let put = client.put_item().table_name(TABLE).set_item(Some(forged));
        let put = put.condition_expression(ABSENT).expression_attribute_names("#pk", PARTITION);
        let refused = put.send().await.unwrap_err().into_service_error();
        assert!(matches!(refused, PutItemError::ConditionalCheckFailedException(_)), "{refused:?}");
        places.push(text(item, PARTITION).rsplit("sealed#").next().unwrap().split('#').next().unwrap().to_owned());
    }
    places.sort();
    places.dedup();
    assert_eq!(places, ["audit", "build", "builds", "events", "promotions", "release", "releases", "tags"]);
    assert_eq!(sorted(world.dump().await), before);
}

#[tokio::test]
async fn a_forged_transaction_is_refused_by_the_condition_of_the_seal_alone() {
    let world = world_with_everything().await;
    let layout = Layout::new(tenant(0));
    let before = sorted(world.dump().await);
    let forged = crate::item::row([(BODY, crate::item::text("forged"))]);
    let mut transaction = world.scoped.begin();
    let key = layout.sealed_build(&shop(), &build_id(1));
    transaction.seal(Subject::Build, &key, forged.clone(), Meaning::Sealed(Subject::Build)).unwrap();
    assert_eq!(world.scoped.commit(transaction).await, Err(StoreError::Sealed(Subject::Build)));
    for key in [layout.release(&shop(), &release_id(1)), layout.variables(&shop(), &release_id(1))] {
        let mut transaction = world.scoped.begin();
        transaction.seal(Subject::Release, &key, forged.clone(), Meaning::Exists(Subject::Release)).unwrap();
        assert_eq!(world.scoped.commit(transaction).await, Err(StoreError::Exists(Subject::Release)));
    }
    assert_eq!(sorted(world.dump().await), before);
}

#[tokio::test]
async fn an_open_row_that_comes_back_does_not_open_a_sealed_build() {
    let world = world_with_everything().await;
    let layout = Layout::new(tenant(0));
    let place = layout.build(&shop(), &build_id(1));
    let mut row = place.as_ref().item();
    row.insert("status".to_owned(), AttributeValue::S("created".to_owned()));
    row.insert(BODY.to_owned(), AttributeValue::S(serde_json::to_string(&build(1)).unwrap()));
    world.embedded.client().put_item().table_name(TABLE).set_item(Some(row)).send().await.unwrap();
    let failed = Build { status: BuildStatus::Failed, ..build(1) };
    let refused = world.scoped.update_build(&change(), &failed, BuildStatus::Created).await;
    assert_eq!(refused, Err(StoreError::Sealed(Subject::Build)));
}
