//! `slipway promotions`

use jiff::Timestamp;
use serde_json::json;

use super::Context;
use super::promote::checked;
use super::wait::follow;
use crate::api::{self, Page, Promotion};
use crate::arguments::{How, PromotionsCommand};
use crate::failure::Failure;
use crate::target::segment;
use crate::text::ago;

pub async fn promotions(context: &Context<'_>, command: Option<PromotionsCommand>, limit: u32) -> Result<(), Failure> {
    match command {
        None => list(context, limit).await,
        Some(PromotionsCommand::Info { promotion, follow }) => info(context, promotion, follow).await,
        Some(PromotionsCommand::Cancel { promotion }) => {
            let path = format!("{}/cancel", path(context, promotion)?);
            let answer = context.client.post(&path, &json!({})).await?;
            context.terminal.line("Turning back... OK");
            context.terminal.json(&answer);
            Ok(())
        }
    }
}

fn path(context: &Context<'_>, promotion: String) -> Result<String, Failure> {
    Ok(format!("{}/promotions/{}", context.target.environment_path(), segment("promotion", promotion)?))
}

async fn list(context: &Context<'_>, limit: u32) -> Result<(), Failure> {
    let path = format!("{}/promotions", context.target.environment_path());
    let answer = context.client.get_with(&path, &[("limit", limit.to_string())]).await?;
    let page: Page<Promotion> = api::read(&answer)?;
    let now = Timestamp::now();
    let row = |promotion: &Promotion| {
        vec![
            promotion.id.clone(),
            promotion.kind.clone(),
            promotion.outcome.clone().unwrap_or_else(|| promotion.phase.clone()),
            promotion.to.clone(),
            ago(&promotion.started_at, now),
            promotion.actor.clone(),
            why(promotion),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    context.terminal.table(&["ID", "KIND", "STATUS", "RELEASE", "STARTED", "BY", "WHY"], &rows);
    context.terminal.json(&answer);
    Ok(())
}

/// Why it failed, else why it was asked for.
fn why(promotion: &Promotion) -> String {
    match (&promotion.failure, &promotion.reason) {
        (Some(failure), _) => failure.cause.clone(),
        (None, reason) => reason.clone().unwrap_or_default(),
    }
}

async fn info(context: &Context<'_>, promotion: String, wait: bool) -> Result<(), Failure> {
    let path = path(context, promotion)?;
    let mut promotion = Promotion::read(&context.client.get(&path).await?)?;
    if wait {
        promotion = follow(context, &promotion).await?;
    }
    let now = Timestamp::now();
    let mut pairs = vec![
        ("Id", promotion.id.clone()),
        ("Kind", promotion.kind.clone()),
        ("Status", promotion.outcome.clone().unwrap_or_else(|| promotion.phase.clone())),
        ("From", promotion.from.clone().unwrap_or_else(|| "nothing".to_owned())),
        ("To", promotion.to.clone()),
        ("By", promotion.actor.clone()),
        ("Started", ago(&promotion.started_at, now)),
    ];
    pairs.extend(promotion.ended_at.as_ref().map(|ended| ("Ended", ago(ended, now))));
    pairs.extend(promotion.reason.as_ref().map(|reason| ("Reason", reason.clone())));
    pairs.extend(promotion.superseded_by.as_ref().map(|successor| ("Successor", successor.clone())));
    if let Some(failure) = &promotion.failure {
        pairs.push(("Cause", format!("{}: {}", failure.cause, failure.message)));
        pairs.extend(failure.process.as_ref().map(|process| ("Process", process.clone())));
        pairs.extend(failure.exit.as_ref().map(|exit| ("Exit", exit.to_string())));
        pairs.extend(failure.log.iter().map(|line| ("Log", line.clone())));
    }
    context.terminal.pairs(&pairs);
    if !wait || promotion.is_success() {
        context.terminal.json(&promotion.document);
        return Ok(());
    }
    checked(promotion, &How { reason: None, if_version: None, no_wait: false })
}
