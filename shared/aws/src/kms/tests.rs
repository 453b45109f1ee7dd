use aws_sdk_kms::config::{BehaviorVersion, Region};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use slipway_store::keys::Purpose;

use super::*;
use crate::scripted::{Answer, Aws, credentials};

const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn variables() -> KeyContext {
    let release = ("shop".parse().unwrap(), "production".parse().unwrap(), "RBCDEFGHIJK".parse().unwrap());
    KeyContext { tenant: "TBCDEFGHIJK".parse().unwrap(), release: Some(release), purpose: Purpose::Variables }
}

fn digests() -> KeyContext {
    KeyContext { release: None, purpose: Purpose::Digests, ..variables() }
}

fn keys(aws: &Aws) -> KmsKeys {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .sleep_impl(aws.clock.clone())
        .http_client(aws.http());
    KmsKeys::new(config, KEY)
}

async fn data_key(aws: &Aws, context: &KeyContext) -> Result<DataKey, KeyError> {
    aws.clock.run(keys(aws).data_key(context)).await
}

async fn unwrap(aws: &Aws, context: &KeyContext) -> Result<PlainKey, KeyError> {
    aws.clock.run(keys(aws).unwrap(b"wrapped", context)).await
}

fn given(plain: &[u8], wrapped: &[u8]) -> Answer {
    let (plain, wrapped) = (STANDARD.encode(plain), STANDARD.encode(wrapped));
    Answer::Says(200, json!({ "KeyId": KEY, "Plaintext": plain, "CiphertextBlob": wrapped }).to_string())
}

fn refusal(status: u16, code: &str) -> Answer {
    Answer::Says(status, json!({ "__type": code, "message": "so it is" }).to_string())
}

fn asked(aws: &Aws) -> (String, Value) {
    let [asked] = aws.asked().try_into().unwrap();
    (asked.target, serde_json::from_str(&asked.body).unwrap())
}

#[tokio::test]
async fn a_data_key_is_made_for_its_context() {
    let table = [
        (
            variables(),
            json!({
                "tenant": "TBCDEFGHIJK", "app": "shop", "environment": "production", "release": "RBCDEFGHIJK",
                "purpose": "variables",
            }),
        ),
        (digests(), json!({ "tenant": "TBCDEFGHIJK", "purpose": "digests" })),
    ];
    for (context, sent) in table {
        let aws = Aws::new([given(&[7; 32], b"wrapped")]);
        let key = data_key(&aws, &context).await.unwrap();
        assert_eq!((*key.plain, key.wrapped.as_slice()), ([7; 32], b"wrapped".as_slice()));
        let body = json!({ "KeyId": KEY, "KeySpec": "AES_256", "EncryptionContext": sent });
        assert_eq!(asked(&aws), ("TrentService.GenerateDataKey".to_owned(), body));
    }
}

#[tokio::test]
async fn a_wrapped_key_is_opened_for_its_context_and_under_our_key() {
    let aws = Aws::new([given(&[7; 32], b"")]);
    assert_eq!(unwrap(&aws, &digests()).await, Ok(Zeroizing::new([7; 32])));
    let context = json!({ "tenant": "TBCDEFGHIJK", "purpose": "digests" });
    let body = json!({ "KeyId": KEY, "CiphertextBlob": STANDARD.encode("wrapped"), "EncryptionContext": context });
    assert_eq!(asked(&aws), ("TrentService.Decrypt".to_owned(), body));
}

#[tokio::test]
async fn a_key_that_is_none_is_not_used() {
    for (plain, wrapped) in [(&[7; 16][..], &b"wrapped"[..]), (&[], b"wrapped"), (&[7; 32], b"")] {
        let error = data_key(&Aws::new([given(plain, wrapped)]), &digests()).await.err();
        assert!(matches!(error, Some(KeyError::Unusable(_))), "{error:?}");
    }
    let error = unwrap(&Aws::new([given(&[7; 33], b"")]), &digests()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the KMS key {KEY} gave a data key of 33 bytes, not of 32"));
}

#[tokio::test]
async fn every_answer_of_kms_means_one_thing() {
    let unusable = |why: &str, words: &str| KeyError::Unusable(format!("the KMS key {KEY} {why}: {words}"));
    let away = |words: &str| KeyError::Unavailable(words.to_owned());
    let denied = "is refused to us: give the function's role kms:GenerateDataKey and kms:Decrypt on it";
    let off = "is disabled or about to be deleted: enable it again";
    let gone = "is not there: correct the ARN that the function is given";
    let wrong = "cannot be used so: it has to be a symmetric key for encryption";
    let table = [
        (400, "InvalidCiphertextException", 1, KeyError::Refused),
        (400, "IncorrectKeyException", 1, KeyError::Refused),
        (400, "AccessDeniedException", 1, unusable(denied, "AccessDeniedException (400): so it is")),
        (400, "DisabledException", 1, unusable(off, "DisabledException (400): so it is")),
        (400, "KMSInvalidStateException", 1, unusable(off, "KMSInvalidStateException (400): so it is")),
        (400, "NotFoundException", 1, unusable(gone, "NotFoundException (400): so it is")),
        (400, "InvalidKeyUsageException", 1, unusable(wrong, "InvalidKeyUsageException (400): so it is")),
        (400, "ThrottlingException", 3, away("ThrottlingException (400): so it is")),
        (400, "LimitExceededException", 3, away("LimitExceededException (400): so it is")),
        (500, "KeyUnavailableException", 3, away("KeyUnavailableException (500): so it is")),
        (500, "KMSInternalException", 3, away("KMSInternalException (500): so it is")),
        (503, "DependencyTimeoutException", 3, away("DependencyTimeoutException (503): so it is")),
    ];
    for (status, code, attempts, error) in table {
        let aws = Aws::new([refusal(status, code)]);
        assert_eq!(unwrap(&aws, &variables()).await, Err(error.clone()), "{code}");
        assert_eq!(aws.asked().len(), attempts, "{code}");
        let aws = Aws::new([refusal(status, code)]);
        assert_eq!(data_key(&aws, &variables()).await.err(), Some(error), "{code}");
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_given_up_on_in_time() {
    for answer in [Answer::Silence, Answer::Breaks] {
        let aws = Aws::new([answer]);
        let error = unwrap(&aws, &variables()).await.unwrap_err();
        assert!(matches!(error, KeyError::Unavailable(_)), "{error}");
        assert!(aws.clock.now() <= LIMITS.whole, "{:?}", aws.clock.now());
    }
}
