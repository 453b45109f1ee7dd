//! The test application's images, in the repository of the app that is to run them.

use reqwest::{Client, StatusCode};
use serde_json::Value;
use slipway_domain::release::ImageDigest;
use slipway_domain::repository::Repository;

/// Where `make cluster` pushes the test application.
const SOURCE: &str = "slipway-test-app";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Copies the image with this tag inside the registry, without moving a byte of it.
pub async fn copy(tag: &str, to: &Repository) -> ImageDigest {
    let http = Client::new();
    let registry = format!("http://{}/v2", to.registry());
    let found = http.get(format!("{registry}/{SOURCE}/manifests/{tag}")).header("accept", MANIFEST).send().await;
    let found = found.expect("the registry answers").error_for_status().expect("the test application was pushed");
    let manifest = found.bytes().await.expect("a manifest arrives whole");
    let parsed: Value = serde_json::from_slice(&manifest).expect("a manifest is JSON");
    let layers = parsed["layers"].as_array().into_iter().flatten();
    for blob in layers.chain([&parsed["config"]]) {
        let digest = blob["digest"].as_str().expect("every blob has a digest");
        let mount = format!("{registry}/{}/blobs/uploads/?mount={digest}&from={SOURCE}", to.path());
        let answer = http.post(mount).send().await.expect("the registry answers");
        assert_eq!(answer.status(), StatusCode::CREATED, "{digest} is mounted");
    }
    let put = http.put(format!("{registry}/{}/manifests/{tag}", to.path())).header("content-type", MANIFEST);
    let stored = put.body(manifest).send().await.expect("the registry answers").error_for_status();
    let stored = stored.expect("the registry takes the manifest");
    let digest = stored.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
    digest.expect("the registry names the digest").parse().expect("it is a digest")
}

/// Deletes the image with this digest.
pub async fn delete(digest: &ImageDigest, from: &Repository) {
    let image = format!("http://{}/v2/{}/manifests/{digest}", from.registry(), from.path());
    let answer = Client::new().delete(image).send().await.expect("the registry answers");
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{digest} is deleted");
}
