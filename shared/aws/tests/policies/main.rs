//! What the policies allow and deny, judged by an evaluator of the rules that IAM documents, for as much of the language
//! as they use: anything else stops the test.

#![expect(clippy::unwrap_used, reason = "the helpers are part of the tests, which end at a broken expectation")]

mod evaluator;
mod images;
mod records;
mod requests;
mod table;
