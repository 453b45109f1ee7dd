//! The token that an EKS cluster takes for a proof of an AWS identity: a request to STS that asks who signed it, signed
//! and never sent. The cluster sends it, and believes what STS answers.
//!
//! ```text
//! k8s-aws-v1.<base64url of https://sts.<region>…/?Action=GetCallerIdentity&…&X-Amz-Signature=…>
//! ```
//!
//! The name of the cluster is signed along, so that one cluster cannot use the token at another.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use slipway_domain::secret::Secret;
use slipway_domain::time::Time;

use crate::moment::{system_time, time};
use slipway_domain::cluster::place::{EksName, Region};

const PREFIX: &str = "k8s-aws-v1.";
const SERVICE: &str = "sts";

/// What the authenticator of EKS asks for. The cluster counts 15 minutes from the time of the signature all the same.
const URL_LIFE: Duration = Duration::from_mins(1);

/// Of the 15 minutes that a cluster takes a token for, one is left to clocks that disagree.
const TOKEN_LIFE: Duration = Duration::from_mins(14);

/// A token, and when to make another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EksToken {
    pub token: Secret,
    pub expires_at: Time,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EksTokenError {
    #[error("the AWS credentials for the cluster {cluster} expired at {at}: assume its role again")]
    Expired { cluster: EksName, at: Time },
    #[error("the request that proves our identity to the cluster {cluster} cannot be signed: {problem}")]
    Unsigned { cluster: EksName, problem: String },
}

/// Signs with the credentials of the role that the cluster knows. The token dies with them.
pub fn token(
    credentials: &Credentials,
    region: &Region,
    cluster: &EksName,
    now: Time,
) -> Result<EksToken, EksTokenError> {
    let end = credentials.expiry().map(time);
    if let Some(at) = end.filter(|at| *at <= now) {
        return Err(EksTokenError::Expired { cluster: cluster.clone(), at });
    }
    let url = presigned(credentials, region, cluster, now)
        .map_err(|error| EksTokenError::Unsigned { cluster: cluster.clone(), problem: error.to_string() })?;
    let token = Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url)));
    let life = now.plus(TOKEN_LIFE);
    Ok(EksToken { token, expires_at: end.map_or(life, |end| end.min(life)) })
}

fn presigned(
    credentials: &Credentials,
    region: &Region,
    cluster: &EksName,
    now: Time,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let domain = region.partition().domain();
    let url = format!("https://{SERVICE}.{region}.{domain}/?Action=GetCallerIdentity&Version=2011-06-15");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    settings.expires_in = Some(URL_LIFE);
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_str())
        .name(SERVICE)
        .time(system_time(now))
        .settings(settings)
        .build()?
        .into();
    // The host is signed without being told.
    let headers = [("x-k8s-aws-id", cluster.as_str())];
    let request = SignableRequest::new("GET", url.as_str(), headers.into_iter(), SignableBody::Bytes(&[]))?;
    let (instructions, _) = sign(request, &parameters)?.into_parts();
    let mut request = http::Request::get(url).body(())?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request.uri().to_string())
}

#[cfg(test)]
mod tests;
