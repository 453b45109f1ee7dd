//! The commands that start a promotion, and wait for it.

use serde_json::{Map, Value, json};

use super::Context;
use super::releases::tell_diff;
use super::wait::follow;
use crate::api::{self, Environment, Plan, Promotion};
use crate::arguments::How;
use crate::failure::Failure;

/// How a promotion treats one that is running.
pub struct Promote<'run> {
    pub release: &'run str,
    pub supersede: bool,
    pub deadline: Option<u64>,
}

/// `Promoting R…...`, its events, `OK`. With `--no-wait` the promotion as it began.
pub async fn promote_release(context: &Context<'_>, release: &str, how: &How) -> Result<Promotion, Failure> {
    promote_with(context, &Promote { release, supersede: false, deadline: None }, how).await
}

pub async fn promote_with(context: &Context<'_>, promote: &Promote<'_>, how: &How) -> Result<Promotion, Failure> {
    let mut body = json!({ "release": promote.release, "reason": how.reason });
    if promote.supersede {
        body["on_conflict"] = json!("supersede");
    }
    if let Some(deadline) = promote.deadline {
        body["deadline_seconds"] = json!(deadline);
    }
    let path = format!("{}/promotions", context.target.environment_path());
    context.terminal.line(&format!("Promoting {}...", promote.release));
    let answer = context.client.post_if(&path, &body, how.if_version).await?;
    finish(context, Promotion::read(&answer)?, how, |_| "OK".to_owned()).await
}

/// Waits unless told not to, and ends with a line for success.
async fn finish(
    context: &Context<'_>,
    promotion: Promotion,
    how: &How,
    done: impl FnOnce(&Promotion) -> String,
) -> Result<Promotion, Failure> {
    if how.no_wait {
        let id = &promotion.id;
        context.terminal.line(&format!("{id} has begun; watch it with: slipway promotions info {id} --follow"));
        return Ok(promotion);
    }
    let promotion = follow(context, &promotion).await?;
    if promotion.is_success() {
        context.terminal.line(&done(&promotion));
    }
    Ok(promotion)
}

/// Exit code 3 unless the promotion succeeded, or nobody waited for it.
pub fn checked(promotion: Promotion, how: &How) -> Result<(), Failure> {
    if how.no_wait || promotion.is_success() { Ok(()) } else { Err(Failure::NotPromoted(Box::new(promotion))) }
}

/// Writes the promotion for programs, or fails with it.
pub fn conclude(context: &Context<'_>, promotion: Promotion, how: &How) -> Result<(), Failure> {
    if how.no_wait || promotion.is_success() {
        context.terminal.json(&promotion.document);
    }
    checked(promotion, how)
}

/// The plan, without doing it.
pub async fn validate(context: &Context<'_>, promote: &Promote<'_>, how: &How) -> Result<(), Failure> {
    let mut body = json!({ "release": promote.release, "validate_only": true });
    if promote.supersede {
        body["on_conflict"] = json!("supersede");
    }
    if let Some(deadline) = promote.deadline {
        body["deadline_seconds"] = json!(deadline);
    }
    let path = format!("{}/promotions", context.target.environment_path());
    let answer = context.client.post_if(&path, &body, how.if_version).await?;
    let plan: Plan = api::read(&answer)?;
    tell_plan(context, &plan);
    context.terminal.json(&answer);
    if plan.blocked_by.is_empty() {
        return Ok(());
    }
    context.terminal.note("error: it cannot be promoted now");
    Err(Failure::Told)
}

fn tell_plan(context: &Context<'_>, plan: &Plan) {
    let terminal = context.terminal;
    terminal.line(&format!("From: {}", plan.previous.as_deref().unwrap_or("nothing")));
    if plan.noop {
        terminal.line("It is active and complete: promoting it changes nothing");
    }
    if let Some(detail) = &plan.rollout {
        for service in &detail.services {
            let count = |count: Option<u32>| count.map_or_else(|| "none".to_owned(), |count| count.to_string());
            terminal.line(&format!("{}: {} -> {}", service.name, count(service.before), count(service.after)));
        }
        let fits = if plan.fits_deadline { "fits" } else { "does not fit" };
        let estimate = format!("about {} s, which {fits} the deadline", plan.estimate_seconds);
        terminal.line(&format!("Batch: {}, {estimate}", detail.batch));
    }
    if let Some(diff) = &plan.diff {
        tell_diff(terminal, diff);
    }
    for blocker in &plan.blocked_by {
        terminal.line(&format!("Blocked: {} ({})", blocker.detail, blocker.code));
    }
}

