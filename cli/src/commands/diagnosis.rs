//! `slipway deploy-debug`

use std::process::ExitCode;

use jiff::Timestamp;

use super::Context;
use crate::api;
use crate::api::diagnosis::{DiagnosedPromotion, Diagnosis, Finding, ServiceHealth};
use crate::failure::{Failure, REFUSED};
use crate::target::{Target, segment};
use crate::text::{ago, clean};

/// Exit code 1 when something is wrong.
pub async fn diagnose(context: &Context<'_>, service: Option<String>) -> Result<ExitCode, Failure> {
    let path = format!("{}/diagnosis", context.target.environment_path());
    let service = service.map(|service| segment("service", service)).transpose()?;
    let query: Vec<(&str, String)> = service.into_iter().map(|service| ("service", service)).collect();
    let answer = context.client.get_with(&path, &query).await?;
    let diagnosis: Diagnosis = api::read(&answer)?;
    let mut text = vec![heading(&context.target, &diagnosis)];
    text.extend(report(&diagnosis, Timestamp::now()));
    context.terminal.line(&clean(&text.join("\n")));
    context.terminal.json(&answer);
    Ok(if diagnosis.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

fn heading(target: &Target, diagnosis: &Diagnosis) -> String {
    let active = diagnosis.active.as_deref().unwrap_or("nothing");
    format!("{} in {}: {}, {active} is active", target.app, target.environment, diagnosis.status)
}

fn report(diagnosis: &Diagnosis, now: Timestamp) -> Vec<String> {
    let mut lines: Vec<String> = diagnosis.services.iter().map(counts).collect();
    for finding in &diagnosis.findings {
        lines.push(String::new());
        lines.extend(told(finding, now));
    }
    if let Some(promotion) = &diagnosis.promotion {
        lines.push(String::new());
        lines.extend(context_of(promotion));
    }
    lines.push(String::new());
    lines.push(verdict(diagnosis));
    lines
}

/// `web of R…: 2 of 3 healthy, 1 starting`
fn counts(service: &ServiceHealth) -> String {
    let others = [(service.starting, "starting"), (service.sick, "sick")];
    let others = others.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    let healthy = format!("{} of {} healthy", service.healthy, service.asked);
    let counts: Vec<String> = std::iter::once(healthy).chain(others).collect();
    format!("{} of {}: {}", service.service, service.release, counts.join(", "))
}

fn told(finding: &Finding, now: Timestamp) -> Vec<String> {
    let name = finding.process.as_deref().unwrap_or(&finding.service);
    let mut lines = vec![format!("{name}: {}", finding.cause), format!("  {}", finding.message)];
    let mut evidence = Vec::new();
    if let Some(since) = &finding.running_since {
        let ready = if finding.ready { "running and ready" } else { "running, not ready" };
        evidence.push(("state", format!("{ready}, started {}", ago(since, now))));
    }
    evidence.extend((finding.restarts > 0).then(|| ("restarts", finding.restarts.to_string())));
    evidence.extend(finding.exit.as_ref().map(|exit| ("last exit", exit.to_string())));
    let untold = finding.probe_error.as_ref().filter(|error| !finding.message.contains(*error));
    evidence.extend(untold.map(|error| ("check", error.clone())));
    lines.extend(evidence.into_iter().map(|(name, value)| format!("  {:<10} {value}", format!("{name}:"))));
    if !finding.log.is_empty() {
        lines.push("  its last lines:".to_owned());
        lines.extend(finding.log.iter().map(|line| format!("    {line}")));
    }
    lines.push(format!("  next: {}", finding.next));
    lines
}

/// What a promotion waits for, or why it failed.
fn context_of(promotion: &DiagnosedPromotion) -> Vec<String> {
    let (id, kind, to) = (&promotion.id, &promotion.kind, &promotion.to);
    let mut lines = vec![match &promotion.outcome {
        Some(outcome) => format!("the last promotion, {id} ({kind} of {to}), ended as {outcome}"),
        None => format!("the promotion {id} ({kind} of {to}) is {}", promotion.phase),
    }];
    if let Some(failure) = &promotion.failure {
        lines.push(format!("  cause: {}: {}", failure.cause, failure.message));
    } else if let Some(waiting) = &promotion.waits_for {
        lines.push(format!("  waits for: {}: {}", waiting.cause, waiting.message));
    }
    lines.extend(promotion.next.as_ref().map(|next| format!("  next: {next}")));
    lines
}

fn verdict(diagnosis: &Diagnosis) -> String {
    let sum = |count: fn(&ServiceHealth) -> u32| diagnosis.services.iter().map(count).sum::<u32>();
    let (asked, healthy, starting) = (sum(|it| it.asked), sum(|it| it.healthy), sum(|it| it.starting));
    match (diagnosis.findings.len(), asked) {
        (0, 0) => "nothing runs here, and nothing should".to_owned(),
        (0, _) if starting > 0 => format!("nothing is wrong: {healthy} of {asked} processes are healthy, others start"),
        (0, _) => format!("nothing is wrong: {healthy} of {asked} processes are healthy"),
        (1, _) => "1 finding".to_owned(),
        (count, _) => format!("{count} findings"),
    }
}
