//! Clusters and tenants.

use clap::Subcommand;

pub const FLOW: &str = "\
From an account to the first promotion:
  slipway clusters create main --region eu-central-1 --account 123456789012 --eks-name prod
  slipway clusters setup main > slipway.yaml     a role and its entry in the cluster; apply it in your account
  slipway clusters connect main                  checks everything, and says what is missing
  slipway clusters access shop production | kubectl apply -f -";

/// What the role is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SetupFormat {
    Cloudformation,
    Terraform,
}

#[derive(Debug, Subcommand)]
pub enum TenantsCommand {
    /// Make a tenant, and print its first owner's token, once
    Create {
        /// Shown to people
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum ClustersCommand {
    /// Make an EKS cluster known; asks nothing of it yet
    Create {
        /// What it is called here
        name: String,
        /// The AWS region that it is in
        #[arg(long)]
        region: String,
        /// The AWS account that it is in
        #[arg(long, value_name = "12 DIGITS")]
        account: String,
        /// What EKS calls it; the same as here, unless given
        #[arg(long, value_name = "NAME")]
        eks_name: Option<String>,
    },
    /// Print what lets Slipway in, for whoever owns the account
    Setup {
        name: String,
        #[arg(long, value_enum, default_value_t = SetupFormat::Cloudformation)]
        format: SetupFormat,
    },
    /// Check that Slipway is let in and nobody else would be, and take the cluster into use
    Connect { name: String },
    /// Show one cluster
    Info { name: String },
    /// Forget a cluster that no environment is in
    Delete { name: String },
    /// Print the namespace, role and binding of an environment, for `kubectl apply`
    Access {
        /// Unless given by --app
        #[arg(value_name = "APP")]
        of: Option<String>,
        /// Unless given by --environment
        #[arg(value_name = "ENVIRONMENT", requires = "of")]
        within: Option<String>,
    },
}
