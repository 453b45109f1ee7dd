//! What goes wrong between here and the database, and how long it is borne.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures::future::BoxFuture;

use crate::error::{Result, StoreError};

/// How often a request is sent: seven waits of together at most 2.2 seconds.
const ATTEMPTS: u32 = 8;

/// Upper bound of the first wait; it doubles from wait to wait.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// No single wait is longer.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A failure that may be over at the next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Throttled,
    /// Another transaction holds one of the items.
    Conflict,
    /// No answer, or one that says nothing about what was done. To be sent again only where that does no harm.
    Lost(String),
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Throttled => Self::Throttled,
            Trouble::Conflict => Self::Conflict,
            Trouble::Lost(why) => Self::Unavailable(why),
        }
    }
}

/// How waits are spent: the runtime's own sleep, unless the time of a simulation passes otherwise.
pub type Sleep = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// The runtime's own sleep.
pub(crate) fn sleep() -> Sleep {
    Arc::new(|duration| Box::pin(tokio::time::sleep(duration)))
}

/// The attempts of one request.
pub(crate) struct Patience<'a> {
    sleep: &'a Sleep,
    attempts: u32,
}

impl<'a> Patience<'a> {
    pub fn new(sleep: &'a Sleep) -> Self {
        Self { sleep, attempts: 0 }
    }

    /// Returns after a random wait when there is another attempt, with the error when there is none.
    pub async fn wait(&mut self, trouble: Trouble) -> Result<()> {
        self.attempts += 1;
        if trouble == Trouble::Throttled {
            tracing::warn!(target: "slipway::throttled", attempt = self.attempts, "the database throttles");
        }
        if self.attempts >= ATTEMPTS {
            return Err(trouble.into());
        }
        tracing::debug!(attempt = self.attempts, ?trouble, "the database is asked again");
        (self.sleep)(bound(self.attempts).mul_f64(rand::random::<f64>())).await;
        Ok(())
    }
}

/// The longest wait after so many attempts. The wait is drawn evenly from zero to this, so that those who met once do
/// not meet again.
fn bound(attempts: u32) -> Duration {
    FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempts - 1)).min(LONGEST_WAIT)
}

/// Whether an error of the SDK is worth another attempt.
pub(crate) fn trouble<E>(error: &SdkError<E, HttpResponse>) -> std::result::Result<Trouble, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let metadata = service.err().meta();
            let message = format!("{}: {}", metadata.code().unwrap_or("?"), metadata.message().unwrap_or("?"));
            by_code(metadata.code(), service.raw().status().as_u16(), message)
        }
        SdkError::ConstructionFailure(_) => Err(StoreError::Misuse("the request cannot be built".to_owned())),
        other => Ok(Trouble::Lost(aws_sdk_dynamodb::error::DisplayErrorContext(other).to_string())),
    }
}

fn by_code(code: Option<&str>, status: u16, message: String) -> std::result::Result<Trouble, StoreError> {
    match code {
        Some("ProvisionedThroughputExceededException" | "RequestLimitExceeded" | "ThrottlingException") => {
            Ok(Trouble::Throttled)
        }
        Some("TransactionConflictException" | "TransactionInProgressException") => Ok(Trouble::Conflict),
        _ if status >= 500 => Ok(Trouble::Lost(message)),
        _ => Err(StoreError::Misuse(message)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn every_code_is_read_as_what_to_do() {
        let read = |code, status| by_code(Some(code), status, code.to_owned());
        for code in ["ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"] {
            assert_eq!(read(code, 400), Ok(Trouble::Throttled));
        }
        for code in ["TransactionConflictException", "TransactionInProgressException"] {
            assert_eq!(read(code, 400), Ok(Trouble::Conflict));
        }
        assert_eq!(read("InternalServerError", 500), Ok(Trouble::Lost("InternalServerError".to_owned())));
        for code in ["ValidationException", "AccessDeniedException", "IdempotentParameterMismatchException"] {
            assert_eq!(read(code, 400), Err(StoreError::Misuse(code.to_owned())));
        }
    }

    #[test]
    fn waits_double_up_to_a_bound_and_end() {
        let bounds: Vec<u128> = (1..ATTEMPTS).map(|attempt| bound(attempt).as_millis()).collect();
        assert_eq!(bounds, [20, 40, 80, 160, 320, 500, 500]);
    }

    #[tokio::test]
    async fn patience_ends_with_the_last_trouble() {
        let waits = Arc::new(Mutex::new(Vec::new()));
        let seen = waits.clone();
        let sleep: Sleep = Arc::new(move |wait| {
            seen.lock().unwrap().push(wait);
            Box::pin(std::future::ready(()))
        });
        let mut patience = Patience::new(&sleep);
        for _ in 1..ATTEMPTS {
            assert_eq!(patience.wait(Trouble::Conflict).await, Ok(()));
        }
        assert_eq!(patience.wait(Trouble::Throttled).await, Err(StoreError::Throttled));
        let waits = waits.lock().unwrap();
        assert_eq!(waits.len(), 7);
        assert!(waits.iter().zip(1..).all(|(wait, attempts)| *wait <= bound(attempts)), "{waits:?}");
    }
}
