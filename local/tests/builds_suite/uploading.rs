//! The address for an upload takes exactly what was announced, once.

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use slipway_domain::id::BuildId;
use slipway_local::builds::uploads::LocalObjects;
use slipway_service::ports::{Expected, Objects};
use tower::ServiceExt;

const BYTES: &[u8] = b"an archive, as far as the address is concerned";

struct World {
    objects: LocalObjects,
    build: BuildId,
    data: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let objects = LocalObjects::new(data.path(), "http://127.0.0.1:7070".to_owned());
        Self { objects, build: BuildId::from_entropy(7), data }
    }

    async fn announce(&self, size: usize, bytes: &[u8]) -> String {
        let expected = Expected { size: size as u64, sha256: hex::encode(digest(&SHA256, bytes)) };
        let upload = self.objects.upload(&self.build, &expected).await.unwrap();
        upload.url.strip_prefix("http://127.0.0.1:7070").unwrap().to_owned()
    }

    /// The status and the code of the refusal.
    async fn put(&self, path: &str, bytes: &[u8]) -> (StatusCode, String) {
        let request = Request::put(path).body(Body::from(bytes.to_vec())).unwrap();
        let response = self.objects.routes().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        let code = serde_json::from_slice::<serde_json::Value>(&body)
            .map_or_else(|_| String::new(), |problem| problem["code"].as_str().unwrap().to_owned());
        (status, code)
    }

    fn files(&self) -> Vec<String> {
        let folder = self.data.path().join("builds").join(self.build.as_str());
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn refused(status: StatusCode, code: &str) -> (StatusCode, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn the_announced_bytes_are_taken_once() {
    let world = World::new();
    let path = world.announce(BYTES.len(), BYTES).await;
    assert!(!world.objects.arrived(&world.build).await.unwrap());
    assert_eq!(world.put(&path, BYTES).await, refused(StatusCode::NO_CONTENT, ""));
    assert!(world.objects.arrived(&world.build).await.unwrap());
    assert_eq!(world.put(&path, BYTES).await, refused(StatusCode::NOT_FOUND, "not_found"));
    assert_eq!(world.files(), ["archive.tgz"]);
}

#[tokio::test]
async fn anything_else_is_refused_and_leaves_nothing() {
    let world = World::new();
    let path = world.announce(BYTES.len(), BYTES).await;
    let longer = [BYTES, b"!"].concat();
    let other = BYTES.to_ascii_uppercase();
    assert_eq!(world.put(&path, &longer).await, refused(StatusCode::PAYLOAD_TOO_LARGE, "size_mismatch"));
    assert_eq!(world.put(&path, &BYTES[1..]).await, refused(StatusCode::UNPROCESSABLE_ENTITY, "size_mismatch"));
    assert_eq!(world.put(&path, &other).await, refused(StatusCode::UNPROCESSABLE_ENTITY, "checksum_mismatch"));
    assert_eq!(world.put(&format!("{path}0"), BYTES).await, refused(StatusCode::NOT_FOUND, "not_found"));
    let elsewhere = format!("/uploads/BZZZZZZZZZZ/{}", path.rsplit('/').next().unwrap());
    assert_eq!(world.put(&elsewhere, BYTES).await, refused(StatusCode::NOT_FOUND, "not_found"));
    assert_eq!(world.files(), ["upload.json"]);
    assert_eq!(world.put(&path, BYTES).await, refused(StatusCode::NO_CONTENT, ""), "a failed try spoils nothing");
}

#[tokio::test]
async fn an_archive_over_the_limit_gets_no_address() {
    let world = World::new();
    let expected = Expected { size: slipway_local::builds::uploads::MAX_BYTES + 1, sha256: "0".repeat(64) };
    let error = world.objects.upload(&world.build, &expected).await.unwrap_err();
    assert_eq!((error.code, error.fields[0].pointer.as_str()), ("archive_too_large", "/size"));
}
