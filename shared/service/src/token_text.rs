//! How a token is written: `slp_<kind>_<id>_<32 base62><6 CRC32>`.
//!
//! The checksum is in the text so that a mistyped token is refused without a read, and so that a leaked one can be found
//! by scanners; it proves nothing. Nothing here knows whether a token is good.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use slipway_domain::id::TenantId;
use slipway_domain::secret::Secret;

const PREFIX: &str = "slp";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 16 digits of each of two draws: 190 bits.
const SECRET_DIGITS: usize = 32;
/// 62^6 is more than 2^32.
const CHECKSUM_DIGITS: usize = 6;
/// The tenant's id and ten letters.
const ID_LENGTH: usize = 21;

/// A token as it was presented, or as it is shown once.
pub struct TokenText {
    id: String,
    text: Secret,
}

impl TokenText {
    /// Writes a new token. `kind` is a lower-case word, shown to people: `owner`, `deploy`.
    pub fn new(kind: &str, tenant: &TenantId, id: u128, secret: [u128; 2]) -> Self {
        let letters: String = TenantId::from_entropy(id).as_str().chars().skip(1).collect();
        let id = format!("{tenant}{letters}");
        let digits: String = secret.into_iter().flat_map(|half| base62(half, SECRET_DIGITS / 2)).collect();
        let body = format!("{PREFIX}_{kind}_{id}_{digits}");
        let checksum: String = base62(crc32(body.as_bytes()).into(), CHECKSUM_DIGITS).collect();
        Self { id, text: Secret::new(format!("{body}{checksum}")) }
    }

    /// None: it is no token of ours, or one with a typo.
    pub fn parse(text: &str) -> Option<Self> {
        let (body, checksum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_DIGITS)?)?;
        let expected: String = base62(crc32(body.as_bytes()).into(), CHECKSUM_DIGITS).collect();
        let mut parts = body.split('_');
        let (prefix, kind, id, digits) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let kind_is_word = !kind.is_empty() && kind.len() <= 16 && kind.bytes().all(|byte| byte.is_ascii_lowercase());
        let id_is_letters = id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_uppercase());
        let digits_are = digits.len() == SECRET_DIGITS && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let whole = prefix == PREFIX && parts.next().is_none() && checksum == expected;
        (whole && kind_is_word && id_is_letters && digits_are)
            .then(|| Self { id: id.to_owned(), text: Secret::from(text) })
    }

    /// Names the token; no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The tenant that its id begins with. None: no tenant can have that id.
    pub fn tenant(&self) -> Option<TenantId> {
        self.id.get(..ID_LENGTH - 10)?.parse().ok()
    }

    /// What is stored of it: SHA-256 in hexadecimal. The secret has 190 bits, so no slow hash is needed.
    pub fn hash(&self) -> String {
        hex::encode(digest(&SHA256, self.text.reveal().as_bytes()))
    }

    /// Whether it is the token of that hash; takes the same time wherever they differ.
    pub fn matches(&self, hash: &str) -> bool {
        verify_slices_are_equal(self.hash().as_bytes(), hash.as_bytes()).is_ok()
    }

    pub fn into_secret(self) -> Secret {
        self.text
    }
}

fn base62(mut rest: u128, digits: usize) -> impl Iterator<Item = char> {
    (0..digits).map(move |_| {
        let digit = usize::try_from(rest % 62).unwrap_or(0);
        rest /= 62;
        char::from(BASE62[digit])
    })
}

/// CRC-32 of IEEE 802.3, reflected.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> TokenText {
        TokenText::new("owner", &TenantId::from_entropy(7), 11, [u128::MAX / 3, u128::MAX / 7])
    }

    #[test]
    fn the_checksum_is_the_usual_crc32() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_token_reads_back_as_it_was_written() {
        let token = sample();
        let text = token.text.reveal().to_owned();
        let read = TokenText::parse(&text).unwrap();
        assert_eq!((read.id(), read.tenant()), (token.id(), Some(TenantId::from_entropy(7))));
        assert!(read.matches(&token.hash()));
        assert_eq!(text.len(), "slp_owner_".len() + ID_LENGTH + 1 + SECRET_DIGITS + CHECKSUM_DIGITS);
    }

    #[test]
    fn a_typo_of_any_character_is_refused_offline() {
        let text = sample().into_secret().reveal().to_owned();
        for index in 0..text.len() {
            for typo in BASE62.iter().chain(b"_-") {
                let mut bytes = text.clone().into_bytes();
                if bytes[index] == *typo {
                    continue;
                }
                bytes[index] = *typo;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(TokenText::parse(&changed).is_none(), "{changed}");
            }
        }
        for odd in ["", "slp", "slp_owner__", "äöü", "slp_owner_TAAAAAAAAAABBBBBBBBBB_x", "ééé123456"] {
            assert!(TokenText::parse(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn another_token_does_not_match() {
        let other = TokenText::new("owner", &TenantId::from_entropy(7), 11, [1, 2]);
        assert!(!other.matches(&sample().hash()));
        assert!(!other.matches(""));
    }
}
