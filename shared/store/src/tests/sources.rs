//! What the store's own text may not contain.

use std::path::Path;

/// Name and text of each source file that is no test.
fn sources() -> Vec<(String, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().unwrap() != "tests" {
                    folders.push(path);
                }
            } else {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                sources.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources
}

fn files_with(word: &str) -> Vec<String> {
    let sources = sources();
    let mut files: Vec<_> =
        sources.iter().filter(|(_, text)| text.contains(word)).map(|(name, _)| name.clone()).collect();
    files.sort();
    files
}

#[test]
fn only_one_place_spells_sealed_keys_and_one_writes() {
    assert_eq!(files_with("sealed#"), ["layout.rs"]);
    assert_eq!(files_with("TransactWriteItem::builder"), ["transaction.rs"]);
    assert_eq!(files_with(".transact_write_items()"), ["database.rs"]);
    for other in [
        ".put_item(",
        ".update_item(",
        ".delete_item(",
        ".batch_write_item(",
        ".execute_statement(",
        ".execute_transaction(",
        ".batch_execute_statement(",
        ".scan(",
    ] {
        assert_eq!(files_with(other), [""; 0], "{other}");
    }
}

/// Of the functions that put something into a transaction, these take a sealed key: one writes it under
/// `attribute_not_exists`, the other requires that nothing is there. The type leads to no other.
#[test]
fn no_update_replacement_or_deletion_takes_a_sealed_key() {
    let sources = sources();
    let (_, text) = sources.iter().find(|(name, _)| name == "transaction.rs").unwrap();
    let takes = |signature: &str| signature.split(['{', ';']).next().unwrap().contains("SealedKey");
    let names: Vec<&str> =
        text.split("fn ").skip(1).filter(|rest| takes(rest)).map(|rest| rest.split('(').next().unwrap()).collect();
    assert_eq!(names, ["seal", "check_unsealed"]);
    let places: Vec<&str> = text
        .split("fn ")
        .skip(1)
        .filter(|rest| rest.split(['{', ';']).next().unwrap().contains("&Place"))
        .map(|rest| rest.split('(').next().unwrap())
        .collect();
    assert_eq!(places, ["put", "check_with"]);
    let (_, layout) = sources.iter().find(|(name, _)| name == "layout.rs").unwrap();
    let makers = layout
        .split("fn ")
        .skip(1)
        .filter(|rest| rest.split('{').nth(1).is_some_and(|body| body.contains("SealedKey(")));
    assert_eq!(makers.map(|rest| rest.split('(').next().unwrap()).collect::<Vec<_>>(), ["sealed"]);
}
