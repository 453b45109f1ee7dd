//! What has to be so after a promotion that failed.

use serde_json::{Value, json};
use slipway_tests::product::stage::Stage;
use slipway_tests::server::Result;
use slipway_tests::server::shop::text;

use crate::report::Ending;

/// How a promotion ended.
pub fn ending(promotion: &Value) -> Ending {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ending { cause: word(&promotion["failure"]["cause"]), outcome: word(&promotion["outcome"]) }
}

/// Complains with the whole promotion and its story unless it ended so. `""`: without a cause.
pub async fn ended(stage: &Stage<'_>, promotion: &Value, outcome: &str, cause: &str) -> Result<Ending> {
    let ending = ending(promotion);
    if (ending.outcome.as_str(), ending.cause.as_str()) == (outcome, cause) {
        return Ok(ending);
    }
    let story = stage.story(&text(&promotion["id"])?).await?;
    Err(format!("expected {outcome} because of {cause}, and not {promotion:#}\n{story}"))
}

/// The bad release goes back with this cause, and the good one is as it was. `formation` is that of the good one.
pub async fn back(
    stage: &Stage<'_>,
    good: &str,
    formation: &[(&str, usize)],
    promotion: &Value,
    cause: &str,
) -> Result<Ending> {
    let ending = ended(stage, promotion, "rolled_back", cause).await?;
    if promotion["failure"]["message"].as_str().is_none_or(str::is_empty) {
        return Err(format!("nothing is said of what happened: {promotion:#}"));
    }
    stage.runs(good, formation).await?;
    active(stage, good).await?;
    Ok(ending)
}

/// The environment runs this release, and nothing is under way.
pub async fn active(stage: &Stage<'_>, release: &str) -> Result<()> {
    let environment = stage.product.client.get(&stage.environment()).await?;
    if environment["active"] == json!(release) && environment["status"] == json!("running") {
        return Ok(());
    }
    Err(format!("{release} is not what is said to run: {environment:#}"))
}

/// The evidence at this place contains these words.
pub fn says(promotion: &Value, place: &str, words: &str) -> Result<()> {
    let found = promotion["failure"].pointer(place).map(Value::to_string).unwrap_or_default();
    if found.to_lowercase().contains(&words.to_lowercase()) {
        return Ok(());
    }
    Err(format!("the evidence at {place} does not say {words:?}: {:#}", promotion["failure"]))
}
