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

/// A repository in another registry, at `http://<host>`, and the login that it was given.
pub struct Elsewhere<'a> {
    pub host: &'a str,
    pub path: &'a str,
    pub username: &'a str,
    pub password: &'a str,
}

/// Pushes the image with this tag from the registry at `from` to another one, as whoever has its login would.
pub async fn push(tag: &str, from: &str, to: &Elsewhere<'_>) -> ImageDigest {
    let http = Client::new();
    let source = format!("http://{from}/v2/{SOURCE}");
    let get = async |path: String| {
        let found = http.get(format!("{source}/{path}")).header("accept", MANIFEST).send().await;
        let found = found.expect("the registry answers").error_for_status().expect("the test application was pushed");
        found.bytes().await.expect("it arrives whole")
    };
    let manifest = get(format!("manifests/{tag}")).await;
    let parsed: Value = serde_json::from_slice(&manifest).expect("a manifest is JSON");
    let target = format!("http://{}/v2/{}", to.host, to.path);
    let ask = |request: reqwest::RequestBuilder| request.basic_auth(to.username, Some(to.password)).send();
    for blob in parsed["layers"].as_array().into_iter().flatten().chain([&parsed["config"]]) {
        let digest = blob["digest"].as_str().expect("every blob has a digest");
        let bytes = get(format!("blobs/{digest}")).await;
        let put = http.post(format!("{target}/blobs/uploads/?digest={digest}"));
        let begun = ask(put.header("content-type", "application/octet-stream").body(bytes.clone())).await;
        let begun = begun.expect("the registry answers").error_for_status().expect("it takes an upload");
        if begun.status() == StatusCode::ACCEPTED {
            let place = begun.headers()["location"].to_str().expect("an upload has a place").to_owned();
            let place = if place.starts_with('/') { format!("http://{}{place}", to.host) } else { place };
            let joint = if place.contains('?') { '&' } else { '?' };
            let put = http.put(format!("{place}{joint}digest={digest}")).body(bytes);
            ask(put).await.expect("the registry answers").error_for_status().expect("it takes a blob");
        }
    }
    let put = http.put(format!("{target}/manifests/{tag}")).header("content-type", MANIFEST).body(manifest);
    let stored = ask(put).await.expect("the registry answers").error_for_status().expect("it takes a manifest");
    let digest = stored.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
    digest.expect("the registry names the digest").parse().expect("it is a digest")
}

/// Deletes the image with this digest.
pub async fn delete(digest: &ImageDigest, from: &Repository) {
    let image = format!("http://{}/v2/{}/manifests/{digest}", from.registry(), from.path());
    let answer = Client::new().delete(image).send().await.expect("the registry answers");
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{digest} is deleted");
}
