//! One app in one place, and what can be done with it and seen of it over the API.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::place::Place;
use crate::server::client::Client;
use crate::server::shop::text;
use crate::server::{Patience, Result};

/// The longest that anything is waited for: a lost execution is found by the sweep two minutes later.
const PATIENCE: Patience = Patience { whole: Duration::from_mins(6), poll: Duration::from_millis(300) };

/// An app, in its environment `production`.
pub struct App<'a> {
    pub client: &'a Client,
    pub name: String,
    place: &'a Place,
}

impl<'a> App<'a> {
    /// Under this name and some letters.
    pub(super) async fn create(client: &'a Client, place: &'a Place, name: &str) -> Result<Self> {
        let name = format!("{name}-r{:04x}", rand::random::<u16>());
        client.post("/v1/apps", &json!({ "name": name })).await?;
        Ok(Self { client, name, place })
    }

    pub fn environment(&self) -> String {
        format!("/v1/apps/{}/environments/production", self.name)
    }

    /// What the owner of the cluster applies.
    pub async fn access(&self) -> Result<String> {
        text(&self.client.get(&format!("{}/access", self.environment())).await?["manifest"])
    }

    /// Builds this version. Returns the release.
    pub async fn build(&self, version: &str) -> Result<String> {
        self.place.build(&self.name, version).await
    }

    /// Sets variables on top of a release, such as `newest` or `active`. Returns the release that has them.
    pub async fn set(&self, base: &str, variables: &Value) -> Result<String> {
        let body = json!({ "set": variables, "base": base });
        let path = format!("{}/variables", self.environment());
        let answer = self.client.send(Method::PATCH, &path, Some(&body), None).await?;
        text(&answer.ok()?["release"])
    }

    /// Starts a promotion. Returns its id.
    pub async fn promote(&self, release: &str) -> Result<String> {
        self.start("promotions", &json!({ "release": release })).await
    }

    /// Starts whatever ends as a promotion: `promotions`, `rollbacks`, `restarts`, `scale`.
    pub async fn start(&self, what: &str, body: &Value) -> Result<String> {
        let made = self.client.post(&format!("{}/{what}", self.environment()), body).await?;
        text(if made["promotion"].is_object() { &made["promotion"]["id"] } else { &made["id"] })
    }

    pub async fn promotion(&self, id: &str) -> Result<Value> {
        self.client.get(&format!("{}/promotions/{id}", self.environment())).await
    }

    /// The promotion, once it has ended.
    pub async fn ended(&self, id: &str) -> Result<Value> {
        self.until("the promotion ends", async || {
            let found = self.promotion(id).await?;
            Ok(found["outcome"].is_string().then_some(found))
        })
        .await
    }

    /// Promotes and waits: outcome and cause are these, or it is told what happened.
    pub async fn ships(&self, release: &str, outcome: &str, cause: Option<&str>) -> Result<Value> {
        let id = self.promote(release).await?;
        self.ends(&id, outcome, cause).await
    }

    /// Waits: outcome and cause are these, or it is told what happened.
    pub async fn ends(&self, id: &str, outcome: &str, cause: Option<&str>) -> Result<Value> {
        let ended = self.ended(id).await?;
        let found = (ended["outcome"].as_str(), ended["failure"]["cause"].as_str());
        if found == (Some(outcome), cause) {
            return Ok(ended);
        }
        Err(format!("{id} ended as {found:?}, not as {:?}:\n{}", (outcome, cause), self.story(id).await?))
    }

    /// Waits until a process of the release is ready and the promotion goes on.
    pub async fn half_way(&self, promotion: &str, release: &str) -> Result<()> {
        self.until("a process of the new release is ready", async || {
            if self.promotion(promotion).await?["outcome"].is_string() {
                return Err(format!("it has ended before anybody disturbed it:\n{}", self.story(promotion).await?));
            }
            let ready = |process: &Value| process["release"] == json!(release) && process["ready"] == json!(true);
            Ok(self.processes().await?.iter().any(ready).then_some(()))
        })
        .await
    }

    /// Waits until the release is the active one and runs alone, with so many processes.
    pub async fn runs(&self, release: &str, count: usize) -> Result<()> {
        let mut last = String::new();
        let waited = self.until("the release runs alone, and whole", async || {
            let environment = self.client.get(&self.environment()).await?;
            let processes = self.processes().await?;
            let own = |process: &Value| process["release"] == json!(release) && process["ready"] == json!(true);
            last = format!("{environment:#}\n{processes:#?}");
            let active = environment["active"] == json!(release);
            let quiet = environment["promotion"].is_null() && environment["status"] == json!("running");
            Ok((active && quiet && processes.len() == count && processes.iter().all(own)).then_some(()))
        });
        waited.await.map_err(|error| format!("{error}; {last}"))
    }

    /// The release that is the active one.
    pub async fn active(&self) -> Result<String> {
        text(&self.client.get(&self.environment()).await?["active"])
    }

    pub async fn processes(&self) -> Result<Vec<Value>> {
        let page = self.client.get(&format!("{}/processes", self.environment())).await?;
        Ok(page["items"].as_array().cloned().unwrap_or_default())
    }

    /// All events of a promotion.
    pub async fn events(&self, promotion: &str) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        loop {
            let path = format!("{}/promotions/{promotion}/events?after={}", self.environment(), all.len());
            let page = self.client.get(&path).await?;
            let events = page["events"].as_array().cloned().unwrap_or_default();
            let over = events.is_empty() || page["finished"] == json!(true);
            all.extend(events);
            if over {
                return Ok(all);
            }
        }
    }

    /// The events of a promotion, one a line.
    pub async fn story(&self, promotion: &str) -> Result<String> {
        let line = |event: &Value| format!("{} {} {}", event["at"], event["source"], event["message"]);
        Ok(self.events(promotion).await?.iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    /// Asks again and again until there is an answer.
    pub async fn until<T>(&self, what: &str, ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
        PATIENCE.until(what, ask).await
    }
}
