//! `slipway clusters`

use super::Context;
use crate::api::{self, ClusterAccess};
use crate::arguments::ClustersCommand;
use crate::failure::Failure;
use crate::target::{Target, segment};
use crate::terminal;

pub async fn clusters(context: &Context<'_>, command: ClustersCommand) -> Result<(), Failure> {
    let ClustersCommand::Access { of, within } = command;
    let named =
        |what, name: Option<String>, otherwise: &str| segment(what, name.unwrap_or_else(|| otherwise.to_owned()));
    let target = Target {
        app: named("app", of, &context.target.app)?,
        environment: named("environment", within, &context.target.environment)?,
    };
    let answer = context.client.get(&format!("{}/access", target.environment_path())).await?;
    let access: ClusterAccess = api::read(&answer)?;
    let Some(manifest) = &access.manifest else {
        return Err(Failure::Local(
            "the processes run on the server's own machine, which asks for no rights".to_owned(),
        ));
    };
    if let Some(missing) = access.missing.filter(|missing| !missing.is_empty()) {
        terminal::error(&format!("missing so far: {}", missing.join("; ")));
    }
    context.terminal.output(manifest.trim_end());
    context.terminal.json(&answer);
    Ok(())
}
