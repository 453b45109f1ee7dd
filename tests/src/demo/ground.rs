//! Where processes run, as it is seen by whoever runs them.

use std::collections::BTreeMap;

use super::Told;
use super::shell::Shell;

/// How many processes there are: by service and release.
pub type Services = BTreeMap<(String, String), u32>;

/// A machine or a cluster. What it says, nobody at Slipway told it.
pub trait Ground {
    /// What runs now. What is stopping may be left out.
    fn services(&self) -> impl Future<Output = Result<Services, String>>;

    /// Ends what the server's own end leaves behind, and complains of what is left then.
    fn clear(&self, shell: &Shell) -> impl Future<Output = Told>;
}
