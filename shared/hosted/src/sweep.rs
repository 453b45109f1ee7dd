//! One sweep: what was left behind, and what the stream missed.

use std::time::Duration;

use slipway_domain::error::Result;
use slipway_service::relay::Relay;
use slipway_service::slipway::Slipway;
use slipway_service::sweep::Swept;

use crate::api::{self, StartError};
use crate::host::Host;
use crate::metrics::{Metrics, Unit};
use crate::relay::relay;

/// Less than the function's time, with what comes after it.
const SWEEPING: Duration = Duration::from_secs(35);

/// What collecting may take of a sweep; what is left is due in the next.
const COLLECTING: Duration = Duration::from_secs(15);

/// What a sweep works with.
pub struct Sweeper {
    slipway: Slipway,
    relay: Relay,
    metrics: Metrics,
}

impl Sweeper {
    pub fn new(host: &Host) -> std::result::Result<Self, StartError> {
        Ok(Self { slipway: api::sweep(host)?, relay: relay(host)?, metrics: Metrics::new(host) })
    }

    /// What somebody waits for first: promotions and notices. What costs nothing while it stays comes last.
    pub async fn sweep(&self) -> Result<()> {
        let sweeping = tokio::time::timeout(SWEEPING, self.slipway.sweep());
        let (swept, sent) = tokio::join!(sweeping, self.relay.sweep());
        let swept = swept.unwrap_or_else(|_| {
            tracing::error!("the sweep did not get to its end; clusters that do not answer hold it up");
            Ok(Swept { errors: 1, ..Swept::default() })
        });
        let (swept, sent) = (swept?, sent?);
        let collected = match tokio::time::timeout(COLLECTING, self.slipway.collect()).await {
            Ok(collected) => collected?,
            Err(_) => 0,
        };
        tracing::info!(?swept, notices.sent = sent, collected, "swept");
        self.count(&swept, sent);
        Ok(())
    }

    fn count(&self, swept: &Swept, sent: usize) {
        let count = |name, number: u32| (name, Unit::Count, f64::from(number));
        self.metrics.put(
            &[],
            &[
                count("SweepRestarted", swept.restarted),
                count("SweepEnded", swept.ended),
                count("SweepCleaned", swept.cleaned),
                count("SweepErrors", swept.errors),
                count("NoticesSent", u32::try_from(sent).unwrap_or(u32::MAX)),
            ],
        );
    }
}
