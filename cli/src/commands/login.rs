//! `slipway login`

use std::io::Read;

use serde::Deserialize;
use serde_json::json;

use crate::api;
use crate::client::Client;
use crate::config::{Config, checked_url, variable};
use crate::failure::Failure;
use crate::terminal::{Terminal, is_interactive};

/// No token is longer; what is piped in by mistake is not read to its end.
const MAX_TOKEN_BYTES: u64 = 4096;

#[derive(Deserialize)]
struct Me {
    actor: String,
    role: String,
}

/// Keeps the token once the API has accepted it.
pub async fn login(terminal: &Terminal, url: &str, token: Option<&str>) -> Result<(), Failure> {
    let token = match token.map(str::to_owned).or_else(|| variable("SLIPWAY_TOKEN")) {
        Some(token) => token,
        None => ask()?,
    };
    let config = Config { url: checked_url(url)?, token: token.trim().to_owned() };
    if config.token.is_empty() {
        return Err(Failure::Usage("the token is empty".to_owned()));
    }
    let answer = Client::new(config.clone())?.get("/v1/me").await?;
    let me: Me = api::read(&answer)?;
    let path = config.store()?;
    terminal.line(&format!("Logged in to {} as {} ({}), kept in {}", config.url, me.actor, me.role, path.display()));
    terminal.json(&json!({ "url": config.url, "actor": me.actor, "role": me.role }));
    Ok(())
}

fn ask() -> Result<String, Failure> {
    if is_interactive() {
        return rpassword::prompt_password("Token: ").map_err(|error| Failure::local("read the token", error));
    }
    let mut text = String::new();
    std::io::stdin().take(MAX_TOKEN_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
