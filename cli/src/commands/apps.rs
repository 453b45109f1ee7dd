//! `slipway apps`

use jiff::Timestamp;
use serde_json::json;

use super::Context;
use crate::api::{self, App, Environment, Page, Release};
use crate::arguments::AppsCommand;
use crate::client::Client;
use crate::failure::Failure;
use crate::target::segment;
use crate::terminal::Terminal;
use crate::text::ago;

/// All apps, with what `production` runs.
pub async fn list(client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let answer = client.get_all("/v1/apps").await?;
    let page: Page<App> = api::read(&answer)?;
    let rows: Vec<Vec<String>> = page.items.iter().flat_map(rows).collect();
    terminal.table(&["APP", "ENVIRONMENT", "STATUS", "RELEASE"], &rows);
    terminal.json(&answer);
    Ok(())
}

fn rows(app: &App) -> Vec<Vec<String>> {
    let row = |environment: &Environment| {
        let active = environment.active.clone().unwrap_or_default();
        vec![app.name.clone(), environment.name.clone(), environment.status.clone(), active]
    };
    app.environments.iter().map(row).collect()
}

pub async fn apps(context: &Context<'_>, command: Option<AppsCommand>) -> Result<(), Failure> {
    match command {
        Some(AppsCommand::Create { name, cluster }) => create(context, name, cluster).await,
        Some(AppsCommand::Info) => info(context).await,
        None => list(&context.client, context.terminal).await,
    }
}

async fn create(context: &Context<'_>, name: Option<String>, cluster: Option<String>) -> Result<(), Failure> {
    let name = segment("app", name.unwrap_or_else(|| context.target.app.clone()))?;
    context.terminal.begin(&format!("Creating {name}... "));
    let mut body = json!({ "name": name });
    if let Some(cluster) = cluster {
        body["cluster"] = json!(cluster);
    }
    let answer = context.client.post("/v1/apps", &body).await.inspect_err(|_| {
        context.terminal.line("ERROR");
    })?;
    context.terminal.line("OK");
    context.terminal.json(&answer);
    Ok(())
}

async fn info(context: &Context<'_>) -> Result<(), Failure> {
    let answer = context.client.get(&context.target.environment_path()).await?;
    let environment: Environment = api::read(&answer)?;
    let formation = environment.formation.iter().map(|(service, count)| format!("{service}={count}"));
    let mut pairs = vec![
        ("Name", context.target.app.clone()),
        ("Status", environment.status.clone()),
        ("Where", environment.name.clone()),
        ("Release", environment.active_release.as_ref().map_or_else(|| "none".to_owned(), told)),
    ];
    if environment.newest != environment.active {
        pairs.push(("Newest", environment.newest_release.as_ref().map_or_else(String::new, told)));
    }
    if let Some(promotion) = &environment.promotion {
        pairs.push(("Promotion", format!("{promotion} is running")));
    }
    pairs.push(("Formation", formation.collect::<Vec<_>>().join(" ")));
    let addresses = environment.addresses.iter().map(|at| ("Address", format!("{} {}", at.service, at.url)));
    pairs.extend(addresses);
    context.terminal.pairs(&pairs);
    context.terminal.json(&answer);
    Ok(())
}

fn told(release: &Release) -> String {
    let age = ago(&release.created_at, Timestamp::now());
    format!("{} v{} {} ({age})", release.id, release.number, release.description)
}
