//! Why a manifest is refused, and where.

use std::fmt;

use crate::error::{Error, Kind};

/// A place in the file, both numbers from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub line: u32,
    pub column: u32,
}

impl Position {
    pub const START: Self = Self { line: 1, column: 1 };
}

/// A mistake, before it is known which file it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub position: Position,
    pub path: String,
    pub message: String,
}

impl Problem {
    pub fn new(position: Position, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { position, path: path.into(), message: message.into() }
    }

    pub fn in_file(self, file: &str) -> ManifestError {
        ManifestError {
            file: file.to_owned(),
            line: self.position.line,
            column: self.position.column,
            path: self.path,
            message: self.message,
        }
    }
}

/// A mistake in a manifest. Shown as `convox.yml:4:11: services.web.port must be …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// `services.web.port`; empty when the file as a whole is meant.
    pub path: String,
    /// What is wrong and what to do; reads on from the path.
    pub message: String,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{} ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ManifestError {}

impl From<ManifestError> for Error {
    fn from(error: ManifestError) -> Self {
        let message = error.to_string();
        Self::new(Kind::Unprocessable, "invalid_manifest", message.clone())
            .field("/manifest", message)
            .detail("file", &error.file)
            .detail("line", error.line)
            .detail("column", error.column)
    }
}
