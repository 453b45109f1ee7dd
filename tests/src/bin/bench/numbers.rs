//! Percentiles, and durations in words.

use std::time::Duration;

/// The value that `percent` of the sorted ones do not exceed; zero of none.
pub fn percentile(values: &mut [Duration], percent: usize) -> Duration {
    values.sort_unstable();
    let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(index).copied().unwrap_or_default()
}

pub fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

pub fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// `actual ÷ floor`.
pub fn ratio(actual: Duration, floor: Duration) -> String {
    format!("{:.3}", actual.as_secs_f64() / floor.as_secs_f64().max(f64::MIN_POSITIVE))
}
