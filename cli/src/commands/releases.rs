//! `slipway releases`

use jiff::Timestamp;
use serde_json::Value;

use super::Context;
use super::builds::warn;
use super::promote::{Promote, conclude, promote_with, roll_back, validate};
use crate::api::{self, Diff, Environment, Page, Release, ReleaseDiff, SettingChange};
use crate::arguments::ReleasesCommand;
use crate::failure::Failure;
use crate::target::segment;
use crate::terminal::Terminal;
use crate::text::ago;

pub async fn releases(context: &Context<'_>, command: Option<ReleasesCommand>, limit: u32) -> Result<(), Failure> {
    match command {
        None => list(context, limit).await,
        Some(ReleasesCommand::Info { release }) => info(context, release).await,
        Some(ReleasesCommand::Diff { release, with }) => diff(context, release, with).await,
        Some(ReleasesCommand::Promote { release, validate_only, supersede, deadline, how }) => {
            let promote = Promote { release: &release, supersede, deadline };
            if validate_only {
                return validate(context, &promote, &how).await;
            }
            let promotion = promote_with(context, &promote, &how).await?;
            conclude(context, promotion, &how)
        }
        Some(ReleasesCommand::Rollback { release, how }) => roll_back(context, release.as_deref(), &how).await,
    }
}

async fn list(context: &Context<'_>, limit: u32) -> Result<(), Failure> {
    let path = format!("{}/releases", context.target.app_path());
    let query = [("environment", context.target.environment.clone()), ("limit", limit.to_string())];
    let answer = context.client.get_with(&path, &query).await?;
    let page: Page<Release> = api::read(&answer)?;
    let now = Timestamp::now();
    let row = |release: &Release| {
        vec![
            release.id.clone(),
            status(release).to_owned(),
            release.build.clone(),
            ago(&release.created_at, now),
            described(release),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    context.terminal.table(&["ID", "STATUS", "BUILD", "CREATED", "DESCRIPTION"], &rows);
    context.terminal.json(&answer);
    Ok(())
}

fn status(release: &Release) -> &str {
    if release.active { "active" } else { &release.state }
}

fn described(release: &Release) -> String {
    match &release.tag {
        Some(tag) => format!("{} [{tag}]", release.description),
        None => release.description.clone(),
    }
}

async fn info(context: &Context<'_>, release: String) -> Result<(), Failure> {
    let path = format!("{}/releases/{}", context.target.app_path(), segment("release", release)?);
    let answer = context.client.get(&path).await?;
    let release: Release = api::read(&answer)?;
    let services: Vec<&str> = release.services.iter().map(|service| service.name.as_str()).collect();
    let keys: Vec<&str> = release.variables.iter().map(|variable| variable.key.as_str()).collect();
    let mut pairs = vec![
        ("Id", release.id.clone()),
        ("Number", format!("v{}", release.number)),
        ("Status", status(&release).to_owned()),
        ("Where", release.environment.clone()),
        ("Build", release.build.clone()),
        ("Image", release.image.clone()),
        ("Digest", release.digest.clone()),
        ("Created", format!("{} by {}", ago(&release.created_at, Timestamp::now()), release.created_by)),
        ("Text", release.description.clone()),
        ("Services", services.join(" ")),
        ("Variables", keys.join(" ")),
    ];
    let optional = [
        ("Tag", &release.tag),
        ("Parent", &release.parent),
        ("Copy of", &release.copied_from),
        ("Reason", &release.reason),
    ];
    pairs.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    context.terminal.pairs(&pairs);
    warn(context, &release.warnings);
    context.terminal.json(&answer);
    Ok(())
}

async fn diff(context: &Context<'_>, release: String, with: Option<String>) -> Result<(), Failure> {
    let with = match with {
        Some(with) => with,
        None => active(context).await?,
    };
    let path = format!("{}/releases/{}/diff", context.target.app_path(), segment("release", release)?);
    let answer = context.client.get_with(&path, &[("with", with)]).await?;
    let compared: ReleaseDiff = api::read(&answer)?;
    for (name, head) in [("From", &compared.from), ("To", &compared.to)] {
        context.terminal.line(&format!("{name}: {} v{} {}", head.id, head.number, head.description));
    }
    tell_diff(context.terminal, &compared.diff);
    context.terminal.json(&answer);
    Ok(())
}

async fn active(context: &Context<'_>) -> Result<String, Failure> {
    let environment: Environment = api::read(&context.client.get(&context.target.environment_path()).await?)?;
    environment.active.ok_or_else(|| {
        Failure::Usage(format!("nothing is active in {}; name a second release", context.target.environment))
    })
}

pub fn tell_diff(terminal: &Terminal, diff: &Diff) {
    for line in diff_lines(diff) {
        terminal.line(&line);
    }
}

/// One line per difference; keys of variables, never values.
pub fn diff_lines(diff: &Diff) -> Vec<String> {
    if diff.empty {
        return vec!["nothing differs".to_owned()];
    }
    let mut lines = Vec::new();
    if let Some(image) = &diff.image {
        lines.push(format!("image {} -> {}", image.from, image.to));
    }
    if let Some(commit) = &diff.commit {
        let told = |commit: &Option<api::Commit>| {
            commit.as_ref().map_or_else(|| "none".to_owned(), |commit| format!("{:.8} {}", commit.id, commit.subject))
        };
        lines.push(format!("commit {} -> {}", told(&commit.from), told(&commit.to)));
    }
    let marked = |mark: &str, what: &str, names: &[String]| {
        names.iter().map(|name| format!("{mark} {what} {name}")).collect::<Vec<_>>()
    };
    lines.extend(marked("+", "variable", &diff.variables.added));
    lines.extend(marked("-", "variable", &diff.variables.removed));
    lines.extend(marked("~", "variable", &diff.variables.changed));
    lines.extend(marked("+", "service", &diff.services.added));
    lines.extend(marked("-", "service", &diff.services.removed));
    for change in &diff.services.changed {
        lines.extend(change.settings.iter().map(|setting| setting_line(&change.service, setting)));
    }
    lines.extend(diff.settings.iter().map(|setting| setting_line("manifest", setting)));
    lines
}

fn setting_line(of: &str, change: &SettingChange) -> String {
    let told = |value: &Value| if value.is_null() { "unset".to_owned() } else { value.to_string() };
    format!("~ {of} {}: {} -> {}", change.setting, told(&change.from), told(&change.to))
}
