//! The cluster as a rollout holds it: a client, where its images are, and requests that end in time.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::DATE;
use k8s_openapi::api::core::v1::Namespace as NamespaceObject;
use k8s_openapi::jiff::fmt::rfc2822;
use kube::Resource;
use kube::api::{GetParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ObjectList, Request, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use slipway_domain::release::ImageDigest;
use slipway_domain::repository::RegistryAddress;
use slipway_domain::time::Time;
use slipway_service::ports::Namespace;
use tokio::time::timeout;

use crate::logs::LogPlaces;
use crate::watch::Watches;

/// One request, with everything that a client does for it. A list may take as long with all its pages.
pub(crate) const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// Objects on one page of a list.
const PAGE: u32 = 500;

/// A tenant's Kubernetes cluster. Cheap to clone; its watches end with the last clone.
#[derive(Clone)]
pub struct KubernetesCluster {
    pub(crate) client: kube::Client,
    pub(crate) images: ImageSource,
    pub(crate) watches: Arc<Watches>,
    pub(crate) places: Arc<LogPlaces>,
}

impl KubernetesCluster {
    /// Talks to nobody yet.
    pub fn new(client: kube::Client, images: ImageSource) -> Self {
        Self { client, images, watches: Arc::default(), places: Arc::default() }
    }
}

/// Where the nodes pull images from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSource {
    registry: RegistryAddress,
}

impl ImageSource {
    pub fn new(registry: RegistryAddress) -> Self {
        Self { registry }
    }

    /// An image of an app, as a pod names it: `10.0.0.1:5000/tbcdefghijk/shop@sha256:…`.
    pub fn reference(&self, namespace: &Namespace, image: &ImageDigest) -> String {
        self.registry.repository(&namespace.tenant, &namespace.app).image(image.clone()).to_string()
    }
}

/// A kind of object in a namespace.
pub(crate) trait Kind: kube::Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned {}

impl<K: kube::Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned> Kind for K {}

/// All objects of a kind, as they were at one version of the cluster.
pub(crate) struct Listing<K> {
    pub items: Vec<K>,
    /// From here on a watch tells what changes.
    pub version: String,
    /// The cluster's clock when it answered: whole seconds.
    pub at: Time,
}

/// What the server answered, and when by its clock.
struct Answer {
    text: Vec<u8>,
    at: Option<Time>,
}

impl KubernetesCluster {
    /// Everything that the parameters select; never from a cache.
    pub(crate) async fn list<K: Kind>(&self, namespace: &str, params: &ListParams) -> Result<Listing<K>, kube::Error> {
        within(REQUEST_LIMIT, self.pages(namespace, params.clone().limit(PAGE))).await
    }

    async fn pages<K: Kind>(&self, namespace: &str, mut params: ListParams) -> Result<Listing<K>, kube::Error> {
        let mut items = Vec::new();
        let mut began = None;
        loop {
            let answer = self.send(request::<K>(namespace).list(&params)).await?;
            // All pages are of the first one's version, and so is the time.
            let at = *began.get_or_insert(answer.at.ok_or_else(|| without("a date"))?);
            let page: ObjectList<K> = serde_json::from_slice(&answer.text).map_err(kube::Error::SerdeError)?;
            items.extend(page.items);
            if let Some(token) = page.metadata.continue_.filter(|token| !token.is_empty()) {
                params = params.continue_token(&token);
            } else {
                let version = page.metadata.resource_version.ok_or_else(|| without("a version"))?;
                return Ok(Listing { items, version, at });
            }
        }
    }

    /// None: there is no such object.
    pub(crate) async fn get<K: Kind>(&self, namespace: &str, name: &str) -> Result<Option<K>, kube::Error> {
        absent(self.ask(request::<K>(namespace).get(name, &GetParams::default())).await)
    }

