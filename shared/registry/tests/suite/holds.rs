//! What was pushed is there, by its digest, in its own repository.

use slipway_domain::release::ImageDigest;
use slipway_service::builds::intake::Repositories;
use slipway_service::ports::Registry;

use crate::registry::{Asks, INDEX, MANIFEST, MemoryRegistry, app, tenant};

#[tokio::test]
async fn a_pushed_image_is_held_by_its_app_alone() {
    let registry = MemoryRegistry::new(Asks::Nobody).await;
    let client = registry.client();
    let repository = client.repository(&tenant(), &app());
    assert_eq!(repository.to_string(), format!("{}/tbcdefghijk/shop", registry.address));
    let never_pushed = ImageDigest::from_sha256(&[1; 32]);
    assert!(!client.holds(&tenant(), &app(), &never_pushed).await.unwrap(), "the repository is not there yet");

    let image = registry.push(repository.path(), "layer").await;
    assert!(client.holds(&tenant(), &app(), &image).await.unwrap());
    assert!(!client.holds(&tenant(), &app(), &never_pushed).await.unwrap());
    assert!(!client.holds(&tenant(), &"other".parse().unwrap(), &image).await.unwrap(), "another app's");
    assert!(!client.holds(&"TZZZZZZZZZZ".parse().unwrap(), &app(), &image).await.unwrap(), "another tenant's");
    assert!(registry.seen().iter().all(|asked| !asked.contains(' ')), "nobody asked for credentials");
}

#[tokio::test]
async fn an_index_of_images_for_several_platforms_is_an_image() {
    let registry = MemoryRegistry::new(Asks::Nobody).await;
    let client = registry.client();
    let path = client.repository(&tenant(), &app()).path().to_owned();
    let (arm, amd) = (registry.push(&path, "arm").await, registry.push(&path, "amd").await);
    let part = |digest: &ImageDigest| format!(r#"{{"mediaType":"{MANIFEST}","digest":"{digest}"}}"#);
    let text = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{},{}]}}"#, part(&arm), part(&amd));
    for kind in [INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"] {
        let index = registry.manifest(&path, kind, &text).await;
        assert!(client.holds(&tenant(), &app(), &index).await.unwrap(), "{kind}");
    }
    let signature = registry.manifest(&path, "application/vnd.in-toto+json", "{}").await;
    assert!(!client.holds(&tenant(), &app(), &signature).await.unwrap(), "what is no image is not taken for one");
}
