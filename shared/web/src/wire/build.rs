//! Builds and their logs.

use serde::{Deserialize, Serialize};
use slipway_domain::build::{self, BuildStatus as Status};
use slipway_domain::manifest;
use slipway_service::builds::{self, BuildView};
use slipway_service::ports;
use utoipa::ToSchema;

use super::source::{Push, Source};
use super::{Timestamp, mirror};
use crate::extract::body::{Body, Object};

mirror! {
    /// Where a build is; nothing follows `complete`, `failed` and `cancelled`.
    BuildStatus of Status { Created, Running, Complete, Failed, Cancelled }
}

/// The commit that a build is made from.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// 7 to 64 hexadecimal digits.
    #[schema(min_length = 7, max_length = 64, pattern = "^[0-9a-fA-F]+$")]
    pub id: String,
    /// The first line of its message.
    #[serde(default)]
    pub subject: String,
}

impl From<&build::Commit> for Commit {
    fn from(commit: &build::Commit) -> Self {
        Self { id: commit.id().to_owned(), subject: commit.subject().to_owned() }
    }
}

/// A new build.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBuild {
    /// Without it, the build is completed with an image that is in the app's repository already.
    pub source: Option<Source>,
    /// Where its release is made; `production` unless named.
    pub environment: Option<String>,
    #[schema(value_type = Option<Commit>)]
    pub commit: Option<Object<Commit>>,
    /// `build <short commit> <subject>` unless given.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Path of the manifest in the archive, if it is none of the well-known names.
    #[schema(max_length = 1024)]
    pub manifest: Option<String>,
    /// 60 minutes at most, and unless given.
    #[schema(minimum = 1, maximum = 3600)]
    pub time_limit_seconds: Option<u64>,
}

impl Body for NewBuild {}

/// A manifest as it was written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManifestText {
    /// Decides the syntax: `slipway.yml`, `convox.yml` or `docker-compose.yml`.
    pub file: String,
    pub text: String,
}

/// How a build is completed: with nothing, the uploaded archive is built; with an image, that one is taken.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteBuild {
    /// `sha256:` and 64 hexadecimal digits of an image in the app's repository: of its manifest, or of an index of them.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub image: Option<String>,
    /// Only with `image`. Without it, that of the newest complete build with the same image.
    #[schema(value_type = Option<ManifestText>)]
    pub manifest: Option<Object<ManifestText>>,
}

impl Body for CompleteBuild {
    fn empty() -> Option<Self> {
        Some(Self::default())
    }
}

/// Something that was understood and is not run as the file may expect.
#[derive(Serialize, ToSchema)]
pub struct Warning {
    pub message: String,
    /// Line of the manifest.
    pub line: Option<u32>,
}

impl From<&manifest::Warning> for Warning {
    fn from(warning: &manifest::Warning) -> Self {
        Self { message: warning.message.clone(), line: warning.line }
    }
}

/// An image made from one commit. It never changes once complete.
#[derive(Serialize, ToSchema)]
pub struct Build {
    pub id: String,
    pub app: String,
    pub environment: String,
    pub status: BuildStatus,
    pub description: String,
    pub commit: Option<Commit>,
    /// Digest of the image, once complete.
    pub image: Option<String>,
    /// Id of the release that its completion made.
    pub release: Option<String>,
    pub warnings: Vec<Warning>,
    /// Why it failed.
    pub failure: Option<String>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub created_by: String,
}

impl From<&BuildView> for Build {
    fn from(view: &BuildView) -> Self {
        let build = &view.build;
        Self {
            id: build.id.to_string(),
            app: build.app.to_string(),
            environment: build.environment.to_string(),
            status: build.status.into(),
            description: build.description.clone(),
            commit: build.commit.as_ref().map(Commit::from),
            image: build.image.as_ref().map(ToString::to_string),
            release: view.release.as_ref().map(ToString::to_string),
            warnings: build.warnings.iter().map(Warning::from).collect(),
            failure: build.failure.clone(),
            created_at: build.created_at.into(),
            started_at: build.started_at.map(Timestamp::from),
            ended_at: build.ended_at.map(Timestamp::from),
            created_by: build.created_by.clone(),
        }
    }
}

/// Where the archive goes: `PUT` it to the URL, which accepts exactly the announced bytes.
#[derive(Serialize, ToSchema)]
pub struct Upload {
    pub url: String,
    pub expires_at: Timestamp,
    pub max_bytes: u64,
}

impl From<&ports::Upload> for Upload {
    fn from(upload: &ports::Upload) -> Self {
        Self { url: upload.url.clone(), expires_at: upload.expires_at.into(), max_bytes: upload.max_bytes }
    }
}

/// A build that waits for its archive or its image.
#[derive(Serialize, ToSchema)]
pub struct CreatedBuild {
    #[serde(flatten)]
    pub build: Build,
    /// Null: the build is not made from an archive.
    pub upload: Option<Upload>,
    /// Null: the build is not external.
    pub push: Option<Push>,
}

impl From<&builds::CreatedBuild> for CreatedBuild {
    fn from(created: &builds::CreatedBuild) -> Self {
        Self {
            build: (&created.build).into(),
            upload: created.upload.as_ref().map(Upload::from),
            push: created.push.as_ref().map(Push::from),
        }
    }
}

/// A line of a log.
#[derive(Serialize, ToSchema)]
pub struct LogLine {
    pub at: Timestamp,
    pub process: String,
    pub text: String,
}

impl From<&ports::LogLine> for LogLine {
    fn from(line: &ports::LogLine) -> Self {
        Self { at: line.at.into(), process: line.process.clone(), text: line.text.clone() }
    }
}

/// A part of a log that may grow.
#[derive(Serialize, ToSchema)]
pub struct LogPage {
    pub lines: Vec<LogLine>,
    /// Send it as `after` for what comes next.
    pub next: u64,
    /// Nothing will be added any more.
    pub finished: bool,
}

impl From<&builds::LogPage> for LogPage {
    fn from(page: &builds::LogPage) -> Self {
        Self { lines: page.lines.iter().map(LogLine::from).collect(), next: page.next, finished: page.finished }
    }
}
