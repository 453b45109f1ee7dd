//! Packs a folder into an archive: a `.tgz` in a temporary file that is gone when it is no longer needed. The same
//! folder always gives the same bytes, so that an upload that is repeated is the same upload.

use std::fs::{File, Metadata};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use flate2::Compression;
use flate2::write::GzEncoder;
use ignore::WalkBuilder;
use tar::{Builder, EntryType, Header};
use tempfile::NamedTempFile;

use crate::failure::Failure;

/// A packed folder.
pub struct Archive {
    file: NamedTempFile,
    pub size_bytes: u64,
    /// 64 hexadecimal digits.
    pub sha256: String,
}

impl Archive {
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

/// Packs what `.gitignore` and `.slipwayignore` leave, without `.git`. Of links that lead out of the folder, the API
/// decides.
pub fn pack(folder: &Path) -> Result<Archive, Failure> {
    let attempt = format!("package {}", folder.display());
    let paths = paths(folder).map_err(|error| Failure::local(&attempt, error))?;
    if paths.is_empty() {
        return Err(Failure::Local(format!("could not {attempt}: there is no file in it")));
    }
    write(folder, &paths).map_err(|error| Failure::local(&attempt, error))
}

/// Files and links, in the order of their names.
fn paths(folder: &Path) -> Result<Vec<PathBuf>, ignore::Error> {
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .ignore(false)
        .git_global(false)
        .require_git(false)
        .add_custom_ignore_filename(".slipwayignore")
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let mut paths = Vec::new();
    for entry in walk {
        let entry = entry?;
        if entry.file_type().is_some_and(|kind| kind.is_file() || kind.is_symlink()) {
            paths.push(entry.into_path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn write(folder: &Path, paths: &[PathBuf]) -> std::io::Result<Archive> {
    let sink = Hashing { file: NamedTempFile::new()?, context: Context::new(&SHA256), size_bytes: 0 };
    let mut builder = Builder::new(GzEncoder::new(sink, Compression::default()));
    for path in paths {
        append(&mut builder, folder, path)?;
    }
    let mut sink = builder.into_inner()?.finish()?;
    sink.file.flush()?;
    let sha256 = hex::encode(sink.context.finish());
    Ok(Archive { file: sink.file, size_bytes: sink.size_bytes, sha256 })
}

/// Owner and time are left out: they would make two archives of one folder differ.
fn append(builder: &mut Builder<GzEncoder<Hashing>>, folder: &Path, path: &Path) -> std::io::Result<()> {
    let name = path.strip_prefix(folder).unwrap_or(path);
    let metadata = path.symlink_metadata()?;
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_mode(mode(&metadata));
    if metadata.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        return builder.append_link(&mut header, name, std::fs::read_link(path)?);
    }
    header.set_entry_type(EntryType::Regular);
    header.set_size(metadata.len());
    // A file that grows while it is read must not break the archive, and one that shrinks is an error.
    let mut contents = File::open(path)?.take(metadata.len());
    builder.append_data(&mut header, name, &mut contents)?;
    if contents.limit() > 0 {
        return Err(std::io::Error::other(format!("{} changed while it was packaged", name.display())));
    }
    Ok(())
}

fn mode(metadata: &Metadata) -> u32 {
    if metadata.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 }
}

/// Hashes and counts what passes on its way to the file.
struct Hashing {
    file: NamedTempFile,
    context: Context,
    size_bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.context.update(&bytes[..written]);
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn unpacked(archive: &Archive) -> BTreeMap<String, String> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(archive.path()).unwrap()));
        let read = |entry: std::io::Result<tar::Entry<_>>| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut text = entry.link_name().unwrap().map_or(String::new(), |to| format!("-> {}", to.display()));
            entry.read_to_string(&mut text).unwrap();
            (name, text)
        };
        archive.entries().unwrap().map(read).collect()
    }

    #[test]
    fn what_is_ignored_stays_out() {
        let folder = folder(&[
            (".git/HEAD", "x"),
            (".gitignore", "*.log\n"),
            (".slipwayignore", "docs/\n"),
            (".dockerignore", "bin\n"),
            ("a.log", "x"),
            ("docs/a.md", "x"),
            ("bin/web", "run"),
            ("node/.git/config", "x"),
        ]);
        std::os::unix::fs::symlink("bin/web", folder.path().join("link")).unwrap();
        let packed = unpacked(&pack(folder.path()).unwrap());
        let names: Vec<&str> = packed.keys().map(String::as_str).collect();
        assert_eq!(names, [".dockerignore", ".gitignore", ".slipwayignore", "bin/web", "link"]);
        assert_eq!((packed["bin/web"].as_str(), packed["link"].as_str()), ("run", "-> bin/web"));
    }

    #[test]
    fn the_same_folder_gives_the_same_bytes_and_their_digest() {
        let files = [("b", "2"), ("a/c", "3"), ("a/b", "1")];
        let (one, two) = (folder(&files), folder(&files));
        let (one, two) = (pack(one.path()).unwrap(), pack(two.path()).unwrap());
        let bytes = std::fs::read(one.path()).unwrap();
        assert_eq!(bytes, std::fs::read(two.path()).unwrap());
        assert_eq!(one.size_bytes, bytes.len() as u64);
        assert_eq!(one.sha256, hex::encode(aws_lc_rs::digest::digest(&SHA256, &bytes)));
    }

    #[test]
    fn an_empty_folder_is_refused() {
        assert!(pack(folder(&[]).path()).is_err());
        assert!(pack(Path::new("/does/not/exist")).is_err());
    }
}
