//! The client: one HEAD, and what it takes to be allowed to ask.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, HeaderMap};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use slipway_domain::error::{Error, Result};
use slipway_domain::id::TenantId;
use slipway_domain::name::AppName;
use slipway_domain::release::ImageDigest;
use slipway_domain::repository::{RegistryAddress, Repository};
use slipway_domain::secret::Secret;
use slipway_service::builds::intake::{Login, Repositories};
use slipway_service::ports::Registry;

use crate::answer::{Fault, Found};
use crate::challenge::Challenge;

const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Three requests at most are made for an answer: a caller waits 12 seconds in the worst case.
const REQUEST_LIMIT: Duration = Duration::from_secs(4);

/// A token has some kilobytes.
const MAX_TOKEN_ANSWER: usize = 64 * 1024;

/// Images for one platform and indexes of images for several, in the words of OCI and of Docker. Without a type in this
/// list, a registry says that it has no such manifest.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

const DIGEST: &str = "docker-content-digest";

/// What a registry is told of who we are.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub username: String,
    pub password: Secret,
}

/// A registry, and the tenants' repositories in it.
pub struct OciRegistry {
    http: Client,
    address: RegistryAddress,
    credentials: Option<Credentials>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<Secret>,
    access_token: Option<Secret>,
}

/// What goes with a request.
enum Proof<'proof> {
    Nothing,
    Basic(&'proof Credentials),
    Bearer(Secret),
}

impl OciRegistry {
    /// Does not ask the registry anything yet. Without `credentials`, what it shows to anybody is seen.
    pub fn new(address: RegistryAddress, credentials: Option<Credentials>) -> Result<Self> {
        let builder = Client::builder()
            .user_agent(concat!("slipway/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_LIMIT)
            .timeout(REQUEST_LIMIT)
            // A manifest is where it is asked for; credentials are not carried elsewhere.
            .redirect(reqwest::redirect::Policy::none());
        // A proxy is for what is far.
        let builder = if address.is_near() { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(Error::internal)?;
        Ok(Self { http, address, credentials })
    }

    pub fn address(&self) -> &RegistryAddress {
        &self.address
    }

    async fn look(&self, repository: &Repository, image: &ImageDigest) -> std::result::Result<bool, Fault> {
        let path = format!("{}/v2/{}/manifests/{image}", self.address.origin(), repository.path());
        let url: Url = path.parse().map_err(|error| Fault::Unusable(format!("{path}: {error}")))?;
        let response = self.ask(&url, Proof::Nothing).await?;
        let response = match Found::of(response.status())? {
            Found::Held | Found::Absent => response,
            Found::Challenged => {
                let proof = self.prove(response.headers(), repository).await?;
                self.ask(&url, proof).await?
            }
        };
        match Found::of(response.status())? {
            Found::Held => same(response.headers(), image),
            Found::Absent => Ok(false),
            Found::Challenged if self.credentials.is_none() => Err(Fault::Anonymous),
            Found::Challenged => Err(Fault::Denied(response.status())),
        }
    }

    async fn ask(&self, url: &Url, proof: Proof<'_>) -> std::result::Result<Response, Fault> {
        let request = proof.attach(self.http.head(url.clone()).header(ACCEPT, MANIFESTS));
        request.send().await.map_err(|error| Fault::unanswered(&error))
    }

    async fn prove(&self, headers: &HeaderMap, repository: &Repository) -> std::result::Result<Proof<'_>, Fault> {
        match Challenge::of(headers, repository, self.address.transport())? {
            Challenge::Basic => self.credentials.as_ref().map(Proof::Basic).ok_or(Fault::Anonymous),
            Challenge::Bearer(service) => self.token(service).await.map(Proof::Bearer),
        }
    }

    /// Also without credentials: what is public is read with a token, too.
    async fn token(&self, service: Url) -> std::result::Result<Secret, Fault> {
        let proof = self.credentials.as_ref().map_or(Proof::Nothing, Proof::Basic);
        let request = proof.attach(self.http.get(service));
        let response = request.send().await.map_err(|error| Fault::unanswered(&error))?;
        match Found::of(response.status())? {
            Found::Held => {}
            Found::Challenged if self.credentials.is_none() => return Err(Fault::Anonymous),
            Found::Challenged => return Err(Fault::Denied(StatusCode::UNAUTHORIZED)),
            Found::Absent => return Err(Fault::Unusable("its token service is not found".to_owned())),
        }
        let body = bounded(response).await?;
        // What it holds is a secret: an error of the parser could quote it.
        let answer: TokenAnswer = serde_json::from_slice(&body)
            .map_err(|_| Fault::Unusable("the answer of its token service is not JSON".to_owned()))?;
        let token = answer.token.or(answer.access_token);
        token.ok_or_else(|| Fault::Unusable("the answer of its token service has no token".to_owned()))
    }
}

impl Proof<'_> {
    fn attach(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Nothing => request,
            Self::Basic(credentials) => request.basic_auth(&credentials.username, Some(credentials.password.reveal())),
            Self::Bearer(token) => request.bearer_auth(token.reveal()),
        }
    }
}

/// A registry that names the digest of what it found has to name ours.
fn same(headers: &HeaderMap, image: &ImageDigest) -> std::result::Result<bool, Fault> {
    match headers.get(DIGEST) {
        Some(found) if found.as_bytes() != image.as_str().as_bytes() => {
            Err(Fault::Unusable(format!("asked for {image}, it answered with {found:?}")))
        }
        _ => Ok(true),
    }
}

async fn bounded(mut response: Response) -> std::result::Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Fault::unanswered(&error))? {
        if body.len() + chunk.len() > MAX_TOKEN_ANSWER {
            return Err(Fault::Unusable("the answer of its token service is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[async_trait]
impl Registry for OciRegistry {
    async fn holds(&self, tenant: &TenantId, app: &AppName, image: &ImageDigest) -> Result<bool> {
        let repository = self.address.repository(tenant, app);
        self.look(&repository, image).await.map_err(|fault| fault.about(&repository))
    }
}

#[async_trait]
impl Repositories for OciRegistry {
    fn repository(&self, tenant: &TenantId, app: &AppName) -> Repository {
        self.address.repository(tenant, app)
    }

    /// A plain registry makes no logins for one repository, and its own credentials open all of them: they are never
    /// passed on.
    async fn login(&self, _tenant: &TenantId, _app: &AppName) -> Result<Login> {
        Ok(if self.credentials.is_some() { Login::Own } else { Login::Open })
    }
}
