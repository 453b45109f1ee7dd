//! The story: each step says what it is about, runs real commands, and compares what is with what should be.

use std::time::Duration;

use tokio::time::sleep;

use crate::say;
use crate::shell::Ran;
use crate::stage::{Ending, Stage};

type Told = Result<(), String>;

/// How long the server stays dead in the last step. The router and the processes go on without it.
const ABSENCE: Duration = Duration::from_secs(3);

/// From the first build to the history, in order. The first thing that is not as expected ends it.
pub async fn tell(stage: &mut Stage) -> Told {
    start(stage).await?;
    let first = first_release(stage).await?;
    let second = good_release(stage, &first).await?;
    crash_at_start(stage, &second).await?;
    never_listens(stage, &second).await?;
    fails_its_check(stage, &second).await?;
    let restored = roll_back(stage, &second).await?;
    let third = migrate(stage, &restored).await?;
    let last = killed_server(stage, &third).await?;
    history(stage, &last).await
}

async fn start(stage: &mut Stage) -> Told {
    say::step("Everything on this machine: the API, the load balancer, the database, and no account anywhere");
    stage.start_server().await?;
    stage.shell.run(&["apps", "create", "shop"]).await?.ok()?;
    Ok(())
}

async fn first_release(stage: &mut Stage) -> Result<String, String> {
    say::step("A build is an image, and a release of it. Neither ships anything");
    let release = build(stage, "first version").await?;
    let environment = stage.api()?.environment().await?;
    if environment.active.is_some() || !stage.api()?.processes().await?.is_empty() {
        return Err("something runs, and nothing was promoted".to_owned());
    }
    say::holds("nothing runs yet");

    say::step("A promotion ships it, one process after another");
    promote(stage, &release).await?.ok()?;
    stage.ended(&succeeded(&release)).await?;
    stage.runs(&release).await?;
    let url = stage.start_traffic().await?;
    say::text(format!("From here on requests are sent to {url} without a pause, and every answer is checked."));
    Ok(release)
}

async fn good_release(stage: &mut Stage, active: &str) -> Result<String, String> {
    say::step("A variable makes a release. It ships nothing either");
    let release = set(stage, &["GREETING=Welcome"], "newest").await?;
    stage.shell.run(&["releases", "diff", &release, "-a", "shop"]).await?.ok()?;
    stage.runs(active).await?;
    stage.unharmed(&[active])?;

    say::step("Now it is promoted, under traffic");
    promote(stage, &release).await?.ok()?;
    stage.ended(&succeeded(&release)).await?;
    stage.runs(&release).await?;
    stage.unharmed(&[active, &release])?;
    Ok(release)
}

async fn crash_at_start(stage: &mut Stage, active: &str) -> Told {
    say::step("A bad release: it imports a file that nobody committed, and crashes at its start");
    stage.source.break_start()?;
    let release = build(stage, "prices per country").await?;
    stage.source.repair_start()?;
    let fate = Fate { cause: "crash_loop", evidence: "Cannot find module" };
    refused(stage, &release, active, &fate).await
}

async fn never_listens(stage: &mut Stage, active: &str) -> Told {
    say::step("Another one: it runs, and never listens on its port");
    say::text("The newest release has the bad build, so this one forks from the active one.");
    let release = set(stage, &["FAULT=silent"], "active").await?;
    let fate = Fate { cause: "health_timeout", evidence: "waiting for a lock" };
    refused(stage, &release, active, &fate).await
}

async fn fails_its_check(stage: &mut Stage, active: &str) -> Told {
    say::step("A third one: it listens, and answers its health check with 500");
    let release = set(stage, &["FAULT=unhealthy"], "newest").await?;
    let evidence = format!("of {release}");
    let fate = Fate { cause: "health_timeout", evidence: &evidence };
    refused(stage, &release, active, &fate).await
}

async fn roll_back(stage: &mut Stage, active: &str) -> Result<String, String> {
    say::step("A roll-back by hand: a fresh copy of the last good release before the active one is promoted");
    stage
        .shell
        .run(&["releases", "rollback", "-a", "shop", "--reason", "customers miss the old greeting"])
        .await?
        .ok()?;
    stage.ended(&Ending { release: None, outcome: "succeeded", cause: None }).await?;
    let copy = stage.api()?.newest_promotion().await?.to;
    stage.runs(&copy).await?;
    stage.unharmed(&[active, &copy])?;
    Ok(copy)
}

