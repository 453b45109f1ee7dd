//! A registry in memory: uploads of blobs, manifests by tag and by digest, two ways to ask for credentials.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use base64::Engine;
use slipway_domain::id::TenantId;
use slipway_domain::name::AppName;
use slipway_domain::release::ImageDigest;
use slipway_domain::repository::RegistryAddress;
use slipway_domain::secret::Secret;
use slipway_registry::{Credentials, OciRegistry};

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const PASSWORD: &str = "CANARY-password";
const TOKEN: &str = "CANARY-token";

/// What it asks for before it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    Nobody,
    Basic,
    /// A token, which it gives to whoever knows the password.
    Token,
    /// A token, which it gives to anybody.
    AnonymousToken,
}

/// What was pushed, by repository.
#[derive(Default)]
struct Kept {
    blobs: BTreeSet<(String, String)>,
    /// By repository and tag or digest: type and bytes.
    manifests: BTreeMap<(String, String), (String, Bytes)>,
    /// Every `Authorization` that came, with its path; none is the empty text.
    seen: Vec<(String, String)>,
}

pub struct MemoryRegistry {
    pub address: SocketAddr,
    asks: Asks,
    kept: Arc<Mutex<Kept>>,
}

struct Request {
    method: Method,
    path: String,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
    body: Bytes,
}

/// Serves on a port of this machine until the test ends.
pub async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

pub fn tenant() -> TenantId {
    "TBCDEFGHIJK".parse().unwrap()
}

pub fn app() -> AppName {
    "shop".parse().unwrap()
}

pub fn client(address: SocketAddr, password: Option<&str>) -> OciRegistry {
    let address: RegistryAddress = address.to_string().parse().unwrap();
    let with = |password| Credentials { username: "ci".to_owned(), password: Secret::from(password) };
    OciRegistry::new(address, password.map(with)).unwrap()
}

impl MemoryRegistry {
    pub async fn new(asks: Asks) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let state = kept.clone();
        let handle = move |State(kept): State<Arc<Mutex<Kept>>>, method, uri: Uri, headers, body| async move {
            let request = Request::new(method, &uri, headers, body);
            answer(&mut kept.lock().unwrap(), asks, &request)
        };
        let address = serve(Router::new().fallback(handle).with_state(state)).await;
        Self { address, asks, kept }
    }

    pub fn client(&self) -> OciRegistry {
        client(self.address, (self.asks != Asks::Nobody).then_some(PASSWORD))
    }

    /// Paths that were asked, each with the scheme of the proof that came with it.
    pub fn seen(&self) -> Vec<String> {
        let seen = &self.kept.lock().unwrap().seen;
        seen.iter()
            .map(|(path, proof)| format!("{path} {}", proof.split(' ').next().unwrap()).trim().to_owned())
            .collect()
    }

    /// Pushes an image of one layer as a client does, over HTTP; only to a registry that asks nobody.
    pub async fn push(&self, repository: &str, layer: &str) -> ImageDigest {
        let config = self.blob(repository, "{}").await;
        let layer = self.blob(repository, layer).await;
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"digest":"{config}"}},"layers":[{{"digest":"{layer}"}}]}}"#
        );
        self.manifest(repository, MANIFEST, &manifest).await
    }

    async fn blob(&self, repository: &str, content: &str) -> ImageDigest {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let begin = http.post(format!("http://{}/v2/{repository}/blobs/uploads/", self.address)).send().await.unwrap();
        let place = begin.headers()["location"].to_str().unwrap().to_owned();
        let digest = sha256(content.as_bytes());
        let url = format!("http://{}{place}?digest={digest}", self.address);
        let wrong = http.put(&url).body("something else").send().await.unwrap();
        assert_eq!(wrong.status(), StatusCode::BAD_REQUEST, "a digest that does not fit is refused");
        assert_eq!(http.put(url).body(content.to_owned()).send().await.unwrap().status(), StatusCode::CREATED);
        digest
    }

    pub async fn manifest(&self, repository: &str, kind: &str, text: &str) -> ImageDigest {
        let digest = sha256(text.as_bytes());
        let url = format!("http://{}/v2/{repository}/manifests/latest", self.address);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let put = http.put(url).header("content-type", kind).body(text.to_owned()).send().await.unwrap();
        assert_eq!(put.status(), StatusCode::CREATED);
        assert_eq!(put.headers()["docker-content-digest"], digest.as_str());
        digest
    }
}

