//! Archives as a test wants them, also ones that no packer would write.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

/// One entry, written as it stands.
#[derive(Clone, Debug)]
pub enum Part {
    File(&'static str, &'static str),
    Program(&'static str, &'static str),
    Folder(&'static str),
    Symlink(&'static str, &'static str),
    Hardlink(&'static str, &'static str),
    Other(&'static str, EntryType),
    /// A file of so many zeroes.
    Zeroes(&'static str, usize),
}

pub fn tgz(parts: &[Part]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    for part in parts {
        append(&mut builder, part);
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn append<W: Write>(builder: &mut Builder<W>, part: &Part) {
    let (name, kind, mode, link, content) = match part {
        Part::File(name, text) => (name, EntryType::Regular, 0o644, None, text.as_bytes().to_vec()),
        Part::Program(name, text) => (name, EntryType::Regular, 0o4755, None, text.as_bytes().to_vec()),
        Part::Folder(name) => (name, EntryType::Directory, 0o755, None, Vec::new()),
        Part::Symlink(name, to) => (name, EntryType::Symlink, 0o777, Some(to), Vec::new()),
        Part::Hardlink(name, to) => (name, EntryType::Link, 0o644, Some(to), Vec::new()),
        Part::Other(name, kind) => (name, *kind, 0o644, None, Vec::new()),
        Part::Zeroes(name, size) => (name, EntryType::Regular, 0o644, None, vec![0; *size]),
    };
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    // Written by hand: the library refuses to write what a hostile packer would.
    let bytes = header.as_mut_bytes();
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    if let Some(link) = link {
        bytes[157..157 + link.len()].copy_from_slice(link.as_bytes());
    }
    header.set_cksum();
    builder.append(&header, content.as_slice()).unwrap();
}
