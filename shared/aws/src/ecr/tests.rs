mod answers;
mod logins;
mod repositories;

use aws_sdk_ecr::config::{BehaviorVersion, Region};
use serde_json::{Value, json};

use super::*;
use crate::scripted::{Answer, Aws, credentials, sts};

const REGISTRY: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const PATH: &str = "slipway/dev/tbcdefghijk/shop";
const PUSH_ROLE: &str = "arn:aws:iam::123456789012:role/slipway-push";

fn settings() -> Settings {
    Settings {
        address: format!("{REGISTRY}/slipway/dev").parse().unwrap(),
        encryption: Encryption::Aes256,
        push_role: PUSH_ROLE.parse().unwrap(),
    }
}

fn ecr_with(aws: &Aws, settings: Settings) -> std::result::Result<Ecr, SettingsError> {
    let config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .sleep_impl(aws.clock.clone())
        .http_client(aws.http());
    Ecr::new(config, Arc::new(sts(aws)), settings)
}

fn ecr(aws: &Aws) -> Ecr {
    ecr_with(aws, settings()).unwrap()
}

fn tenant() -> TenantId {
    "TBCDEFGHIJK".parse().unwrap()
}

fn app() -> AppName {
    "shop".parse().unwrap()
}

fn image() -> ImageDigest {
    ImageDigest::from_sha256(&[0xab; 32])
}

fn said(body: &Value) -> Answer {
    Answer::Says(200, body.to_string())
}

fn refused(status: u16, code: &str) -> Answer {
    Answer::Says(status, json!({ "__type": code, "message": "so it is" }).to_string())
}

/// What was asked of ECR, one after the other: the operation and its body.
fn asked(aws: &Aws) -> Vec<(String, Value)> {
    let operation = |target: &str| target.strip_prefix("AmazonEC2ContainerRegistry_V20150921.").map(str::to_owned);
    let asked = aws.asked();
    asked
        .iter()
        .filter_map(|asked| Some((operation(&asked.target)?, serde_json::from_str(&asked.body).unwrap())))
        .collect()
}

async fn holds(aws: &Aws) -> Result<bool> {
    aws.clock.run(ecr(aws).holds(&tenant(), &app(), &image())).await
}

fn there(digest: &ImageDigest, kind: &str) -> Value {
    json!({
        "registryId": "123456789012",
        "repositoryName": PATH,
        "imageId": { "imageDigest": digest.as_str(), "imageTag": "v1" },
        "imageManifest": "{\"schemaVersion\":2}",
        "imageManifestMediaType": kind,
    })
}

fn found() -> Answer {
    said(&json!({ "images": [there(&image(), MANIFESTS[1])], "failures": [] }))
}

fn kept() -> Answer {
    said(&json!({ "image": there(&image(), MANIFESTS[1]) }))
}

#[tokio::test]
async fn an_image_is_held_once_it_is_tagged_to_be_kept() {
    let aws = Aws::new([found(), kept()]);
    assert_eq!(holds(&aws).await, Ok(true));
    let tag = format!("keep-sha256-{}", "ab".repeat(32));
    let look = json!({
        "registryId": "123456789012",
        "repositoryName": PATH,
        "imageIds": [{ "imageDigest": image().as_str() }, { "imageTag": tag }],
        "acceptedMediaTypes": MANIFESTS,
    });
    let keep = json!({
        "registryId": "123456789012",
        "repositoryName": PATH,
        "imageManifest": "{\"schemaVersion\":2}",
        "imageManifestMediaType": MANIFESTS[1],
        "imageTag": tag,
        "imageDigest": image().as_str(),
    });
    assert_eq!(asked(&aws), [("BatchGetImage".to_owned(), look), ("PutImage".to_owned(), keep)]);
}

