//! `slipway ps` and `slipway logs`

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::Context;
use crate::api::{self, LogLine, Page, Process};
use crate::arguments::Logs;
use crate::failure::Failure;
use crate::text::{ago, clean, seconds, since};

/// Between two looks at the logs.
const PAUSE: Duration = Duration::from_secs(1);

pub async fn list(context: &Context<'_>) -> Result<(), Failure> {
    let path = format!("{}/processes", context.target.environment_path());
    let answer = context.client.get_all(&path).await?;
    let page: Page<Process> = api::read(&answer)?;
    let now = Timestamp::now();
    let row = |process: &Process| {
        let ready = if process.ready { "ready" } else { "" };
        vec![
            process.name.clone(),
            process.service.clone(),
            process.state.clone(),
            ready.to_owned(),
            process.release.clone(),
            process.restarts.to_string(),
            process.started_at.as_ref().map_or_else(String::new, |time| ago(time, now)),
            process.message.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let heading = ["PROCESS", "SERVICE", "STATE", "READY", "RELEASE", "RESTARTS", "STARTED", "MESSAGE"];
    context.terminal.table(&heading, &rows);
    context.terminal.json(&answer);
    Ok(())
}

pub async fn logs(context: &Context<'_>, logs: Logs) -> Result<(), Failure> {
    let path = format!("{}/logs", context.target.environment_path());
    let from = logs.since.as_deref().map(|text| since(text, Timestamp::now())).transpose().map_err(Failure::Usage)?;
    let options = [("service", logs.service), ("process", logs.process), ("contains", logs.contains)];
    let filter: Vec<(&str, String)> = options.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let mut seen = Seen::default();
    let mut start = from.map(|time| time.to_string());
    let mut limit = logs.limit;
    loop {
        let mut query = filter.clone();
        query.push(("limit", limit.to_string()));
        query.extend(start.clone().map(|time| ("since", time)));
        let answer = context.client.get_with(&path, &query).await?;
        let page: api::Logs = api::read(&answer)?;
        for line in seen.fresh(page.lines) {
            let text = format!("{} {} {}", seconds(&line.at), clean(&line.process), line.text);
            context.terminal.output(&text);
            if logs.follow {
                let (at, process, text) = (&line.at, &line.process, &line.text);
                context.terminal.json_line(&json!({ "at": at, "process": process, "text": text }));
            }
            start = Some(line.at.clone());
        }
        if !logs.follow {
            context.terminal.json(&answer);
            return Ok(());
        }
        limit = 1000;
        tokio::time::sleep(PAUSE).await;
    }
}

/// The lines of the latest time that were written already: the next look begins at that time and meets them again.
#[derive(Default)]
struct Seen(Vec<LogLine>);

impl Seen {
    fn fresh(&mut self, lines: Vec<LogLine>) -> Vec<LogLine> {
        let mut left = self.0.clone();
        let mut fresh = Vec::new();
        for line in lines {
            if let Some(index) = left.iter().position(|other| *other == line) {
                left.remove(index);
            } else {
                fresh.push(line);
            }
        }
        for line in &fresh {
            if self.0.last().is_some_and(|last| last.at != line.at) {
                self.0.clear();
            }
            self.0.push(line.clone());
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(list: &[(&str, &str)]) -> Vec<LogLine> {
        let line = |(at, text): &(&str, &str)| LogLine {
            at: (*at).to_owned(),
            process: "web-1".to_owned(),
            text: (*text).to_owned(),
        };
        list.iter().map(line).collect()
    }

    #[test]
    fn a_line_that_is_met_again_is_told_once_and_its_equal_twin_too() {
        let mut seen = Seen::default();
        assert_eq!(seen.fresh(lines(&[("1", "a"), ("2", "b"), ("2", "b")])).len(), 3);
        let again = seen.fresh(lines(&[("2", "b"), ("2", "b"), ("2", "b"), ("3", "c")]));
        assert!(again == lines(&[("2", "b"), ("3", "c")]));
        assert!(seen.fresh(lines(&[("3", "c")])).is_empty());
        assert!(seen.fresh(lines(&[("3", "c"), ("3", "c")])) == lines(&[("3", "c")]));
    }
}
