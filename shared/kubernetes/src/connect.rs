//! From a kubeconfig to a client that is known to work: what is wrong with the file, the way or the credential is said
//! by name before anything else starts.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::apimachinery::pkg::version::Info;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use serde_json::json;
use slipway_domain::secret::Secret;

use crate::failure::deepest;

/// How long the cluster may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection may be silent: longer than any watch of a turn lasts.
const READ: Duration = Duration::from_mins(1);
const WRITE: Duration = Duration::from_secs(10);
/// How long each of the questions at start may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Who asks without a credential.
const ANONYMOUS: &str = "system:anonymous";
/// The first version whose kubelets pause a stopping container by themselves without being asked to try it.
const OLDEST: (u32, u32) = (1, 30);

/// Which cluster is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub file: PathBuf,
    /// None: the file's current context.
    pub context: Option<String>,
}

/// An API server that is known without a kubeconfig.
#[derive(Clone, Debug)]
pub struct Server {
    /// What its certificate names.
    pub host: String,
    /// What is dialled, on port 443: the host is not looked up again.
    pub address: IpAddr,
    /// In PEM.
    pub authority: String,
    pub token: Secret,
}

/// A cluster that answers, and knows who asks.
#[derive(Clone)]
pub struct Connection {
    pub client: Client,
    /// `https://10.0.0.1:6443`
    pub address: String,
    /// `v1.36.3`
    pub version: String,
    pub user: String,
    pub groups: Vec<String>,
}

/// Why there is no connection. Each names what has to be mended.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot read the kubeconfig {0}: {1}; name another with --kubeconfig")]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("the kubeconfig {file} is not one: {problem}")]
    Malformed { file: PathBuf, problem: String },
    #[error("the kubeconfig {0} names no current context: name one with --context ({known})", known = listed(.1))]
    NoContext(PathBuf, Vec<String>),
    #[error("the kubeconfig {file} has no context {context}: it has {known}", known = listed(.known))]
    UnknownContext { file: PathBuf, context: String, known: Vec<String> },
    #[error("the kubeconfig {file} is incomplete: {problem}")]
    Incomplete { file: PathBuf, problem: String },
    #[error("the cluster at {address} does not answer: {problem}; check that it runs and can be reached from here")]
    Unreachable { address: String, problem: String },
    #[error(
        "the cluster at {address} and this machine do not trust each other: {problem}; check certificate-authority"
    )]
    Tls { address: String, problem: String },
    #[error("the cluster at {address} does not accept the credential: {problem}; renew it in the kubeconfig")]
    Unauthenticated { address: String, problem: String },
    #[error("the certificate authority of {address} cannot be used: {problem}")]
    Authority { address: String, problem: String },
    #[error("what answers at {address} is no Kubernetes API server: {problem}")]
    Stranger { address: String, problem: String },
    #[error("the cluster at {address} runs {version}, which is too old: it takes {}.{} or newer", OLDEST.0, OLDEST.1)]
    TooOld { address: String, version: String },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Reads the file, connects, and asks for version and identity. Takes at most half a minute.
pub async fn connect(source: &Source) -> Result<Connection, ConnectError> {
    let config = configuration(source).await?;
    let address = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    let incomplete =
        |error: kube::Error| ConnectError::Incomplete { file: source.file.clone(), problem: reason(&error) };
    let client = Client::try_from(config).map_err(incomplete)?;
    introduce(client, address).await
}

/// The same for a server whose place and credential are known. Takes at most half a minute.
pub async fn connect_to(server: &Server) -> Result<Connection, ConnectError> {
    introduce(client(server).await?, server.host.clone()).await
}

/// A client that asks nothing yet.
pub async fn client(server: &Server) -> Result<Client, ConnectError> {
    let Server { host, address, authority, token } = server;
    let unusable = |problem: String| ConnectError::Authority { address: host.clone(), problem };
    let url = match address {
        IpAddr::V4(address) => format!("https://{address}"),
        IpAddr::V6(address) => format!("https://[{address}]"),
    };
    let authority = STANDARD.encode(authority);
    let cluster = json!({ "server": url, "tls-server-name": host, "certificate-authority-data": authority });
    let document = json!({
        "clusters": [{ "name": "server", "cluster": cluster }],
        "users": [{ "name": "server", "user": { "token": token.reveal() } }],
        "contexts": [{ "name": "server", "context": { "cluster": "server", "user": "server" } }],
        "current-context": "server",
    });
    let parsed = serde_json::from_value::<Kubeconfig>(document).map_err(|error| unusable(error.to_string()))?;
    let config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await;
    let config = config.map_err(|error| unusable(error.to_string()))?;
    Client::try_from(limited(config)).map_err(|error| unusable(reason(&error)))
}

/// Asks for version and identity.
async fn introduce(client: Client, address: String) -> Result<Connection, ConnectError> {
    let version = ask(&address, client.apiserver_version()).await?;
    if !is_supported(&version) {
        return Err(ConnectError::TooOld { address, version: version.git_version });
    }
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let (parameters, question) = (PostParams::default(), SelfSubjectReview::default());
    let review = ask(&address, reviews.create(&parameters, &question)).await?;
    let identity = review.status.and_then(|status| status.user_info).unwrap_or_default();
    Ok(Connection {
        client,
        address,
        version: version.git_version,
        user: identity.username.unwrap_or_default(),
        groups: identity.groups.unwrap_or_default(),
    })
}

