//! The commands. Each asks the API, and writes what came of it.

mod apps;
mod builds;
mod clusters;
mod diagnosis;
mod environments;
mod external;
mod local;
mod login;
mod processes;
mod promote;
mod promotions;
mod releases;
mod runs;
mod source;
mod tenants;
mod variables;
mod wait;

use std::process::ExitCode;

use crate::arguments::{Arguments, ClustersCommand, Command};
use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;
use crate::target::Target;
use crate::terminal::Terminal;

/// What every command that speaks to the API has at hand.
pub struct Context<'run> {
    pub client: Client,
    pub terminal: &'run Terminal,
    pub target: Target,
}

pub async fn run(arguments: Arguments, terminal: &Terminal) -> Result<ExitCode, Failure> {
    match &arguments.command {
        Command::Local { arguments } => return Err(local::exec(arguments)),
        Command::Login { url, token } => {
            login::login(terminal, url, token.as_deref()).await?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let client = Client::new(Config::load()?)?;
    if let Command::Apps { command: None } = arguments.command {
        apps::list(&client, terminal).await?;
        return Ok(ExitCode::SUCCESS);
    }
    match arguments.command {
        Command::Clusters { command: Some(ClustersCommand::Access { .. }) } => {}
        Command::Clusters { command } => {
            clusters::clusters(&client, terminal, command).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Tenants { command } => {
            tenants::tenants(&client, terminal, command).await?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let context = Context { client, terminal, target: Target::of(&arguments)? };
    dispatch(&context, arguments.command).await
}

async fn dispatch(context: &Context<'_>, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Clusters { command: Some(ClustersCommand::Access { of, within }) } => {
            clusters::access(context, of, within).await?;
        }
        Command::Local { .. } | Command::Login { .. } | Command::Clusters { .. } | Command::Tenants { .. } => {}
        Command::Apps { command } => apps::apps(context, command).await?,
        Command::Environments { command } => environments::environments(context, command).await?,
        Command::Build { source, external: true } => external::create(context, &source).await?,
        Command::Build { source, external: false } => source::build(context, &source).await?,
        Command::Builds { command, limit } => builds::builds(context, command, limit.limit).await?,
        Command::Deploy { source, how } => source::deploy(context, &source, &how).await?,
        Command::Env { command, release, reveal } => variables::env(context, command, release, reveal).await?,
        Command::Releases { command, limit } => releases::releases(context, command, limit.limit).await?,
        Command::Promotions { command, limit } => promotions::promotions(context, command, limit.limit).await?,
        Command::Scale { services, how } => promote::scale(context, &services, &how).await?,
        Command::Restart { how } => promote::restart(context, &how).await?,
        Command::Run { service, command, release, time_limit } => {
            return runs::run(context, &service, command, release, time_limit).await;
        }
        Command::DeployDebug { service } => return diagnosis::diagnose(context, service).await,
        Command::Ps => processes::list(context).await?,
        Command::Logs(logs) => processes::logs(context, logs).await?,
    }
    Ok(ExitCode::SUCCESS)
}
