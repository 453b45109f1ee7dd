//! Reads what the API says, to compare it with what the story expects. Only reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ENVIRONMENT;

const LIMIT: Duration = Duration::from_secs(10);

/// The API of the demo's server, with the owner's token.
pub struct Api {
    client: reqwest::Client,
    config: Config,
    app: String,
}

/// What the server writes for the command line.
#[derive(Deserialize)]
struct Config {
    url: String,
    token: String,
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
pub struct Environment {
    pub status: String,
    pub active: Option<String>,
    pub newest: Option<String>,
    pub promotion: Option<String>,
    pub formation: BTreeMap<String, u32>,
    pub addresses: Vec<Address>,
}

#[derive(Deserialize)]
pub struct Address {
    pub service: String,
    pub url: String,
}

#[derive(Deserialize)]
pub struct Process {
    pub name: String,
    pub service: String,
    pub release: String,
    pub state: String,
    pub ready: bool,
}

#[derive(Deserialize)]
pub struct Promotion {
    pub id: String,
    pub to: String,
    pub outcome: Option<String>,
    pub failure: Option<Failure>,
}

#[derive(Deserialize)]
pub struct Failure {
    pub cause: String,
}

#[derive(Deserialize)]
struct Diagnosis {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
pub struct Finding {
    pub service: String,
    pub cause: String,
    pub restarts: u32,
}

impl Api {
    /// From the file that the server wrote, about one app.
    pub fn new(config: &Path, app: &str) -> Result<Self, String> {
        let text = std::fs::read(config).map_err(|error| format!("could not read {}: {error}", config.display()))?;
        let config =
            serde_json::from_slice(&text).map_err(|error| format!("the configuration is unreadable: {error}"))?;
        let client = reqwest::Client::builder().timeout(LIMIT).build();
        let client = client.map_err(|error| format!("could not make an HTTP client: {error}"))?;
        Ok(Self { client, config, app: app.to_owned() })
    }

    pub async fn environment(&self) -> Result<Environment, String> {
        self.get("").await
    }

    pub async fn processes(&self) -> Result<Vec<Process>, String> {
        self.get::<Page<Process>>("/processes").await.map(|page| page.items)
    }

    /// The promotion that was started last.
    pub async fn newest_promotion(&self) -> Result<Promotion, String> {
        let page: Page<Promotion> = self.get("/promotions?limit=1").await?;
        page.items.into_iter().next().ok_or_else(|| "there is no promotion".to_owned())
    }

    /// What is wrong now.
    pub async fn findings(&self) -> Result<Vec<Finding>, String> {
        self.get::<Diagnosis>("/diagnosis").await.map(|diagnosis| diagnosis.findings)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        let url = format!("{}/v1/apps/{}/environments/{}{path}", self.config.url, self.app, ENVIRONMENT);
        let answer = self.client.get(&url).bearer_auth(&self.config.token).send().await;
        let answer = answer.map_err(|error| format!("could not ask for {url}: {error}"))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| format!("could not read {url}: {error}"))?;
        if !status.is_success() {
            return Err(format!("GET {url} answered {status}: {text}"));
        }
        serde_json::from_str(&text).map_err(|error| format!("GET {url} answered other JSON: {error}"))
    }
}
