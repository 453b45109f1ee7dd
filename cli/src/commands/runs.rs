//! `slipway run`

use std::process::ExitCode;

use serde_json::{Value, json};

use super::Context;
use super::wait::until_interrupted;
use crate::api::{self, LogPage, Run};
use crate::failure::{Failure, REFUSED};

/// Runs the command, writes what it writes, and ends as it ended.
pub async fn run(
    context: &Context<'_>,
    service: &str,
    command: Vec<String>,
    release: Option<String>,
    time_limit: Option<u64>,
) -> Result<ExitCode, Failure> {
    let path = format!("{}/runs", context.target.environment_path());
    let mut body = json!({ "service": service, "command": words(command) });
    if let Some(release) = &release {
        body["release"] = json!(release);
    }
    if let Some(seconds) = time_limit {
        body["time_limit_seconds"] = json!(seconds);
    }
    context.terminal.begin("Running... ");
    let answer = context.client.post(&path, &body).await.inspect_err(|_| context.terminal.line("ERROR"))?;
    let run: Run = api::read(&answer)?;
    context.terminal.line("OK");
    if release.is_none() {
        context.terminal.note(&format!("in {}, the newest release", run.release));
    }
    let path = format!("{path}/{}", run.id);
    let goes_on = format!("{} goes on until it ends or its time limit is over", run.id);
    let (run, answer) = until_interrupted(&goes_on, follow(context, &path)).await?;
    context.terminal.json(&answer);
    Ok(ended(context, &run))
}

/// One word with spaces is a line for the shell, as people type it.
fn words(command: Vec<String>) -> Vec<String> {
    match command.as_slice() {
        [line] if line.contains(char::is_whitespace) => vec!["sh".to_owned(), "-c".to_owned(), line.clone()],
        _ => command,
    }
}

async fn follow(context: &Context<'_>, path: &str) -> Result<(Run, Value), Failure> {
    let mut after = 0;
    loop {
        let query = [("after", after.to_string()), ("wait", "20".to_owned())];
        let page: LogPage = api::read(&context.client.get_with(&format!("{path}/log"), &query).await?)?;
        for line in &page.lines {
            context.terminal.output(&line.text);
        }
        after = page.next;
        if page.finished {
            break;
        }
    }
    loop {
        let answer = context.client.get_with(path, &[("wait", "20".to_owned())]).await?;
        let run: Run = api::read(&answer)?;
        if run.status != "running" {
            return Ok((run, answer));
        }
    }
}

fn ended(context: &Context<'_>, run: &Run) -> ExitCode {
    if let Some(why) = complaint(run) {
        context.terminal.note(&format!("error: {why}"));
    }
    let code = run.exit.as_ref().and_then(|exit| exit.code).and_then(|code| u8::try_from(code).ok());
    let code = code.filter(|_| run.status != "timed_out");
    ExitCode::from(code.unwrap_or(REFUSED))
}

/// What the command could not say itself.
fn complaint(run: &Run) -> Option<String> {
    if run.status == "timed_out" {
        return Some("the time limit was over".to_owned());
    }
    let exit = run.exit.as_ref()?;
    match exit.code {
        Some(_) if exit.reason == "StartError" => Some(format!("the command could not be started: {}", exit.message)),
        Some(_) => None,
        None => Some(format!("the command ended with {exit}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_with_spaces_is_a_line_for_the_shell() {
        let of = |list: &[&str]| words(list.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(of(&["bin/migrate"]), ["bin/migrate"]);
        assert_eq!(of(&["echo a && ls"]), ["sh", "-c", "echo a && ls"]);
        assert_eq!(of(&["echo", "a b"]), ["echo", "a b"]);
    }

    #[test]
    fn what_the_command_could_not_say_itself_is_said() {
        let run = |status: &str, exit: Value| -> Run {
            let run = json!({ "id": "JBCDEFGHIJK", "release": "RBCDEFGHIJK", "status": status, "exit": exit });
            api::read(&run).unwrap_or_else(|failure| panic!("{failure:?}"))
        };
        let exit = |code: i32, reason: &str, message: &str| json!({ "code": code, "signal": null, "reason": reason, "message": message });
        let table = [
            (run("ended", exit(0, "Completed", "")), None),
            (run("ended", exit(3, "Error", "")), None),
            (
                run("ended", exit(128, "StartError", "exec \"x\": no such file")),
                Some("the command could not be started: exec \"x\": no such file"),
            ),
            (run("timed_out", exit(137, "Error", "")), Some("the time limit was over")),
        ];
        for (run, expected) in table {
            assert_eq!(complaint(&run).as_deref(), expected);
        }
    }
}
