use super::*;
use crate::scripted::{Answer, Aws, session, session_refused, sts};

const ROLE: &str = "arn:aws:iam::210987654321:role/teams/slipway";
const OWN: &str = "shop-0123456789abcdef";
const ANOTHER: &str = "else-0123456789abcdef";

fn role() -> RoleArn {
    ROLE.parse().unwrap()
}

fn id(text: &str) -> ExternalId {
    text.parse().unwrap()
}

async fn assume(aws: &Aws) -> Result<Credentials, AssumeError> {
    let tenant = "TBCDEFGHIJK".parse().unwrap();
    aws.clock.run(sts(aws).assume(&tenant, &role(), &id(OWN))).await
}

async fn accept(aws: &Aws) -> Result<Credentials, AssumeError> {
    let tenant = "TBCDEFGHIJK".parse().unwrap();
    aws.clock.run(sts(aws).accept(&tenant, &role(), &id(OWN), &id(ANOTHER))).await
}

/// The parameters of each request that was sent, without those that all have.
fn asked(aws: &Aws) -> Vec<Vec<String>> {
    let parameters = |body: &str| {
        let known =
            ["Action=AssumeRole", "Version=2011-06-15", "DurationSeconds=900", "RoleSessionName=slipway-TBCDEFGHIJK"];
        let mut parameters: Vec<String> = body.split('&').map(str::to_owned).collect();
        for known in known {
            assert!(parameters.iter().any(|parameter| parameter == known), "{body}");
        }
        parameters.retain(|parameter| !known.contains(&parameter.as_str()));
        parameters
    };
    aws.asked().iter().map(|asked| parameters(&asked.body)).collect()
}

fn given_to(arn: &str) -> Answer {
    session(arn, "ASIAEXAMPLE", "2026-01-15T14:45:49Z")
}

fn given() -> Answer {
    given_to("arn:aws:sts::210987654321:assumed-role/slipway/slipway-TBCDEFGHIJK")
}

fn denied() -> Answer {
    session_refused(403, "AccessDenied")
}

const ROLE_PARAMETER: &str = "RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fteams%2Fslipway";

#[tokio::test]
async fn a_role_is_taken_on_for_fifteen_minutes_by_its_external_id() {
    let aws = Aws::new([given()]);
    let credentials = assume(&aws).await.unwrap();
    assert_eq!(credentials.access_key_id(), "ASIAEXAMPLE");
    assert_eq!((credentials.secret_access_key(), credentials.session_token()), ("theirs", Some("session")));
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_488_349);
    assert_eq!(credentials.expiry(), Some(end));
    assert_eq!(asked(&aws), [[ROLE_PARAMETER.to_owned(), format!("ExternalId={OWN}")]]);
    assert!(aws.asked()[0].url.starts_with("https://sts.eu-central-1.amazonaws.com"));
}

#[tokio::test]
async fn a_role_is_accepted_that_refuses_everybody_else() {
    let aws = Aws::new([denied(), denied(), given()]);
    assert!(accept(&aws).await.is_ok());
    let role = || ROLE_PARAMETER.to_owned();
    let expected =
        [vec![role()], vec![role(), format!("ExternalId={ANOTHER}")], vec![role(), format!("ExternalId={OWN}")]];
    assert_eq!(asked(&aws), expected);
}

#[tokio::test]
async fn a_role_that_is_open_is_refused_and_its_credentials_are_not_used() {
    let table = [
        (vec![given()], AssumeError::NoExternalId(role())),
        (vec![denied(), given()], AssumeError::AnyExternalId(role())),
    ];
    for (answers, error) in table {
        let (aws, count) = (Aws::new(answers.clone()), answers.len());
        assert_eq!(accept(&aws).await, Err(error));
        assert_eq!(aws.asked().len(), count);
    }
}

