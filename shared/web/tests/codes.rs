//! The list of error codes is complete: every code that a source file of ours gives out is in it, with its status.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare itself fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Calls whose first text is a code, as they read on one line; with the status where the call decides it.
const CALLS: &[(&str, Option<u16>)] = &[
    ("conflict(\"", Some(409)),
    ("invalid(\"", Some(422)),
    ("not_found(\"", Some(404)),
    ("malformed(\"", Some(400)),
    ("check_text(\"", Some(422)),
    ("let code = \"", None),
    ("Kind::Malformed,\"", Some(400)),
    ("Kind::Unauthenticated,\"", Some(401)),
    ("Kind::Forbidden,\"", Some(403)),
    ("Kind::NotFound,\"", Some(404)),
    ("Kind::Conflict,\"", Some(409)),
    ("Kind::Stale,\"", Some(412)),
    ("Kind::TooLarge,\"", Some(413)),
    ("Kind::UnsupportedMedia,\"", Some(415)),
    ("Kind::Unprocessable,\"", Some(422)),
    ("Kind::PreconditionRequired,\"", Some(428)),
    ("Kind::RateLimited,\"", Some(429)),
    ("Kind::Unavailable,\"", Some(503)),
    ("Kind::Internal,\"", Some(500)),
    ("METHOD_NOT_ALLOWED,\"", Some(405)),
];

#[test]
fn every_code_that_is_given_out_is_listed_with_its_status() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    // The rest of `local` speaks to whoever starts it, not to callers of the API.
    for folder in ["shared", "local/src/builds"] {
        sources(&root.join(folder), &mut files);
    }
    let used: BTreeSet<(String, Option<u16>)> = files.iter().flat_map(|file| codes_in(file)).collect();
    assert!(used.len() > 20, "the search finds nothing any more: {used:?}");
    let listed = |code: &str, status: Option<u16>| {
        slipway_web::CODES.iter().any(|known| known.code == code && status.is_none_or(|status| known.status == status))
    };
    let missing: Vec<_> = used.iter().filter(|(code, status)| !listed(code, *status)).collect();
    assert!(missing.is_empty(), "not in the list of codes: {missing:?}");
}

#[test]
fn the_list_is_sorted_and_names_nothing_twice() {
    let keys: Vec<_> = slipway_web::CODES.iter().map(|known| (known.status, known.code)).collect();
    assert!(keys.is_sorted_by(|one, two| one < two), "{keys:?}");
    for known in slipway_web::CODES {
        let twins = slipway_web::CODES.iter().filter(|other| other.code == known.code);
        assert!(twins.into_iter().all(|other| other.title == known.title), "{} means two things", known.code);
    }
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with("target") {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

fn codes_in(file: &Path) -> Vec<(String, Option<u16>)> {
    let text = std::fs::read_to_string(file).unwrap();
    let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String = shipped.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect();
    let code = code.replace(", \"", ",\"");
    let found = CALLS.iter().flat_map(|(call, status)| {
        let after = code.match_indices(call).map(|(index, _)| &code[index + call.len()..]);
        let literals = after.filter_map(|rest| rest.split('"').next());
        let codes = literals.filter(|literal| is_code(literal));
        codes.map(|literal| (literal.to_owned(), *status)).collect::<Vec<_>>()
    });
    found.collect()
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