async fn migrate(stage: &mut Stage, active: &str) -> Result<String, String> {
    say::step("A variable changes, and the migration runs in the release before anybody sees it");
    let release = set(stage, &["GREETING=Good morning"], "newest").await?;
    let run = ["run", "web", "bin/migrate", "--release", &release, "-a", "shop"];
    let ran = stage.shell.run(&run).await?.ok()?;
    if !ran.output.contains(&format!("with release {release}")) || !ran.output.contains("2 migrations applied") {
        return Err(format!("the migration did not run in {release}"));
    }
    stage.runs(active).await?;
    stage.unharmed(&[active])?;

    say::step("Then it is promoted");
    promote(stage, &release).await?.ok()?;
    stage.ended(&succeeded(&release)).await?;
    stage.runs(&release).await?;
    stage.unharmed(&[active, &release])?;
    Ok(release)
}

async fn killed_server(stage: &mut Stage, active: &str) -> Result<String, String> {
    say::step("The server is killed in the middle of a rollout");
    stage.source.set_version("1.0.0", "1.1.0")?;
    let release = build(stage, "second version").await?;
    let promotion = stage.promote_meanwhile(&release).await?;
    stage.server.kill().await?;
    say::text("The server is gone. Router and processes go on; a rollout stands still without it.");
    sleep(ABSENCE).await;
    stage.unharmed(&[active, &release])?;
    stage.start_server().await?;
    say::text("It finds the rollout where it was; the command that waited for it never noticed.");
    promotion.ended().await?.ok()?;
    stage.ended(&succeeded(&release)).await?;
    stage.runs(&release).await?;
    stage.unharmed(&[active, &release])?;
    Ok(release)
}

async fn history(stage: &mut Stage, active: &str) -> Told {
    say::step("What happened, as anybody can read it afterwards");
    stage.shell.run(&["promotions", "-a", "shop"]).await?.ok()?;
    stage.shell.run(&["releases", "-a", "shop"]).await?.ok()?;
    stage.shell.run(&["ps", "-a", "shop"]).await?.ok()?;
    stage.runs(active).await
}

/// Builds the source as it is, and answers with the release.
async fn build(stage: &Stage, description: &str) -> Result<String, String> {
    let ran = stage.shell.run(&["build", "-a", "shop", "--description", description]).await?.ok()?;
    newest(stage, &ran).await
}

/// Sets variables on top of a base, and answers with the release.
async fn set(stage: &Stage, variables: &[&str], base: &str) -> Result<String, String> {
    let mut words = vec!["env", "set"];
    words.extend(variables);
    if base != "newest" {
        words.extend(["--base", base]);
    }
    words.extend(["-a", "shop"]);
    let ran = stage.shell.run(&words).await?.ok()?;
    newest(stage, &ran).await
}

/// The release that a command printed, which the API must know as the newest.
async fn newest(stage: &Stage, ran: &Ran) -> Result<String, String> {
    let printed = ran.word_after("Release:")?;
    let newest = stage.api()?.environment().await?.newest;
    if newest.as_deref() == Some(&printed) {
        Ok(printed)
    } else {
        Err(format!("`{}` printed {printed}, and {newest:?} is the newest release", ran.line))
    }
}

async fn promote(stage: &Stage, release: &str) -> Result<Ran, String> {
    stage.shell.run(&["releases", "promote", release, "-a", "shop"]).await
}

/// How a bad release must fail.
struct Fate<'a> {
    cause: &'a str,
    /// What the command must show of the process's own words.
    evidence: &'a str,
}

/// Promotes a bad release: it must be turned back, with its evidence, and never have answered a request.
async fn refused(stage: &mut Stage, release: &str, active: &str, fate: &Fate<'_>) -> Told {
    let ran = promote(stage, release).await?.refused()?;
    if !ran.output.contains(fate.evidence) {
        return Err(format!("`{}` did not show the evidence `{}`", ran.line, fate.evidence));
    }
    stage.ended(&Ending { release: Some(release), outcome: "rolled_back", cause: Some(fate.cause) }).await?;
    stage.runs(active).await?;
    stage.unharmed(&[active])
}

fn succeeded(release: &str) -> Ending<'_> {
    Ending { release: Some(release), outcome: "succeeded", cause: None }
}
