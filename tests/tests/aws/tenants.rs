//! Two tenants with a cluster and a namespace each: neither sees the other in any operation.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use slipway_tests::end_to_end::place::Place;
use slipway_tests::server::Result;
use slipway_tests::server::client::Answer;

use crate::operations::body;
use crate::{Ground, check};

pub async fn story(ground: &Ground) -> Result<()> {
    let other = Place::Aws(ground.aws.clone(), Box::new(ground.aws.connected("beta", 1).await?));
    let (ours, theirs) = tokio::try_join!(furnished(&ground.place), furnished(&other))?;
    neither_is_seen(&ground.place, &theirs).await?;
    neither_is_seen(&other, &ours).await?;
    guarded(ground).await
}

/// Everything that a tenant can have, by the names of the document's parameters.
async fn furnished(place: &Place) -> Result<BTreeMap<&'static str, String>> {
    let app = place.app("mine").await?;
    let release = app.build("1").await?;
    let promotion = app.promote(&release).await?;
    app.ends(&promotion, "succeeded", None).await?;
    let builds = app.client.get(&format!("/v1/apps/{}/builds", app.name)).await?;
    let command = json!({ "service": "web", "command": ["true"] });
    let run = app.client.post(&format!("{}/runs", app.environment()), &command).await?;
    let clusters = app.client.get("/v1/clusters").await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let things = [
        ("app", app.name.clone()),
        ("environment", "production".to_owned()),
        ("build", text(&builds["items"][0]["id"])),
        ("release", release),
        ("promotion", promotion),
        ("run", text(&run["id"])),
        ("cluster", text(&clusters["items"][0]["name"])),
    ];
    Ok(BTreeMap::from(things))
}

/// What is somebody else's is answered like what is not there, whatever is asked of it.
async fn neither_is_seen(place: &Place, theirs: &BTreeMap<&'static str, String>) -> Result<()> {
    let client = place.client();
    let document = client.get("/openapi.json").await?;
    let paths = document["paths"].as_object().ok_or("the document has no paths")?;
    let (mut asked, mut seen) = (0, Vec::new());
    for (path, operations) in paths {
        for method in operations.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()) {
            let body = body(&method, path).ok_or_else(|| format!("{method} {path} has no row in operations.rs"))?;
            if !path.contains('{') {
                continue;
            }
            asked += 1;
            let ask = async |names: &BTreeMap<&'static str, String>| -> Result<Answer> {
                let query = if path.ends_with("/diff") { "?with=v1" } else { "" };
                let path = filled(path, names) + query;
                let method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
                client.send(method, &path, (!body.is_null()).then_some(&body), None).await
            };
            let (foreign, absent) = (ask(theirs).await?, ask(&nothing(theirs)).await?);
            if foreign.status != 404 {
                seen.push(format!("{method} {path}: {} {}", foreign.status, foreign.body));
            } else if bare(&foreign, theirs) != bare(&absent, &nothing(theirs)) {
                seen.push(format!("{method} {path}: {} and {} differ", foreign.body, absent.body));
            }
        }
    }
    check(seen.is_empty(), || seen.join("\n"))?;
    check(asked > 30, || format!("only {asked} operations were asked"))?;
    for list in ["/v1/apps", "/v1/clusters"] {
        let listed = client.get(list).await?.to_string();
        check(!listed.contains(&theirs["app"]), || format!("{list} shows {}", theirs["app"]))?;
        check(!listed.contains(&format!("\"{}\"", theirs["cluster"])), || {
            format!("{list} shows {}", theirs["cluster"])
        })?;
    }
    Ok(())
}

/// Names that nobody has.
fn nothing(like: &BTreeMap<&'static str, String>) -> BTreeMap<&'static str, String> {
    let mut names = like.clone();
    names.insert("app", "nobodys-app".to_owned());
    names.insert("cluster", "nobodys".to_owned());
    names
}

fn filled(path: &str, names: &BTreeMap<&'static str, String>) -> String {
    names.iter().fold(path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
}

/// An answer without what is another at each request, and with the names that were asked for taken out.
fn bare(answer: &Answer, names: &BTreeMap<&'static str, String>) -> String {
    let mut json = answer.json();
    json["request_id"] = Value::Null;
    ["app", "cluster"].iter().fold(json.to_string(), |text, name| text.replace(&names[name], "…"))
}

/// The second wall was there: what tenants did went by sessions that were narrowed, and none of it ran into the wall.
async fn guarded(ground: &Ground) -> Result<()> {
    let counts = ground.aws.standin.counts().await?;
    let sessions = counts.as_object().ok_or("no session was counted")?;
    let narrowed: Vec<_> = sessions.iter().filter(|(who, _)| who.contains("-tenant/slipway-T")).collect();
    check(narrowed.len() >= 2, || format!("fewer than two tenants had sessions: {counts}"))?;
    for (who, count) in narrowed {
        let (evaluated, denied) = (count["evaluated"].as_u64(), count["denied"].as_u64());
        check(evaluated > Some(0) && denied == Some(0), || format!("{who}: {count}"))?;
    }
    Ok(())
}
