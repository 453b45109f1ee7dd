//! `slipway tenants`

use serde_json::json;

use crate::api;
use crate::api::clusters::Tenant;
use crate::arguments::TenantsCommand;
use crate::client::Client;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// The token goes to stdout alone, so that it can be piped into where it is kept.
pub async fn tenants(client: &Client, terminal: &Terminal, command: TenantsCommand) -> Result<(), Failure> {
    let TenantsCommand::Create { name } = command;
    let answer = client.post("/v1/tenants", &json!({ "name": name })).await?;
    let tenant: Tenant = api::read(&answer)?;
    terminal.line(&format!("Created {} for {name}; its owner's token is shown this once:", tenant.id));
    terminal.output(&tenant.token);
    terminal.json(&answer);
    Ok(())
}
