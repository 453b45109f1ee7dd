//! `slipway build --external` and `slipway builds complete`

use std::path::Path;

use serde_json::json;

use super::Context;
use super::builds::warn;
use super::source::step;
use crate::api::{self, Build, Push};
use crate::arguments::Source;
use crate::failure::Failure;
use crate::git;
use crate::terminal::Terminal;
use crate::text::clean;

/// Makes a build of an image that somebody else builds, and says where to push it.
pub async fn create(context: &Context<'_>, source: &Source) -> Result<(), Failure> {
    let body = json!({
        "source": "external",
        "environment": context.target.environment,
        "commit": git::commit(&source.folder),
        "description": source.description,
    });
    let path = format!("{}/builds", context.target.app_path());
    let answer = step(context.terminal, "Creating build", context.client.post(&path, &body)).await?;
    let build: Build = api::read(&answer)?;
    let Some(push) = &build.push else {
        return Err(Failure::Unreachable("the answer does not say where to push".to_owned()));
    };
    tell(context, &build.id, push);
    context.terminal.json(&answer);
    Ok(())
}

fn tell(context: &Context<'_>, build: &str, push: &Push) {
    let say = |text: &str| context.terminal.line(&clean(text));
    // A tag of its own for each build: a registry that tidies up keeps what has one.
    let tagged = format!("{}:{build}", push.repository);
    say(&format!("Build: {build}"));
    say(&format!("Repository: {}", push.repository));
    tell_login(context.terminal, push);
    say("Push the image, and complete the build with the digest that the push prints:");
    say(&format!("  docker tag IMAGE {tagged}"));
    say(&format!("  docker push {tagged}"));
    say(&format!("  (or, of an archive: crane push IMAGE.tar {tagged})"));
    let app = &context.target.app;
    say(&format!("  slipway builds complete {build} --digest sha256:... --manifest slipway.yml -a {app}"));
}

fn tell_login(terminal: &Terminal, push: &Push) {
    let say = |text: &str| terminal.line(&clean(text));
    let registry = &push.registry;
    match (push.login.as_str(), &push.username, &push.password) {
        ("none", ..) => {}
        (_, Some(username), Some(password)) => {
            say(&format!("Username: {username}"));
            say(&format!("Password: {password}"));
            if let Some(expires_at) = &push.expires_at {
                say(&format!("Expires: {expires_at}"));
            }
            say(&format!("Log in: docker login {registry} --username {username} --password-stdin"));
        }
        _ => {
            say(&format!("Log in: docker login {registry} (with credentials of the registry; Slipway gives out none)"));
        }
    }
}

/// Completes a build with an image of the app's repository.
pub async fn complete(context: &Context<'_>, path: &str, digest: &str, manifest: Option<&Path>) -> Result<(), Failure> {
    let manifest = match manifest {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::local(&format!("read the manifest {}", path.display()), error))?;
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            Some(json!({ "file": file, "text": text }))
        }
    };
    let body = json!({ "image": digest, "manifest": manifest });
    let complete = format!("{path}/complete");
    let answer = step(context.terminal, "Completing build", context.client.post(&complete, &body)).await?;
    let build: Build = api::read(&answer)?;
    warn(context, &build.warnings);
    context.terminal.line(&format!("Build: {}", build.id));
    if let Some(release) = &build.release {
        context.terminal.line(&format!("Release: {release}"));
    }
    context.terminal.json(&answer);
    Ok(())
}
