use std::sync::{Arc, Mutex};

use slipway_domain::id::TenantId;
use slipway_domain::release::fingerprint;
use slipway_domain::secret::Secret;

use super::world::*;
use crate::error::{StoreError, Subject};
use crate::narrow::{Narrow, Narrowed};
use crate::records::{Page, Role, Tenant, Token};
use crate::token_id::TokenId;

fn customer() -> Tenant {
    Tenant { id: tenant(0), name: "Acme".to_owned(), created_at: at(0) }
}

fn token(number: u128) -> Token {
    Token {
        id: TokenId::from_entropy(&tenant(0), number),
        name: "ci".to_owned(),
        sha256: "ab".repeat(32),
        role: Role::Deployer,
        created_at: at(0),
        expires_at: at(90),
        revoked_at: None,
    }
}

#[tokio::test]
async fn a_tenant_has_a_key_of_its_own() {
    let world = world().await;
    assert_eq!(world.scoped.tenant_key().await.unwrap_err(), StoreError::Missing(Subject::Tenant));
    world.scoped.create_tenant(&change(), &customer()).await.unwrap();
    assert_eq!(world.scoped.tenant().await, Ok(Some(customer())));
    let again = world.scoped.create_tenant(&change(), &customer()).await;
    assert_eq!(again, Err(StoreError::Exists(Subject::Tenant)));
    let other = world.store.scoped(tenant(1));
    let foreign = other.create_tenant(&change(), &customer()).await;
    assert!(matches!(foreign, Err(StoreError::Misuse(_))), "{foreign:?}");
    other.create_tenant(&change(), &Tenant { id: tenant(1), ..customer() }).await.unwrap();
    let print = async |scoped: &crate::Scoped| {
        let key = scoped.tenant_key().await.unwrap();
        fingerprint(&key, &"PORT_B".parse().unwrap(), &Secret::from("3000"))
    };
    assert_eq!(print(&world.scoped).await, print(&world.scoped).await);
    assert_ne!(print(&world.scoped).await, print(&other).await);
}

#[tokio::test]
async fn a_token_is_found_by_its_id_until_long_after_it_was_revoked() {
    let world = world().await;
    world.scoped.create_token(&change(), &token(1)).await.unwrap();
    world.scoped.create_token(&change(), &token(2)).await.unwrap();
    let again = world.scoped.create_token(&change(), &token(1)).await;
    assert_eq!(again, Err(StoreError::Exists(Subject::Token)));
    world.scoped.revoke_token(&change(), &token(1).id, at(5)).await.unwrap();
    let revoked = Token { revoked_at: Some(at(5)), ..token(1) };
    assert_eq!(world.scoped.token(&token(1).id).await, Ok(Some(revoked.clone())));
    let mut tokens = world.scoped.tokens().await.unwrap();
    tokens.sort_by_key(|token| token.revoked_at);
    assert_eq!(tokens, [token(2), revoked]);
    let twice = world.scoped.revoke_token(&change(), &token(1).id, at(6)).await;
    assert_eq!(twice, Err(StoreError::Stale(Subject::Token)));
    let absent = world.scoped.revoke_token(&change(), &token(3).id, at(6)).await;
    assert_eq!(absent, Err(StoreError::Missing(Subject::Token)));
    let foreign = world.store.scoped(tenant(1)).create_token(&change(), &token(4)).await;
    assert!(matches!(foreign, Err(StoreError::Misuse(_))), "{foreign:?}");
}

#[test]
fn the_id_of_a_token_leads_to_its_tenant() {
    let id = TokenId::from_entropy(&tenant(7), 12345);
    assert_eq!(id.to_string().parse::<TokenId>(), Ok(id.clone()));
    assert_eq!(id.tenant(), &tenant(7));
    let text = id.as_str();
    for wrong in ["", "T", &text[1..], &text[..20], &format!("{text}A"), &text.to_lowercase(), &"é".repeat(11)] {
        assert!(wrong.parse::<TokenId>().is_err(), "{wrong}");
    }
}

/// Hands out the world's own client, and remembers for whom.
struct Remembering(World, Mutex<Vec<TenantId>>);

impl Narrow for Remembering {
    fn narrow(&self, tenant: &TenantId) -> Narrowed {
        self.1.lock().unwrap().push(tenant.clone());
        Narrowed { client: self.0.embedded.client(), keys: self.0.keys.clone() }
    }
}

#[tokio::test]
async fn a_narrowed_store_works_as_the_tenant_and_reads_tokens_as_itself() {
    let (own, narrow) = (world().await, world().await.with_app().await);
    own.scoped.create_token(&change(), &token(1)).await.unwrap();
    let narrow = Arc::new(Remembering(narrow, Mutex::default()));
    let store = own.store.narrowed(narrow.clone());
    assert_eq!(store.token(&token(1).id).await, Ok(Some(token(1))), "with the store's own rights");
    assert_eq!(*narrow.1.lock().unwrap(), []);
    let apps = store.scoped(tenant(0)).apps(&Page::first(10)).await.unwrap();
    assert_eq!(apps.items.len(), 1, "with those that were narrowed to the tenant");
    assert_eq!(own.scoped.apps(&Page::first(10)).await.unwrap().items.len(), 0);
    assert_eq!(*narrow.1.lock().unwrap(), [tenant(0)]);
}
