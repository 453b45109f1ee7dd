//! Builds on this machine, from the upload to the image, with archives of every kind.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archive;
mod building;
mod hostile;
mod uploading;
