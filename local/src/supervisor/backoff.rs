//! How long a command that keeps ending is left alone: at once, 10 s, 20 s, 40 s, … 300 s, as a kubelet does.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_mins(5);
/// A command that ran this long starts with a clean slate.
const FORGIVEN_AFTER: Duration = Duration::from_mins(10);

/// The pauses of one command.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    ends: u32,
}

impl Backoff {
    /// The pause before the next start, for a command that ran for `lasted` and ended.
    pub fn next(&mut self, lasted: Duration) -> Duration {
        if lasted >= FORGIVEN_AFTER {
            self.ends = 0;
        }
        let pause = match self.ends {
            0 => Duration::ZERO,
            ends => FIRST.saturating_mul(2_u32.saturating_pow(ends - 1)).min(LONGEST),
        };
        self.ends = self.ends.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_a_long_life_resets_them() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u64> = (0..9).map(|_| backoff.next(Duration::from_secs(1)).as_secs()).collect();
        assert_eq!(pauses, [0, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(backoff.next(Duration::from_secs(599)).as_secs(), 300);
        assert_eq!(backoff.next(Duration::from_mins(10)).as_secs(), 0);
        assert_eq!(backoff.next(Duration::ZERO).as_secs(), 10);
    }
}
