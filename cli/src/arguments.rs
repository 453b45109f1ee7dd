//! The command line as it is typed.

mod clusters;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use self::clusters::{ClustersCommand, SetupFormat, TenantsCommand};

const ABOUT: &str = "Build, release and promote: three acts instead of one deploy";

const FLOW: &str = "\
The flow:
  slipway apps create myapp             once
  slipway build -a myapp                an image and a release; ships nothing
  slipway env set KEY=value -a myapp    a new release; ships nothing
  slipway run web bin/migrate -a myapp  a command in the newest release
  slipway releases promote R… -a myapp  the only step that ships
  slipway releases rollback -a myapp    back to the last good release

The app is --app, else SLIPWAY_APP, else the file .slipway/app, else the name of the folder.

Exit codes:
  0    done
  1    refused or failed; stderr says why and what to do
  2    the command line makes no sense
  3    the promotion did not succeed; stderr has cause, process and last log lines
  4    the API does not answer
  130  Ctrl-C: the wait was given up, what was started goes on
  `slipway run` ends with the exit code of the command that it ran.";

#[derive(Debug, Parser)]
#[command(name = "slipway", version, about = ABOUT, after_help = FLOW, propagate_version = true)]
pub struct Arguments {
    /// The app
    #[arg(short, long, global = true, value_name = "NAME")]
    pub app: Option<String>,
    /// The environment
    #[arg(short, long, global = true, value_name = "NAME", default_value = "production", env = "SLIPWAY_ENVIRONMENT")]
    pub environment: String,
    /// Write the API's answer as JSON, and no progress
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run all of Slipway on this machine, without an account or a cluster
    #[command(disable_help_flag = true)]
    Local {
        /// Passed on as they are; try `slipway local --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Keep the address of an API and a token for it
    #[command(after_help = "Examples:\n  slipway login --url https://slipway.example   asks for the token\n  \
                            slipway login --url https://slipway.example < token.txt")]
    Login {
        /// Where the API is
        #[arg(long)]
        url: String,
        /// The token; better given through stdin, where no list of processes shows it
        #[arg(long)]
        token: Option<String>,
    },
    /// List apps, make one, or see what one runs
    #[command(after_help = "Examples:\n  slipway apps\n  slipway apps create myapp\n  slipway apps info -a myapp")]
    Apps {
        #[command(subcommand)]
        command: Option<AppsCommand>,
    },
    /// List the environments of an app, or make one
    Environments {
        #[command(subcommand)]
        command: Option<EnvironmentsCommand>,
    },
    /// Connect the clusters that processes run in, and see what Slipway needs there
    #[command(after_help = clusters::FLOW)]
    Clusters {
        #[command(subcommand)]
        command: Option<ClustersCommand>,
    },
    /// Make tenants of a hosted installation; with the operator's token
    #[command(after_help = "Example:\n  SLIPWAY_TOKEN=slp_operator_… slipway tenants create \"Acme Inc\"")]
    Tenants {
        #[command(subcommand)]
        command: TenantsCommand,
    },
    /// Make a build, and a release of it, from a folder; ships nothing
    #[command(after_help = "What .gitignore and .slipwayignore name stays out of the archive.\n\nExamples:\n  \
                            slipway build -a myapp\n  slipway build ./service -e staging\n  \
                            slipway build --external -a myapp   an image that you build and push yourself")]
    Build {
        #[command(flatten)]
        source: Source,
        /// Upload nothing: say where to push an image that is built elsewhere
        #[arg(long, conflicts_with = "manifest")]
        external: bool,
    },
    /// List builds, see one, or read its log
    Builds {
        #[command(subcommand)]
        command: Option<BuildsCommand>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Build, release and promote in one go
    #[command(after_help = "Right for a change without risk; otherwise build, look, and promote.\n\nExamples:\n  \
                            slipway deploy -a myapp")]
    Deploy {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        how: How,
    },
    /// Find out what is wrong with the processes, and what to do next
    #[command(
        after_help = "Exit codes: 0 nothing is wrong, 1 something is, or the request was refused.\nLog lines are \
                            masked: values of variables of 8 characters and more are not shown.\n\nExamples:\n  \
                            slipway deploy-debug -a myapp\n  slipway deploy-debug web -e staging"
    )]
    DeployDebug {
        /// Only of this service
        service: Option<String>,
    },
    /// Show the variables of the newest release, or change them; ships nothing
    #[command(
        after_help = "Examples:\n  slipway env\n  slipway env --reveal\n  slipway env set API_KEY=abc PORT=8080\n  \
                            slipway env unset API_KEY"
    )]
    Env {
        #[command(subcommand)]
        command: Option<EnvCommand>,
        /// Of this release: newest, active, or an id, number or tag
        #[arg(long)]
        release: Option<String>,
        /// Show the values; a right of its own, kept in the audit log
        #[arg(long)]
        reveal: bool,
    },
    /// List releases, see one, compare two, promote one, or roll back
    #[command(after_help = "Where a release is named: an id, a number such as v42, or a tag.\n\nExamples:\n  \
                            slipway releases\n  slipway releases diff R1 R2\n  slipway releases promote RCDEFGHIJK\n  \
                            slipway releases rollback --reason 'checkout fails'")]
    Releases {
        #[command(subcommand)]
        command: Option<ReleasesCommand>,
        #[command(flatten)]
        limit: Limit,
    },
    /// List promotions, see or follow one, or turn one back
    Promotions {
        #[command(subcommand)]
        command: Option<PromotionsCommand>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Change how many processes the services run, or show it
    #[command(after_help = "Examples:\n  slipway scale\n  slipway scale web=5 worker=2")]
    Scale {
        /// SERVICE=COUNT
        services: Vec<String>,
        #[command(flatten)]
        how: How,
    },
    /// Replace every process by a fresh one of the same release
    Restart {
        #[command(flatten)]
        how: How,
    },
    /// Run a command in a fresh process of a release, promoted or not
    #[command(
        after_help = "One word with spaces is a line for sh; words of their own are run as they are. Put -- before \
                            a command that has options.\n\nExamples:\n  slipway run web bin/migrate\n  \
                            slipway run web bin/migrate --release RCDEFGHIJK\n  slipway run web -- ls -l"
    )]
    Run {
        /// Whose image and variables it gets
        service: String,
        /// The command and its arguments
        #[arg(required = true)]
        command: Vec<String>,
        /// An id, number or tag; the newest unless given
        #[arg(long)]
        release: Option<String>,
        /// End it after this many seconds
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
        time_limit: Option<u64>,
    },
    /// List processes
    Ps,
    /// Show what processes wrote
    #[command(
        after_help = "Examples:\n  slipway logs --follow\n  slipway logs --service web --since 10m --contains error"
    )]
    Logs(Logs),
}

