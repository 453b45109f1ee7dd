//! Archives that nobody should be able to build from: each is refused by name, and nothing is written outside.

use std::fs;

use slipway_local::builds::unpack::{Limits, unpack};
use tar::EntryType;

use crate::archive::{Part, tgz};

fn small() -> Limits {
    Limits { bytes: 1_000_000, entries: 20, ratio: 100, ratio_floor: 100_000 }
}

/// What unpacking says, and whether anything appeared beside the folder.
fn attempt(archive: &[u8]) -> Result<(), String> {
    let outside = tempfile::tempdir().unwrap();
    let into = outside.path().join("into");
    fs::create_dir(&into).unwrap();
    fs::write(outside.path().join("secret"), "untouched").unwrap();
    let result = unpack(archive, &into, small()).map_err(|refused| refused.to_string());
    let mut beside: Vec<_> = fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    beside.sort();
    assert_eq!(beside, ["into", "secret"], "something was written outside");
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "untouched");
    result
}

#[test]
fn hostile_archives_are_refused_by_name() {
    let cases: Vec<(Vec<Part>, &str)> = vec![
        (
            vec![Part::File("/etc/cron.d/x", "x")],
            "/etc/cron.d/x: a path in an archive must be relative and without \'..\'",
        ),
        (vec![Part::File("../secret", "x")], "../secret: a path in an archive must be relative and without \'..\'"),
        (
            vec![Part::File("a/../../secret", "x")],
            "a/../../secret: a path in an archive must be relative and without \'..\'",
        ),
        (vec![Part::Folder("../up")], "../up: a path in an archive must be relative and without \'..\'"),
        (vec![Part::Symlink("a", "/etc/passwd")], "a: the link points out of the archive, to /etc/passwd"),
        (vec![Part::Symlink("a/b", "../../secret")], "a/b: the link points out of the archive, to ../../secret"),
        (vec![Part::Symlink("up", "..")], "up: the link points out of the archive, to .."),
        (vec![Part::Hardlink("a", "../secret")], "a: the link points out of the archive, to ../secret"),
        (vec![Part::Hardlink("a", "/etc/passwd")], "a: the link points out of the archive, to /etc/passwd"),
        (vec![Part::Hardlink("a", "absent")], "a: the link points out of the archive, to absent"),
        (vec![Part::Symlink("l", "."), Part::Hardlink("a", "l")], "a: the link points out of the archive, to l"),
        (vec![Part::Symlink("dir", "."), Part::File("dir/x", "x")], "dir/x: lies behind a link"),
        (vec![Part::File("dir", "x"), Part::File("dir/x", "x")], "dir/x: lies behind a link"),
        (vec![Part::File("a", "1"), Part::File("a", "2")], "a: is in the archive twice"),
        (vec![Part::File("a", "1"), Part::File("./a", "2")], "./a: is in the archive twice"),
        (vec![Part::Symlink("a", "b"), Part::File("a", "2")], "a: is in the archive twice"),
        (vec![Part::Folder("a"), Part::File("a", "2")], "a: is in the archive twice"),
        (vec![Part::Other("null", EntryType::Char)], "null: only files, folders and links can be built, not a device"),
        (vec![Part::Other("disk", EntryType::Block)], "disk: only files, folders and links can be built, not a device"),
        (
            vec![Part::Other("pipe", EntryType::Fifo)],
            "pipe: only files, folders and links can be built, not a named pipe",
        ),
        (vec![Part::Folder("x"); 21], "the archive holds more than 20 entries"),
        (vec![Part::Zeroes("bomb", 900_000)], "the archive unpacks to more than 100 times its size"),
        (
            vec![Part::Zeroes("small", 50_000); 1].into_iter().chain([Part::Zeroes("large", 1_000_000)]).collect(),
            "the archive unpacks to more than 100 times its size",
        ),
    ];
    for (parts, expected) in cases {
        assert_eq!(attempt(&tgz(&parts)), Err(expected.to_owned()), "{parts:?}");
    }
}

#[test]
fn more_bytes_than_allowed_are_refused_however_they_are_packed() {
    let noise =
        hex::encode((0..40_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect::<Vec<_>>());
    let noise: &'static str = noise.leak();
    let names = ["a", "b", "c", "d"];
    let parts: Vec<Part> = names.iter().map(|name| Part::File(name, noise)).collect();
    assert_eq!(attempt(&tgz(&parts)), Err("the archive unpacks to more than 1000000 bytes".to_owned()));
}

#[test]
fn what_is_no_archive_is_refused() {
    for bytes in [&b""[..], b"hello", b"\x1f\x8b\x08\x00garbage"] {
        assert!(attempt(bytes).unwrap_err().starts_with("the archive is no gzipped tar file: "), "{bytes:?}");
    }
    let mut broken = tgz(&[Part::File("a", "some text")]);
    broken.truncate(broken.len() / 2);
    assert!(attempt(&broken).unwrap_err().starts_with("the archive is no gzipped tar file: "));
}

#[test]
fn links_inside_are_kept_and_modes_are_reduced_to_executable() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let parts = [
        Part::File("lib/a.txt", "text"),
        Part::Program("bin/run", "#!/bin/sh\n"),
        Part::Symlink("bin/current", "../lib/a.txt"),
        Part::Hardlink("copy.txt", "lib/a.txt"),
        Part::Folder("empty"),
    ];
    unpack(tgz(&parts).as_slice(), dir.path(), small()).unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("bin/current")).unwrap(), "text");
    assert_eq!(fs::read_to_string(dir.path().join("copy.txt")).unwrap(), "text");
    assert!(dir.path().join("empty").is_dir());
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("bin/run"), 0o755, "the setuid bit is dropped");
    assert_eq!(mode("lib/a.txt"), 0o644);
}
