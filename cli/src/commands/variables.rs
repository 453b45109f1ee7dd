//! `slipway env`

use std::io::Read;

use serde_json::{Map, Value, json};

use super::Context;
use super::releases::diff_lines;
use crate::api::{self, Base, Revealed, Variables, VariablesChanged};
use crate::arguments::{EnvCommand, NewRelease};
use crate::failure::Failure;

/// More than the API takes together; what is piped in by mistake is not read to its end.
const MAX_INPUT_BYTES: u64 = 1024 * 1024;

pub async fn env(
    context: &Context<'_>,
    command: Option<EnvCommand>,
    release: Option<String>,
    reveal: bool,
) -> Result<(), Failure> {
    match command {
        Some(EnvCommand::Set { variables, release }) => {
            let set = pairs(&variables)?;
            let keys: Vec<String> = set.keys().cloned().collect();
            change(context, "Setting", &keys, json!({ "set": set }), release).await
        }
        Some(EnvCommand::Unset { keys, release }) => {
            change(context, "Unsetting", &keys, json!({ "unset": keys }), release).await
        }
        None if reveal => show_values(context, release).await,
        None => show_keys(context, release).await,
    }
}

/// `KEY=VALUE` each, from the command line or, for a single `-`, from stdin.
fn pairs(arguments: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut set = Map::new();
    let lines: Vec<String> = match arguments {
        [only] if only == "-" => {
            let mut text = String::new();
            std::io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut text)?;
            text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
        }
        _ => arguments.to_vec(),
    };
    for (index, line) in lines.iter().enumerate() {
        let Some((key, value)) = line.split_once('=') else {
            // The text may be a value that lost its key, so it is not repeated here.
            return Err(Failure::Usage(format!("variable {} is not KEY=VALUE", index + 1)));
        };
        if set.insert(key.to_owned(), json!(value)).is_some() {
            return Err(Failure::Usage(format!("{key} is given twice")));
        }
    }
    Ok(set)
}

async fn change(
    context: &Context<'_>,
    verb: &str,
    keys: &[String],
    mut body: Value,
    release: NewRelease,
) -> Result<(), Failure> {
    let options = [("base", release.base), ("description", release.description), ("tag", release.tag)];
    for (name, value) in options {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    context.terminal.begin(&format!("{verb} {}... ", keys.join(", ")));
    let path = format!("{}/variables", context.target.environment_path());
    let answer = context.client.patch(&path, &body).await.inspect_err(|_| context.terminal.line("ERROR"))?;
    let changed: VariablesChanged = api::read(&answer)?;
    context.terminal.line("OK");
    if changed.changed {
        context.terminal.line(&format!("Release: {}", changed.release));
    } else {
        context.terminal.line(&format!("Nothing changed: {} has it so already", changed.release));
    }
    for key in &changed.unused {
        context.terminal.note(&format!(
            "note: no service declares {key}, so no process gets it; is it a typo, or missing from `environment` in the \
             manifest?"
        ));
    }
    for line in changed.base.iter().flat_map(base_lines) {
        context.terminal.note(&line);
    }
    context.terminal.json(&answer);
    Ok(())
}

/// Says so when the release brings more than the variables.
fn base_lines(base: &Base) -> Vec<String> {
    if base.promoted {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "note: it is based on {} (build {}), which never became active; choose another with --base active",
        base.release, base.build
    )];
    if let Some(diff) = &base.differs {
        lines.push("compared with what is active, that base brings:".to_owned());
        lines.extend(diff_lines(diff).into_iter().map(|line| format!("  {line}")));
    }
    lines
}

async fn show_keys(context: &Context<'_>, release: Option<String>) -> Result<(), Failure> {
    let path = format!("{}/variables", context.target.environment_path());
    let query: Vec<(&str, String)> = release.map(|release| ("release", release)).into_iter().collect();
    let answer = context.client.get_with(&path, &query).await?;
    let variables: Variables = api::read(&answer)?;
    let row = |variable: &api::Variable| vec![variable.key.clone(), format!("{:.12}", variable.fingerprint)];
    let rows: Vec<_> = variables.variables.iter().map(row).collect();
    context.terminal.table(&["KEY", "FINGERPRINT"], &rows);
    match &variables.release {
        Some(release) => context.terminal.note(&format!("of {release}; --reveal shows the values")),
        None => context.terminal.note("there is no release yet; slipway build makes the first"),
    }
    context.terminal.json(&answer);
    Ok(())
}

async fn show_values(context: &Context<'_>, release: Option<String>) -> Result<(), Failure> {
    let path = format!("{}/variables/reveal", context.target.environment_path());
    let answer = context.client.post(&path, &json!({ "release": release })).await?;
    let revealed: Revealed = api::read(&answer)?;
    for (key, value) in &revealed.variables {
        context.terminal.output(&format!("{key}={value}"));
    }
    context.terminal.json(&answer);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_anything_and_a_mistake_does_not_repeat_it() {
        let set = pairs(&["A=1=2 ".to_owned(), "B=".to_owned()]).unwrap();
        assert_eq!(Value::Object(set), json!({ "A": "1=2 ", "B": "" }));
        let Err(Failure::Usage(text)) = pairs(&["A=1".to_owned(), "hunter2".to_owned()]) else { panic!("accepted") };
        assert_eq!(text, "variable 2 is not KEY=VALUE");
        assert!(pairs(&["A=1".to_owned(), "A=2".to_owned()]).is_err());
    }
}
