//! Who asks, as a proof: only [`crate::slipway::Slipway::authenticate`] makes one.

use std::fmt;

use serde::{Deserialize, Serialize};
use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::id::TenantId;

/// What a member or a token may do. Each role may do all that the one before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads everything but the values of variables.
    Viewer,
    /// Builds, releases and promotes.
    Deployer,
    /// Makes apps, environments and tokens, runs commands and sees values.
    Owner,
}

/// What a use case asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    Read,
    /// Builds, releases, variables, promotions.
    Deploy,
    /// Apps, environments, tokens.
    Administer,
    /// One-off commands, which can read the variables of the release. Granted by itself.
    Run,
    /// The values of variables. Granted by itself.
    Reveal,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Deployer, Self::Owner];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Deployer => "deployer",
            Self::Owner => "owner",
        }
    }

    /// Whether the role alone gives the right.
    pub const fn gives(self, right: Right) -> bool {
        match right {
            Right::Read => true,
            Right::Deploy => matches!(self, Self::Deployer | Self::Owner),
            Right::Administer | Right::Run | Right::Reveal => matches!(self, Self::Owner),
        }
    }
}

impl Right {
    pub const ALL: [Self; 5] = [Self::Read, Self::Deploy, Self::Administer, Self::Run, Self::Reveal];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Administer => "administer",
            Self::Run => "run",
            Self::Reveal => "reveal",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Proof that a credential was checked: whose it is and what it may do.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) tenant: TenantId,
    pub(crate) actor: String,
    pub(crate) credential: String,
    pub(crate) role: Role,
    pub(crate) rights: Vec<Right>,
    pub(crate) request_id: String,
}

impl Caller {
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The name that histories show.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The id of the token; never the token.
    pub fn credential(&self) -> &str {
        &self.credential
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    pub fn may(&self, right: Right) -> bool {
        self.role.gives(right) || self.rights.contains(&right)
    }

    /// `forbidden` (403) unless the caller has the right.
    pub(crate) fn needs(&self, right: Right) -> Result<()> {
        if self.may(right) {
            return Ok(());
        }
        let message = format!("this needs the right `{right}`, which the role {} does not give; ask an owner", self.role);
        Err(Error::new(Kind::Forbidden, "forbidden", message).detail("right", right))
    }
}
