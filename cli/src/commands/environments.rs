//! `slipway environments`

use serde_json::json;

use super::Context;
use crate::api::{self, Environment, Page};
use crate::arguments::EnvironmentsCommand;
use crate::failure::Failure;
use crate::target::segment;

pub async fn environments(context: &Context<'_>, command: Option<EnvironmentsCommand>) -> Result<(), Failure> {
    let path = format!("{}/environments", context.target.app_path());
    let answer = match command {
        None => {
            let answer = context.client.get_all(&path).await?;
            let page: Page<Environment> = api::read(&answer)?;
            let row = |environment: &Environment| {
                let active = environment.active.clone().unwrap_or_default();
                vec![environment.name.clone(), environment.status.clone(), active]
            };
            let rows: Vec<_> = page.items.iter().map(row).collect();
            context.terminal.table(&["ENVIRONMENT", "STATUS", "RELEASE"], &rows);
            answer
        }
        Some(EnvironmentsCommand::Move { name, cluster }) => {
            let path = format!("{path}/{}/cluster", segment("environment", name.clone())?);
            let answer = context.client.put(&path, &json!({ "cluster": cluster })).await?;
            context.terminal.line(&format!("Moved {name} to {cluster}"));
            answer
        }
        Some(EnvironmentsCommand::Create { name, cluster }) => {
            let mut body = json!({ "name": name });
            if let Some(cluster) = cluster {
                body["cluster"] = json!(cluster);
            }
            let answer = context.client.post(&path, &body).await?;
            context.terminal.line(&format!("Creating {name}... OK"));
            answer
        }
    };
    context.terminal.json(&answer);
    Ok(())
}
