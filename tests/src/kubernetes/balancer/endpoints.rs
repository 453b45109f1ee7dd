//! Which endpoints of a Service are ready, by a watch that is begun anew whenever it breaks off.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::{TryStreamExt, pin_mut};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};

use super::table::Table;

const PAUSE: Duration = Duration::from_millis(200);

type Ready = BTreeSet<SocketAddr>;

/// Keeps the table as the endpoints were `delay` ago. While the API does not answer, it stays as it is.
pub async fn follow(client: kube::Client, namespace: String, service: String, delay: Duration, table: Arc<Table>) {
    let slices = Api::namespaced(client, &namespace);
    let selector = format!("kubernetes.io/service-name={service}");
    let (news, late) = unbounded_channel();
    let learn = async {
        loop {
            // It ends now and then by itself, too.
            let _ = watch(&slices, &selector, &news).await;
            sleep(PAUSE).await;
        }
    };
    tokio::join!(learn, apply(late, delay, &table));
}

async fn apply(mut late: UnboundedReceiver<(Instant, Ready)>, delay: Duration, table: &Table) {
    while let Some((at, ready)) = late.recv().await {
        sleep_until(at + delay).await;
        table.set(&ready);
    }
}

async fn watch(
    slices: &Api<EndpointSlice>,
    selector: &str,
    news: &UnboundedSender<(Instant, Ready)>,
) -> kube::Result<()> {
    let list = slices.list(&ListParams::default().labels(selector)).await?;
    let version = list.metadata.resource_version.unwrap_or_default();
    let mut known: BTreeMap<Option<String>, Ready> = BTreeMap::new();
    for slice in list.items {
        known.insert(slice.metadata.name.clone(), ready(&slice));
    }
    tell(news, &known);
    let events = slices.watch(&WatchParams::default().labels(selector), &version).await?;
    pin_mut!(events);
    while let Some(event) = events.try_next().await? {
        match event {
            WatchEvent::Added(slice) | WatchEvent::Modified(slice) => {
                known.insert(slice.metadata.name.clone(), ready(&slice));
            }
            WatchEvent::Deleted(slice) => {
                known.remove(&slice.metadata.name);
            }
            WatchEvent::Bookmark(_) => continue,
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        }
        tell(news, &known);
    }
    Ok(())
}

fn tell(news: &UnboundedSender<(Instant, Ready)>, known: &BTreeMap<Option<String>, Ready>) {
    // Nobody listens only when the balancer is being dropped.
    let _ = news.send((Instant::now(), known.values().flatten().copied().collect()));
}

/// The first port of every endpoint that is ready; one that does not say is.
fn ready(slice: &EndpointSlice) -> Ready {
    let port = slice.ports.iter().flatten().find_map(|port| port.port).and_then(|port| u16::try_from(port).ok());
    let Some(port) = port else { return Ready::new() };
    let is_ready = |endpoint: &&k8s_openapi::api::discovery::v1::Endpoint| {
        endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
    };
    let addresses = slice.endpoints.iter().filter(is_ready).filter_map(|endpoint| endpoint.addresses.first());
    addresses.filter_map(|address| address.parse::<IpAddr>().ok()).map(|ip| SocketAddr::new(ip, port)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_ready_or_has_no_port_gets_nothing() {
        let slice = |ports: serde_json::Value| {
            let endpoint = |address: &str, conditions: serde_json::Value| json!({ "addresses": [address], "conditions": conditions });
            let slice = json!({
                "addressType": "IPv4",
                "metadata": { "name": "web-1" },
                "ports": ports,
                "endpoints": [
                    endpoint("10.0.0.1", json!({ "ready": true })),
                    endpoint("10.0.0.2", json!({ "ready": false, "serving": true, "terminating": true })),
                    endpoint("10.0.0.3", json!({})),
                ],
            });
            ready(&serde_json::from_value(slice).unwrap())
        };
        let texts: Vec<String> = slice(json!([{ "port": 8080 }])).iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["10.0.0.1:8080", "10.0.0.3:8080"]);
        assert!(slice(json!([])).is_empty());
    }
}
