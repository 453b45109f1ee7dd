//! Push credentials and the repository's own policy.

use slipway_aws::arn::RepositoryArn;
use slipway_aws::policy::{MAX_LENGTH, pull, push};
use slipway_domain::cluster::place::{Account, Partition, Region};
use slipway_domain::id::TenantId;
use slipway_domain::name::AppName;
use slipway_domain::repository::RegistryAddress;

use crate::evaluator::{Request, allows};

const REGISTRY: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/slipway";

fn repository(registry: &str, app: &str) -> RepositoryArn {
    let address: RegistryAddress = registry.parse().unwrap();
    let app: AppName = app.parse().unwrap();
    RepositoryArn::try_from(&address.repository(&TenantId::from_entropy(0), &app)).unwrap()
}

#[test]
fn push_credentials_upload_to_one_repository_and_do_nothing_else() {
    let shop = repository(REGISTRY, "shop");
    let policy = push(&shop);
    let (shop, longer) = (shop.to_string(), repository(REGISTRY, "shop-2").to_string());
    let allowed = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
    ];
    for action in allowed {
        assert!(allows(&policy, &Request::new(action, &shop)), "{action}");
        let other = shop.replace("taaaaaaaaaa", "tbaaaaaaaaa");
        assert_ne!(other, shop);
        for elsewhere in [&longer, &other, &shop[..shop.len() - 1], &format!("{shop}/x"), "*"] {
            assert!(!allows(&policy, &Request::new(action, elsewhere)), "{action} {elsewhere}");
        }
    }
    assert!(allows(&policy, &Request::new("ecr:GetAuthorizationToken", "*")));
    let denied = [
        "ecr:BatchDeleteImage",
        "ecr:BatchImportUpstreamImage",
        "ecr:CreateRepository",
        "ecr:DeleteRepository",
        "ecr:DescribeImages",
        "ecr:GetDownloadUrlForLayer",
        "ecr:PutImageTagMutability",
        "ecr:PutLifecyclePolicy",
        "ecr:SetRepositoryPolicy",
        "s3:GetObject",
        "sts:AssumeRole",
        "dynamodb:GetItem",
    ];
    for action in denied {
        assert!(!allows(&policy, &Request::new(action, &shop)), "{action}");
    }
}

#[test]
fn the_connected_account_pulls_and_does_nothing_else() {
    let account: Account = "210987654321".parse().unwrap();
    let policy = pull(Partition::Aws, &account);
    let (shop, connected) = (repository(REGISTRY, "shop").to_string(), "arn:aws:iam::210987654321:root");
    let asks = |action: &str, who: &str| allows(&policy, &Request::new(action, &shop).by(who));
    for action in ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] {
        assert!(asks(action, connected), "{action}");
        for who in ["arn:aws:iam::210987654322:root", "arn:aws-cn:iam::210987654321:root", "*"] {
            assert!(!asks(action, who), "{action} {who}");
        }
        assert!(!allows(&policy, &Request::new(action, &shop)), "{action}");
    }
    for action in ["ecr:PutImage", "ecr:BatchDeleteImage", "ecr:SetRepositoryPolicy", "ecr:DescribeImages"] {
        assert!(!asks(action, connected), "{action}");
    }
    assert!(pull(Partition::China, &account).contains("arn:aws-cn:iam::210987654321:root"));
}

#[test]
fn the_longest_names_fit() {
    let region: Region = format!("us-gov-{}-1", "a".repeat(Region::MAX_LENGTH - 9)).parse().unwrap();
    let registry = format!("123456789012.dkr.ecr.{region}.amazonaws.com/{}", "a".repeat(128));
    let policy = push(&repository(&registry, &"a".repeat(AppName::MAX_LENGTH)));
    assert!(policy.len() <= MAX_LENGTH, "{}", policy.len());
    let policy = pull(Partition::GovCloud, &"210987654321".parse().unwrap());
    assert!(policy.len() <= MAX_LENGTH, "{}", policy.len());
}
