//! AES-256-GCM with the context as additional data. Each data key encrypts one thing, under a random nonce.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::keys::{KeyContext, KeyError, PlainKey};

/// The nonce, followed by the ciphertext and its tag.
pub fn seal(key: &PlainKey, context: &KeyContext, plain: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut nonce = [0; NONCE_LEN];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| KeyError::Unusable("no random numbers can be had".to_owned()))?;
    let mut sealed = plain.to_vec();
    aead(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context.encode()), &mut sealed)
        .map_err(|_| KeyError::Refused)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// What [`seal`] was given, if key and context are the same.
pub fn open(key: &PlainKey, context: &KeyContext, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN).ok_or(KeyError::Refused)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError::Refused)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let length =
        aead(key)?.open_in_place(nonce, Aad::from(context.encode()), &mut buffer).map_err(|_| KeyError::Refused)?.len();
    buffer.truncate(length);
    Ok(buffer)
}

fn aead(key: &PlainKey) -> Result<LessSafeKey, KeyError> {
    UnboundKey::new(&AES_256_GCM, key.as_slice()).map(LessSafeKey::new).map_err(|_| KeyError::Refused)
}
