//! What may go wrong between a client and the engine, call by call. DynamoDB does all of this; the engine does none.

use std::future::Future;
use std::pin::Pin;

/// One request on its way to the engine.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// As in `TransactWriteItems`.
    pub operation: &'a str,
    /// Counted per client, from 1.
    pub number: u64,
    /// The request's JSON as the SDK wrote it.
    pub request: &'a str,
}

/// How the database refuses before it does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `ProvisionedThroughputExceededException`; in a transaction, a reason of its first item.
    Throttled,
    /// Another transaction holds the item: a reason of a transaction's first item, or an error of its own.
    Conflict,
    /// HTTP 500.
    Internal,
}

/// What happens to one call.
pub enum Fault {
    /// Nothing: the engine answers.
    Pass,
    /// The engine is not asked.
    FailBefore(Refusal),
    /// The engine does it, and the connection breaks before the answer arrives.
    FailAfter,
    /// The engine is asked once this is over.
    Hold(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// Chooses the fault of each call. Also the place to record what is sent.
pub trait Faults: Send + Sync {
    fn fault(&self, call: &Call<'_>) -> Fault;
}
