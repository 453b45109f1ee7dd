//! Cursors of lists: opaque, authenticated, and good for nothing but the same list read by the same tenant.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::extract::query::refused;
use crate::problem::Answer;

/// 128 bits of the HMAC: a cursor gives no right, it only must not be made up.
const TAG_BYTES: usize = 16;

/// No cursor is longer than this, in characters.
const MAX_CURSOR: usize = 1024;

/// The key under which a tenant's cursors are made. Every instance of the API has the same one.
#[derive(Clone)]
pub struct CursorKey(hmac::Key);

impl CursorKey {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The cursor that continues `list` (tenant, path and query) at `position`.
    pub fn seal(&self, list: &str, position: &str) -> String {
        let mut bytes = self.tag(list, position).to_vec();
        bytes.extend_from_slice(position.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position that a cursor of this list stands for.
    pub fn open(&self, list: &str, cursor: &str) -> Answer<String> {
        let refusal = || refused("cursor", "is not one that this list gave out; start again without it");
        if cursor.len() > MAX_CURSOR {
            return Err(refusal());
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refusal())?;
        let (tag, position) = bytes.split_at_checked(TAG_BYTES).ok_or_else(refusal)?;
        let position = std::str::from_utf8(position).map_err(|_| refusal())?;
        aws_lc_rs::constant_time::verify_slices_are_equal(tag, &self.tag(list, position)).map_err(|_| refusal())?;
        Ok(position.to_owned())
    }

    fn tag(&self, list: &str, position: &str) -> [u8; TAG_BYTES] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&u64::try_from(list.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(list.as_bytes());
        context.update(position.as_bytes());
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG_BYTES]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "TAAAAAAAAAA /v1/apps/shop/releases environment=production";

    #[test]
    fn a_cursor_opens_to_the_position_it_was_made_of() {
        let key = CursorKey::new(&[7; 32]);
        assert_eq!(key.open(LIST, &key.seal(LIST, "release#é#41")).unwrap(), "release#é#41");
    }

    #[test]
    fn a_cursor_of_another_tenant_list_or_key_is_refused() {
        let key = CursorKey::new(&[7; 32]);
        let cursor = key.seal(LIST, "41");
        for list in [LIST.replace("TA", "TB"), LIST.replace("shop", "shoq"), LIST.replace("production", "staging")] {
            assert_eq!(key.open(&list, &cursor).unwrap_err().status.as_u16(), 400);
        }
        assert!(CursorKey::new(&[8; 32]).open(LIST, &cursor).is_err());
    }

    #[test]
    fn every_change_of_a_cursor_is_refused() {
        let key = CursorKey::new(&[7; 32]);
        let cursor = key.seal(LIST, "41");
        for index in 0..cursor.len() {
            for other in ["A", "b", "_", "=", "é"] {
                let mut changed = cursor.clone();
                changed.replace_range(index..=index, other);
                assert!(changed == cursor || key.open(LIST, &changed).is_err(), "{changed}");
            }
        }
        assert!(key.open(LIST, &cursor[..cursor.len() - 1]).is_err());
        assert!(key.open(LIST, "").is_err());
        assert!(key.open(LIST, &"A".repeat(MAX_CURSOR + 1)).is_err());
    }
}
