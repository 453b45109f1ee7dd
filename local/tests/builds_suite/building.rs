//! From an archive to an image.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use slipway_domain::id::{BuildId, TenantId};
use slipway_domain::name::AppName;
use slipway_domain::release::ImageDigest;
use slipway_local::builds::builder::LocalBuilder;
use slipway_local::builds::registry::LocalRegistry;
use slipway_service::ports::{BuildOrder, BuildState, Builder, Registry};

use crate::archive::{Part, tgz};

const MANIFEST: &str = "services:\n  web:\n    command: ./run\n";

struct World {
    data: tempfile::TempDir,
    builder: LocalBuilder,
    builds: u128,
}

impl World {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let builder = LocalBuilder::open(data.path(), LocalRegistry::new(data.path())).unwrap();
        Self { data, builder, builds: 0 }
    }

    fn registry(&self) -> LocalRegistry {
        LocalRegistry::new(self.data.path())
    }

    fn upload(&mut self, parts: &[Part]) -> BuildId {
        self.builds += 1;
        let build = BuildId::from_entropy(self.builds);
        let folder = self.folder(&build);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("archive.tgz"), tgz(parts)).unwrap();
        build
    }

    fn folder(&self, build: &BuildId) -> PathBuf {
        self.data.path().join("builds").join(build.as_str())
    }

    async fn start(&self, build: &BuildId, time_limit: Duration) {
        let order = BuildOrder {
            tenant: TenantId::from_entropy(1),
            app: app(),
            build: build.clone(),
            manifest: None,
            time_limit,
        };
        self.builder.start(&order).await.unwrap();
    }

    /// Builds to the end; at most 20 seconds.
    async fn build(&mut self, parts: &[Part]) -> (BuildId, BuildState) {
        let build = self.upload(parts);
        self.start(&build, Duration::from_secs(20)).await;
        (build.clone(), self.ended(&build).await)
    }

    async fn ended(&self, build: &BuildId) -> BuildState {
        for _ in 0..2000 {
            match self.builder.state(build).await.unwrap() {
                BuildState::Running => tokio::time::sleep(Duration::from_millis(10)).await,
                state => return state,
            }
        }
        panic!("the build did not end");
    }

    async fn log(&self, build: &BuildId) -> Vec<String> {
        self.builder.log(build, 0).await.unwrap().into_iter().map(|line| line.text).collect()
    }
}

fn app() -> AppName {
    "shop".parse().unwrap()
}

fn image(state: &BuildState) -> ImageDigest {
    match state {
        BuildState::Done { image, .. } => image.clone(),
        other => panic!("not done: {other:?}"),
    }
}

fn reason(state: BuildState) -> String {
    match state {
        BuildState::Failed { reason } => reason,
        other => panic!("not failed: {other:?}"),
    }
}

#[tokio::test]
async fn a_build_becomes_a_read_only_image_of_its_app() {
    let mut world = World::new();
    let manifest = "build:\n  command: echo made > made.txt; echo working; echo trouble >&2\nservices:\n  web:\n    command: ./run\n";
    let parts = [Part::File("slipway.yml", manifest), Part::Program("run", "#!/bin/sh\n")];
    let (build, state) = world.build(&parts).await;
    let image = image(&state);
    let tree = world.registry().image(&image);
    assert_eq!(fs::read_to_string(tree.join("made.txt")).unwrap(), "made\n");
    let mode = |name: &str| fs::metadata(tree.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(""), mode("run"), mode("made.txt")), (0o555, 0o555, 0o444));
    let (registry, tenant) = (world.registry(), TenantId::from_entropy(1));
    assert!(registry.holds(&tenant, &app(), &image).await.unwrap());
    assert!(!registry.holds(&tenant, &"other".parse().unwrap(), &image).await.unwrap(), "another app's");
    assert!(!registry.holds(&TenantId::from_entropy(2), &app(), &image).await.unwrap(), "another tenant's");
    let log = world.log(&build).await;
    assert_eq!(log[..3], ["Unpacking source", "Reading slipway.yml", &log[2]]);
    assert!(log.contains(&"working".to_owned()) && log.contains(&"trouble".to_owned()), "{log:?}");
    assert_eq!(world.builder.log(&build, 2).await.unwrap().len(), log.len() - 2);
    assert!(!world.folder(&build).join("archive.tgz").exists(), "only the image is kept");
}

