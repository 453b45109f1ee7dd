use aws_sdk_s3::config::{BehaviorVersion, Region};
use slipway_domain::error::Kind;

use super::*;
use crate::scripted::{Answer, Aws, credentials};

const BUCKET: &str = "slipway-archives";
const HEXADECIMAL: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const BASE64: &str = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";

/// Its signature was computed apart from the SDK, after the rules of Signature Version 4, over these headers and a body
/// that is not signed.
const URL: &str = "https://slipway-archives.s3.eu-central-1.amazonaws.com/build/BBCDEFGHIJK?x-id=PutObject\
                   &X-Amz-Algorithm=AWS4-HMAC-SHA256\
                   &X-Amz-Credential=AKIDEXAMPLE%2F20260115%2Feu-central-1%2Fs3%2Faws4_request\
                   &X-Amz-Date=20260115T143049Z&X-Amz-Expires=900\
                   &X-Amz-SignedHeaders=content-length%3Bhost%3Bx-amz-checksum-sha256\
                   &X-Amz-Signature=47ce9d165b172f9ec63c0c310d438aab56058270dfd45142d5515b2697cdd928";

/// A clock that stands still.
struct Standing(Time);

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> Time {
        self.0
    }

    async fn sleep(&self, _duration: Duration) {}
}

fn now() -> Time {
    "2026-01-15T14:30:49Z".parse().unwrap()
}

fn build() -> BuildId {
    "BBCDEFGHIJK".parse().unwrap()
}

fn expected() -> Expected {
    Expected { size: 1234, sha256: HEXADECIMAL.to_owned() }
}

fn objects(aws: &Aws) -> S3Objects {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .sleep_impl(aws.clock.clone())
        .http_client(aws.http());
    S3Objects::new(config, BUCKET, Arc::new(Standing(now())))
}

async fn sign(build: &BuildId, expected: &Expected, now: Time) -> SignedUpload {
    let aws = Aws::new([]);
    let signed = objects(&aws).sign(build, expected, now).await.unwrap();
    assert!(aws.asked().is_empty());
    signed
}

async fn arrived(aws: &Aws) -> Result<bool> {
    aws.clock.run(objects(aws).arrived(&build())).await
}

fn there(size: u64, sha256: &str) -> Answer {
    Answer::Heads(vec![("content-length", size.to_string()), ("x-amz-checksum-sha256", sha256.to_owned())])
}

fn refused(status: u16) -> Answer {
    Answer::Says(status, String::new())
}

