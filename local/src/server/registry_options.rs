//! Which registry holds the images, and how the server logs in to it.

use std::path::PathBuf;

use clap::Args;
use slipway_domain::error::{Error, Result};
use slipway_domain::repository::RegistryAddress;
use slipway_domain::secret::Secret;
use slipway_registry::{Credentials, OciRegistry};

/// The environment variable of the password. There is no option for it: lists of processes show options to everybody.
pub const PASSWORD: &str = "SLIPWAY_REGISTRY_PASSWORD";

/// The registry of a server whose images are built elsewhere.
#[derive(Clone, Debug, Default, Args)]
pub struct RegistryOptions {
    /// The registry that images are pushed to; https, unless it is at a loopback or private address
    #[arg(long, value_name = "HOST[:PORT][/FOLDER]", env = "SLIPWAY_REGISTRY")]
    registry: Option<RegistryAddress>,

    /// Speak to the registry without TLS, wherever it is
    #[arg(long, requires = "registry")]
    registry_plain_http: bool,

    /// Log in to the registry with this name; the password is in `SLIPWAY_REGISTRY_PASSWORD`, or in a file
    #[arg(long, value_name = "NAME", requires = "registry", env = "SLIPWAY_REGISTRY_USERNAME")]
    registry_username: Option<String>,

    /// The file that holds the password of the registry
    #[arg(long, value_name = "FILE", requires = "registry_username", env = "SLIPWAY_REGISTRY_PASSWORD_FILE")]
    registry_password_file: Option<PathBuf>,
}

impl RegistryOptions {
    /// Where it is; None: no registry was named.
    pub fn address(&self) -> Option<RegistryAddress> {
        let address = self.registry.clone()?;
        Some(if self.registry_plain_http { address.over_plain_http() } else { address })
    }

    /// The registry as it was named. `password` is what [`PASSWORD`] holds; a file is preferred to it.
    pub fn open(&self, password: Option<String>) -> Result<Option<OciRegistry>> {
        let Some(address) = self.address() else { return Ok(None) };
        let credentials = match &self.registry_username {
            None => None,
            Some(username) => Some(Credentials { username: username.clone(), password: self.password(password)? }),
        };
        OciRegistry::new(address, credentials).map(Some)
    }

    fn password(&self, password: Option<String>) -> Result<Secret> {
        if let Some(path) = &self.registry_password_file {
            let text = std::fs::read_to_string(path).map_err(|error| {
                refused(format!("cannot read the password of the registry from {}: {error}", path.display()))
            })?;
            return match text.trim_end_matches(['\r', '\n']) {
                "" => Err(refused(format!("the password file of the registry, {}, is empty", path.display()))),
                password => Ok(Secret::from(password)),
            };
        }
        let given = password.filter(|password| !password.is_empty()).map(Secret::new);
        given.ok_or_else(|| {
            refused(format!("the registry's password is missing: set {PASSWORD}, or name --registry-password-file"))
        })
    }
}

fn refused(text: String) -> Error {
    Error::conflict("refused", text)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        registry: RegistryOptions,
    }

    fn typed(line: &str) -> std::result::Result<RegistryOptions, clap::Error> {
        Program::try_parse_from(std::iter::once("program").chain(line.split_whitespace())).map(|typed| typed.registry)
    }

    #[test]
    fn a_registry_is_named_by_its_address() {
        assert_eq!(typed("").unwrap().address(), None);
        assert!(typed("").unwrap().open(None).unwrap().is_none());
        for (line, expected) in [
            ("--registry 10.0.0.1:5000", "http://10.0.0.1:5000"),
            ("--registry registry.example.com/team", "https://registry.example.com/team"),
            ("--registry registry.example.com --registry-plain-http", "http://registry.example.com"),
        ] {
            let options = typed(line).unwrap();
            assert_eq!(options.open(None).unwrap().unwrap().address().to_string(), expected, "{line}");
        }
        let error = typed("--registry http://registry.example.com").unwrap_err().to_string();
        assert!(error.contains("must be reached over https"), "{error}");
        typed("--registry-plain-http").unwrap_err();
    }

    #[test]
    fn a_password_comes_from_a_file_or_the_environment_and_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "CANARY file\r\n").unwrap();
        let with =
            format!("--registry 10.0.0.1:5000 --registry-username ci --registry-password-file {}", file.display());
        let options = typed(&with).unwrap();
        assert_eq!(options.password(Some("other".to_owned())).unwrap().reveal(), "CANARY file");
        assert!(!format!("{options:?}").contains("CANARY"));
        let options = typed("--registry 10.0.0.1:5000 --registry-username ci").unwrap();
        assert_eq!(options.password(Some(" CANARY ".to_owned())).unwrap().reveal(), " CANARY ");
        for missing in [None, Some(String::new())] {
            assert!(options.open(missing).err().unwrap().message.contains(PASSWORD));
        }
        let absent = "--registry 10.0.0.1:5000 --registry-username ci --registry-password-file /nowhere";
        assert!(typed(absent).unwrap().open(None).err().unwrap().message.contains("/nowhere"));
        typed("--registry 10.0.0.1:5000 --registry-password-file /nowhere").unwrap_err();
    }
}
