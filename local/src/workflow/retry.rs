//! Which errors a state tries again, when, and how often.

use std::time::Duration;

use serde_json::Value;

use super::definition::Refused;
use super::fields::Fields;

pub(super) const ALL: &str = "States.ALL";
pub(super) const TIMEOUT: &str = "States.Timeout";
pub(super) const TASK_FAILED: &str = "States.TaskFailed";
pub(super) const QUERY: &str = "States.QueryEvaluationError";
pub(super) const RUNTIME: &str = "States.Runtime";
pub(super) const DATA_LIMIT: &str = "States.DataLimitExceeded";
pub(super) const NO_CHOICE: &str = "States.NoChoiceMatched";

/// The reserved names that a definition may list. Any other that begins with `States.` is refused.
const RESERVED: [&str; 4] = [ALL, TIMEOUT, TASK_FAILED, QUERY];

/// An `ErrorEquals` list.
#[derive(Clone, Debug)]
pub(super) struct ErrorNames(Vec<String>);

impl ErrorNames {
    /// `States.ALL` has to stand alone in the last of a state's retriers or catchers.
    pub fn parse(fields: &mut Fields, last: bool) -> Result<Self, Refused> {
        let Value::Array(items) = fields.required("ErrorEquals")? else {
            return Err(fields.refuse("ErrorEquals", "must be a list"));
        };
        let names: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
        let Some(names) = names.filter(|names| !names.is_empty()) else {
            return Err(fields.refuse("ErrorEquals", "must list at least one name, all of them strings"));
        };
        if let Some(name) = names.iter().find(|name| name.starts_with("States.") && !RESERVED.contains(&name.as_str()))
        {
            return Err(fields.refuse("ErrorEquals", &format!("{name} is not supported by the local runner")));
        }
        if names.iter().any(|name| name == ALL) && !(last && names.len() == 1) {
            return Err(fields.refuse("ErrorEquals", "must name States.ALL alone and last"));
        }
        Ok(Self(names))
    }

    /// The wildcards match neither what ends an execution at once nor, for `States.TaskFailed`, a timeout.
    pub fn matches(&self, error: &str) -> bool {
        let terminal = [RUNTIME, DATA_LIMIT].contains(&error);
        self.0.iter().any(|name| match name.as_str() {
            ALL => !terminal,
            TASK_FAILED => !terminal && error != TIMEOUT,
            exact => exact == error,
        })
    }
}

/// One entry of `Retry`.
#[derive(Clone, Debug)]
pub(super) struct Retrier {
    pub errors: ErrorNames,
    max_attempts: u32,
    interval: Duration,
    backoff_rate: f64,
    max_delay: Option<Duration>,
    jitter: Jitter,
}

/// How much of a computed delay is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Jitter {
    /// All of it.
    None,
    /// Anything from nothing to all of it.
    Full,
}

/// Another attempt is due. The counter of this retrier grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub retrier: usize,
    pub delay: Duration,
    pub jitter: Jitter,
}

/// The first retrier that matches decides, even when it is used up and a later one would match as well: None then,
/// and when no retrier matches. `counters` says how often each retrier was used since the state was entered.
pub(super) fn again(retriers: &[Retrier], counters: &[u32], error: &str) -> Option<Again> {
    let (index, retrier) = retriers.iter().enumerate().find(|(_, retrier)| retrier.errors.matches(error))?;
    let used = counters.get(index).copied().unwrap_or(0);
    let left = used < retrier.max_attempts;
    left.then(|| Again { retrier: index, delay: retrier.delay(used), jitter: retrier.jitter })
}

impl Retrier {
    /// interval × rate ^ used, at most the maximum.
    fn delay(&self, used: u32) -> Duration {
        let longest = self.max_delay.unwrap_or(LONGEST_DELAY);
        let exponent = i32::try_from(used).unwrap_or(i32::MAX);
        let seconds = self.interval.as_secs_f64() * self.backoff_rate.powi(exponent);
        Duration::try_from_secs_f64(seconds).unwrap_or(longest).min(longest)
    }

    fn parse(mut fields: Fields, last: bool) -> Result<Self, Refused> {
        let jitter = match fields.text("JitterStrategy")?.as_deref() {
            None | Some("NONE") => Jitter::None,
            Some("FULL") => Jitter::Full,
            Some(_) => return Err(fields.refuse("JitterStrategy", "must be FULL or NONE")),
        };
        let retrier = Self {
            errors: ErrorNames::parse(&mut fields, last)?,
            max_attempts: u32::try_from(fields.whole("MaxAttempts", 0)?.unwrap_or(3)).unwrap_or(u32::MAX),
            interval: Duration::from_secs(fields.whole("IntervalSeconds", 1)?.unwrap_or(1)),
            backoff_rate: fields.number("BackoffRate", 1.0)?.unwrap_or(2.0),
            max_delay: fields.whole("MaxDelaySeconds", 1)?.map(Duration::from_secs),
            jitter,
        };
        fields.finish()?;
        Ok(retrier)
    }
}

/// The longest `MaxDelaySeconds` that Step Functions takes: a leap year.
const LONGEST_DELAY: Duration = Duration::from_hours(366 * 24);

pub(super) fn parse_retriers(fields: &mut Fields) -> Result<Vec<Retrier>, Refused> {
    let items = fields.objects("Retry")?;
    let last = items.len().saturating_sub(1);
    items.into_iter().enumerate().map(|(index, item)| Retrier::parse(item, index == last)).collect()
}
