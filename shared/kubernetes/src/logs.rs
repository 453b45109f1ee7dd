//! What processes wrote, read from the nodes that they ran on.
//!
//! A node keeps the log of a container as long as its pod, and of the one before it: some ten megabytes of each. The
//! pages of a run's log are counted in lines, so the place that a page ended at is remembered: the next one is read
//! from there, and not from the beginning. Without that memory, as after a start of ours, the whole log is counted.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use futures::{AsyncBufRead, AsyncBufReadExt};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{ListParams, LogParams};
use slipway_domain::id::RunId;
use slipway_domain::time::Time;
use slipway_service::ports::{ClusterError, LogLine, LogQuery, Namespace, RunLog, RunState};

use crate::act::refused;
use crate::client::{KubernetesCluster, within};
use crate::names::{self, INIT_CONTAINER, MAIN_CONTAINER};
use crate::objects::run;
use crate::runs::state;

/// How many logs are read at a time.
const AT_ONCE: usize = 8;
/// How long the reading of one log may take.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// How many runs' places are remembered; those that are followed are few.
const PLACES: usize = 256;

/// A line with its time to the nanosecond, by which the lines of several logs are put in order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    at: Timestamp,
    text: String,
    /// Its end was read, too: nothing will be added to it.
    whole: bool,
}

impl Line {
    fn told(self, process: &str) -> LogLine {
        LogLine { at: Time::from_millis(self.at.as_millisecond()), process: process.to_owned(), text: self.text }
    }
}

/// Where pages of runs' logs ended.
#[derive(Default)]
pub(crate) struct LogPlaces(Mutex<HashMap<RunId, Place>>);

/// After so many lines, of which `same` are of the time of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    lines: u64,
    at: Timestamp,
    same: usize,
}

impl LogPlaces {
    fn of(&self, run: &RunId, after: u64) -> Option<Place> {
        let places = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        places.get(run).copied().filter(|place| place.lines == after)
    }

    fn keep(&self, run: &RunId, place: Place) {
        let mut places = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if places.len() >= PLACES && !places.contains_key(run) {
            // Whose place is lost is counted afresh.
            places.clear();
        }
        places.insert(run.clone(), place);
    }
}

/// The lines after the first `after` ones, of all that were read: from the beginning, or from the second of `place` on.
fn page(lines: Vec<Line>, after: u64, place: Option<Place>) -> (u64, Vec<Line>) {
    let skipped = match place {
        None => usize::try_from(after).unwrap_or(usize::MAX),
        Some(place) => {
            let before = lines.iter().take_while(|line| line.at < place.at).count();
            let met = lines.iter().skip(before).take_while(|line| line.at == place.at).take(place.same).count();
            before + met
        }
    };
    (after, lines.into_iter().skip(skipped).collect())
}

/// Where a page ends.
fn end(after: u64, page: &[Line], before: Option<Place>) -> Option<Place> {
    let last = page.last()?;
    let same = page.iter().rev().take_while(|line| line.at == last.at).count();
    let carried = before.filter(|place| same == page.len() && place.at == last.at).map_or(0, |place| place.same);
    let lines = after + u64::try_from(page.len()).unwrap_or(u64::MAX);
    Some(Place { lines, at: last.at, same: same + carried })
}

/// One container's log.
struct Source {
    pod: String,
    /// The name under which its lines are told.
    process: String,
    container: &'static str,
    previous: bool,
}

