//! A rollout taken apart into the moments of its processes, which are the same whoever does it.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use slipway_domain::time::Time;
use slipway_tests::server::Result;

use crate::journal::{Entry, Object};

/// How long each step took: per process the mean of all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steps {
    /// From asking until the first process is created.
    pub asked: Duration,
    pub created: Duration,
    pub started: Duration,
    /// From ready until an old process is told to stop.
    pub baked: Duration,
    /// From then until the next is created.
    pub stopped: Duration,
    /// From telling the last old one to stop until the end.
    pub ended: Duration,
}

/// Each kind of moment of all processes, in order.
#[derive(Debug, Default)]
pub struct Moments {
    created: Vec<Time>,
    started: Vec<Time>,
    ready: Vec<Time>,
    told_to_stop: Vec<Time>,
}

impl Moments {
    /// Those of the processes that came, and went, after `begun`.
    pub fn of(entries: &[Entry], begun: Time) -> Self {
        let mut moments = Self::default();
        for story in stories(entries).into_values() {
            let Some((first, pod)) = story.first().copied() else { continue };
            let when = |test: fn(&Pod) -> bool| story.iter().find(|(_, pod)| test(pod)).map(|(at, _)| *at);
            if first >= begun {
                moments.created.push(first);
                moments.started.extend(when(has_started));
                moments.ready.extend(when(is_ready));
            } else if !is_told_to_stop(pod) {
                moments.told_to_stop.extend(when(is_told_to_stop));
            }
        }
        for times in [&mut moments.created, &mut moments.started, &mut moments.ready, &mut moments.told_to_stop] {
            times.sort_unstable();
        }
        moments
    }

    pub fn last_told_to_stop(&self) -> Option<Time> {
        self.told_to_stop.last().copied()
    }

    /// An error unless every process was replaced, once.
    pub fn steps(&self, processes: usize, batch: usize, begun: Time, ended: Time) -> Result<Steps> {
        let counts = [&self.created, &self.started, &self.ready, &self.told_to_stop].map(Vec::len);
        let (Some(first), Some(last)) = (self.created.first(), self.last_told_to_stop()) else {
            return Err("nothing was seen of the processes".to_owned());
        };
        if counts != [processes; 4] {
            return Err(format!("{processes} processes should have been replaced, and this was seen: {counts:?}"));
        }
        Ok(Steps {
            asked: first.since(begun),
            created: mean_between(&self.created, &self.started),
            started: mean_between(&self.started, &self.ready),
            baked: mean_between(&self.ready, &self.told_to_stop),
            stopped: mean_between(&self.told_to_stop, self.created.get(batch..).unwrap_or_default()),
            ended: ended.since(last),
        })
    }
}

/// Of each pod what was told, in order.
fn stories(entries: &[Entry]) -> BTreeMap<&str, Vec<(Time, &Pod)>> {
    let mut stories: BTreeMap<&str, Vec<(Time, &Pod)>> = BTreeMap::new();
    for entry in entries {
        if let Object::Pod(pod) = &entry.object {
            stories.entry(pod.metadata.uid.as_deref().unwrap_or_default()).or_default().push((entry.at, pod));
        }
    }
    stories
}

fn mean_between(from: &[Time], to: &[Time]) -> Duration {
    let (from, to) = (from.iter().map(|time| time.as_millis()), to.iter().map(|time| time.as_millis()));
    let pairs: Vec<i64> = from.zip(to).map(|(from, to)| to - from).collect();
    let count = i64::try_from(pairs.len()).unwrap_or(1).max(1);
    Duration::from_millis(u64::try_from(pairs.iter().sum::<i64>() / count).unwrap_or(0))
}

fn has_started(pod: &Pod) -> bool {
    let containers = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let mut states = containers.into_iter().flatten().filter_map(|container| container.state.as_ref());
    states.any(|state| state.running.is_some())
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn is_told_to_stop(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}
