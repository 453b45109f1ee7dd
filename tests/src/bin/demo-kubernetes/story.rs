//! The story: each step says what it is about, runs real commands, and compares what is with what should be.

use slipway_tests::demo::acts::Fate;
use slipway_tests::demo::api::Finding;
use slipway_tests::demo::{ENVIRONMENT, Told, say, stage, traffic};
use slipway_tests::kubernetes::facts::Facts;
use slipway_tests::product::owner::until;

use crate::CREDENTIAL;
use crate::cluster::Cluster;
use crate::secret::Secret;

pub type Stage = stage::Stage<Cluster>;

const GOOD: &str = include_str!("slipway.yml");
const CRASHING: &str = include_str!("crashing.yml");
/// Where the manifest starts them.
const WEB_PROCESSES: usize = 3;

/// From the first right to the history, in order. The first thing that is not as expected ends it.
pub async fn tell(stage: &mut Stage, facts: &Facts) -> Told {
    start(stage, facts).await?;
    let first = first_release(stage, facts).await?;
    let second = next_version(stage, facts, &first).await?;
    let secret = Secret::draw();
    let third = variables(stage, &second, &secret).await?;
    killed_server(stage, &second, &third).await?;
    crash_at_start(stage, facts, &third).await?;
    never_healthy(stage, &third).await?;
    sick_process(stage, &third).await?;
    well_kept(stage, &secret).await?;
    let last = roll_back(stage, &third).await?;
    history(stage, &last).await
}

async fn start(stage: &mut Stage, facts: &Facts) -> Told {
    say::step("A real cluster, and a server whose credential has no rights in it");
    let data = facts.data.display();
    let app = stage.app.clone();
    stage.shell.run_line(&format!("cluster --data {data} user slipway {app} > {CREDENTIAL}")).await?.ok()?;
    stage.start_server().await?;
    stage.shell.run(&["apps", "create", &app]).await?.ok()?;

    say::step("Whoever owns the cluster grants what one environment of one app takes, and nothing else");
    let ran = stage.shell.run(&["clusters", "access", &app, ENVIRONMENT]).await?.ok()?;
    ran.shows(&["missing so far: get namespaces;"])?;
    let line = format!("slipway clusters access {app} {ENVIRONMENT} | kubectl apply -f -");
    let ran = stage.shell.run_line(&line).await?.ok()?;
    let made = ran.output.lines().filter(|line| line.ends_with(" created")).count();
    if made != 3 {
        return Err(format!("`{line}` made {made} objects instead of a namespace, a role and a binding"));
    }
    let namespace = &stage.ground.namespace;
    let line = format!("kubectl --kubeconfig {CREDENTIAL} -n {namespace} get secrets");
    stage.shell.run_line(&line).await?.refused()?.shows(&["cannot list resource \"secrets\""])?;
    say::holds("the server may write a Secret and can never read one");
    Ok(())
}

async fn first_release(stage: &mut Stage, facts: &Facts) -> Result<String, String> {
    say::step("A build of an image that somebody pushes: it says where to. It ships nothing");
    let (release, image) = build(stage, facts, "1", GOOD).await?;
    stage.is_empty().await?;

    say::step("A promotion ships it, one process after another");
    stage.ship(&release).await?;
    stage.ground.has_image(&image).await?;
    let address = stage.ground.balance(WEB_PROCESSES).await?;
    say::text("A load balancer follows the Service of the app, and learns of every change a second late.");
    stage.start_traffic(&address, &traffic::requests(traffic::page));
    Ok(release)
}

async fn next_version(stage: &mut Stage, facts: &Facts, active: &str) -> Result<String, String> {
    say::step("A new version, promoted under traffic");
    let (release, image) = build(stage, facts, "2", GOOD).await?;
    stage.runs(active).await?;
    stage.unharmed(&[active])?;
    stage.ship(&release).await?;
    stage.ground.has_image(&image).await?;
    stage.unharmed(&[active, &release])?;
    Ok(release)
}

async fn variables(stage: &mut Stage, active: &str, secret: &Secret) -> Result<String, String> {
    say::step("Variables make a release, and a command runs in it before anybody sees it");
    stage.shell.write("secrets.env", &format!("API_KEY={}\nGREETING=Welcome\n", secret.value()))?;
    let app = stage.app.clone();
    let ran = stage.shell.run_line(&format!("slipway env set - -a {app} < secrets.env")).await?.ok()?;
    let release = stage.newest(&ran).await?;
    let command = "echo migrated in $RELEASE, which greets with $GREETING and has a key of ${#API_KEY} letters";
    let ran = stage.shell.run(&["run", "web", command, "--release", &release, "-a", &app]).await?.ok()?;
    ran.shows(&[&format!("migrated in {release}, which greets with Welcome and has a key of 40 letters")])?;
    stage.runs(active).await?;
    stage.unharmed(&[active])?;
    Ok(release)
}

async fn killed_server(stage: &mut Stage, active: &str, release: &str) -> Told {
    say::step("It is promoted, and the server is killed in the middle of the rollout");
    stage.ship_through_a_crash(release, active).await
}

