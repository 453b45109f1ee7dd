//! Between the SDK's points in time and ours.

use std::time::SystemTime;

use slipway_domain::time::Time;

pub fn time(time: SystemTime) -> Time {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(0).plus(since)
}

pub fn system_time(time: Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + time.since(Time::from_millis(0))
}