    /// The namespace itself, which is in none.
    pub(crate) async fn get_namespace(&self, name: &str) -> Result<Option<NamespaceObject>, kube::Error> {
        let namespaces = Request::new(NamespaceObject::url_path(&(), None));
        absent(self.ask(namespaces.get(name, &GetParams::default())).await)
    }

    /// The stored object. None: one of this name exists.
    pub(crate) async fn post<K: Kind>(&self, namespace: &str, object: &K) -> Result<Option<K>, kube::Error> {
        let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
        let answer = self.ask(request::<K>(namespace).create(&PostParams::default(), body)).await;
        match answer {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The object as it is after a merge patch. With uid and resourceVersion in it, it is a compare-and-set. None: there
    /// is no such object.
    pub(crate) async fn patch<K: Kind>(
        &self,
        namespace: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Option<K>, kube::Error> {
        let params = PatchParams { field_manager: Some(crate::names::SLIPWAY.to_owned()), ..PatchParams::default() };
        absent(self.ask(request::<K>(namespace).patch(name, &params, &Patch::Merge(patch))).await)
    }

    /// One request and its answer as an object.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, kube::Error> {
        let answer = within(REQUEST_LIMIT, self.send(request)).await?;
        serde_json::from_slice(&answer.text).map_err(kube::Error::SerdeError)
    }

    /// The client's own functions for this log what they cannot read, which may be a Secret, and hide the date.
    async fn send(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Answer, kube::Error> {
        let request = request.map_err(kube::Error::BuildRequest)?;
        let answer = self.client.send(request.map(Into::into)).await?;
        let (head, body) = answer.into_parts();
        let text = body.collect_bytes().await?.to_vec();
        if !head.status.is_success() {
            return Err(kube::Error::Api(refusal(head.status, &text).boxed()));
        }
        let at = head.headers.get(DATE).and_then(|value| value.to_str().ok()).and_then(time);
        Ok(Answer { text, at })
    }
}

pub(crate) fn request<K: kube::Resource<DynamicType = ()>>(namespace: &str) -> Request {
    Request::new(K::url_path(&(), Some(namespace)))
}

/// Gives up after `limit`; what became of the request is not known then.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, kube::Error> {
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()));
    timeout(limit, work).await.unwrap_or_else(|_| Err(kube::Error::Service(Box::new(late()))))
}

fn absent<T>(answer: Result<T, kube::Error>) -> Result<Option<T>, kube::Error> {
    match answer {
        Ok(object) => Ok(Some(object)),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Something in between may answer for the server, in words of its own.
fn refusal(code: StatusCode, text: &[u8]) -> Status {
    let status = serde_json::from_slice::<Status>(text).ok();
    let status = status.unwrap_or_else(|| {
        let words: String = String::from_utf8_lossy(text).trim().chars().take(200).collect();
        Status::failure(&words, "")
    });
    status.with_code(code.as_u16())
}

fn without(what: &str) -> kube::Error {
    kube::Error::Service(Box::new(std::io::Error::other(format!("the API server answered without {what}"))))
}

/// `Sat, 21 Nov 2026 08:36:00 GMT`
fn time(text: &str) -> Option<Time> {
    let at = rfc2822::parse(text).ok()?.timestamp();
    Some(Time::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_date_is_read() {
        assert_eq!(time("Thu, 15 Jan 2026 14:30:49 GMT"), Some("2026-01-15T14:30:49Z".parse().unwrap()));
        assert_eq!(time("yesterday"), None);
    }

    #[test]
    fn a_refusal_that_is_no_status_keeps_its_code_and_first_words() {
        let status = refusal(StatusCode::BAD_GATEWAY, b" <html>bad gateway</html> ");
        assert_eq!((status.code, status.message.as_str()), (502, "<html>bad gateway</html>"));
        let text = br#"{"kind":"Status","message":"no","reason":"Forbidden","code":403}"#;
        let status = refusal(StatusCode::FORBIDDEN, text);
        assert_eq!((status.code, status.message.as_str(), status.reason.as_str()), (403, "no", "Forbidden"));
    }
}
