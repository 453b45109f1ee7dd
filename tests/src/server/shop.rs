//! The app `shop` on a server: builds, releases and promotions in its `production`.

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::Client;
use super::source::archive;
use super::{Result, failed};

pub const ENVIRONMENT: &str = "/v1/apps/shop/environments/production";

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_mins(3);
const POLL: Duration = Duration::from_millis(20);

/// What the server knows as `shop`.
pub struct Shop<'a>(pub &'a Client);

impl Shop<'_> {
    /// The app with a first release of this source; nothing is promoted.
    pub async fn create(&self, files: &[(&str, &str)]) -> Result<String> {
        self.0.post("/v1/apps", &json!({ "name": "shop" })).await?;
        self.build(files).await
    }

    /// Builds the source. Returns the release.
    pub async fn build(&self, files: &[(&str, &str)]) -> Result<String> {
        self.build_of("shop", files).await
    }

    /// Builds the source of another app. Returns the release.
    pub async fn build_of(&self, app: &str, files: &[(&str, &str)]) -> Result<String> {
        let archive = archive(files)?;
        let source = json!({ "size_bytes": archive.len(), "sha256": hex::encode(digest(&SHA256, &archive)) });
        let created = self.0.post(&format!("/v1/apps/{app}/builds"), &json!({ "source": source })).await?;
        let uploaded = reqwest::Client::new().put(text(&created["upload"]["url"])?).body(archive).send().await;
        let uploaded = uploaded.map_err(failed("upload the source"))?;
        if !uploaded.status().is_success() {
            return Err(format!("the upload was refused with {}", uploaded.status()));
        }
        let path = format!("/v1/apps/{app}/builds/{}", text(&created["id"])?);
        self.0.post(&format!("{path}/complete"), &json!({})).await?;
        let build = self.until(&path, |build| build["status"] != json!("running")).await?;
        match build["release"].as_str() {
            Some(release) => Ok(release.to_owned()),
            None => Err(format!("the build did not complete: {build}")),
        }
    }

    /// Sets variables. Returns the release that has them.
    pub async fn set(&self, variables: &Value) -> Result<String> {
        let body = json!({ "set": variables });
        let answer = self.0.send(Method::PATCH, &format!("{ENVIRONMENT}/variables"), Some(&body), None).await?;
        text(&answer.ok()?["release"])
    }

    /// Starts a promotion. Returns its id.
    pub async fn promote(&self, release: &str) -> Result<String> {
        let made = self.0.post(&format!("{ENVIRONMENT}/promotions"), &json!({ "release": release })).await?;
        text(&made["id"])
    }

    /// The promotion, once it has ended.
    pub async fn ended(&self, promotion: &str) -> Result<Value> {
        let path = format!("{ENVIRONMENT}/promotions/{promotion}");
        self.until(&path, |promotion| promotion["outcome"].is_string()).await
    }

    /// Promotes and waits. Returns the outcome.
    pub async fn ship(&self, release: &str) -> Result<String> {
        let promotion = self.promote(release).await?;
        text(&self.ended(&promotion).await?["outcome"])
    }

    /// Asks again and again until the answer is as wanted.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let found = self.0.get(path).await?;
            if wanted(&found) {
                return Ok(found);
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{path} did not become what was waited for: {found:#}"));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// A text in an answer.
pub fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("a text was expected, and not {value}"))
}
