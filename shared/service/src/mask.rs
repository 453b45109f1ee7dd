//! Takes the values of variables out of text that users may see without the right to reveal them.

use slipway_domain::secret::Secret;

/// Shorter values are left: they are words and numbers that occur by themselves.
const MIN_CHARACTERS: usize = 8;
const MASK: &str = "***";

/// The text with every value of at least 8 characters replaced, the longest first, so that no rest of one remains.
pub fn mask<'a>(text: &str, values: impl IntoIterator<Item = &'a Secret>) -> String {
    unimplemented!()
}