#[tokio::test]
async fn an_address_takes_one_archive_for_a_quarter_of_an_hour() {
    let signed = sign(&build(), &expected(), now()).await;
    let headers = [("content-length", "1234"), ("x-amz-checksum-sha256", BASE64)];
    assert_eq!(signed.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(signed.upload.expires_at, "2026-01-15T14:45:49Z".parse().unwrap());
    assert_eq!(signed.upload.max_bytes, 1234);
    assert_eq!(signed.upload.url, URL);
    assert_eq!(objects(&Aws::new([])).upload(&build(), &expected()).await, Ok(signed.upload));
}

#[tokio::test]
async fn another_archive_or_key_or_time_has_another_signature() {
    let signature = |signed: &SignedUpload| {
        let (_, rest) = signed.upload.url.split_once("X-Amz-Signature=").unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let longer = Expected { size: 1235, ..expected() };
    let other = Expected { sha256: "00".repeat(32), ..expected() };
    let signed = [
        sign(&build(), &expected(), now()).await,
        sign(&build(), &longer, now()).await,
        sign(&build(), &other, now()).await,
        sign(&"BBCDEFGHIJL".parse().unwrap(), &expected(), now()).await,
        sign(&build(), &expected(), now().plus(Duration::from_secs(1))).await,
    ];
    let signatures: std::collections::BTreeSet<String> = signed.iter().map(signature).collect();
    assert_eq!(signatures.len(), signed.len());
}

#[tokio::test]
async fn what_is_no_sha256_is_not_signed() {
    let longer = format!("{HEXADECIMAL}00");
    for sha256 in ["", "xyz", &HEXADECIMAL[..62], &longer, BASE64] {
        let wrong = Expected { sha256: sha256.to_owned(), ..expected() };
        let error = objects(&Aws::new([])).sign(&build(), &wrong, now()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Internal, "{sha256}");
        assert!(error.context.unwrap().ends_with("its SHA-256 is not 64 hexadecimal digits"), "{sha256}");
    }
}

#[tokio::test]
async fn an_archive_has_arrived_when_it_is_there_with_its_checksum() {
    let aws = Aws::new([there(1234, BASE64)]);
    assert_eq!(arrived(&aws).await, Ok(true));
    let [asked] = aws.asked().try_into().unwrap();
    let url = "https://slipway-archives.s3.eu-central-1.amazonaws.com/build/BBCDEFGHIJK";
    assert_eq!((asked.method.as_str(), asked.url.as_str()), ("HEAD", url));
    assert!(asked.authorization.contains("x-amz-checksum-mode"), "{}", asked.authorization);
    assert_eq!(arrived(&Aws::new([refused(404)])).await, Ok(false));
    let by_another_way = Answer::Heads(vec![("content-length", "1234".to_owned())]);
    assert_eq!(arrived(&Aws::new([by_another_way])).await, Ok(false));
}

#[tokio::test]
async fn the_archive_that_is_there_is_compared_in_size_and_checksum() {
    let table = [
        (there(1234, BASE64), expected(), true),
        (there(1235, BASE64), expected(), false),
        (there(1234, BASE64), Expected { sha256: "00".repeat(32), ..expected() }, false),
        (there(1234, BASE64), Expected { sha256: String::new(), ..expected() }, false),
        (
            Answer::Heads(vec![("content-length", "1234".to_owned())]),
            Expected { sha256: String::new(), ..expected() },
            false,
        ),
        (refused(404), expected(), false),
    ];
    for (answer, expected, holds) in table {
        let aws = Aws::new([answer]);
        let found = aws.clock.run(objects(&aws).holds(&build(), &expected)).await;
        assert_eq!(found, Ok(holds), "{expected:?}");
    }
}

#[tokio::test]
async fn every_answer_of_s3_means_one_thing() {
    let code = |code: &str| format!("<Error><Code>{code}</Code><Message>so it is</Message></Error>");
    let said = |status: u16, name: &str| Answer::Says(status, code(name));
    let later = (Kind::Unavailable, Some(5));
    let soon = (Kind::Unavailable, Some(1));
    let ours = (Kind::Internal, None);
    let rights = "refused: give the function's role s3:GetObject and s3:PutObject on its objects, and s3:ListBucket";
    let table = [
        (refused(403), 1, ours, rights),
        (said(403, "AccessDenied"), 1, ours, rights),
        (said(403, "InvalidAccessKeyId"), 1, ours, rights),
        (said(400, "ExpiredToken"), 1, ours, rights),
        (refused(301), 1, ours, "not a request that can succeed: check that the bucket is in this region"),
        (refused(400), 1, ours, "not a request that can succeed: check that the bucket is in this region"),
        (said(503, "SlowDown"), 3, later, "asked for too much at once"),
        (refused(503), 3, soon, "no answer that counts"),
        (refused(500), 3, soon, "no answer that counts"),
        (Answer::Breaks, 3, soon, "no answer that counts"),
        (Answer::Silence, 2, soon, "no answer that counts"),
    ];
    for (answer, attempts, meaning, words) in table {
        let aws = Aws::new([answer]);
        let error = arrived(&aws).await.unwrap_err();
        assert_eq!((error.kind, error.retry_after_seconds), meaning, "{error:?}");
        assert_eq!(aws.asked().len(), attempts, "{error:?}");
        let begins = format!("looking for the archive of BBCDEFGHIJK in the bucket {BUCKET}: {words}");
        let context = error.context.unwrap();
        assert!(context.starts_with(&begins), "{context}");
        assert!(aws.clock.now() <= LIMITS.whole, "{:?}", aws.clock.now());
    }
}