/// `Rolling back to R…...`, its events, `OK, R…` with the fresh copy.
pub async fn roll_back(context: &Context<'_>, release: Option<&str>, how: &How) -> Result<(), Failure> {
    let path = format!("{}/rollbacks", context.target.environment_path());
    if let Some(release) = release {
        context.terminal.line(&format!("Rolling back to {release}..."));
    }
    let body = json!({ "release": release, "reason": how.reason });
    let answer = context.client.post_if(&path, &body, how.if_version).await?;
    let copy = answer["release"]["id"].as_str().unwrap_or_default().to_owned();
    if release.is_none() {
        let original = answer["release"]["copied_from"].as_str().unwrap_or_default();
        context.terminal.line(&format!("Rolling back to {original}..."));
    }
    tell_reverts(context, &answer["reverts"])?;
    let promotion = finish(context, Promotion::read(&answer["promotion"])?, how, |_| format!("OK, {copy}")).await?;
    conclude(context, promotion, how)
}

/// Which variables the rollback takes back, because that is what surprises.
fn tell_reverts(context: &Context<'_>, reverts: &Value) -> Result<(), Failure> {
    if reverts.is_null() {
        return Ok(());
    }
    let diff: api::Diff = api::read(reverts)?;
    let kinds =
        [("add", &diff.variables.added), ("change", &diff.variables.changed), ("remove", &diff.variables.removed)];
    let words: Vec<String> =
        kinds.iter().flat_map(|(kind, keys)| keys.iter().map(move |key| format!("{kind}:{key}"))).collect();
    if !words.is_empty() {
        context.terminal.note(&format!("This changes variables: {}", words.join(" ")));
    }
    Ok(())
}

pub async fn restart(context: &Context<'_>, how: &How) -> Result<(), Failure> {
    let path = format!("{}/restarts", context.target.environment_path());
    context.terminal.line(&format!("Restarting {}...", context.target.app));
    let answer = context.client.post_if(&path, &json!({ "reason": how.reason }), how.if_version).await?;
    let copy = answer["release"]["id"].as_str().unwrap_or_default().to_owned();
    let promotion = finish(context, Promotion::read(&answer["promotion"])?, how, |_| format!("OK, {copy}")).await?;
    conclude(context, promotion, how)
}

/// Without services, shows the formation.
pub async fn scale(context: &Context<'_>, services: &[String], how: &How) -> Result<(), Failure> {
    if services.is_empty() {
        return formation(context).await;
    }
    let mut counts = Map::new();
    for text in services {
        let parsed = text.split_once('=').and_then(|(service, count)| Some((service, count.parse::<u32>().ok()?)));
        let Some((service, count)) = parsed else {
            return Err(Failure::Usage(format!("{text:?} is not SERVICE=COUNT, such as web=5")));
        };
        counts.insert(service.to_owned(), json!(count));
    }
    context.terminal.line(&format!("Scaling {}...", services.join(" ")));
    let path = format!("{}/scale", context.target.environment_path());
    let body = json!({ "services": counts, "reason": how.reason });
    let answer = context.client.post_if(&path, &body, how.if_version).await?;
    if answer["promotion"].is_null() {
        context.terminal.line("OK, it was so already");
        context.terminal.json(&answer);
        return Ok(());
    }
    let promotion = finish(context, Promotion::read(&answer["promotion"])?, how, |_| "OK".to_owned()).await?;
    conclude(context, promotion, how)
}

async fn formation(context: &Context<'_>) -> Result<(), Failure> {
    let answer = context.client.get(&context.target.environment_path()).await?;
    let environment: Environment = api::read(&answer)?;
    let rows: Vec<Vec<String>> =
        environment.formation.iter().map(|(service, count)| vec![service.clone(), count.to_string()]).collect();
    context.terminal.table(&["SERVICE", "COUNT"], &rows);
    context.terminal.json(&answer["formation"]);
    Ok(())
}
