//! The story: each step says what it is about, runs real commands, and compares what is with what should be.

use slipway_tests::demo::acts::Fate;
use slipway_tests::demo::{Told, say, stage, traffic};

use crate::machine::Machine;
use crate::source::Source;
use crate::traffic::slow_release;

type Stage = stage::Stage<Machine>;

/// From the first build to the history, in order. The first thing that is not as expected ends it.
pub async fn tell(stage: &mut Stage, source: &Source) -> Told {
    start(stage).await?;
    let first = first_release(stage).await?;
    let second = good_release(stage, &first).await?;
    crash_at_start(stage, source, &second).await?;
    never_listens(stage, &second).await?;
    fails_its_check(stage, &second).await?;
    let restored = roll_back(stage, &second).await?;
    let third = migrate(stage, &restored).await?;
    let last = killed_server(stage, source, &third).await?;
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
    stage.is_empty().await?;

    say::step("A promotion ships it, one process after another");
    stage.ship(&release).await?;
    let environment = stage.api()?.environment().await?;
    let web = environment.addresses.iter().find(|address| address.service == "web").ok_or("web has no address")?;
    let address = web.url.trim_start_matches("http://").trim_end_matches('/');
    stage.start_traffic(address, &traffic::requests(slow_release));
    Ok(release)
}

async fn good_release(stage: &mut Stage, active: &str) -> Result<String, String> {
    say::step("A variable makes a release. It ships nothing either");
    let release = stage.set(&["GREETING=Welcome"], "newest").await?;
    stage.shell.run(&["releases", "diff", &release, "-a", "shop"]).await?.ok()?;
    stage.runs(active).await?;
    stage.unharmed(&[active])?;

    say::step("Now it is promoted, under traffic");
    stage.ship(&release).await?;
    stage.unharmed(&[active, &release])?;
    Ok(release)
}

async fn crash_at_start(stage: &mut Stage, source: &Source, active: &str) -> Told {
    say::step("A bad release: it imports a file that nobody committed, and crashes at its start");
    source.break_start()?;
    let release = build(stage, "prices per country").await?;
    source.repair_start()?;
    let fate = Fate { cause: "crash_loop", evidence: &["Cannot find module"] };
    stage.turned_back(&release, active, &fate).await
}

async fn never_listens(stage: &mut Stage, active: &str) -> Told {
    say::step("Another one: it runs, and never listens on its port");
    say::text("The newest release has the bad build, so this one forks from the active one.");
    let release = stage.set(&["FAULT=silent"], "active").await?;
    let fate = Fate { cause: "health_timeout", evidence: &["waiting for a lock"] };
    stage.turned_back(&release, active, &fate).await
}

async fn fails_its_check(stage: &mut Stage, active: &str) -> Told {
    say::step("A third one: it listens, and answers its health check with 500");
    let release = stage.set(&["FAULT=unhealthy"], "newest").await?;
    let fate = Fate { cause: "health_timeout", evidence: &[&format!("of {release}")] };
    stage.turned_back(&release, active, &fate).await
}

async fn roll_back(stage: &mut Stage, active: &str) -> Result<String, String> {
    say::step("A roll-back by hand: a fresh copy of the last good release before the active one is promoted");
    stage.roll_back(active, "customers miss the old greeting").await
}

async fn migrate(stage: &mut Stage, active: &str) -> Result<String, String> {
    say::step("A variable changes, and the migration runs in the release before anybody sees it");
    let release = stage.set(&["GREETING=Good morning"], "newest").await?;
    let run = ["run", "web", "bin/migrate", "--release", &release, "-a", "shop"];
    let ran = stage.shell.run(&run).await?.ok()?;
    ran.shows(&[&format!("with release {release}"), "2 migrations applied"])?;
    stage.runs(active).await?;
    stage.unharmed(&[active])?;

    say::step("Then it is promoted");
    stage.ship(&release).await?;
    stage.unharmed(&[active, &release])?;
    Ok(release)
}

async fn killed_server(stage: &mut Stage, source: &Source, active: &str) -> Result<String, String> {
    say::step("The server is killed in the middle of a rollout");
    source.set_version("1.0.0", "1.1.0")?;
    let release = build(stage, "second version").await?;
    stage.ship_through_a_crash(&release, active).await?;
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
    stage.newest(&ran).await
}
