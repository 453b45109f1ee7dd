//! The `Objects` port over S3: addresses that take one archive, and whether it came.
//!
//! An address names the key, the exact length and the SHA-256, all of them signed: S3 itself refuses any other body. It
//! looks at a checksum only where it is a header (in the query, it is signed and then forgotten), so that an address goes
//! with headers that who uploads has to send. The same archive may be sent twice, as after an answer that was lost: the
//! bytes are the same.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::ChecksumMode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use slipway_domain::error::{Error, Result};
use slipway_domain::id::BuildId;
use slipway_domain::time::Time;
use slipway_service::ports::{Clock, Expected, Objects, Upload};

use crate::fault::{Failure, Fault};
use crate::limits::Limits;
use crate::moment::system_time;

/// A caller of the API waits for an answer. An address is made without asking anybody.
const LIMITS: Limits = Limits { attempt: Duration::from_millis(1500), whole: Duration::from_secs(3), attempts: 3 };

/// How long an address works, unless the credentials that signed it end before.
const VALID: Duration = Duration::from_mins(15);

/// Between two tries when too much was asked for, in seconds.
const RETRY_AFTER_THROTTLE: u32 = 5;

const SHA256_LENGTH: usize = 32;

/// An address, and the headers without which S3 takes nothing there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedUpload {
    pub upload: Upload,
    /// `content-length` and `x-amz-checksum-sha256`, by name.
    pub headers: Vec<(String, String)>,
}

/// The archives of one bucket.
pub struct S3Objects {
    client: Client,
    bucket: String,
    clock: Arc<dyn Clock>,
}

impl S3Objects {
    /// `config` says where and as whom; limits of time and attempts are those of this module.
    pub fn new(config: Builder, bucket: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        let config = config.timeout_config(LIMITS.timeouts()).retry_config(LIMITS.retries());
        // Who signs has no body, and a checksum of nothing must not be signed along.
        let config = config.request_checksum_calculation(RequestChecksumCalculation::WhenRequired).build();
        Self { client: Client::from_conf(config), bucket: bucket.into(), clock }
    }

    /// An address that takes exactly this archive for the build, for 15 minutes from `now`.
    pub async fn sign(&self, build: &BuildId, expected: &Expected, now: Time) -> Result<SignedUpload> {
        let wrong = |why: &str| Error::internal(format!("signing an address for the archive of {build}: {why}"));
        let sha256 =
            base64_sha256(&expected.sha256).ok_or_else(|| wrong("its SHA-256 is not 64 hexadecimal digits"))?;
        let size = i64::try_from(expected.size).map_err(|_| wrong("it is larger than any object"))?;
        let validity = PresigningConfig::builder().start_time(system_time(now)).expires_in(VALID).build();
        let validity = validity.map_err(|error| wrong(&error.to_string()))?;
        let request = self.client.put_object().bucket(&self.bucket).key(key(build));
        let request = request.content_length(size).checksum_sha256(sha256);
        let signed = Box::pin(request.presigned(validity)).await;
        let signed = signed.map_err(|error| self.error("signing an address for", build, &Failure::of(&error)))?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let upload = Upload { url: signed.uri().to_owned(), expires_at: now.plus(VALID), max_bytes: expected.size };
        Ok(SignedUpload { upload, headers })
    }

    /// Whether exactly this archive is there.
    pub async fn holds(&self, build: &BuildId, expected: &Expected) -> Result<bool> {
        let Some(found) = self.look(build).await? else { return Ok(false) };
        let size = found.content_length.and_then(|size| u64::try_from(size).ok());
        let sha256 = base64_sha256(&expected.sha256);
        Ok(size == Some(expected.size) && sha256.is_some() && found.checksum_sha256 == sha256)
    }

    /// What is there, with its checksum. S3 says no more of a bucket that is not there than of an object.
    async fn look(&self, build: &BuildId) -> Result<Option<HeadObjectOutput>> {
        let request = self.client.head_object().bucket(&self.bucket).key(key(build));
        match Box::pin(request.checksum_mode(ChecksumMode::Enabled).send()).await {
            Ok(found) => Ok(Some(found)),
            Err(error) => match Failure::of(&error) {
                failure if failure.fault == Fault::Missing => Ok(None),
                failure => Err(self.error("looking for", build, &failure)),
            },
        }
    }

    /// What is behind a failure is for the log alone: no caller can mend it.
    fn error(&self, action: &str, build: &BuildId, failure: &Failure) -> Error {
        let context = format!("{action} the archive of {build} in the bucket {}", self.bucket);
        let words = &failure.words;
        match failure.fault {
            Fault::Away => Error::unavailable(format!("{context}: no answer that counts: {words}")),
            Fault::Throttled => {
                let error = Error::unavailable(format!("{context}: asked for too much at once: {words}"));
                Error { retry_after_seconds: Some(RETRY_AFTER_THROTTLE), ..error }
            }
            // Without the second right, an object that is not there is one that is refused.
            Fault::Denied => Error::internal(format!(
                "{context}: refused: give the function's role s3:GetObject and s3:PutObject on its objects, and \
                 s3:ListBucket on the bucket: {words}"
            )),
            Fault::Missing => Error::internal(format!(
                "{context}: it is not there: correct the bucket that the function is given: {words}"
            )),
            Fault::Invalid => Error::internal(format!(
                "{context}: not a request that can succeed: check that the bucket is in this region: {words}"
            )),
        }
    }
}

#[async_trait]
impl Objects for S3Objects {
    /// An address alone, which takes nothing without the headers of [`S3Objects::sign`].
    async fn upload(&self, build: &BuildId, expected: &Expected) -> Result<Upload> {
        Ok(self.sign(build, expected, self.clock.now()).await?.upload)
    }

    /// Whatever is there came by one of our addresses, whole, if S3 compared its SHA-256 with the one that was signed.
    async fn arrived(&self, build: &BuildId) -> Result<bool> {
        Ok(self.look(build).await?.is_some_and(|found| found.checksum_sha256.is_some()))
    }
}

fn key(build: &BuildId) -> String {
    format!("build/{build}")
}

/// As S3 writes it.
fn base64_sha256(hexadecimal: &str) -> Option<String> {
    let bytes = hex::decode(hexadecimal).ok().filter(|bytes| bytes.len() == SHA256_LENGTH)?;
    Some(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests;
