//! Requests without a pause, each of which has to be answered.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What became of the requests.
#[derive(Debug, Default)]
pub struct Tally {
    pub answered: u64,
    /// By release.
    pub releases: BTreeMap<String, u64>,
    pub lost: Vec<String>,
}

/// Traffic until it is stopped.
pub struct Traffic {
    stop: CancellationToken,
    running: JoinHandle<Tally>,
}

impl Traffic {
    /// One request every 5 ms at the most, over kept connections.
    pub fn to(address: String) -> Self {
        let stop = CancellationToken::new();
        let running = tokio::spawn(send(address, stop.clone()));
        Self { stop, running }
    }

    pub async fn stop(self) -> Tally {
        self.stop.cancel();
        self.running.await.unwrap()
    }
}

async fn send(address: String, stop: CancellationToken) -> Tally {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let mut tally = Tally::default();
    while !stop.is_cancelled() {
        match ask(&client, &address).await {
            Ok(release) => {
                tally.answered += 1;
                *tally.releases.entry(release).or_default() += 1;
            }
            Err(lost) => tally.lost.push(lost),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tally
}

async fn ask(client: &reqwest::Client, address: &str) -> Result<String, String> {
    let answer = client.get(address).send().await.map_err(|error| format!("{error:?}"))?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
    if !status.is_success() {
        return Err(format!("{status}: {text}"));
    }
    let body: serde_json::Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
    Ok(body["release"].as_str().unwrap_or_default().to_owned())
}
