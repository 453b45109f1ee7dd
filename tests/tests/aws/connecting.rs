//! Connecting a cluster: every way in which a role, an entry or a cluster is wrong is told, and nothing is connected.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_tests::end_to_end::aws::{Aws, Tenant, project};
use slipway_tests::server::client::Answer;
use slipway_tests::server::{Result, failed};
use tokio::process::Command;

use crate::{Ground, check};

/// The account of this story's tenant, which others leave alone.
const NUMBER: usize = 3;

pub async fn story(ground: &Ground) -> Result<()> {
    let aws = &ground.aws;
    let tenant = aws.tenant("connecting", NUMBER).await?;
    let made = tenant.client.post("/v1/clusters", &tenant.cluster("late")).await?;
    let (role, group, right) = (made["role"].clone(), made["group"].clone(), made["external_id"].as_str());
    let connect = async || tenant.client.send(Method::POST, "/v1/clusters/late/connect", Some(&json!({})), None).await;

    aws.standin.register(&aws.eks, NUMBER, &made, right).await?;
    aws.standin.remove_role(made["role"].as_str().unwrap_or_default()).await?;
    refused(&connect().await?, "check that it exists", &tenant).await?;
    aws.standin.register(&aws.eks, NUMBER, &made, None).await?;
    refused(&connect().await?, "can be taken on without an external id", &tenant).await?;
    aws.standin.register(&aws.eks, NUMBER, &made, Some("*")).await?;
    refused(&connect().await?, "with an external id other than its own", &tenant).await?;
    aws.standin.register(&aws.eks, NUMBER, &made, Some("0123456789abcdef0123456789abcdef")).await?;
    refused(&connect().await?, "under the external id", &tenant).await?;

    aws.standin.register(&aws.eks, NUMBER, &made, right).await?;
    aws.standin.cluster(&aws.eks, NUMBER, &made, &[]).await?;
    refused(&connect().await?, "does not accept the credential", &tenant).await?;
    aws.standin.cluster(&aws.eks, NUMBER, &made, &[(&role, &json!("slipway:somebody-else"))]).await?;
    refused(&connect().await?, "does not put", &tenant).await?;
    aws.standin.cluster(&aws.eks, NUMBER, &made, &[(&role, &json!("system:masters"))]).await?;
    refused(&connect().await?, "may do more than it has to", &tenant).await?;
    aws.standin.cluster(&aws.eks, NUMBER, &made, &[(&role, &group)]).await?;

    let other = json!({ "name": "gone", "region": "eu-central-1", "account": tenant.account, "eks_name": "no-such" });
    let gone = tenant.client.post("/v1/clusters", &other).await?;
    let mut entered = gone.clone();
    entered["eks_name"] = made["eks_name"].clone();
    aws.standin.register(&aws.eks, NUMBER, &entered, gone["external_id"].as_str()).await?;
    let answer = tenant.client.send(Method::POST, "/v1/clusters/gone/connect", Some(&json!({})), None).await?;
    refused(&answer, "there is no cluster no-such", &tenant).await?;

    aws.standin.cluster(&aws.eks, NUMBER, &made, &[(&role, &group)]).await?;
    let connected = connect().await?.ok()?;
    check(connected["status"] == json!("connected"), || format!("it is {connected}"))?;
    never_private_in_production(aws).await
}

