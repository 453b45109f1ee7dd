//! Once a minute: what was left behind by workers that died.

use slipway_domain::error::Result;

use crate::slipway::Slipway;

/// What one sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Promotions that got a new execution.
    pub restarted: u32,
    /// Promotions that were past all their clocks and were ended.
    pub ended: u32,
    /// Environments that were cleaned up after a commit.
    pub cleaned: u32,
    /// Builds that changed.
    pub builds: u32,
    /// Runs that changed.
    pub runs: u32,
    /// Things that could not be looked at this time.
    pub errors: u32,
}

impl Slipway {
    /// One failure does not keep the others from being swept.
    pub async fn sweep(&self) -> Result<Swept> {
        unimplemented!()
    }
}
