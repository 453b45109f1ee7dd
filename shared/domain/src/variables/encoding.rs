//! Variables as bytes: what is encrypted, and what a digest is made of.
//!
//! ```text
//! version: u8 = 1 │ count: u32 │ count × ( key length: u32 │ key │ value length: u32 │ value )     big-endian, keys ascending
//! ```
//!
//! Every length is written before what it measures, so that two different sets never have the same bytes.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{VariableKey, Variables};
use crate::error::{Error, Result};
use crate::secret::Secret;

const VERSION: u8 = 1;

/// The canonical bytes, wiped when dropped.
pub fn encode(variables: &Variables) -> Zeroizing<Vec<u8>> {
    let size: usize = variables.iter().map(|(key, value)| 8 + key.as_str().len() + value.reveal().len()).sum();
    // At its full size from the start: growing would leave copies of the values behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(5 + size));
    bytes.push(VERSION);
    bytes.extend_from_slice(&length(variables.len()));
    for (key, value) in variables.iter() {
        for part in [key.as_str(), value.reveal()] {
            bytes.extend_from_slice(&length(part.len()));
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    bytes
}

/// Reads what [`encode`] wrote, bit for bit. Anything else is an internal error: it was decrypted before, so nobody else
/// can have written it.
pub fn decode(bytes: &[u8]) -> Result<Variables> {
    read(bytes).ok_or_else(|| Error::internal("stored variables are not in their canonical encoding"))
}

fn read(bytes: &[u8]) -> Option<Variables> {
    let (&version, mut rest) = bytes.split_first()?;
    if version != VERSION {
        return None;
    }
    let count = number(&mut rest)?;
    let mut values = BTreeMap::new();
    for _ in 0..count {
        let key: VariableKey = text(&mut rest)?.parse().ok()?;
        if values.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return None;
        }
        values.insert(key, Secret::from(text(&mut rest)?));
    }
    if rest.is_empty() { Some(Variables(values)) } else { None }
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    usize::try_from(u32::from_be_bytes(*head)).ok()
}

fn text<'bytes>(rest: &mut &'bytes [u8]) -> Option<&'bytes str> {
    let length = number(rest)?;
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    std::str::from_utf8(head).ok()
}

fn length(value: usize) -> [u8; 4] {
    u32::try_from(value).expect("the limits of variables are far below 4 GiB").to_be_bytes()
}
