//! Images that are not there, may not be pulled, or come late.

use serde_json::{Value, json};
use slipway_tests::kubernetes::images;
use slipway_tests::product::gate::Manner;
use slipway_tests::product::owner::until;
use slipway_tests::product::stage::{Stage, only, web, with};
use slipway_tests::server::shop::text;
use slipway_tests::server::{Result, failed};

use super::{Row, row};
use crate::expect::{active, back, ended, says};
use crate::report::Ending;

/// Nodes ask again only after 10 s and more, so that this holds two attempts.
const DEADLINE_SECONDS: u32 = 40;

pub fn rows() -> Vec<Row> {
    vec![
        row!(registry_failing_for_long, "image-slow-too-long"),
        row!(registry_slow_then_fine, "image-slow-then-fine"),
        row!(registry_refusing, "image-refused"),
        row!(absent_at_the_pull, "image-gone-at-the-pull"),
        row!(absent_before, "image-gone-before"),
        row!(invalid_name, "image-name-invalid"),
    ]
}

fn service() -> Value {
    only(with(web(), json!({ "deployment": { "deadline": DEADLINE_SECONDS } })))
}

/// A good release, and the promotion of the next one, whose image the nodes are denied in this manner.
async fn denied(stage: &Stage<'_>, manner: Manner) -> Result<(String, Value)> {
    let good = stage.first(&service()).await?;
    let next = stage.build("2", &service()).await?;
    stage.product.gate.treat(stage.repository.path(), Some(manner));
    Ok((good, stage.ship(&next).await?))
}

/// Found out before anything moves: there is no promotion at all.
async fn absent_before(stage: &Stage<'_>) -> Result<Ending> {
    let good = stage.first(&service()).await?;
    let next = stage.build("2", &service()).await?;
    let release = stage.product.client.get(&format!("/v1/apps/{}/releases/{next}", stage.app)).await?;
    let image = text(&release["image"])?.parse().map_err(failed("read the digest"))?;
    images::delete(&image, &stage.repository).await;
    let body = json!({ "release": next });
    let path = format!("{}/promotions", stage.environment());
    let answer = stage.product.client.send(reqwest::Method::POST, &path, Some(&body), None).await?;
    if (answer.status, answer.code().as_str()) != (409, "image_missing") {
        return Err(format!("expected a refusal: {} {}", answer.status, answer.body));
    }
    stage.runs(&good, &[("web", 2)]).await?;
    active(stage, &good).await?;
    Ok(Ending { cause: answer.code(), outcome: "refused".to_owned() })
}

async fn absent_at_the_pull(stage: &Stage<'_>) -> Result<Ending> {
    let (good, promotion) = denied(stage, Manner::Hide).await?;
    says(&promotion, "/message", "not found")?;
    back(stage, &good, &[("web", 2)], &promotion, "image_not_found").await
}

async fn registry_refusing(stage: &Stage<'_>) -> Result<Ending> {
    let (good, promotion) = denied(stage, Manner::Refuse).await?;
    says(&promotion, "/message", "403")?;
    back(stage, &good, &[("web", 2)], &promotion, "image_denied").await
}

async fn registry_slow_then_fine(stage: &Stage<'_>) -> Result<Ending> {
    let slow = only(with(web(), json!({ "deployment": { "deadline": 120 } })));
    stage.first(&slow).await?;
    let next = stage.build("2", &slow).await?;
    stage.product.gate.treat(stage.repository.path(), Some(Manner::Fail));
    let promotion = stage.promote(&next).await?;
    let turned_away = async || Ok((stage.product.gate.turned_away(stage.repository.path()) > 0).then_some(()));
    until("a node asks for the image", turned_away).await?;
    stage.product.gate.treat(stage.repository.path(), None);
    let promotion = stage.ended(&promotion).await?;
    let ending = ended(stage, &promotion, "succeeded", "").await?;
    stage.runs(&next, &[("web", 2)]).await?;
    active(stage, &next).await?;
    Ok(ending)
}

async fn registry_failing_for_long(stage: &Stage<'_>) -> Result<Ending> {
    let (good, promotion) = denied(stage, Manner::Fail).await?;
    says(&promotion, "/message", "503")?;
    back(stage, &good, &[("web", 2)], &promotion, "image_pull_slow").await
}

/// The product itself names no image so: it takes a rule of the owner's that rewrites what pods run.
async fn invalid_name(stage: &Stage<'_>) -> Result<Ending> {
    let good = stage.first(&service()).await?;
    let next = stage.build("2", &service()).await?;
    let expression = "[JSONPatch{op: \"replace\", path: \"/spec/containers/0/image\", value: \"No Image@@\"}]";
    stage.rewrite_pods(&next, expression).await?;
    let promotion = stage.ship(&next).await?;
    back(stage, &good, &[("web", 2)], &promotion, "image_invalid").await
}
