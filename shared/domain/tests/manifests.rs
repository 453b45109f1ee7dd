//! Manifests as people write them: the good ones give what they say, and each bad one its one whole error.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use slipway_domain::manifest::{self, FILE_NAMES, Manifest};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    files
}

/// `port-word.convox.yml` is a `convox.yml`; what ends in no known name is a `slipway.yml`.
fn format_of(file: &Path) -> &'static str {
    let name = file.file_name().unwrap().to_str().unwrap();
    FILE_NAMES.into_iter().find(|known| name.ends_with(known)).unwrap_or("slipway.yml")
}

fn read(file: &Path) -> Result<Manifest, manifest::ManifestError> {
    manifest::parse(format_of(file), &fs::read_to_string(file).unwrap())
}

#[test]
fn good_manifests_give_what_they_say() {
    let files = files("good-manifests");
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let manifest = read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        insta::assert_json_snapshot!(file.file_stem().unwrap().to_str().unwrap(), manifest);
        assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap(), manifest);
    }
}

#[test]
fn every_bad_manifest_is_refused_with_its_place_and_what_to_do() {
    let files = files("bad-manifests");
    assert!(files.len() >= 60, "{}", files.len());
    let mut errors = String::new();
    for file in files {
        let error = read(&file).expect_err(&format!("{} is accepted", file.display()));
        let text = fs::read_to_string(&file).unwrap();
        let lines = u32::try_from(text.lines().count()).unwrap();
        assert!((1..=lines + 1).contains(&error.line), "{error}");
        writeln!(errors, "{}\n    {error}", file.file_name().unwrap().to_str().unwrap()).unwrap();
    }
    insta::assert_snapshot!("bad-manifests", errors);
}
