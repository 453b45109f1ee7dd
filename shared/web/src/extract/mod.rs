//! What handlers are given: parsed once, refused with a problem document, never raw text.

pub mod body;
pub mod caller;
pub mod headers;
pub mod listing;
pub mod path;
pub mod query;
mod strict;
