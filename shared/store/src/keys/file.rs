//! A master key in a file of this machine that only its owner can read.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::keys::{DataKey, KeyContext, KeyError, Keys, PlainKey, envelope};

/// Length of the master key and of every data key.
const KEY_BYTES: usize = 32;

/// Wraps data keys under the key in a file.
pub struct FileKeys {
    master: PlainKey,
}

impl FileKeys {
    /// Reads the key file, or makes one of 32 random bytes with mode 0600 when there is none. Refuses one that group or
    /// others can read or write, and one of another length.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        match OpenOptions::new().read(true).open(path) {
            Ok(file) => read(file, path),
            Err(error) if error.kind() == ErrorKind::NotFound => create(path),
            Err(error) => Err(unusable(path, &format!("cannot be read: {error}"))),
        }
    }
}

fn unusable(path: &Path, why: &str) -> KeyError {
    KeyError::Unusable(format!("the key file {} {why}", path.display()))
}

fn read(mut file: File, path: &Path) -> Result<FileKeys, KeyError> {
    let metadata = file.metadata().map_err(|error| unusable(path, &format!("cannot be read: {error}")))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(unusable(path, "can be read by others than its owner: chmod 600 it"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_BYTES + 1));
    let limit = u64::try_from(KEY_BYTES + 1).unwrap_or(u64::MAX);
    Read::by_ref(&mut file)
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| unusable(path, &format!("cannot be read: {error}")))?;
    let master = <[u8; KEY_BYTES]>::try_from(bytes.as_slice())
        .map_err(|_| unusable(path, &format!("must hold exactly {KEY_BYTES} bytes")))?;
    Ok(FileKeys { master: Zeroizing::new(master) })
}

/// Written whole under another name first: a crash leaves no short key file, and of several at once one key wins.
fn create(path: &Path) -> Result<FileKeys, KeyError> {
    let master = random()?;
    let failed = |error: std::io::Error| unusable(path, &format!("cannot be created: {error}"));
    let draft = path.with_extension(format!("draft-{}", hex::encode(rand::random::<[u8; 8]>())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed)?;
    file.write_all(master.as_slice()).and_then(|()| file.sync_all()).map_err(failed)?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft).map_err(failed)?;
    match linked {
        Ok(()) => Ok(FileKeys { master }),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => FileKeys::open(path),
        Err(error) => Err(failed(error)),
    }
}

fn random() -> Result<PlainKey, KeyError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    aws_lc_rs::rand::fill(key.as_mut_slice())
        .map_err(|_| KeyError::Unusable("no random numbers can be had".to_owned()))?;
    Ok(key)
}

#[async_trait]
impl Keys for FileKeys {
    async fn data_key(&self, context: &KeyContext) -> Result<DataKey, KeyError> {
        let plain = random()?;
        let wrapped = envelope::seal(&self.master, context, plain.as_slice())?;
        Ok(DataKey { plain, wrapped })
    }

    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<PlainKey, KeyError> {
        let opened = envelope::open(&self.master, context, wrapped)?;
        let plain = <[u8; KEY_BYTES]>::try_from(opened.as_slice()).map_err(|_| KeyError::Refused)?;
        Ok(Zeroizing::new(plain))
    }
}
