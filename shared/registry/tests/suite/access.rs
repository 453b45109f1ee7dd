//! Registries that ask who we are.

use slipway_domain::error::Kind;
use slipway_domain::release::ImageDigest;
use slipway_service::builds::intake::{Login, Repositories};
use slipway_service::ports::Registry;

use crate::registry::{Asks, MemoryRegistry, PASSWORD, app, client, tenant};

fn image() -> ImageDigest {
    ImageDigest::from_sha256(&[1; 32])
}

fn manifest() -> String {
    format!("/v2/tbcdefghijk/shop/manifests/{}", image())
}

#[tokio::test]
async fn credentials_are_given_when_they_are_asked_for_and_as_they_are_asked_for() {
    let cases = [
        (Asks::Nobody, vec![manifest()]),
        (Asks::Basic, vec![manifest(), format!("{} Basic", manifest())]),
        (Asks::Token, vec![manifest(), "/token Basic".to_owned(), format!("{} Bearer", manifest())]),
    ];
    for (asks, expected) in cases {
        let registry = MemoryRegistry::new(asks).await;
        assert!(!client(registry.address, Some(PASSWORD)).holds(&tenant(), &app(), &image()).await.unwrap());
        assert_eq!(registry.seen(), expected);
    }
}

#[tokio::test]
async fn what_is_public_is_read_without_credentials() {
    let registry = MemoryRegistry::new(Asks::AnonymousToken).await;
    assert!(!client(registry.address, None).holds(&tenant(), &app(), &image()).await.unwrap());
    let expected = [manifest(), "/token".to_owned(), format!("{} Bearer", manifest())];
    assert_eq!(registry.seen(), expected);
}

#[tokio::test]
async fn a_registry_that_refuses_us_is_named_and_the_password_is_not() {
    for asks in [Asks::Basic, Asks::Token] {
        for (password, advice) in
            [(Some("CANARY-wrong"), "check the credentials"), (None, "asks for credentials to read tbcdefghijk/shop")]
        {
            let registry = MemoryRegistry::new(asks).await;
            let error = client(registry.address, password).holds(&tenant(), &app(), &image()).await.unwrap_err();
            assert_eq!((error.kind, error.code), (Kind::Conflict, "registry_unauthorized"));
            assert!(error.message.contains(&registry.address.to_string()), "{}", error.message);
            assert!(error.message.contains(advice), "{}", error.message);
            assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn whoever_pushes_is_told_that_the_registrys_own_credentials_are_needed() {
    let registry = MemoryRegistry::new(Asks::Basic).await;
    for (password, expected) in [(Some(PASSWORD), Login::Own), (None, Login::Open)] {
        let client = client(registry.address, password);
        assert_eq!(client.login(&tenant(), &app()).await.unwrap(), expected);
    }
    assert!(registry.seen().is_empty());
}
