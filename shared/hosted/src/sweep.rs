//! One sweep: what was left behind, and what the stream missed.

use slipway_domain::error::Result;
use slipway_service::relay::Relay;
use slipway_service::slipway::Slipway;
use slipway_service::sweep::Swept;

use crate::api::{self, StartError};
use crate::host::Host;
use crate::metrics::{Metrics, Unit};
use crate::relay::relay;

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

    /// Promotions first: they are what somebody waits for.
    pub async fn sweep(&self) -> Result<()> {
        let swept = self.slipway.sweep().await?;
        let sent = self.relay.sweep().await?;
        tracing::info!(?swept, notices.sent = sent, "swept");
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
