//! What is on the disk belongs to its owner.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::installation::Installation;

/// Everything in the folder that somebody else may read, but for images, which hold what was uploaded and no values.
fn readable_by_others(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        // What runs goes on meanwhile: a file may be gone by now.
        let Ok(about) = entry.path().symlink_metadata() else { continue };
        if about.file_type().is_symlink() || about.file_type().is_socket() || entry.file_name() == "images" {
            continue;
        }
        if about.permissions().mode() & 0o077 != 0 {
            found.push(entry.path());
        }
        if about.is_dir() {
            readable_by_others(&entry.path(), found);
        }
    }
}

#[tokio::test]
async fn nothing_on_the_disk_can_be_read_by_others() {
    let mut slipway = Installation::start().await;
    slipway.app_with_release().await;
    let release = slipway.set(json!({ "GREETING": "hello" })).await;
    let promotion = slipway.promote(&release).await;
    slipway.ended(&promotion).await;
    let mut found = Vec::new();
    readable_by_others(slipway.data(), &mut found);
    assert_eq!(found, Vec::<PathBuf>::new());
}