async fn crash_at_start(stage: &mut Stage, facts: &Facts, active: &str) -> Told {
    say::step("A bad release: its command ends at its start, and says a secret on its way out");
    let (release, _) = build(stage, facts, "3", CRASHING).await?;
    let evidence = ["web-", "exit:    code 3", "cannot log in with ***"];
    stage.turned_back(&release, active, &Fate { cause: "crash_loop", evidence: &evidence }).await
}

async fn never_healthy(stage: &mut Stage, active: &str) -> Told {
    say::step("Another one: it runs, and never passes its health check");
    say::text("The newest release has the bad build, so this one forks from the active one.");
    let release = stage.set(&["HEALTH=fail"], "active").await?;
    let evidence = ["statuscode: 503", "listens on port 8080"];
    stage.turned_back(&release, active, &Fate { cause: "health_timeout", evidence: &evidence }).await
}

async fn sick_process(stage: &mut Stage, active: &str) -> Told {
    say::step("What runs falls sick: the worker is given a job that ends it, again and again");
    let processes = stage.api()?.processes().await?;
    let worker = processes.iter().find(|process| process.service == "worker").ok_or("there is no worker")?;
    let namespace = &stage.ground.namespace;
    stage.shell.run_line(&format!("kubectl -n {namespace} exec {} -- touch /tmp/job", worker.name)).await?.ok()?;
    until("the worker is found to be in a crash loop", async || {
        let findings = stage.api()?.findings().await?;
        // The first restart follows at once, the next one after ten seconds: time to look at it.
        let is_it = |found: &Finding| found.service == "worker" && found.cause == "crash_loop" && found.restarts > 0;
        Ok(findings.iter().any(is_it).then_some(()))
    })
    .await?;
    let ran = stage.shell.run(&["deploy-debug", "-a", &stage.app]).await?.refused()?;
    ran.shows(&[&format!("{}: crash_loop", worker.name), "code 9", "job 4711 cannot be read", "next: "])?;
    say::holds("it names the process, how it ended, what it said, and what to do");
    stage.unharmed(&[active])
}

async fn well_kept(stage: &Stage, secret: &Secret) -> Told {
    say::step("The secret was in the hands of the command line, the server and three releases. Who shows it?");
    let ran = stage.shell.run(&["env", "--release", "active", "-a", &stage.app]).await?.ok()?;
    ran.shows(&["API_KEY"])?;
    secret.is_well_kept(stage).await
}

async fn roll_back(stage: &mut Stage, active: &str) -> Result<String, String> {
    say::step("A roll-back by hand: a fresh copy of the last good release before the active one is promoted");
    let copy = stage.roll_back(active, "the worker dies of job 4711").await?;
    let ran = stage.shell.run(&["deploy-debug", "-a", &stage.app]).await?.ok()?;
    ran.shows(&["nothing is wrong: 4 of 4 processes are healthy"])?;
    Ok(copy)
}

async fn history(stage: &mut Stage, active: &str) -> Told {
    say::step("What happened, as anybody can read it afterwards");
    let app = stage.app.clone();
    let ran = stage.shell.run(&["promotions", "-a", &app]).await?.ok()?;
    ran.shows(&["crash_loop", "health_timeout", "the worker dies of job 4711"])?;
    stage.shell.run(&["releases", "-a", &app]).await?.ok()?;
    stage.shell.run(&["ps", "-a", &app]).await?.ok()?;
    stage.shell.run_line(&format!("kubectl -n {} get pods", stage.ground.namespace)).await?.ok()?;
    stage.runs(active).await?;
    stage.unharmed(&[active])
}

/// An external build: made, pushed to where it says, completed. Answers with release and image.
async fn build(stage: &Stage, facts: &Facts, version: &str, manifest: &str) -> Result<(String, String), String> {
    let app = &stage.app;
    stage.shell.write("slipway.yml", manifest)?;
    let description = format!("version {version}");
    let ran = stage.shell.run(&["build", "--external", "-a", app, "--description", &description]).await?.ok()?;
    let (build, repository) = (ran.word_after("Build:")?, ran.word_after("Repository:")?);
    let image = push(stage, facts, &format!("{repository}:{build}"), version).await?;
    let digest = image.strip_prefix(&format!("{repository}@")).ok_or("the image is not where it was to be pushed")?;
    let complete = ["builds", "complete", &build, "--digest", digest, "--manifest", "slipway.yml", "-a", app];
    let ran = stage.shell.run(&complete).await?.ok()?;
    let release = stage.newest(&ran).await?;
    Ok((release, image))
}

/// Pushes the test application as an image of this version. Answers with its name by digest.
async fn push(stage: &Stage, facts: &Facts, tagged: &str, version: &str) -> Result<String, String> {
    let name = tagged.strip_prefix(&format!("{}/", facts.registry)).ok_or("the repository is in another registry")?;
    let data = facts.data.display();
    let line = format!("cluster --data {data} image push {name} --env VERSION={version}");
    let ran = stage.shell.run_line(&line).await?.ok()?;
    let image = ran.output.lines().last().unwrap_or_default();
    Ok(image.to_owned())
}
