use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use slipway_domain::id::ReleaseId;

use super::world::*;
use crate::keys::file::FileKeys;
use crate::keys::{KeyContext, KeyError, Keys, Purpose, envelope};

fn context(release: u64) -> KeyContext {
    KeyContext {
        tenant: tenant(0),
        release: Some((shop(), production(), release_id(release))),
        purpose: Purpose::Variables,
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refusal(path: &Path) -> String {
    match FileKeys::open(path) {
        Ok(_) => panic!("the key file was accepted"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_key_file_is_made_for_its_owner_alone_and_opens_what_it_wrapped_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let made = FileKeys::open(&path).unwrap().data_key(&context(1)).await.unwrap();
    assert_eq!((mode(&path), std::fs::read(&path).unwrap().len()), (0o600, 32));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let again = FileKeys::open(&path).unwrap();
    assert_eq!(again.unwrap(&made.wrapped, &context(1)).await, Ok(made.plain));
    assert_eq!(again.unwrap(&made.wrapped, &context(2)).await, Err(KeyError::Refused));
    let other = FileKeys::open(&folder.path().join("other")).unwrap();
    assert_eq!(other.unwrap(&made.wrapped, &context(1)).await, Err(KeyError::Refused));
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    FileKeys::open(&path).unwrap();
    for (mode, refused) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o620, true), (0o601, true)]
    {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(FileKeys::open(&path).is_err(), refused, "{mode:o}");
    }
    assert!(refusal(&path).ends_with("can be read by others than its owner: chmod 600 it"), "{}", refusal(&path));
}

#[test]
fn a_key_file_of_another_length_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    FileKeys::open(&path).unwrap();
    for length in [0, 31, 33, 4096] {
        std::fs::write(&path, vec![7; length]).unwrap();
        assert!(refusal(&path).ends_with("must hold exactly 32 bytes"), "{length}");
    }
    assert!(refusal(&folder.path().join("no/folder/key")).contains("cannot be created"));
}

#[tokio::test]
async fn of_several_that_make_the_key_file_at_once_all_get_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let threads: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn({
                let path = path.clone();
                move || FileKeys::open(&path).unwrap()
            })
        })
        .collect();
    let keys: Vec<FileKeys> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let made = keys[0].data_key(&context(1)).await.unwrap();
    for key in &keys {
        assert_eq!(key.unwrap(&made.wrapped, &context(1)).await, Ok(made.plain.clone()));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_ciphertext_that_was_changed_or_cut_does_not_decrypt() {
    let folder = tempfile::tempdir().unwrap();
    let key = FileKeys::open(&folder.path().join("key")).unwrap().data_key(&context(1)).await.unwrap().plain;
    let sealed = envelope::seal(&key, &context(1), b"value").unwrap();
    assert_eq!(envelope::open(&key, &context(1), &sealed).unwrap().as_slice(), b"value");
    assert_eq!(envelope::open(&key, &context(2), &sealed), Err(KeyError::Refused));
    assert_ne!(sealed, envelope::seal(&key, &context(1), b"value").unwrap());
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert_eq!(envelope::open(&key, &context(1), &changed), Err(KeyError::Refused), "{index}");
        assert_eq!(envelope::open(&key, &context(1), &sealed[..index]), Err(KeyError::Refused), "{index}");
    }
}

/// Each part of a context changed by itself, and texts moved from one part to the next.
#[test]
fn no_two_contexts_have_one_encoding() {
    let with = |app: &str, environment: &str, release: ReleaseId, purpose| KeyContext {
        tenant: tenant(0),
        release: Some((app.parse().unwrap(), environment.parse().unwrap(), release)),
        purpose,
    };
    let contexts = [
        with("ab", "c", release_id(1), Purpose::Variables),
        with("a", "bc", release_id(1), Purpose::Variables),
        with("ab", "c", release_id(2), Purpose::Variables),
        with("ab", "c", release_id(1), Purpose::Digests),
        KeyContext { tenant: tenant(1), ..with("ab", "c", release_id(1), Purpose::Variables) },
        KeyContext { tenant: tenant(0), release: None, purpose: Purpose::Digests },
        KeyContext { tenant: tenant(0), release: None, purpose: Purpose::Variables },
    ];
    let mut encoded: Vec<Vec<u8>> = contexts.iter().map(KeyContext::encode).collect();
    encoded.sort();
    encoded.dedup();
    assert_eq!(encoded.len(), contexts.len());
}
