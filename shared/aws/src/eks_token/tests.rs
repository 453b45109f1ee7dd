//! The tokens below were made by `aws eks get-token` of the AWS command line 1.46.3 (botocore 1.44.8), with the clock of
//! its signer at 2026-01-15 14:30:49 UTC and the key pair of AWS's own examples. What is kept of each is the URL inside.

use super::*;

const AT: Time = Time::from_millis(1_768_487_449_000);
const SESSION: &str = "FwoGZXIvYXdzEBEaDA==/+session=&token";

struct Vector {
    region: &'static str,
    cluster: &'static str,
    session: Option<&'static str>,
    url: &'static str,
}

const VECTORS: [Vector; 4] = [
    Vector {
        region: "eu-central-1",
        cluster: "prod",
        session: None,
        url: "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
              &X-Amz-Algorithm=AWS4-HMAC-SHA256\
              &X-Amz-Credential=AKIDEXAMPLE%2F20260115%2Feu-central-1%2Fsts%2Faws4_request\
              &X-Amz-Date=20260115T143049Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
              &X-Amz-Signature=98e533b56aee76e8c87187087ef2173cacecb5d16a5acc2491d359cf09d9ca3f",
    },
    Vector {
        region: "eu-central-1",
        cluster: "prod_2-A",
        session: Some(SESSION),
        url: "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
              &X-Amz-Algorithm=AWS4-HMAC-SHA256\
              &X-Amz-Credential=AKIDEXAMPLE%2F20260115%2Feu-central-1%2Fsts%2Faws4_request\
              &X-Amz-Date=20260115T143049Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
              &X-Amz-Security-Token=FwoGZXIvYXdzEBEaDA%3D%3D%2F%2Bsession%3D%26token\
              &X-Amz-Signature=0b12703453912ba5018f2a2ff6ef1c5b713788ac15432c5c2fb84f02e21368e0",
    },
    Vector {
        region: "cn-north-1",
        cluster: "prod",
        session: None,
        url: "https://sts.cn-north-1.amazonaws.com.cn/?Action=GetCallerIdentity&Version=2011-06-15\
              &X-Amz-Algorithm=AWS4-HMAC-SHA256\
              &X-Amz-Credential=AKIDEXAMPLE%2F20260115%2Fcn-north-1%2Fsts%2Faws4_request\
              &X-Amz-Date=20260115T143049Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
              &X-Amz-Signature=1489980a94d482b6fb1056c51f1a714857b3636d54e4b3c151022abe58ecb921",
    },
    Vector {
        region: "us-gov-west-1",
        cluster: "prod",
        session: None,
        url: "https://sts.us-gov-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
              &X-Amz-Algorithm=AWS4-HMAC-SHA256\
              &X-Amz-Credential=AKIDEXAMPLE%2F20260115%2Fus-gov-west-1%2Fsts%2Faws4_request\
              &X-Amz-Date=20260115T143049Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
              &X-Amz-Signature=db8f44690d576762cd6ca834ea91fbacbcc2d80c2730bb4a78b728750a430345",
    },
];

fn credentials(session: Option<&str>, end: Option<Time>) -> Credentials {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    Credentials::new("AKIDEXAMPLE", secret, session.map(str::to_owned), end.map(system_time), "example")
}

fn made(vector: &Vector) -> EksToken {
    let (region, cluster) = (vector.region.parse().unwrap(), vector.cluster.parse().unwrap());
    token(&credentials(vector.session, None), &region, &cluster, AT).unwrap()
}

fn url(token: &EksToken) -> String {
    let encoded = token.token.reveal().strip_prefix("k8s-aws-v1.").unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

/// Host and path, and the parameters, whose order the signature leaves open.
fn parts(url: &str) -> (&str, Vec<&str>) {
    let (place, query) = url.split_once('?').unwrap();
    let mut parameters: Vec<&str> = query.split('&').collect();
    parameters.sort_unstable();
    (place, parameters)
}

#[test]
fn a_token_is_the_one_that_the_aws_command_line_makes() {
    for vector in &VECTORS {
        let url = url(&made(vector));
        assert_eq!(parts(&url), parts(vector.url), "{} {}", vector.region, vector.cluster);
    }
}

#[test]
fn a_token_is_good_for_fourteen_minutes_or_as_long_as_the_credentials() {
    let (region, cluster): (Region, EksName) = ("eu-central-1".parse().unwrap(), "prod".parse().unwrap());
    let minutes = |minutes| AT.plus(Duration::from_mins(minutes));
    let end = |end| token(&credentials(None, end), &region, &cluster, AT).map(|token| token.expires_at);
    assert_eq!(end(None), Ok(minutes(14)));
    assert_eq!(end(Some(minutes(60))), Ok(minutes(14)));
    assert_eq!(end(Some(minutes(5))), Ok(minutes(5)));
    for at in [AT, Time::from_millis(0)] {
        assert_eq!(end(Some(at)), Err(EksTokenError::Expired { cluster: cluster.clone(), at }));
    }
    let error = end(Some(AT)).unwrap_err().to_string();
    assert_eq!(
        error,
        "the AWS credentials for the cluster prod expired at 2026-01-15T14:30:49Z: assume its role again"
    );
}

#[test]
fn another_cluster_has_another_signature() {
    let [first, ..] = &VECTORS;
    let other = made(&Vector { cluster: "prod2", ..*first });
    assert_ne!(other.token, made(first).token);
}

#[test]
fn a_token_is_not_seen_in_debug_output() {
    let [first, ..] = &VECTORS;
    assert_eq!(format!("{:?}", made(first)), "EksToken { token: ***, expires_at: Time(1768488289000) }");
}
