//! A build: an image made from one commit. Sealed once complete.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{BuildId, ReleaseId};
use crate::manifest::{Manifest, Warning};
use crate::name::{AppName, EnvironmentName};
use crate::release::ImageDigest;
use crate::time::Time;

/// Where a build is. The last three are ends: nothing follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildStatus {
    /// Waits for its source or its image.
    Created,
    Running,
    /// Has an image that the registry confirmed.
    Complete,
    Failed,
    Cancelled,
}

impl BuildStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub const fn ended(self) -> bool {
        matches!(self, Self::Complete | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for BuildStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The commit that a build was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    id: String,
    subject: String,
}

/// How much of a commit's id is shown: git's own choice for small repositories, plus one.
const SHORT_COMMIT: usize = 8;

/// Longer subjects are cut here, at a character.
const MAX_SUBJECT_CHARACTERS: usize = 200;

impl Commit {
    /// `id` is hexadecimal, 7 to 64 digits; of `subject` the first line counts, without control characters.
    pub fn new(id: &str, subject: &str) -> Result<Self> {
        if !(7..=64).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let message = "the commit must be 7 to 64 hexadecimal digits, as git prints it";
            return Err(Error::invalid("invalid_commit", "/commit/id", message));
        }
        let line = subject.trim().lines().next().unwrap_or_default();
        let subject = line.chars().filter(|character| !character.is_control()).take(MAX_SUBJECT_CHARACTERS).collect();
        Ok(Self { id: id.to_ascii_lowercase(), subject })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn short(&self) -> &str {
        self.id.get(..SHORT_COMMIT).unwrap_or(&self.id)
    }

    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// An archive of source that was uploaded for a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    pub size_bytes: u64,
    /// 64 hexadecimal digits, lower case.
    pub sha256: String,
}

/// One build as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    pub id: BuildId,
    pub app: AppName,
    /// Where its release is made when it completes.
    pub environment: EnvironmentName,
    pub status: BuildStatus,
    pub description: String,
    pub commit: Option<Commit>,
    pub image: Option<ImageDigest>,
    pub manifest: Option<Manifest>,
    /// Of the manifest, and of the build itself.
    pub warnings: Vec<Warning>,
    pub created_at: Time,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub created_by: String,
    /// Why it failed, in a sentence for people.
    pub failure: Option<String>,
    pub upload: Option<Upload>,
    /// Path of the manifest inside the archive. None: one of the well-known names.
    pub manifest_path: Option<String>,
    /// It fails when it has not ended this long after it was created.
    pub time_limit_seconds: u64,
    /// The release that its completion made.
    pub release: Option<ReleaseId>,
}

/// `build 1a2b3c4d Fix the login page`, or `build` when no commit is known.
pub fn default_description(commit: Option<&Commit>) -> String {
    let Some(commit) = commit else { return "build".to_owned() };
    format!("build {} {}", commit.short(), commit.subject()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_described_by_its_commit() {
        let commit = Commit::new("1A2B3C4D5E6F", "Fix the login page\n\nLong story").unwrap();
        assert_eq!(default_description(Some(&commit)), "build 1a2b3c4d Fix the login page");
        assert_eq!(default_description(Some(&Commit::new("1a2b3c4", " ").unwrap())), "build 1a2b3c4");
        assert_eq!(default_description(None), "build");
    }

    #[test]
    fn a_commit_is_hexadecimal_and_its_subject_one_clean_line() {
        for id in ["", "abcdef", "main", "../../etc", &"a".repeat(65)] {
            assert_eq!(Commit::new(id, "x").unwrap_err().fields[0].pointer, "/commit/id", "{id}");
        }
        let commit = Commit::new("abcdef0", &format!("\u{1b}[31mred{}", "ä".repeat(300))).unwrap();
        assert_eq!(commit.subject().chars().count(), 200);
        assert!(commit.subject().starts_with("[31mred"));
    }

    #[test]
    fn only_the_last_three_statuses_are_ends() {
        use BuildStatus::{Cancelled, Complete, Created, Failed, Running};
        assert_eq!(
            [Created, Running, Complete, Failed, Cancelled].map(BuildStatus::ended),
            [false, false, true, true, true]
        );
    }
}
