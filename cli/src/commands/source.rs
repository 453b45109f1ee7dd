//! `slipway build` and `slipway deploy`

use serde_json::{Value, json};

use super::builds::{ended, follow_log, warn};
use super::wait::until_interrupted;
use super::{Context, promote};
use crate::api::{self, Build};
use crate::arguments::{How, Source};
use crate::failure::Failure;
use crate::package::{Archive, pack};
use crate::{git, terminal::Terminal};

pub async fn build(context: &Context<'_>, source: &Source) -> Result<(), Failure> {
    let (_, answer) = make(context, source).await?;
    context.terminal.json(&answer);
    Ok(())
}

pub async fn deploy(context: &Context<'_>, source: &Source, how: &How) -> Result<(), Failure> {
    let (release, answer) = make(context, source).await?;
    let promotion = promote::promote_release(context, &release, how).await?;
    let both = json!({ "build": answer, "promotion": promotion.document });
    promote::checked(promotion, how)?;
    context.terminal.json(&both);
    Ok(())
}

/// The release of a new build, and the build as the API tells it.
async fn make(context: &Context<'_>, source: &Source) -> Result<(String, Value), Failure> {
    let terminal = context.terminal;
    let archive = step(terminal, "Packaging source", async { pack(&source.folder) }).await?;
    let (path, build) = upload(context, source, &archive).await?;
    let (complete, nothing) = (format!("{path}/complete"), json!({}));
    step(terminal, "Starting build", context.client.post(&complete, &nothing)).await?;
    let goes_on = format!("{} goes on; see it with: slipway builds logs {}", build.id, build.id);
    let (build, answer) = until_interrupted(&goes_on, async {
        follow_log(context, &path).await?;
        ended(context, &path).await
    })
    .await?;
    warn(context, &build.warnings);
    let Some(release) = build.release.filter(|_| build.status == "complete") else {
        let why = build.failure.unwrap_or_else(|| "it made no release".to_owned());
        return Err(Failure::Local(format!("build {} ended as {}: {why}", build.id, build.status)));
    };
    terminal.line(&format!("Build: {}", build.id));
    terminal.line(&format!("Release: {release}"));
    Ok((release, answer))
}

/// Announces the archive and puts it where the API says.
async fn upload(context: &Context<'_>, source: &Source, archive: &Archive) -> Result<(String, Build), Failure> {
    let body = json!({
        "source": { "size_bytes": archive.size_bytes, "sha256": archive.sha256 },
        "environment": context.target.environment,
        "commit": git::commit(&source.folder),
        "manifest": source.manifest,
        "description": source.description,
    });
    step(context.terminal, "Uploading source", async {
        let answer = context.client.post(&format!("{}/builds", context.target.app_path()), &body).await?;
        let build: Build = api::read(&answer)?;
        let path = format!("{}/builds/{}", context.target.app_path(), build.id);
        let Some(upload) = &build.upload else {
            return Err(Failure::Unreachable("the answer does not say where to upload".to_owned()));
        };
        if archive.size_bytes > upload.max_bytes {
            let (size, limit) = (archive.size_bytes, upload.max_bytes);
            let advice = "name what is not needed in .slipwayignore";
            return Err(Failure::Local(format!("the archive has {size} bytes, the limit is {limit}: {advice}")));
        }
        context.client.upload(&upload.url, archive.path(), archive.size_bytes).await?;
        Ok((path, build))
    })
    .await
}

/// `Packaging source... OK`
pub(super) async fn step<T>(
    terminal: &Terminal,
    name: &str,
    act: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    terminal.begin(&format!("{name}... "));
    let result = act.await;
    terminal.line(if result.is_ok() { "OK" } else { "ERROR" });
    result
}