fn found_kept(digest: &ImageDigest) -> Answer {
    let mut kept = there(digest, MANIFESTS[1]);
    kept["imageId"]["imageTag"] = json!(format!("keep-sha256-{}", "ab".repeat(32)));
    said(&json!({ "images": [there(&image(), MANIFESTS[1]), kept], "failures": [] }))
}

#[tokio::test]
async fn an_image_that_is_kept_already_is_held_and_not_tagged_again() {
    let aws = Aws::new([found_kept(&image())]);
    assert_eq!(holds(&aws).await, Ok(true));
    assert_eq!(asked(&aws).len(), 1);
}

#[tokio::test]
async fn an_image_that_somebody_else_has_kept_meanwhile_is_held() {
    let aws = Aws::new([found(), refused(400, "ImageAlreadyExistsException")]);
    assert_eq!(holds(&aws).await, Ok(true));
    let aws = Aws::new([found(), refused(400, "ImageTagAlreadyExistsException"), found_kept(&image())]);
    assert_eq!(holds(&aws).await, Ok(true));
}

#[tokio::test]
async fn what_is_not_there_is_not_held_and_nothing_is_tagged() {
    let missing = |code: &str| json!([{ "failureCode": code, "failureReason": "so it is" }]);
    let answers = [
        refused(400, "RepositoryNotFoundException"),
        said(&json!({ "images": [], "failures": missing("ImageNotFound") })),
        said(&json!({ "images": [], "failures": [] })),
        said(&json!({ "images": [there(&ImageDigest::from_sha256(&[1; 32]), MANIFESTS[1])] })),
        said(&json!({ "images": [there(&image(), "application/vnd.in-toto+json")] })),
    ];
    for answer in answers {
        let aws = Aws::new([answer]);
        assert_eq!(holds(&aws).await, Ok(false));
        assert_eq!(asked(&aws).len(), 1);
    }
}

#[tokio::test]
async fn what_was_collected_before_it_was_tagged_is_not_held() {
    for code in ["LayersNotFoundException", "ReferencedImagesNotFoundException", "RepositoryNotFoundException"] {
        let aws = Aws::new([found(), refused(400, code)]);
        assert_eq!(holds(&aws).await, Ok(false), "{code}");
    }
}

#[tokio::test]
async fn an_image_whose_tag_somebody_gave_to_another_is_not_held() {
    let another = found_kept(&ImageDigest::from_sha256(&[1; 32]));
    let aws = Aws::new([another.clone(), refused(400, "ImageTagAlreadyExistsException"), another]);
    let error = holds(&aws).await.unwrap_err();
    let words = format!(
        "registry_unusable: the repository {REGISTRY}/{PATH} has another image under the tag keep-sha256-{hex}, which is \
         kept for sha256:{hex}: tags that begin with keep- are not for pushing, and this one cannot be moved: push an \
         image with another digest",
        hex = "ab".repeat(32)
    );
    assert_eq!(error.to_string(), words);
}

#[test]
fn a_registry_that_is_none_of_ecr_or_somewhere_else_is_refused() {
    let with = |address: &str, role: &str| {
        let settings = Settings { address: address.parse().unwrap(), push_role: role.parse().unwrap(), ..settings() };
        ecr_with(&Aws::new([]), settings).err().map(|error| error.to_string())
    };
    assert_eq!(with(REGISTRY, PUSH_ROLE), None);
    let elsewhere = "the registry registry.example.com is not one of ECR: it must be like \
                     123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    assert_eq!(with("registry.example.com/slipway", PUSH_ROLE).as_deref(), Some(elsewhere));
    let other = "the role for pushing images: the role is in the account 210987654321, and the account 123456789012 was \
                 given: correct the one that is wrong";
    assert_eq!(with(REGISTRY, "arn:aws:iam::210987654321:role/slipway-push").as_deref(), Some(other));
    let far = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let words = format!(
        "the registry {far} is not in the region \"eu-central-1\" that is asked: correct the one that is wrong"
    );
    assert_eq!(with(far, PUSH_ROLE), Some(words));
}
