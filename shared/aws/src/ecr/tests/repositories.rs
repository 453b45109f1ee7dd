//! How repositories are made, and who is let in.

use slipway_domain::repository::RegistryAddress;

use super::*;
use crate::policy::{self, Access};

fn created() -> Answer {
    said(&json!({ "repository": { "repositoryName": PATH } }))
}

fn set() -> Answer {
    said(&json!({ "repositoryName": PATH }))
}

async fn ensure(aws: &Aws) -> Result<Repository> {
    aws.clock.run(ecr(aws).ensure(&tenant(), &app())).await
}

#[tokio::test]
async fn a_repository_is_made_with_tags_that_stay_and_names_whose_it_is() {
    let kms = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let table = [
        (Encryption::Aes256, json!({ "encryptionType": "AES256" })),
        (Encryption::Kms(kms.to_owned()), json!({ "encryptionType": "KMS", "kmsKey": kms })),
    ];
    for (encryption, sent) in table {
        let aws = Aws::new([created(), set()]);
        let ecr = ecr_with(&aws, Settings { encryption, ..settings() }).unwrap();
        let repository = aws.clock.run(ecr.ensure(&tenant(), &app())).await.unwrap();
        assert_eq!(repository.to_string(), format!("{REGISTRY}/{PATH}"));
        let [create, lifecycle] = asked(&aws).try_into().unwrap();
        let body = json!({
            "registryId": "123456789012",
            "repositoryName": PATH,
            "tags": [{ "Key": "slipway:tenant", "Value": "TBCDEFGHIJK" }, { "Key": "slipway:app", "Value": "shop" }],
            "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": { "scanOnPush": true },
            "encryptionConfiguration": sent,
        });
        assert_eq!(create, ("CreateRepository".to_owned(), body));
        assert_eq!((lifecycle.0.as_str(), &lifecycle.1["repositoryName"]), ("PutLifecyclePolicy", &json!(PATH)));
    }
}

/// The first of the four sentences on which it rests that nothing is collected which a release names.
#[tokio::test]
async fn the_lifecycle_expires_images_without_a_tag_and_nothing_else() {
    let aws = Aws::new([created(), set()]);
    ensure(&aws).await.unwrap();
    let text = asked(&aws)[1].1["lifecyclePolicyText"].as_str().unwrap().to_owned();
    let policy: Value = serde_json::from_str(&text).unwrap();
    let rules = policy["rules"].as_array().unwrap();
    let selection = json!({
        "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14,
    });
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0]["selection"], selection);
    assert_eq!(rules[0]["action"], json!({ "type": "expire" }));
}

#[tokio::test]
async fn a_repository_that_exists_has_its_lifecycle_set_as_well() {
    let aws = Aws::new([refused(400, "RepositoryAlreadyExistsException"), set()]);
    assert!(ensure(&aws).await.is_ok());
    let operations: Vec<String> = asked(&aws).into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(operations, ["CreateRepository", "PutLifecyclePolicy"]);
}

#[tokio::test]
async fn a_repository_that_cannot_be_made_is_not_used() {
    let table = [
        (vec![refused(400, "AccessDeniedException")], "ecr:CreateRepository and ecr:TagResource"),
        (vec![refused(400, "LimitExceededException")], "over a quota"),
        (vec![refused(400, "InvalidParameterException")], "making the repository in"),
        (vec![created(), refused(400, "AccessDeniedException")], "ecr:PutLifecyclePolicy"),
    ];
    for (answers, words) in table {
        let context = ensure(&Aws::new(answers)).await.unwrap_err().context.unwrap();
        assert!(context.contains(words), "{context}");
    }
}

#[tokio::test]
async fn a_policy_says_who_pulls_and_whose_logins_are_locked_out_at_once() {
    let access = Access {
        pullers: vec!["210987654321".parse().unwrap()],
        revoked_at: Some("2026-01-15T14:30:49Z".parse().unwrap()),
    };
    let aws = Aws::new([created(), set(), set()]);
    assert_eq!(aws.clock.run(ecr(&aws).permit(&tenant(), &app(), &access)).await, Ok(()));
    let [.., (operation, body)] = <[_; 3]>::try_from(asked(&aws)).unwrap();
    let text = policy::repository(&access, &PUSH_ROLE.parse().unwrap()).unwrap();
    let expected = json!({ "registryId": "123456789012", "repositoryName": PATH, "policyText": text });
    assert_eq!((operation.as_str(), body), ("SetRepositoryPolicy", expected));
}

#[tokio::test]
async fn a_policy_that_says_nothing_is_deleted() {
    let access = Access { pullers: Vec::new(), revoked_at: None };
    let table = [
        (set(), None),
        (refused(400, "RepositoryPolicyNotFoundException"), None),
        (refused(400, "AccessDeniedException"), Some("ecr:DeleteRepositoryPolicy")),
    ];
    for (answer, words) in table {
        let aws = Aws::new([created(), set(), answer]);
        let context =
            aws.clock.run(ecr(&aws).permit(&tenant(), &app(), &access)).await.err().map(|error| error.context);
        assert_eq!(asked(&aws)[2].0, "DeleteRepositoryPolicy");
        match (context, words) {
            (None, None) => {}
            (Some(Some(context)), Some(words)) => assert!(context.contains(words), "{context}"),
            (context, _) => panic!("{context:?}"),
        }
    }
}

/// The longest names give a repository that ECR takes.
#[test]
fn the_longest_names_fit() {
    let address: RegistryAddress = format!("{REGISTRY}/{}", "a".repeat(128)).parse().unwrap();
    let app: AppName = "a".repeat(AppName::MAX_LENGTH).parse().unwrap();
    let path = address.repository(&tenant(), &app).path().to_owned();
    assert!(path.len() <= 256, "{}", path.len());
}