impl KubernetesCluster {
    pub(crate) async fn log_after(
        &self,
        namespace: &Namespace,
        id: &RunId,
        after: u64,
    ) -> Result<RunLog, ClusterError> {
        let Some(pod) = self.run_pod(namespace, id).await? else {
            return Ok(RunLog { first: after, lines: Vec::new() });
        };
        let place = self.places.of(id, after);
        let source =
            Source { pod: run::name(id), process: id.as_str().to_owned(), container: MAIN_CONTAINER, previous: false };
        let params = LogParams { since_time: place.map(|place| second_of(place.at)), ..LogParams::default() };
        let everything = LogQuery { limit: usize::MAX, ..LogQuery::default() };
        let mut lines = self.read_log(namespace, &source, &params, &everything).await?;
        if state(&pod) == RunState::Running {
            // A line is told once, and so when it has ended.
            lines.pop_if(|line| !line.whole);
        }
        let (first, lines) = page(lines, after, place);
        if let Some(place) = end(after, &lines, place) {
            self.places.keep(id, place);
        }
        Ok(RunLog { first, lines: lines.into_iter().map(|line| line.told(&source.process)).collect() })
    }

    pub(crate) async fn newest_lines(
        &self,
        namespace: &Namespace,
        query: &LogQuery,
    ) -> Result<Vec<LogLine>, ClusterError> {
        let pods = self.asked_for(namespace, query).await?;
        let sources: Vec<Source> = pods.iter().flat_map(sources).collect();
        let tail = query.contains.is_none().then(|| i64::try_from(query.limit).unwrap_or(i64::MAX));
        let since = query.since.and_then(|since| Timestamp::from_millisecond(since.as_millis()).ok()).map(second_of);
        let params = LogParams { tail_lines: tail, since_time: since, ..LogParams::default() };
        let params = &params;
        let read: Vec<_> = stream::iter(sources)
            .map(|source| async move {
                let lines = self.read_log(namespace, &source, params, query).await;
                lines.map(|lines| (source, lines))
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        merge(read, query.limit)
    }

    /// The pods whose logs are meant. A run's log is its own: it is asked for by name.
    async fn asked_for(&self, namespace: &Namespace, query: &LogQuery) -> Result<Vec<Pod>, ClusterError> {
        let own = namespace.to_string();
        let Some(process) = &query.process else {
            let mut selector = format!("{},{}", names::selector(namespace), names::SERVICE);
            if let Some(service) = &query.service {
                selector = format!("{selector}={service}");
            }
            return Ok(self.list(&own, &ListParams::default().labels(&selector)).await.map_err(refused)?.items);
        };
        let name = process.parse::<RunId>().map_or_else(|_| process.clone(), |run| run::name(&run));
        if !is_name(&name) {
            return Ok(Vec::new());
        }
        let pod: Option<Pod> = self.get(&own, &name).await.map_err(refused)?;
        let label = |pod: &Pod, key| pod.metadata.labels.as_ref().and_then(|labels| labels.get(key)).cloned();
        let meant = |pod: &Pod| {
            let service = query.service.as_ref();
            names::is_ours(namespace, pod.metadata.labels.as_ref())
                && service.is_none_or(|service| label(pod, names::SERVICE).as_deref() == Some(service.as_str()))
        };
        Ok(pod.into_iter().filter(meant).collect())
    }

    /// The newest lines of one log that are asked for, oldest first. None where it has none, or none any more.
    async fn read_log(
        &self,
        namespace: &Namespace,
        source: &Source,
        params: &LogParams,
        query: &LogQuery,
    ) -> Result<Vec<Line>, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &namespace.to_string());
        let params = LogParams {
            container: Some(source.container.to_owned()),
            previous: source.previous,
            timestamps: true,
            ..params.clone()
        };
        let reading = async {
            let log = pods.log_stream(&source.pod, &params).await?;
            newest(log, query).await.map_err(kube::Error::ReadEvents)
        };
        match within(READ_LIMIT, reading).await {
            Ok(lines) => Ok(lines),
            // Not started yet, never ended before, or gone meanwhile.
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => Ok(Vec::new()),
            Err(error) => Err(refused(error)),
        }
    }
}