async fn configuration(source: &Source) -> Result<Config, ConnectError> {
    let file = &source.file;
    let text = std::fs::read_to_string(file).map_err(|error| ConnectError::Unreadable(file.clone(), error))?;
    let malformed = |problem: String| ConnectError::Malformed { file: file.clone(), problem };
    let mut parsed = Kubeconfig::from_yaml(&text).map_err(|error| malformed(first_line(&error)))?;
    if parsed.clusters.is_empty() && parsed.contexts.is_empty() {
        return Err(malformed("it has neither clusters nor contexts".to_owned()));
    }
    resolve(&mut parsed, file.parent().unwrap_or(Path::new(".")));
    let known: Vec<String> = parsed.contexts.iter().map(|context| context.name.clone()).collect();
    let options = KubeConfigOptions { context: source.context.clone(), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(parsed, &options).await.map_err(|error| match error {
        KubeconfigError::CurrentContextNotSet => ConnectError::NoContext(file.clone(), known),
        KubeconfigError::LoadContext(context) if context.is_empty() => ConnectError::NoContext(file.clone(), known),
        KubeconfigError::LoadContext(context) => ConnectError::UnknownContext { file: file.clone(), context, known },
        error => ConnectError::Incomplete { file: file.clone(), problem: error.to_string() },
    })?;
    Ok(limited(config))
}

/// The deepest error, in the words of the one above it where those contain it: they name the file that it is about.
fn reason(error: &kube::Error) -> String {
    let deepest = deepest(error);
    let mut reason = deepest.clone();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        let words = error.to_string();
        if words.contains(&deepest) && words != deepest {
            reason = words;
        }
        next = error.source();
    }
    reason
}

/// The parser shows the text around a mistake after it, and that may be a token.
fn first_line(error: &KubeconfigError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Files that a kubeconfig names are meant relative to it.
fn resolve(parsed: &mut Kubeconfig, folder: &Path) {
    let absolute = |name: &mut Option<String>| {
        if let Some(text) = name.as_mut().filter(|text| !text.is_empty()) {
            *text = folder.join(&*text).to_string_lossy().into_owned();
        }
    };
    for cluster in parsed.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        absolute(&mut cluster.certificate_authority);
    }
    for user in parsed.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        for name in [&mut user.client_certificate, &mut user.client_key, &mut user.token_file] {
            absolute(name);
        }
    }
}

/// A call that fails is decided on by who made it, so nothing is repeated behind their back.
fn limited(mut config: Config) -> Config {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(READ);
    config.write_timeout = Some(WRITE);
    config.reset_reader_on_write = true;
    config.default_retry = false;
    config
}

async fn ask<T>(address: &str, question: impl Future<Output = kube::Result<T>>) -> Result<T, ConnectError> {
    let Ok(answer) = tokio::time::timeout(ANSWER, question).await else {
        let problem = format!("no answer within {} s", ANSWER.as_secs());
        return Err(ConnectError::Unreachable { address: address.to_owned(), problem });
    };
    answer.map_err(|error| because(address.to_owned(), &error))
}

fn because(address: String, error: &kube::Error) -> ConnectError {
    let problem = deepest(error);
    match error {
        kube::Error::Api(status) if status.code == 403 && status.message.contains(ANONYMOUS) => {
            let problem = format!("its user names no certificate and no token, which makes it {ANONYMOUS}");
            ConnectError::Unauthenticated { address, problem }
        }
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
            ConnectError::Unauthenticated { address, problem: status.message.clone() }
        }
        kube::Error::Api(status) if status.code >= 500 => {
            ConnectError::Unreachable { address, problem: status.message.clone() }
        }
        kube::Error::Api(status) => {
            ConnectError::Stranger { address, problem: format!("{} {}", status.code, status.message) }
        }
        kube::Error::SerdeError(_) => ConnectError::Stranger { address, problem },
        kube::Error::Auth(_) => ConnectError::Unauthenticated { address, problem },
        error if is_tls(error) => ConnectError::Tls { address, problem },
        _ => ConnectError::Unreachable { address, problem },
    }
}

/// What the TLS library makes of a peer comes as an error of its own in the place of one of the system's, which would
/// bear a number or a kind.
fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    let wrapped = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::Other | io::ErrorKind::InvalidData) && error.get_ref().is_some()
    };
    error.downcast_ref().is_some_and(wrapped) || error.source().is_some_and(is_tls)
}

/// Clouds append signs to the numbers: `1`, `30+`.
fn is_supported(version: &Info) -> bool {
    let number = |text: &str| text.trim_end_matches(|sign: char| !sign.is_ascii_digit()).parse::<u32>().ok();
    match (number(&version.major), number(&version.minor)) {
        (Some(major), Some(minor)) => (major, minor) >= OLDEST,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
