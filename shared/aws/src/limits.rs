//! How long a request to AWS may take, and how often it is sent.

use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(1);

/// Upper bound of the first wait between attempts; it doubles.
pub const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The limits of one service's client. None is left to the SDK, whose own have no end.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub attempt: Duration,
    /// With all attempts and the waits between them.
    pub whole: Duration,
    pub attempts: u32,
}

impl Limits {
    pub fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .read_timeout(self.attempt)
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.whole)
            .build()
    }

    pub fn retries(self) -> RetryConfig {
        RetryConfig::standard().with_max_attempts(self.attempts).with_initial_backoff(FIRST_WAIT)
    }
}
