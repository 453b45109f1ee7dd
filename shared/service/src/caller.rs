//! Who asks, as a proof: only [`crate::slipway::Slipway::authenticate`] makes one.

use std::fmt;

use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::id::TenantId;
use slipway_store::records::Role;

/// What a use case asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    Read,
    /// Builds, releases, variables, promotions.
    Deploy,
    /// Apps, environments, tokens.
    Administer,
    /// One-off commands, which can read the variables of the release.
    Run,
    /// The values of variables.
    Reveal,
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

    /// Whether a role has it. Running commands and seeing values are the owner's alone: both show secrets.
    pub const fn is_of(self, role: Role) -> bool {
        match (self, role) {
            (Self::Read, _) | (_, Role::Owner) | (Self::Deploy, Role::Deployer) => true,
            (Self::Deploy | Self::Administer | Self::Run | Self::Reveal, Role::Viewer | Role::Deployer) => false,
        }
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
    tenant: TenantId,
    actor: String,
    credential: String,
    role: Role,
    request_id: String,
}

impl Caller {
    /// Only for authentication.
    pub(crate) fn new(tenant: TenantId, actor: String, credential: String, role: Role, request_id: &str) -> Self {
        Self { tenant, actor, credential, role, request_id: request_id.to_owned() }
    }

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
        right.is_of(self.role)
    }

    /// `forbidden` (403) unless the caller has the right.
    pub(crate) fn needs(&self, right: Right) -> Result<()> {
        if self.may(right) {
            return Ok(());
        }
        let role = self.role.as_str();
        let message = format!("this needs the right to {right}, which the role {role} does not have; ask an owner");
        Err(Error::new(Kind::Forbidden, "forbidden", message).detail("right", right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_the_rights_of_the_one_below() {
        let rights =
            |role| Right::ALL.into_iter().filter(|right| right.is_of(role)).map(Right::as_str).collect::<Vec<_>>();
        assert_eq!(rights(Role::Viewer), ["read"]);
        assert_eq!(rights(Role::Deployer), ["read", "deploy"]);
        assert_eq!(rights(Role::Owner), ["read", "deploy", "administer", "run", "reveal"]);
    }
}