/// A pod's logs, the older ones first.
fn sources(pod: &Pod) -> Vec<Source> {
    let Some(name) = pod.metadata.name.clone() else { return Vec::new() };
    let process = pod.metadata.labels.as_ref().and_then(|labels| labels.get(names::RUN)).unwrap_or(&name).clone();
    let status = pod.status.as_ref();
    let containers = |list: Option<&Vec<ContainerStatus>>| list.cloned().unwrap_or_default();
    let inits = containers(status.and_then(|status| status.init_container_statuses.as_ref()));
    let mains = containers(status.and_then(|status| status.container_statuses.as_ref()));
    let named = |name: &'static str| {
        move |container: &ContainerStatus| (container.name == name).then_some((name, container.restart_count))
    };
    let found = inits.iter().filter_map(named(INIT_CONTAINER)).chain(mains.iter().filter_map(named(MAIN_CONTAINER)));
    let mut sources = Vec::new();
    for (container, restarts) in found {
        for previous in [true, false] {
            if restarts > 0 || !previous {
                sources.push(Source { pod: name.clone(), process: process.clone(), container, previous });
            }
        }
    }
    sources
}

/// Reads to the end, and keeps the newest lines that match. What is no UTF-8 is replaced by its sign.
async fn newest(mut log: impl AsyncBufRead + Unpin, query: &LogQuery) -> std::io::Result<Vec<Line>> {
    let mut kept = VecDeque::new();
    let mut bytes = Vec::new();
    let mut before = Timestamp::UNIX_EPOCH;
    loop {
        bytes.clear();
        if log.read_until(b'\n', &mut bytes).await? == 0 {
            return Ok(kept.into());
        }
        let line = line(&String::from_utf8_lossy(&bytes), before);
        before = line.at;
        if matches(&line, query) {
            kept.push_back(line);
            if kept.len() > query.limit {
                kept.pop_front();
            }
        }
    }
}

/// `2026-01-15T14:30:49.123456789Z text`. What has no time, such as a word of the node's own, is of the time before it.
fn line(text: &str, before: Timestamp) -> Line {
    let ended = text.strip_suffix('\n');
    let text = ended.unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let stamped = text.split_once(' ').and_then(|(at, rest)| Some((at.parse().ok()?, rest)));
    let (at, text) = stamped.unwrap_or((before, text));
    Line { at, text: text.to_owned(), whole: ended.is_some() }
}

/// The second that a time is in. The client asks for whole ones, and rounds up what is not one: lines would be missed.
fn second_of(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_nanosecond().div_euclid(1_000_000_000).try_into().unwrap_or(0)).unwrap_or(at)
}

/// The node tells from a whole second on.
fn matches(line: &Line, query: &LogQuery) -> bool {
    query.since.is_none_or(|since| line.at.as_millisecond() >= since.as_millis())
        && query.contains.as_ref().is_none_or(|text| line.text.contains(text.as_str()))
}

/// The newest lines of all logs by time; those of one log stay in their order. A log that could not be read is left out,
/// unless there is no other.
fn merge(read: Vec<Result<(Source, Vec<Line>), ClusterError>>, limit: usize) -> Result<Vec<LogLine>, ClusterError> {
    let mut lines = Vec::new();
    let mut failed = None;
    for log in read {
        match log {
            Ok((source, log)) => lines.extend(log.into_iter().map(|line| (line, source.process.clone()))),
            Err(error @ ClusterError::Unauthorized(_)) => return Err(error),
            Err(error) => {
                tracing::warn!(error = %error, "a log could not be read");
                failed = Some(error);
            }
        }
    }
    if let Some(error) = failed.filter(|_| lines.is_empty()) {
        return Err(error);
    }
    lines.sort_by_key(|(line, _)| line.at);
    let newest = lines.split_off(lines.len().saturating_sub(limit));
    Ok(newest.into_iter().map(|(line, process)| line.told(&process)).collect())
}

/// Anything else is the name of no object, and would be another path.
fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    !text.is_empty() && text.len() <= 253 && text.bytes().all(letter) && !text.starts_with('.')
}

#[cfg(test)]
mod tests;
