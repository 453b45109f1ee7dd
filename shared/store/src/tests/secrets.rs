use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::world::*;
use crate::error::StoreError;
use crate::item::Item;
use crate::keys::KeyError;
use crate::layout::{Layout, SealedKey};
use crate::records::Tenant;
use crate::releases::NewRelease;

const CANARY: &str = "CANARY-3f9a\"\n?&=";

async fn read(world: &World, key: &SealedKey) -> Item {
    let get = world.embedded.client().get_item().table_name(TABLE).set_key(Some(key.as_ref().item()));
    get.send().await.unwrap().item.unwrap()
}

/// Puts the attributes of one item into another, past the store.
async fn forge(world: &World, from: &SealedKey, to: &SealedKey, names: &[&str]) {
    let source = read(world, from).await;
    let mut item = read(world, to).await;
    for name in names {
        item.insert((*name).to_owned(), source[*name].clone());
    }
    world.embedded.client().put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
}

#[tokio::test]
async fn a_ciphertext_that_is_moved_to_another_release_does_not_decrypt() {
    let layout = Layout::new(tenant(0));
    for names in [&["sealed", "wrapped_key"][..], &["sealed"], &["wrapped_key"]] {
        let world = world().await.with_releases().await;
        let (one, two) = (layout.variables(&shop(), &release_id(1)), layout.variables(&shop(), &release_id(2)));
        assert!(world.scoped.variables(&release(2)).await.is_ok());
        forge(&world, &one, &two, names).await;
        assert_eq!(world.scoped.variables(&release(2)).await, Err(StoreError::Keys(KeyError::Refused)));
        assert!(world.scoped.variables(&release(1)).await.is_ok());
    }
}

#[tokio::test]
async fn a_ciphertext_that_is_moved_to_another_tenant_or_environment_does_not_decrypt() {
    let world = world().await.with_releases().await;
    let other = world.store.scoped(tenant(1));
    other.create_app(&change(), &app(), &environment()).await.unwrap();
    other.create_release(&change(), &new_release(1)).await.unwrap();
    let from = Layout::new(tenant(0)).variables(&shop(), &release_id(1));
    let to = Layout::new(tenant(1)).variables(&shop(), &release_id(1));
    forge(&world, &from, &to, &["sealed", "wrapped_key"]).await;
    assert_eq!(other.variables(&release(1)).await, Err(StoreError::Keys(KeyError::Refused)));
    let mut elsewhere = release(1);
    elsewhere.environment = "staging".parse().unwrap();
    assert_eq!(world.scoped.variables(&elsewhere).await, Err(StoreError::Keys(KeyError::Refused)));
}

/// Every text and every byte string of the table.
fn contents(items: &[Item]) -> Vec<Vec<u8>> {
    let values = items.iter().flat_map(|item| item.values());
    values
        .filter_map(|value| match (value.as_s(), value.as_b()) {
            (Ok(text), _) => Some(text.as_bytes().to_vec()),
            (_, Ok(blob)) => Some(blob.as_ref().to_vec()),
            _ => None,
        })
        .collect()
}

fn forms(value: &str) -> Vec<Vec<u8>> {
    let json = serde_json::to_string(value).unwrap();
    let forms = [
        value.to_owned(),
        json.trim_matches('"').to_owned(),
        hex::encode(value),
        hex::encode_upper(value),
        STANDARD.encode(value).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(value),
    ];
    forms.into_iter().map(String::into_bytes).collect()
}

fn holds(contents: &[Vec<u8>], form: &[u8]) -> bool {
    contents.iter().any(|content| content.windows(form.len()).any(|window| window == form))
}

#[tokio::test]
async fn no_value_of_a_variable_is_found_in_the_table_in_any_form() {
    let world = world().await.with_app().await;
    world
        .scoped
        .create_tenant(&change(), &Tenant { id: tenant(0), name: "Acme".to_owned(), created_at: at(0) })
        .await
        .unwrap();
    let new = NewRelease { variables: variables(&[("SECRET", CANARY)]), ..new_release(1) };
    world.scoped.create_release(&change(), &new).await.unwrap();
    let mut start = start(1, 2, &world.environment().await);
    let copy = NewRelease { variables: variables(&[("SECRET", CANARY)]), ..new_release(2) };
    start.release = Some(copy);
    world.scoped.start_promotion(&change(), &start).await.unwrap();
    let contents = contents(&world.dump().await);
    for form in forms(CANARY) {
        assert!(!holds(&contents, &form), "{}", String::from_utf8_lossy(&form));
    }
    // The search finds what is there.
    assert!(holds(&contents, b"release 1"));
    assert_eq!(world.scoped.variables(&new.release).await, Ok(new.variables));
}
