//! What an answer of ECR that is no success means to whoever asked us.

use slipway_domain::error::{Error, Kind};
use slipway_domain::repository::Repository;

use crate::fault::{Failure, Fault};

/// Between two tries, in seconds.
const RETRY_AFTER: u32 = 5;

/// What was being done, and the right that it takes.
#[derive(Clone, Copy)]
pub struct Attempt<'attempt> {
    repository: &'attempt Repository,
    action: &'static str,
    right: &'static str,
    role: &'static str,
}

impl<'attempt> Attempt<'attempt> {
    pub fn new(repository: &'attempt Repository, action: &'static str, right: &'static str) -> Self {
        Self { repository, action, right, role: "the function's role" }
    }

    /// With other rights than the function's.
    pub fn by(self, role: &'static str) -> Self {
        Self { role, ..self }
    }

    /// `registry_unreachable` (503), or a mistake of ours, which no caller can mend and the log alone is told.
    pub fn failed(&self, failure: &Failure) -> Error {
        let (context, words) = (self.context(), &failure.words);
        match failure.fault {
            Fault::Away => self.unreachable("did not answer", format!("{context}: no answer that counts: {words}")),
            Fault::Throttled => {
                let context = format!("{context}: over a quota, which AWS raises on request: {words}");
                self.unreachable("is asked for too much", context)
            }
            Fault::Denied => Error::internal(format!(
                "{context}: refused: give {} {} on it, and its key if it has one: {words}",
                self.role, self.right
            )),
            Fault::Missing => Error::internal(format!(
                "{context}: it is not there: correct the registry that the function is given: {words}"
            )),
            Fault::Invalid => Error::internal(format!("{context}: not a request that can succeed: {words}")),
        }
    }

    /// A success that is none.
    pub fn unexpected(&self, words: &str) -> Error {
        Error::internal(format!("{}: an answer that cannot be used: {words}", self.context()))
    }

    fn context(&self) -> String {
        format!("{} in {}", self.action, self.repository)
    }

    fn unreachable(&self, what: &str, context: String) -> Error {
        let message = format!("the registry {} {what}: try again", self.repository.registry());
        let error = Error::new(Kind::Unavailable, "registry_unreachable", message);
        Error { retry_after_seconds: Some(RETRY_AFTER), ..error.because(context) }
    }
}
