//! `slipway clusters`

use serde_json::json;

use super::Context;
use crate::api::clusters::{Cluster, ClusterAccess};
use crate::api::{self, Page};
use crate::arguments::{ClustersCommand, SetupFormat};
use crate::client::Client;
use crate::failure::Failure;
use crate::target::{Target, segment};
use crate::terminal::{self, Terminal};

/// What is about clusters alone, whatever the app is.
pub async fn clusters(client: &Client, terminal: &Terminal, command: Option<ClustersCommand>) -> Result<(), Failure> {
    let path = |name: &str| segment("cluster", name.to_owned()).map(|name| format!("/v1/clusters/{name}"));
    let answer = match command {
        None | Some(ClustersCommand::Access { .. }) => return list(client, terminal).await,
        Some(ClustersCommand::Create { name, region, account, eks_name }) => {
            let eks_name = eks_name.unwrap_or_else(|| name.clone());
            let body = json!({ "name": name, "region": region, "account": account, "eks_name": eks_name });
            let answer = client.post("/v1/clusters", &body).await?;
            terminal.line(&format!("Created {name}. Next: slipway clusters setup {name}, and apply what it prints"));
            answer
        }
        Some(ClustersCommand::Setup { name, format }) => {
            let answer = client.get(&path(&name)?).await?;
            let setup = api::read::<Cluster>(&answer)?.setup;
            let text = setup.map(|setup| match format {
                SetupFormat::Cloudformation => setup.cloudformation,
                SetupFormat::Terraform => setup.terraform,
            });
            terminal.output(text.unwrap_or_default().trim_end());
            answer
        }
        Some(ClustersCommand::Connect { name }) => {
            terminal.begin(&format!("Connecting {name}... "));
            let answer = client.post(&format!("{}/connect", path(&name)?), &json!({})).await;
            let answer = answer.inspect_err(|_| terminal.line("ERROR"))?;
            terminal.line("OK");
            answer
        }
        Some(ClustersCommand::Info { name }) => {
            let answer = client.get(&path(&name)?).await?;
            info(terminal, &api::read(&answer)?);
            answer
        }
        Some(ClustersCommand::Delete { name }) => {
            client.delete(&path(&name)?).await?;
            terminal.line(&format!("Deleted {name}"));
            return Ok(());
        }
    };
    terminal.json(&answer);
    Ok(())
}

async fn list(client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let answer = client.get_all("/v1/clusters").await?;
    let page: Page<Cluster> = api::read(&answer)?;
    let row = |cluster: &Cluster| {
        let Cluster { name, status, region, account, eks_name, .. } = cluster;
        [name, status, region, account, eks_name].map(Clone::clone).to_vec()
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    terminal.table(&["CLUSTER", "STATUS", "REGION", "ACCOUNT", "IN EKS"], &rows);
    terminal.json(&answer);
    Ok(())
}

fn info(terminal: &Terminal, cluster: &Cluster) {
    let connected = cluster.connected_at.as_ref().map_or_else(String::new, |at| format!(" at {at}"));
    terminal.pairs(&[
        ("Name", cluster.name.clone()),
        ("Status", format!("{}{connected}", cluster.status)),
        ("Where", format!("{} in {} of the account {}", cluster.eks_name, cluster.region, cluster.account)),
        ("Role", cluster.role.clone()),
        ("External id", cluster.external_id.clone()),
        ("Group", cluster.group.clone()),
    ]);
}

pub async fn access(context: &Context<'_>, of: Option<String>, within: Option<String>) -> Result<(), Failure> {
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
