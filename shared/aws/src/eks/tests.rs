use aws_sdk_eks::config::BehaviorVersion;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::scripted::{Answer, Aws};

const URL: &str = "https://ABC.gr7.eu-central-1.eks.amazonaws.com";
const ARN: &str = "arn:aws:eks:eu-central-1:210987654321:cluster/prod";

fn place() -> EksPlace {
    EksPlace {
        region: "eu-central-1".parse().unwrap(),
        account: "210987654321".parse().unwrap(),
        name: "prod".parse().unwrap(),
    }
}

fn authority() -> String {
    STANDARD.encode("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
}

/// What EKS says of the cluster, with one member changed.
fn cluster(member: &str, value: Value) -> Answer {
    let mut cluster = json!({
        "name": "prod",
        "arn": ARN,
        "status": "ACTIVE",
        "endpoint": URL,
        "certificateAuthority": { "data": authority() },
    });
    cluster[member] = value;
    Answer::Says(200, json!({ "cluster": cluster }).to_string())
}

fn refusal(status: u16, code: &str) -> Answer {
    Answer::Says(status, json!({ "__type": code, "message": "so it is" }).to_string())
}

async fn describe(aws: &Aws) -> Result<Endpoint, DescribeError> {
    let config = aws_sdk_eks::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .sleep_impl(aws.clock.clone())
        .http_client(aws.http());
    let theirs = Credentials::new("ASIATHEIRS", "secret", Some("session".to_owned()), None, "example");
    aws.clock.run(Eks::new(config).describe(&place(), theirs)).await
}

#[tokio::test]
async fn the_tenants_credentials_ask_in_the_tenants_region() {
    let aws = Aws::new([cluster("status", json!("ACTIVE"))]);
    let endpoint = describe(&aws).await.unwrap();
    assert_eq!(endpoint, Endpoint::new(URL, &authority(), &place().region).unwrap());
    let [asked] = aws.asked().try_into().unwrap();
    assert_eq!(asked.url, "https://eks.eu-central-1.amazonaws.com/clusters/prod");
    assert!(asked.authorization.contains("Credential=ASIATHEIRS/"), "{}", asked.authorization);
    assert!(describe(&Aws::new([cluster("status", json!("UPDATING"))])).await.is_ok());
}

#[tokio::test]
async fn every_refusal_says_what_to_mend() {
    let away = "EKS did not answer when asked for the cluster prod: try again";
    let ours = "the request for the cluster prod cannot succeed, which is ours to mend";
    let denied = format!("the role that we take on may not look at the cluster: give it eks:DescribeCluster on {ARN}");
    let missing = "there is no cluster prod in eu-central-1 of the account 210987654321: check name and region";
    let table = [
        (refusal(403, "AccessDeniedException"), 1, denied.as_str()),
        (refusal(403, "UnrecognizedClientException"), 1, ours),
        (refusal(404, "ResourceNotFoundException"), 1, missing),
        (
            refusal(429, "TooManyRequestsException"),
            3,
            "EKS was asked for too much in that account: try again in a few seconds",
        ),
        (refusal(503, "ServiceUnavailableException"), 3, away),
        (Answer::Says(200, "{}".to_owned()), 1, away),
        (Answer::Breaks, 3, away),
        (Answer::Silence, 3, away),
        (refusal(400, "ClientException"), 1, ours),
        (cluster("status", json!("CREATING")), 1, "the cluster prod is creating: connect it once it is active"),
        (cluster("status", json!("DELETING")), 1, "the cluster prod is deleting: connect it once it is active"),
        (cluster("status", json!(null)), 1, "the cluster prod is of unknown status: connect it once it is active"),
        (cluster("endpoint", json!(null)), 1, "the address \"\" of the cluster must begin with https://"),
        (
            cluster("endpoint", json!("https://evil.example")),
            1,
            "the host evil.example of the cluster must end with .eu-central-1.eks.amazonaws.com: only clusters of EKS in \
             their own region are connected",
        ),
        (
            cluster("certificateAuthority", json!(null)),
            1,
            "the certificate authority of the cluster is no certificate in PEM: it does not begin as one",
        ),
    ];
    for (answer, attempts, words) in table {
        let aws = Aws::new([answer]);
        assert_eq!(describe(&aws).await.unwrap_err().to_string(), words);
        assert_eq!(aws.asked().len(), attempts, "{words}");
        assert!(aws.clock.now() <= LIMITS.whole, "{:?}", aws.clock.now());
    }
}

#[tokio::test]
async fn an_answer_about_another_cluster_is_not_believed() {
    for found in [
        "arn:aws:eks:eu-central-1:210987654322:cluster/prod",
        "arn:aws:eks:eu-west-1:210987654321:cluster/prod",
        "arn:aws:eks:eu-central-1:210987654321:cluster/prod2",
        "",
    ] {
        let error = DescribeError::Other { arn: ARN.to_owned(), found: found.to_owned() };
        assert_eq!(describe(&Aws::new([cluster("arn", json!(found))])).await, Err(error));
    }
}
