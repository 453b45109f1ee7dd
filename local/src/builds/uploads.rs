//! Where archives arrive: an address for one archive, with its exact size and checksum, that works once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256, digest};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use slipway_domain::error::{Error, Result};
use slipway_domain::id::BuildId;
use slipway_domain::time::Time;
use slipway_service::ports::{Expected, Objects, Upload};
use tokio::io::AsyncWriteExt;

use super::folder::Folder;
use crate::disk;

/// How long an address works.
const VALID: Duration = Duration::from_mins(15);
/// The largest archive.
pub const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Archives on this machine's disk.
#[derive(Clone, Debug)]
pub struct LocalObjects {
    builds: PathBuf,
    /// Where the server is reached: `http://127.0.0.1:7070`.
    origin: String,
}

/// What an address accepts. Of its secret only the hash is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Slot {
    token_sha256: String,
    size: u64,
    sha256: String,
    expires_at: Time,
}

impl LocalObjects {
    /// `data` is the server's folder, `origin` where it is reached.
    pub fn new(data: &Path, origin: String) -> Self {
        Self { builds: data.join("builds"), origin }
    }

    /// The routes that take uploads, to be served beside the API.
    pub fn routes(&self) -> Router {
        Router::new().route("/uploads/{build}/{token}", put(receive)).with_state(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Objects for LocalObjects {
    async fn upload(&self, build: &BuildId, expected: &Expected) -> Result<Upload> {
        if expected.size > MAX_BYTES {
            let text = format!("an archive has at most {MAX_BYTES} bytes");
            return Err(Error::invalid("archive_too_large", "/size", text));
        }
        let token = hex::encode(rand::random::<[u8; 32]>());
        let slot = Slot {
            token_sha256: hash(token.as_bytes()),
            size: expected.size,
            sha256: expected.sha256.to_ascii_lowercase(),
            expires_at: disk::now().plus(VALID),
        };
        let folder = Folder::of(&self.builds, build);
        folder.make().and_then(|()| disk::replace_json_durably(&folder.upload(), &slot)).map_err(Error::unavailable)?;
        let url = format!("{}/uploads/{build}/{token}", self.origin);
        Ok(Upload { url, expires_at: slot.expires_at, max_bytes: slot.size })
    }

    async fn arrived(&self, build: &BuildId) -> Result<bool> {
        Folder::of(&self.builds, build).archive().try_exists().map_err(Error::unavailable)
    }
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

async fn receive(
    State(objects): State<Arc<LocalObjects>>,
    UrlPath((build, token)): UrlPath<(String, String)>,
    body: Body,
) -> Response {
    match store(&objects, &build, &token, body).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}

/// Why an upload is not taken.
#[derive(Debug)]
struct NotTaken {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

fn not_taken(status: StatusCode, code: &'static str, detail: impl Into<String>) -> NotTaken {
    NotTaken { status, code, detail: detail.into() }
}

impl From<io::Error> for NotTaken {
    fn from(error: io::Error) -> Self {
        tracing::error!(error = %error, "an upload could not be stored");
        not_taken(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the upload could not be stored, send it again")
    }
}

impl IntoResponse for NotTaken {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("refused"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}

async fn store(objects: &LocalObjects, build: &str, token: &str, body: Body) -> std::result::Result<(), NotTaken> {
    let unknown = || not_taken(StatusCode::NOT_FOUND, "not_found", "there is no such upload, create the build again");
    let build: BuildId = build.parse().map_err(|_| unknown())?;
    let folder = Folder::of(&objects.builds, &build);
    let slot: Slot = disk::read_json(&folder.upload())?.ok_or_else(unknown)?;
    verify_slices_are_equal(hash(token.as_bytes()).as_bytes(), slot.token_sha256.as_bytes()).map_err(|_| unknown())?;
    if disk::now() >= slot.expires_at {
        return Err(not_taken(StatusCode::GONE, "upload_expired", "the address expired, create the build again"));
    }
    // One file per attempt: two uploads at once cannot mix, and the first whole one wins.
    let draft = folder.archive().with_extension(hex::encode(rand::random::<[u8; 8]>()));
    let written = write(&draft, &slot, body).await;
    let placed = match written {
        // A link fails when the name is taken: the address works once.
        Ok(()) => fs::hard_link(&draft, folder.archive()).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                not_taken(StatusCode::CONFLICT, "already_uploaded", "the archive was uploaded before")
            }
            _ => error.into(),
        }),
        Err(refused) => Err(refused),
    };
    let _ = fs::remove_file(&draft);
    placed?;
    fs::remove_file(folder.upload())?;
    Ok(())
}

/// Writes exactly the announced bytes.
async fn write(draft: &Path, slot: &Slot, body: Body) -> std::result::Result<(), NotTaken> {
    let mut file = tokio::fs::File::from_std(disk::private_file(draft)?);
    let mut context = Context::new(&SHA256);
    let mut size = 0;
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| {
            not_taken(StatusCode::BAD_REQUEST, "upload_incomplete", "the upload broke off, send it again")
        })?;
        size += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if size > slot.size {
            let text = format!("more than the announced {} bytes were sent", slot.size);
            return Err(not_taken(StatusCode::PAYLOAD_TOO_LARGE, "size_mismatch", text));
        }
        context.update(&chunk);
        file.write_all(&chunk).await?;
    }
    file.sync_all().await?;
    if size != slot.size {
        let text = format!("{size} bytes were sent, {} were announced", slot.size);
        return Err(not_taken(StatusCode::UNPROCESSABLE_ENTITY, "size_mismatch", text));
    }
    if hex::encode(context.finish()) != slot.sha256 {
        let text = "the SHA-256 of what was sent is not the announced one, send it again";
        return Err(not_taken(StatusCode::UNPROCESSABLE_ENTITY, "checksum_mismatch", text));
    }
    Ok(())
}
