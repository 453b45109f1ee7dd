//! Metrics in the embedded format of `CloudWatch`: lines of the log, which it counts.

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use slipway_domain::time::Time;
use slipway_service::ports::Clock;

use crate::host::Host;
use crate::telemetry;

const NAMESPACE: &str = "Slipway";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Seconds,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
        }
    }
}

/// One value of a metric.
pub type Measured<'a> = (&'a str, Unit, f64);

/// Writes the metrics of one installation.
#[derive(Clone)]
pub struct Metrics {
    stage: String,
    clock: Arc<dyn Clock>,
}

impl Metrics {
    pub fn new(host: &Host) -> Self {
        Self { stage: host.settings.stage.clone(), clock: Arc::clone(&host.clock) }
    }

    /// Each under the stage and `dimensions`, with the throttled calls since the last time where there were any. Values of
    /// nothing are left out.
    pub fn put(&self, dimensions: &[(&str, &str)], values: &[Measured<'_>]) {
        let throttles = [("Throttles", Unit::Count, f64::from(telemetry::throttled()))];
        let now = self.clock.now();
        let all = [line(now, &self.stage, dimensions, values), line(now, &self.stage, &[], &throttles)];
        for line in all.into_iter().flatten() {
            // A metric that cannot be written is not worth a failed promotion.
            let _ = writeln!(io::stdout(), "{line}");
        }
    }
}

/// None when there is nothing to tell.
fn line(now: Time, stage: &str, dimensions: &[(&str, &str)], values: &[Measured<'_>]) -> Option<String> {
    let told: Vec<_> = values.iter().filter(|(_, _, value)| *value > 0.0).collect();
    if told.is_empty() {
        return None;
    }
    let names: Vec<&str> = std::iter::once("Stage").chain(dimensions.iter().map(|(name, _)| *name)).collect();
    let metrics: Vec<Value> =
        told.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit.as_str() })).collect();
    let about = json!({ "Namespace": NAMESPACE, "Dimensions": [names], "Metrics": metrics });
    let mut fields = Map::new();
    fields.insert("_aws".to_owned(), json!({ "Timestamp": now.as_millis(), "CloudWatchMetrics": [about] }));
    fields.insert("Stage".to_owned(), json!(stage));
    fields.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    fields.extend(told.iter().map(|(name, _, value)| ((*name).to_owned(), json!(value))));
    Some(Value::Object(fields).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_takes() {
        let values = [("Promotions", Unit::Count, 1.0), ("RolloutSeconds", Unit::Seconds, 12.5)];
        let now = Time::from_millis(1_768_487_449_250);
        let line = line(now, "dev", &[("Outcome", "rolled_back")], &values).unwrap();
        let expected = json!({
            "_aws": {
                "Timestamp": 1_768_487_449_250_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Slipway",
                    "Dimensions": [["Stage", "Outcome"]],
                    "Metrics": [{ "Name": "Promotions", "Unit": "Count" }, { "Name": "RolloutSeconds", "Unit": "Seconds" }],
                }],
            },
            "Stage": "dev", "Outcome": "rolled_back", "Promotions": 1.0, "RolloutSeconds": 12.5,
        });
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
        assert!(!line.contains('\n'));
    }

    #[test]
    fn nothing_is_not_told() {
        assert_eq!(line(Time::from_millis(0), "dev", &[], &[("SweepErrors", Unit::Count, 0.0)]), None);
    }
}
