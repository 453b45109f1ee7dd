//! What happens in more than one story, with everything that has to be so afterwards.

use std::time::Duration;

use tokio::time::sleep;

use super::ground::Ground;
use super::shell::Ran;
use super::stage::{Ending, Stage};
use super::{Told, say};

/// How long the server stays dead. What serves goes on without it.
const ABSENCE: Duration = Duration::from_secs(3);

/// How a bad release must fail.
pub struct Fate<'a> {
    pub cause: &'a str,
    /// What the command must show of what the process said or did.
    pub evidence: &'a [&'a str],
}

impl<G: Ground> Stage<G> {
    /// Sets variables on top of a base, and answers with the release.
    pub async fn set(&self, variables: &[&str], base: &str) -> Result<String, String> {
        let mut words = vec!["env", "set"];
        words.extend(variables);
        if base != "newest" {
            words.extend(["--base", base]);
        }
        words.extend(["-a", &self.app]);
        let ran = self.shell.run(&words).await?.ok()?;
        self.newest(&ran).await
    }

    /// The release that a command printed, which the API must know as the newest.
    pub async fn newest(&self, ran: &Ran) -> Result<String, String> {
        let printed = ran.word_after("Release:")?;
        let newest = self.api()?.environment().await?.newest;
        if newest.as_deref() == Some(&printed) {
            Ok(printed)
        } else {
            Err(format!("`{}` printed {printed}, and {newest:?} is the newest release", ran.line))
        }
    }

    /// Promotes a good release, which is then what runs, alone.
    pub async fn ship(&self, release: &str) -> Told {
        self.promote(release).await?.ok()?;
        self.shipped(release).await
    }

    /// Nothing runs, and nothing is active.
    pub async fn is_empty(&self) -> Told {
        let environment = self.api()?.environment().await?;
        let (told, seen) = (self.api()?.processes().await?, self.ground.services().await?);
        if environment.active.is_some() || !told.is_empty() || !seen.is_empty() {
            return Err("something runs, and nothing was promoted".to_owned());
        }
        say::holds("nothing runs yet");
        Ok(())
    }

    /// Promotes a bad release: it must be turned back, with its evidence, and never have answered a request.
    pub async fn turned_back(&mut self, release: &str, active: &str, fate: &Fate<'_>) -> Told {
        let ran = self.promote(release).await?.refused()?;
        ran.shows(fate.evidence)?;
        self.ended(&Ending { release: Some(release), outcome: "rolled_back", cause: Some(fate.cause) }).await?;
        self.runs(active).await?;
        self.unharmed(&[active])
    }

    /// Rolls back with no release named. Answers with the fresh copy that is then what runs.
    pub async fn roll_back(&mut self, active: &str, reason: &str) -> Result<String, String> {
        self.shell.run(&["releases", "rollback", "-a", &self.app, "--reason", reason]).await?.ok()?;
        self.ended(&Ending { release: None, outcome: "succeeded", cause: None }).await?;
        let copy = self.api()?.newest_promotion().await?.to;
        self.runs(&copy).await?;
        self.unharmed(&[active, &copy])?;
        Ok(copy)
    }

    /// Promotes a good release and kills the server in the middle of it; the next one finishes it.
    pub async fn ship_through_a_crash(&mut self, release: &str, active: &str) -> Told {
        let promotion = self.promote_meanwhile(release).await?;
        self.server.kill().await?;
        say::text("The server is gone. What serves goes on; a rollout stands still without it.");
        sleep(ABSENCE).await;
        self.unharmed(&[active, release])?;
        self.start_server().await?;
        say::text("It finds the rollout where it was; the command that waited for it never noticed.");
        promotion.ended().await?.ok()?;
        self.shipped(release).await?;
        self.unharmed(&[active, release])
    }

    async fn promote(&self, release: &str) -> Result<Ran, String> {
        self.shell.run(&["releases", "promote", release, "-a", &self.app]).await
    }

    async fn shipped(&self, release: &str) -> Told {
        self.ended(&Ending { release: Some(release), outcome: "succeeded", cause: None }).await?;
        self.runs(release).await
    }
}
