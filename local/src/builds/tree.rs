//! The image: a tree of files with a digest over all of it, which nobody can write to.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use slipway_domain::release::ImageDigest;

/// SHA-256 over every entry in the order of its path: kind, path, "executable" and content, each with its length. Times
/// and owners are left out, so that the same source gives the same image.
pub(super) fn digest(root: &Path) -> io::Result<ImageDigest> {
    let mut context = Context::new(&SHA256);
    for path in entries(root)? {
        let full = root.join(&path);
        let metadata = fs::symlink_metadata(&full)?;
        if metadata.is_symlink() {
            field(&mut context, b"link");
            field(&mut context, path.as_os_str().as_bytes());
            field(&mut context, fs::read_link(&full)?.as_os_str().as_bytes());
        } else if metadata.is_dir() {
            field(&mut context, b"folder");
            field(&mut context, path.as_os_str().as_bytes());
        } else if metadata.is_file() {
            field(&mut context, if is_executable(&metadata) { b"program" } else { b"file" });
            field(&mut context, path.as_os_str().as_bytes());
            context.update(&metadata.len().to_be_bytes());
            hash_file(&mut context, &full)?;
        } else {
            let text = format!("{}: the build left something that is no file, folder or link", path.display());
            return Err(io::Error::other(text));
        }
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Ok(ImageDigest::from_sha256(&bytes))
}

/// Takes the right to write from every file and folder.
pub(super) fn make_read_only(root: &Path) -> io::Result<()> {
    for path in entries(root)?.iter().rev().map(|path| root.join(path)).chain([root.to_owned()]) {
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_dir() || (metadata.is_file() && is_executable(&metadata)) {
            fs::set_permissions(&path, Permissions::from_mode(0o555))?;
        } else if metadata.is_file() {
            fs::set_permissions(&path, Permissions::from_mode(0o444))?;
        }
    }
    Ok(())
}

/// Removes a tree, also one that is read-only.
pub(super) fn remove(root: &Path) -> io::Result<()> {
    if !root.exists() {
        return Ok(());
    }
    for path in entries(root)?.iter().map(|path| root.join(path)).chain([root.to_owned()]) {
        if fs::symlink_metadata(&path)?.is_dir() {
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
    }
    fs::remove_dir_all(root)
}

fn is_executable(metadata: &fs::Metadata) -> bool {
    metadata.permissions().mode() & 0o100 != 0
}

fn field(context: &mut Context, bytes: &[u8]) {
    context.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    context.update(bytes);
}

fn hash_file(context: &mut Context, path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => context.update(&buffer[..read]),
        }
    }
}

/// Every path below `root`, relative, sorted; a folder before what is in it. Links are not followed.
fn entries(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
