//! The clock of this machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use slipway_domain::time::Time;
use slipway_service::ports::Clock;

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_millis(0).plus(since_epoch)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
