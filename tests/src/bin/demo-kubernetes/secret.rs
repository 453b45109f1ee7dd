//! A value that nobody may see: drawn, so that nothing else can be like it.

use std::fs;

use slipway_tests::demo::{Told, say};
use slipway_tests::server::search::{Canary, Place, folder, search};

use crate::story::Stage;

/// What must not be found anywhere.
pub struct Secret(Canary);

impl Secret {
    pub fn draw() -> Self {
        Self(Canary::new(format!("sk-live-{:032x}", rand::random::<u128>())))
    }

    /// For a file that the command line reads, and for nobody's eyes.
    pub fn value(&self) -> &str {
        &self.0.value
    }

    /// It is in Secrets of the cluster, and in nothing else: no output, no log, no record, no other object.
    pub async fn is_well_kept(&self, stage: &Stage) -> Told {
        let objects = self.objects(stage, "pods,deployments,replicasets,services,events").await?;
        let mut places = folder(stage.server.data())?.places;
        places.extend(stage.server.logs().into_iter().map(|path| {
            let name = path.display().to_string();
            Place::new(name, fs::read(path).unwrap_or_default())
        }));
        places.push(Place::new("what the commands printed", stage.shell.transcript()));
        places.push(objects);
        let found = self.found_in(&places);
        if !found.is_empty() {
            // The value is in the words of the search.
            return Err(format!("a secret value is in {} places", found.len()));
        }
        // With this the search has shown that it finds.
        if self.found_in(&[self.objects(stage, "secrets").await?]).is_empty() {
            return Err("the secret value is not in a Secret either".to_owned());
        }
        say::holds(format!("of {} places only the Secret in the cluster holds the value", places.len() + 1));
        Ok(())
    }

    fn found_in(&self, places: &[Place]) -> Vec<String> {
        search(places, std::slice::from_ref(&self.0))
    }

    async fn objects(&self, stage: &Stage, kinds: &str) -> Result<Place, String> {
        let cluster = &stage.ground;
        let listed = cluster.owner.kubectl(&["get", kinds, "-n", &cluster.namespace, "-o", "json"], "").await?;
        Ok(Place::new(kinds, listed))
    }
}