impl Request {
    fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let url = reqwest::Url::parse(&format!("http://registry{uri}")).unwrap();
        let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Self { method, path: uri.path().to_owned(), query, headers, body }
    }

    fn proof(&self) -> &str {
        self.headers.get("authorization").map_or("", |value| value.to_str().unwrap())
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn sha256(bytes: &[u8]) -> ImageDigest {
    ImageDigest::from_sha256(digest(&SHA256, bytes).as_ref().try_into().unwrap())
}

fn reply(status: StatusCode, headers: &[(&str, &str)]) -> Response<Body> {
    let response = headers
        .iter()
        .fold(Response::builder().status(status), |response, (name, value)| response.header(*name, *value));
    response.body(Body::empty()).unwrap()
}

fn basic() -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("ci:{PASSWORD}")))
}

fn answer(kept: &mut Kept, asks: Asks, request: &Request) -> Response<Body> {
    kept.seen.push((request.path.clone(), request.proof().to_owned()));
    if request.path == "/token" {
        return token(asks, request);
    }
    let host = request.header("host");
    let challenge = match asks {
        Asks::Nobody => None,
        Asks::Basic => (request.proof() != basic()).then(|| "Basic realm=\"registry\"".to_owned()),
        Asks::Token | Asks::AnonymousToken => (request.proof() != format!("Bearer {TOKEN}"))
            .then(|| format!("Bearer realm=\"http://{host}/token\",service=\"registry\",scope=\"registry:catalog:*\"")),
    };
    match challenge {
        Some(challenge) => reply(StatusCode::UNAUTHORIZED, &[("www-authenticate", &challenge)]),
        None => content(kept, request),
    }
}

fn token(asks: Asks, request: &Request) -> Response<Body> {
    let allowed = asks == Asks::AnonymousToken || request.proof() == basic();
    let scope = request.query.get("scope").map_or("", String::as_str);
    if !allowed || !scope.starts_with("repository:tbcdefghijk/") || !scope.ends_with(":pull") {
        return reply(StatusCode::UNAUTHORIZED, &[]);
    }
    Response::new(Body::from(format!(r#"{{"token":"{TOKEN}","expires_in":300}}"#)))
}

fn content(kept: &mut Kept, request: &Request) -> Response<Body> {
    let path = request.path.strip_prefix("/v2/").unwrap_or_default();
    if let Some((repository, _)) = path.split_once("/blobs/uploads/") {
        return match (&request.method, request.query.get("digest")) {
            (&Method::POST, _) => {
                reply(StatusCode::ACCEPTED, &[("location", &format!("/v2/{repository}/blobs/uploads/1"))])
            }
            (&Method::PUT, Some(digest)) if *digest == sha256(&request.body).as_str() => {
                kept.blobs.insert((repository.to_owned(), digest.clone()));
                reply(StatusCode::CREATED, &[])
            }
            _ => reply(StatusCode::BAD_REQUEST, &[]),
        };
    }
    let Some((repository, reference)) = path.split_once("/manifests/") else {
        return reply(StatusCode::NOT_FOUND, &[]);
    };
    let key = |reference: &str| (repository.to_owned(), reference.to_owned());
    if request.method == Method::PUT {
        let digest = sha256(&request.body);
        let text = String::from_utf8_lossy(&request.body);
        let named = text.match_indices("sha256:").map(|(at, _)| text[at..at + 71].to_owned());
        let known = |part: &String| kept.blobs.contains(&key(part)) || kept.manifests.contains_key(&key(part));
        if !named.into_iter().all(|part| known(&part)) {
            return reply(StatusCode::BAD_REQUEST, &[]);
        }
        let value = (request.header("content-type").to_owned(), request.body.clone());
        kept.manifests.insert(key(reference), value.clone());
        kept.manifests.insert(key(digest.as_str()), value);
        return reply(StatusCode::CREATED, &[("docker-content-digest", digest.as_str())]);
    }
    match kept.manifests.get(&key(reference)) {
        Some((kind, bytes)) if request.header("accept").contains(kind.as_str()) => {
            reply(StatusCode::OK, &[("content-type", kind), ("docker-content-digest", sha256(bytes).as_str())])
        }
        _ => reply(StatusCode::NOT_FOUND, &[]),
    }
}