#[tokio::test]
async fn whether_a_role_refuses_others_is_not_concluded_from_a_failure() {
    // Credentials of ours that are not taken say nothing about the role.
    let expired = Aws::new([denied(), session_refused(403, "ExpiredToken"), given()]);
    assert!(matches!(accept(&expired).await, Err(AssumeError::Invalid { .. })));
    for answers in [vec![session_refused(503, "ServiceUnavailable")], vec![denied(), Answer::Silence]] {
        let aws = Aws::new(answers);
        let error = accept(&aws).await.unwrap_err();
        assert!(matches!(error, AssumeError::Away { .. }), "{error}");
        assert!(aws.clock.now() <= LIMITS.whole * 2, "{:?}", aws.clock.now());
    }
}

#[tokio::test]
async fn a_session_of_another_account_is_not_used() {
    let elsewhere = [
        "arn:aws:sts::210987654322:assumed-role/slipway/x",
        "arn:aws-cn:sts::210987654321:assumed-role/slipway/x",
        "arn:aws:sts::210987654321:federated-user/x",
        "",
    ];
    for found in elsewhere {
        let aws = Aws::new([given_to(found)]);
        let error = AssumeError::OtherRole { role: role(), found: found.to_owned() };
        assert_eq!(assume(&aws).await, Err(error));
    }
}

#[tokio::test]
async fn a_role_of_ours_is_narrowed_by_its_session_policy() {
    let (policy, tenant) = (r#"{"Version":"2012-10-17"}"#, "TBCDEFGHIJK".parse().unwrap());
    let aws = Aws::new([given()]);
    assert!(aws.clock.run(sts(&aws).narrow(&tenant, &role(), policy)).await.is_ok());
    let sent = "Policy=%7B%22Version%22%3A%222012-10-17%22%7D".to_owned();
    assert_eq!(asked(&aws), [[ROLE_PARAMETER.to_owned(), sent]]);
    let table = [
        (
            denied(),
            format!(
                "AWS does not let us take on our own role {ROLE}: its trust policy must name the role of the function"
            ),
        ),
        (
            session_refused(400, "PackedPolicyTooLarge"),
            format!("the request for the role {ROLE} cannot succeed, which is ours to mend"),
        ),
        (Answer::Breaks, format!("AWS did not answer when we asked for the role {ROLE}: try again")),
        (
            given_to("arn:aws:sts::1:assumed-role/x/y"),
            format!(
                "AWS gave us a session of arn:aws:sts::1:assumed-role/x/y when asked for the role {ROLE}: nothing was done with it"
            ),
        ),
    ];
    for (answer, words) in table {
        let aws = Aws::new([answer]);
        let error = aws.clock.run(sts(&aws).narrow(&tenant, &role(), policy)).await.unwrap_err();
        assert_eq!(error.to_string(), words);
    }
}

#[tokio::test]
async fn every_refusal_says_what_to_mend() {
    let trust = format!(
        "AWS does not let us take on the role {ROLE}: check that it exists, and that its trust policy allows \
         sts:AssumeRole to our account under the external id {OWN}"
    );
    let away = format!("AWS did not answer when we asked for the role {ROLE}: try again");
    let ours = format!("the request for the role {ROLE} cannot succeed, which is ours to mend");
    let table = [
        (denied(), 1, &trust),
        (session_refused(403, "RegionDisabledException"), 1, &ours),
        (session_refused(403, "ExpiredToken"), 1, &ours),
        (session_refused(403, "InvalidClientTokenId"), 1, &ours),
        (
            session_refused(400, "Throttling"),
            3,
            &"AWS was asked for too many sessions: try again in a few seconds".to_owned(),
        ),
        (session_refused(500, "InternalFailure"), 3, &away),
        (Answer::Breaks, 3, &away),
        (Answer::Silence, 3, &away),
        (session_refused(400, "MalformedPolicyDocument"), 1, &ours),
        (session_refused(400, "ValidationError"), 1, &ours),
    ];
    for (answer, attempts, words) in table {
        let aws = Aws::new([answer]);
        assert_eq!(assume(&aws).await.unwrap_err().to_string(), *words);
        assert_eq!(aws.asked().len(), attempts, "{words}");
        assert!(aws.clock.now() <= LIMITS.whole, "{:?}", aws.clock.now());
    }
}
