//! `slipway builds`

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Context, external};
use crate::api::{self, Build, LogPage, Page, Warning};
use crate::arguments::BuildsCommand;
use crate::failure::Failure;
use crate::target::segment;
use crate::text::ago;

pub async fn builds(context: &Context<'_>, command: Option<BuildsCommand>, limit: u32) -> Result<(), Failure> {
    match command {
        None => list(context, limit).await,
        Some(BuildsCommand::Info { build }) => info(context, build).await,
        Some(BuildsCommand::Logs { build }) => {
            let path = path(context, build)?;
            follow_log(context, &path).await?;
            context.terminal.json(&context.client.get(&path).await?);
            Ok(())
        }
        Some(BuildsCommand::Complete { build, digest, manifest }) => {
            external::complete(context, &path(context, build)?, &digest, manifest.as_deref()).await
        }
        Some(BuildsCommand::Cancel { build }) => {
            let answer = context.client.post(&format!("{}/cancel", path(context, build)?), &json!({})).await?;
            context.terminal.line("Cancelling... OK");
            context.terminal.json(&answer);
            Ok(())
        }
    }
}

fn path(context: &Context<'_>, build: String) -> Result<String, Failure> {
    Ok(format!("{}/builds/{}", context.target.app_path(), segment("build", build)?))
}

async fn list(context: &Context<'_>, limit: u32) -> Result<(), Failure> {
    let path = format!("{}/builds", context.target.app_path());
    let answer = context.client.get_with(&path, &[("limit", limit.to_string())]).await?;
    let page: Page<Build> = api::read(&answer)?;
    let now = Timestamp::now();
    let row = |build: &Build| {
        let release = build.release.clone().unwrap_or_default();
        vec![build.id.clone(), build.status.clone(), release, ago(&build.created_at, now), build.description.clone()]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    context.terminal.table(&["ID", "STATUS", "RELEASE", "CREATED", "DESCRIPTION"], &rows);
    context.terminal.json(&answer);
    Ok(())
}

async fn info(context: &Context<'_>, build: String) -> Result<(), Failure> {
    let answer = context.client.get(&path(context, build)?).await?;
    let build: Build = api::read(&answer)?;
    let mut pairs = vec![
        ("Id", build.id.clone()),
        ("Status", build.status.clone()),
        ("Created", ago(&build.created_at, Timestamp::now())),
        ("Text", build.description.clone()),
    ];
    let optional = [("Image", &build.image), ("Release", &build.release), ("Failure", &build.failure)];
    pairs.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    context.terminal.pairs(&pairs);
    warn(context, &build.warnings);
    context.terminal.json(&answer);
    Ok(())
}

pub fn warn(context: &Context<'_>, warnings: &[Warning]) {
    for warning in warnings {
        let line = warning.line.map_or_else(String::new, |line| format!(" (line {line})"));
        context.terminal.note(&format!("warning: {}{line}", warning.message));
    }
}

/// Writes the log of a build until it has ended.
pub async fn follow_log(context: &Context<'_>, build: &str) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let query = [("after", after.to_string()), ("wait", "20".to_owned())];
        let page: LogPage = api::read(&context.client.get_with(&format!("{build}/log"), &query).await?)?;
        for line in &page.lines {
            context.terminal.output(&line.text);
        }
        after = page.next;
        if page.finished {
            return Ok(());
        }
    }
}

/// The build when it has ended, with the answer as it came.
pub async fn ended(context: &Context<'_>, path: &str) -> Result<(Build, Value), Failure> {
    loop {
        let answer = context.client.get_with(path, &[("wait", "20".to_owned())]).await?;
        let build: Build = api::read(&answer)?;
        if matches!(build.status.as_str(), "complete" | "failed" | "cancelled") {
            return Ok((build, answer));
        }
    }
}