#[derive(Debug, Subcommand)]
pub enum AppsCommand {
    /// Make an app with the environment production
    Create {
        name: Option<String>,
        /// The cluster that production is in; the only one there is, unless given
        #[arg(long, value_name = "NAME")]
        cluster: Option<String>,
    },
    /// Show what an environment of the app runs
    Info,
}

#[derive(Debug, Subcommand)]
pub enum EnvironmentsCommand {
    /// Make an environment
    Create {
        name: String,
        /// The cluster that it is in; the only one there is, unless given
        #[arg(long, value_name = "NAME")]
        cluster: Option<String>,
    },
    /// Move an environment in which nothing runs yet into a cluster
    Move {
        name: String,
        #[arg(long, value_name = "NAME")]
        cluster: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum BuildsCommand {
    /// Show one build
    Info { build: String },
    /// Show the log of a build, and follow it while it runs
    Logs { build: String },
    /// Complete a build with an image that was pushed, or that is in the registry already
    #[command(after_help = "Example:\n  slipway builds complete BABCDEFGHIJ --digest sha256:… --manifest slipway.yml")]
    Complete {
        build: String,
        /// The image's digest, as `docker push` prints it: sha256: and 64 hexadecimal digits
        #[arg(long, value_name = "DIGEST")]
        digest: String,
        /// The image's manifest; that of the newest build with the same image, unless given
        #[arg(long, value_name = "FILE")]
        manifest: Option<PathBuf>,
    },
    /// Stop a build
    Cancel { build: String },
}

#[derive(Debug, Subcommand)]
pub enum EnvCommand {
    /// Set variables, which makes a release
    Set {
        /// KEY=VALUE; a single - reads such lines from stdin, where no list of processes shows them
        #[arg(required = true, value_name = "KEY=VALUE")]
        variables: Vec<String>,
        #[command(flatten)]
        release: NewRelease,
    },
    /// Unset variables, which makes a release
    Unset {
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
        #[command(flatten)]
        release: NewRelease,
    },
}

#[derive(Debug, Subcommand)]
pub enum ReleasesCommand {
    /// Show one release
    Info { release: String },
    /// Show what a release brings relative to another, or to the active one
    Diff {
        release: String,
        /// The release that the difference starts from
        with: Option<String>,
    },
    /// Make a release the active one: the only step that ships
    Promote {
        release: String,
        /// Check everything and show the plan; change nothing
        #[arg(long)]
        validate_only: bool,
        /// Take over from a promotion that is running
        #[arg(long)]
        supersede: bool,
        /// Turn back after this many seconds
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
        deadline: Option<u64>,
        #[command(flatten)]
        how: How,
    },
    /// Promote a fresh copy of a release that was good
    Rollback {
        /// The last good one before the active one, unless given
        release: Option<String>,
        #[command(flatten)]
        how: How,
    },
}

#[derive(Debug, Subcommand)]
pub enum PromotionsCommand {
    /// Show one promotion
    Info {
        promotion: String,
        /// Print its events, and wait for its outcome
        #[arg(long)]
        follow: bool,
    },
    /// Turn a running promotion back
    Cancel { promotion: String },
}

#[derive(Debug, Args)]
pub struct Source {
    /// The folder to build
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Path of the manifest in the folder, if it is none of the well-known names
    #[arg(long)]
    pub manifest: Option<String>,
    /// Instead of commit and subject
    #[arg(long)]
    pub description: Option<String>,
}

/// How a promotion is asked for and waited for.
#[derive(Debug, Args)]
pub struct How {
    /// Kept in the history
    #[arg(long)]
    pub reason: Option<String>,
    /// Refuse unless the environment is at this version, as `apps info --json` shows it
    #[arg(long, value_name = "VERSION")]
    pub if_version: Option<u64>,
    /// Do not wait for the outcome
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
pub struct NewRelease {
    /// What the release forks from: newest, active, or an id, number or tag
    #[arg(long)]
    pub base: Option<String>,
    /// Instead of the list of keys
    #[arg(long)]
    pub description: Option<String>,
    /// A name for the release, unique in the app
    #[arg(long)]
    pub tag: Option<String>,
}

#[derive(Debug, Args)]
pub struct Limit {
    /// How many, the newest
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// Go on with what is written from now on
    #[arg(short, long)]
    pub follow: bool,
    /// Only of this service
    #[arg(long)]
    pub service: Option<String>,
    /// Only of this process
    #[arg(long)]
    pub process: Option<String>,
    /// From a time on, or since a while ago such as 10m
    #[arg(long)]
    pub since: Option<String>,
    /// Only lines with this text
    #[arg(long)]
    pub contains: Option<String>,
    /// At most this many, the newest
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
}

#[cfg(test)]
mod tests;
