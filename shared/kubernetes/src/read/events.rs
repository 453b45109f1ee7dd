//! What the cluster said about a pod.

use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use slipway_domain::time::Time;

use super::{time, uid};

/// The newest words of the health check, if they are about the present run of the container.
pub fn probe_error(events: &[Event], pod: &Pod, main: Option<&ContainerStatus>) -> Option<String> {
    let running = main.and_then(|main| main.state.as_ref()?.running.as_ref());
    let started = running.and_then(|running| running.started_at.as_ref()).map(time);
    let (at, event) = of_pod(events, pod)
        .filter(|(_, event)| event.reason.as_deref() == Some("Unhealthy"))
        .max_by_key(|(at, _)| *at)?;
    let current = started.is_some_and(|started| at >= started);
    event.message.clone().filter(|_| current)
}

/// Everything that was said about one pod, oldest first: `Failed: Error: ImagePullBackOff (3 times)`.
pub fn told(events: &[Event]) -> Vec<String> {
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_by_key(|event| last_seen(event));
    events.into_iter().map(words).collect()
}

fn words(event: &Event) -> String {
    let reason = event.reason.as_deref().unwrap_or("Event");
    let message = event.message.as_deref().unwrap_or_default().trim();
    let series = event.series.as_ref().and_then(|series| series.count);
    match series.or(event.count).unwrap_or(1) {
        times @ 2.. => format!("{reason}: {message} ({times} times)"),
        _ => format!("{reason}: {message}"),
    }
}

/// Events about one pod, with the time of their last occurrence.
fn of_pod<'a>(events: &'a [Event], pod: &Pod) -> impl Iterator<Item = (Time, &'a Event)> {
    let pod = uid(&pod.metadata).to_owned();
    let about = move |event: &&Event| !pod.is_empty() && event.involved_object.uid.as_ref() == Some(&pod);
    events.iter().filter(about).map(|event| (last_seen(event), event))
}

/// One event stands for many: the newest of its stamps counts.
fn last_seen(event: &Event) -> Time {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref());
    let micro = [series, event.event_time.as_ref()].into_iter().flatten().map(|at| at.0.as_millisecond());
    let whole = [&event.last_timestamp, &event.first_timestamp, &event.metadata.creation_timestamp];
    let whole = whole.into_iter().flatten().map(|at| at.0.as_millisecond());
    Time::from_millis(micro.chain(whole).max().unwrap_or(0))
}