/// In the midst of a promotion the role goes: nothing more can be done there, and the promotion says so.
pub async fn taken_away(ground: &Ground) -> Result<()> {
    let aws = &ground.aws;
    let tenant = aws.connected("leaving", 2).await?;
    let role = tenant.client.get("/v1/clusters/leaving").await?["role"].clone();
    let place = slipway_tests::end_to_end::place::Place::Aws(aws.clone(), Box::new(tenant));
    let app = place.app("leave").await?;
    let first = app.build("1").await?;
    app.ships(&first, "succeeded", None).await?;
    let slow = app.set("newest", &json!({ "BOOT_MS": "2500" })).await?;
    let promotion = app.promote(&slow).await?;
    // The first turn is under way and holds a token for a quarter of an hour; the next one gets none.
    aws.standin.remove_role(role.as_str().unwrap_or_default()).await?;
    let ended = app.ended(&promotion).await?;
    let cause = ended["failure"]["cause"].as_str().unwrap_or_default();
    let outcome = ended["outcome"].as_str().unwrap_or_default();
    let told = ended["failure"]["message"].as_str().unwrap_or_default().to_owned() + &ended["failure"].to_string();
    check(cause == "cluster_unauthorized" && matches!(outcome, "failed" | "rollback_failed"), || {
        format!("it ended as {outcome} because of {cause}: {ended}")
    })?;
    check(told.contains(role.as_str().unwrap_or("no role")), || format!("the cause does not name the role: {told}"))
}

/// The message says what to mend, and the cluster is as unconnected as before.
async fn refused(answer: &Answer, words: &str, tenant: &Tenant) -> Result<()> {
    let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
    let told = answer.status == 409 && answer.code() == "cluster_refused" && detail.contains(words);
    check(told, || format!("expected a refusal with {words:?}, got {} {}", answer.status, answer.body))?;
    let now: Value = tenant.client.get("/v1/clusters/late").await?;
    check(now["connected_at"].is_null(), || format!("it counts as connected after {detail}"))
}

/// The one exception for tests cannot be had where others' clusters are: neither deployed nor started.
async fn never_private_in_production(aws: &Aws) -> Result<()> {
    let mut deploy = Command::new(project().join("scripts/deploy.sh"));
    deploy.arg("prod").env("PRIVATE_CLUSTERS", "10.0.0.0/8").env("OPERATOR_TOKEN_SHA256", "0".repeat(64));
    let told = deploy.env("AWS_ENDPOINT_URL", aws.standin.url()).output().await.map_err(failed("deploy"))?;
    let words = String::from_utf8_lossy(&told.stderr).into_owned();
    check(!told.status.success() && words.contains("must be empty for prod"), || format!("deploy said {words}"))?;
    for function in ["api", "rollout", "sweep"] {
        let mut started = Command::new(project().join(format!("target/lambda/{function}/bootstrap")));
        started.env_clear().env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1").env("AWS_REGION", "eu-central-1");
        started.env("AWS_LAMBDA_FUNCTION_NAME", function).env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
        started.env("AWS_LAMBDA_FUNCTION_VERSION", "1").env("AWS_LAMBDA_LOG_GROUP_NAME", "none");
        started.env("AWS_LAMBDA_LOG_STREAM_NAME", "none");
        let arn = "arn:aws:iam::111122223333:role/session/slipway-prod-eu-central-1";
        let settings = [
            ("SLIPWAY_STAGE", "prod".to_owned()),
            ("SLIPWAY_TABLE", "slipway".to_owned()),
            ("SLIPWAY_KEY", "arn:aws:kms:eu-central-1:111122223333:key/0d1f2a3b".to_owned()),
            ("SLIPWAY_STATE_MACHINE", "arn:aws:states:eu-central-1:111122223333:stateMachine:x".to_owned()),
            ("SLIPWAY_NOTIFICATIONS", "http://127.0.0.1:1/queue".to_owned()),
            ("SLIPWAY_OPERATOR_SHA256", "0".repeat(64)),
            ("SLIPWAY_TENANT_ROLE", format!("{arn}-tenant")),
            ("SLIPWAY_PUSH_ROLE", format!("{arn}-push")),
            ("SLIPWAY_PRIVATE_CLUSTERS", "10.0.0.0/8".to_owned()),
        ];
        let told = started.envs(settings).output().await.map_err(failed("start a function"))?;
        let words = String::from_utf8_lossy(&told.stderr).into_owned() + &String::from_utf8_lossy(&told.stdout);
        let named = words.contains("SLIPWAY_PRIVATE_CLUSTERS") && words.contains("must be empty in the stage prod");
        check(!told.status.success() && named, || format!("{function} ended with {} and said {words}", told.status))?;
    }
    Ok(())
}
