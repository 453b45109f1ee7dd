//! Push credentials and the repository's own policy.

use slipway_aws::arn::RepositoryArn;
use slipway_aws::policy::{Access, MAX_LENGTH, MAX_REPOSITORY_LENGTH, push, repository as of_repository};
use slipway_domain::cluster::place::{Account, Region};
use slipway_domain::cluster::role::RoleArn;
use slipway_domain::id::TenantId;
use slipway_domain::name::AppName;
use slipway_domain::repository::RegistryAddress;
use slipway_domain::time::Time;

use crate::evaluator::{Request, allows, denies};

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

fn account(text: &str) -> Account {
    text.parse().unwrap()
}

fn role(text: &str) -> RoleArn {
    text.parse().unwrap()
}

const PUSH_ROLE: &str = "arn:aws:iam::123456789012:role/slipway/push";

#[test]
fn the_connected_accounts_pull_and_do_nothing_else() {
    let access = Access { pullers: vec![account("210987654321"), account("310987654321")], revoked_at: None };
    let policy = of_repository(&access, &role(PUSH_ROLE)).unwrap();
    let shop = repository(REGISTRY, "shop").to_string();
    let asks = |action: &str, who: &str| allows(&policy, &Request::new(action, &shop).by(who));
    for action in ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] {
        for connected in ["arn:aws:iam::210987654321:root", "arn:aws:iam::310987654321:root"] {
            assert!(asks(action, connected), "{action}");
        }
        for who in ["arn:aws:iam::210987654322:root", "arn:aws-cn:iam::210987654321:root", "*"] {
            assert!(!asks(action, who), "{action} {who}");
        }
        assert!(!allows(&policy, &Request::new(action, &shop)), "{action}");
    }
    for action in ["ecr:PutImage", "ecr:BatchDeleteImage", "ecr:SetRepositoryPolicy", "ecr:DescribeImages"] {
        assert!(!asks(action, "arn:aws:iam::210987654321:root"), "{action}");
    }
    let china = of_repository(&access, &role("arn:aws-cn:iam::123456789012:role/slipway/push")).unwrap();
    assert!(china.contains("arn:aws-cn:iam::210987654321:root"));
    assert_eq!(of_repository(&Access { pullers: Vec::new(), revoked_at: None }, &role(PUSH_ROLE)), None);
}

#[test]
fn a_login_from_before_it_was_revoked_does_nothing_and_a_later_one_pushes() {
    let revoked_at = Some("2026-01-15T14:30:49.700Z".parse().unwrap());
    let alone = Access { pullers: Vec::new(), revoked_at };
    let beside_pullers = Access { pullers: vec![account("210987654321")], revoked_at };
    let shop = repository(REGISTRY, "shop").to_string();
    for access in [alone, beside_pullers] {
        let policy = of_repository(&access, &role(PUSH_ROLE)).unwrap();
        let denied = |action: &str, role: &str, began: Option<&str>| {
            let began = began.map(|began| began.parse().unwrap());
            denies(&policy, &Request::new(action, &shop).session(role, began))
        };
        for action in ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:BatchGetImage", "ecr:SomethingNew"] {
            let table = [
                (Some("2026-01-15T02:30:49Z"), true),
                (Some("2026-01-15T14:30:49Z"), true),
                (Some("2026-01-15T14:30:49.900Z"), true),
                (Some("2026-01-15T14:30:50Z"), false),
                (Some("2026-01-16T14:30:50Z"), false),
                (None, true),
            ];
            for (began, expected) in table {
                assert_eq!(denied(action, PUSH_ROLE, began), expected, "{action} {began:?}");
            }
            for other in ["arn:aws:iam::123456789012:role/slipway/api", "arn:aws:iam::210987654321:role/slipway/push"] {
                assert!(!denied(action, other, Some("2026-01-15T02:30:49Z")), "{action} {other}");
                assert!(!denied(action, other, None), "{action} {other}");
            }
        }
        let pulls = Request::new("ecr:BatchGetImage", &shop).by("arn:aws:iam::210987654321:root");
        assert_eq!(allows(&policy, &pulls), !access.pullers.is_empty());
    }
}

#[test]
fn the_longest_names_fit() {
    let region: Region = format!("us-gov-{}-1", "a".repeat(Region::MAX_LENGTH - 9)).parse().unwrap();
    let registry = format!("123456789012.dkr.ecr.{region}.amazonaws.com/{}", "a".repeat(128));
    let policy = push(&repository(&registry, &"a".repeat(AppName::MAX_LENGTH)));
    assert!(policy.len() <= MAX_LENGTH, "{}", policy.len());
    let longest = format!("arn:aws-us-gov:iam::123456789012:role/{}/{}", "p".repeat(511), "n".repeat(64));
    let access = Access { pullers: vec![account("210987654321"); 100], revoked_at: Some(Time::from_millis(0)) };
    let policy = of_repository(&access, &role(&longest)).unwrap();
    assert!(policy.len() <= MAX_REPOSITORY_LENGTH, "{}", policy.len());
}