#[tokio::test]
async fn the_same_source_is_the_same_image_and_any_difference_another() {
    let mut world = World::new();
    let base = [Part::File("slipway.yml", MANIFEST), Part::Program("run", "1"), Part::Symlink("l", "run")];
    let mut images = Vec::new();
    let variants: [&[Part]; 6] = [
        &base,
        &[Part::Symlink("l", "run"), Part::Program("run", "1"), Part::File("slipway.yml", MANIFEST)],
        &[Part::File("slipway.yml", MANIFEST), Part::Program("run", "2"), Part::Symlink("l", "run")],
        &[Part::File("slipway.yml", MANIFEST), Part::File("run", "1"), Part::Symlink("l", "run")],
        &[Part::File("slipway.yml", MANIFEST), Part::Program("run", "1"), Part::Symlink("l", "slipway.yml")],
        &[Part::File("slipway.yml", MANIFEST), Part::Program("run", "1"), Part::Symlink("l", "run"), Part::Folder("e")],
    ];
    for parts in variants {
        images.push(image(&world.build(parts).await.1));
    }
    assert_eq!(images[0], images[1], "the order in the archive does not count");
    let distinct: std::collections::BTreeSet<_> = images[1..].iter().map(ToString::to_string).collect();
    assert_eq!(distinct.len(), 5);
}

#[tokio::test]
async fn what_cannot_be_built_fails_with_its_reason() {
    let mut world = World::new();
    let failing = "build:\n  command: echo no; exit 3\nservices:\n  web:\n    command: ./run\n";
    let cases: [(&[Part], &str); 4] = [
        (&[Part::File("readme", "x")], "there is no manifest: add slipway.yml or "),
        (&[Part::File("slipway.yml", "services: 7\n")], "slipway.yml:1:11: "),
        (&[Part::File("slipway.yml", failing)], "the build command 'echo no; exit 3' failed (exit status: 3)"),
        (&[Part::File("../x", "x")], "../x: a path in an archive must be relative and without '..'"),
    ];
    for (parts, expected) in cases {
        let (build, state) = world.build(parts).await;
        let reason = reason(state);
        assert!(reason.starts_with(expected), "{reason}");
        assert_eq!(world.log(&build).await.last().unwrap(), &format!("build failed: {reason}"));
        assert!(!world.folder(&build).join("tree").exists(), "nothing is left of it");
    }
}

#[tokio::test]
async fn what_this_machine_does_not_run_is_a_warning_of_its_own() {
    let mut world = World::new();
    let manifest = "services:\n  web:\n    command: ./run\n  database:\n    image: postgres:16\ntimers:\n  tidy: {}\n";
    let parts = [Part::File("convox.yml", manifest), Part::Program("run", "#!/bin/sh\n")];
    let (build, state) = world.build(&parts).await;
    let BuildState::Done { manifest, warnings, .. } = state else { panic!("{state:?}") };
    assert_eq!(manifest.warnings.len(), 1, "the manifest's own are not told again: {:?}", manifest.warnings);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("services.database.image is not pulled on this machine"), "{warnings:?}");
    assert!(warnings[1].starts_with("services.database has no command"), "{warnings:?}");
    let log = world.log(&build).await;
    assert!(!log.iter().any(|line| line.contains("warning")), "the build tells them: {log:?}");
}

#[tokio::test]
async fn a_build_ends_at_its_limit_or_when_it_is_cancelled_with_all_it_started() {
    let mut world = World::new();
    let slow = "build:\n  command: sleep 600 & sleep 600\nservices:\n  web:\n    command: ./run\n";
    let parts = [Part::File("slipway.yml", slow)];
    let build = world.upload(&parts);
    world.start(&build, Duration::from_millis(300)).await;
    assert_eq!(reason(world.ended(&build).await), "the build command took longer than 0 s");
    let build = world.upload(&parts);
    world.start(&build, Duration::from_mins(10)).await;
    while !world.log(&build).await.iter().any(|line| line.starts_with("Running ")) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.builder.cancel(&build).await.unwrap();
    assert_eq!(reason(world.ended(&build).await), "cancelled");
}

#[tokio::test]
async fn a_build_that_the_last_server_left_has_failed() {
    let mut world = World::new();
    let build = world.upload(&[Part::File("slipway.yml", MANIFEST)]);
    fs::write(world.folder(&build).join("state.json"), "\"running\"").unwrap();
    let builder = LocalBuilder::open(world.data.path(), world.registry()).unwrap();
    let state = builder.state(&build).await.unwrap();
    assert_eq!(reason(state), "the server stopped while it was building; start the build again");
    assert_eq!(builder.state(&BuildId::from_entropy(99)).await.unwrap(), BuildState::Unknown);
}
