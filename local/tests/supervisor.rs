//! Keepers with real commands.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use std::{fs, process};

use common::{alive, until};
use slipway_local::supervisor::journal::Journal;
use slipway_local::supervisor::spec::{Folder, Labels, Restart, Spec, Stage, Status};
use slipway_local::supervisor::{end_for_good, launch, orphan, signal_stop};

const NAME: &str = "web-rtestabcde-x7k2p";

/// One process, ended with the test.
struct World {
    dir: tempfile::TempDir,
    folder: Folder,
    name: String,
    keeper: Option<process::Child>,
}

impl World {
    fn start(command: &[&str], change: impl FnOnce(&mut Spec)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("image");
        fs::create_dir(&image).unwrap();
        let folder = Folder::new(dir.path().join("process"));
        let name = format!("{NAME}-{}", rand::random::<u32>());
        let mut spec = Spec {
            name: name.clone(),
            uid: format!("{:032x}", rand::random::<u128>()),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            init: None,
            image,
            grace_ms: 2000,
            restart: Restart::Always,
            time_limit_ms: None,
            labels: Labels::default(),
        };
        change(&mut spec);
        let variables = [("PATH", "/usr/bin:/bin"), ("PROCESS", &name), ("SECRET", "a b\n\"c\"=$(X)")];
        let variables: Vec<_> = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        folder.prepare(&spec, &variables).unwrap();
        let keeper = launch(&common::helper(), &folder).unwrap();
        Self { dir, folder, name, keeper: Some(keeper) }
    }

    fn shell(script: &str) -> Self {
        Self::start(&["/bin/sh", "-c", script], |_| {})
    }

    fn status(&self) -> Option<Status> {
        self.folder.status().unwrap()
    }

    fn until(&self, what: &str, holds: impl Fn(&Status) -> bool) -> Status {
        until(what, || self.status().filter(&holds))
    }

    fn lines(&self) -> Vec<String> {
        Journal::read(&self.folder).unwrap().lines().map(|record| record.text).collect()
    }

    fn ended(&mut self) -> Status {
        let status = self.until("the end", |status| matches!(status.stage, Stage::Ended { .. }));
        self.keeper.take().unwrap().wait().unwrap();
        status
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        end_for_good(&self.folder).unwrap();
        if let Some(mut keeper) = self.keeper.take() {
            keeper.wait().unwrap();
        }
    }
}

fn pid_in(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn running(status: &Status) -> bool {
    matches!(status.stage, Stage::Running { .. })
}

#[test]
fn the_command_sees_its_variables_and_nothing_else() {
    let world = World::shell("env; echo \"pwd $PWD\"; read line; echo \"read $?\"; sleep 60");
    until("the output", || world.lines().iter().any(|line| line.starts_with("read ")).then_some(()));
    let mut lines = world.lines();
    lines.sort();
    let image = world.file("image");
    let mut expected = vec![
        "\"c\"=$(X)".to_owned(),
        "PATH=/usr/bin:/bin".to_owned(),
        format!("PROCESS={}", world.name),
        format!("PWD={}", image.display()),
        format!("SLIPWAY_UID={}", world.folder.spec().unwrap().unwrap().uid),
        "SECRET=a b".to_owned(),
        format!("pwd {}", image.display()),
        "read 1".to_owned(),
    ];
    expected.sort();
    assert_eq!(lines, expected);
    assert!(!world.folder.path().join("variables.json").exists());
    let mode = fs::metadata(world.folder.log()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_crash_is_started_again_at_once_and_then_waits() {
    let world = World::shell("echo run; exit 3");
    let status = world.until(
        "the second end",
        |status| matches!(&status.stage, Stage::Waiting { reason, .. } if reason == "CrashLoopBackOff"),
    );
    assert_eq!(status.restarts, 1);
    let exit = status.last_exit.unwrap();
    assert_eq!((exit.code, exit.signal, exit.reason.as_str()), (Some(3), None, "Error"));
    assert_eq!(world.lines(), ["run", "run"]);
    let stage = Stage::Waiting {
        reason: "CrashLoopBackOff".to_owned(),
        message: "back-off 10 s restarting the command".to_owned(),
    };
    assert_eq!(status.stage, stage);
}

#[test]
fn a_command_that_is_absent_or_cannot_run_is_a_start_error() {
    let world = World::start(&["./no-such-command", "x"], |_| {});
    let status = world.until("the start error", |status| status.last_exit.is_some());
    let exit = status.last_exit.unwrap();
    assert_eq!((exit.code, exit.reason.as_str()), (Some(128), "StartError"));
    assert_eq!(exit.message, "exec \"./no-such-command\": no such file or directory");
    assert!(
        matches!(&status.stage, Stage::Waiting { reason, .. } if reason == "RunContainerError"),
        "{:?}",
        status.stage
    );

    let world = World::start(&["/etc/passwd"], |_| {});
    let exit = world.until("the start error", |status| status.last_exit.is_some()).last_exit.unwrap();
    assert_eq!(exit.message, "exec \"/etc/passwd\": permission denied");

    let world = World::start(&["/bin/true"], |spec| spec.image = "/no/such/image".into());
    let exit = world.until("the start error", |status| status.last_exit.is_some()).last_exit.unwrap();
    assert_eq!(exit.message, "in /no/such/image: No such file or directory (os error 2)");
}

#[test]
fn stopping_lets_the_command_finish() {
    let mut world =
        World::shell("exec 2>/dev/null; trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done");
    until("the trap", || world.lines().contains(&"up".to_owned()).then_some(()));
    assert!(signal_stop(&world.folder).unwrap());
    let status = world.ended();
    assert_eq!(status.last_exit.unwrap().code, Some(0));
    assert!(status.stopping_since.is_some());
    assert_eq!(world.lines(), ["up", "bye"]);
    assert!(!world.folder.temporary().exists());
    assert!(!signal_stop(&world.folder).unwrap());
}

#[test]
fn one_that_ignores_the_signal_is_killed_after_its_grace_with_all_of_its_group() {
    let script = "trap '' TERM; sleep 600 & echo $! > ../child; echo up; while :; do sleep 0.05; done";
    let mut world = World::start(&["/bin/sh", "-c", script], |spec| spec.grace_ms = 200);
    let child = until("the child", || pid_in(&world.file("child")));
    until("the trap", || world.lines().contains(&"up".to_owned()).then_some(()));
    signal_stop(&world.folder).unwrap();
    let exit = world.ended().last_exit.unwrap();
    assert_eq!((exit.code, exit.signal, exit.reason.as_str()), (Some(137), Some(9), "Error"));
    assert!(!alive(child));
}

#[test]
fn descendants_that_left_the_group_end_with_the_command() {
    let world = World::shell("setsid sh -c 'echo $$ > ../child; sleep 600' & sleep 0.3; exit 1");
    let child = until("the child", || pid_in(&world.file("child")));
    world.until("the restart", |status| status.restarts == 1);
    assert!(!alive(child));
}

#[test]
fn a_killed_keeper_takes_its_command_with_it() {
    let mut world = World::shell("echo $$ > ../main; exec sleep 600");
    let main = until("the command", || pid_in(&world.file("main")));
    world.until("running", running);
    assert!(orphan(&world.folder).unwrap());
    world.keeper.take().unwrap().wait().unwrap();
    until("the end of the command", || (!alive(main)).then_some(()));
    until("the end of the lock", || (!world.folder.is_kept().unwrap()).then_some(()));
}

#[test]
fn what_a_killed_keeper_left_behind_is_found_and_ended() {
    let mut world = World::shell("setsid sh -c 'echo $$ > ../child; sleep 600' & sleep 600");
    let child = until("the child", || pid_in(&world.file("child")));
    world.until("running", running);
    orphan(&world.folder).unwrap();
    world.keeper.take().unwrap().wait().unwrap();
    end_for_good(&world.folder).unwrap();
    until("the end of the child", || (!alive(child)).then_some(()));
    // Nobody begins there again.
    let mut second = launch(&common::helper(), &world.folder).unwrap();
    assert!(second.wait().unwrap().success());
    assert!(running(&world.status().unwrap()), "the status is still that of the first keeper");
}

/// A server that was killed right after it had started a keeper may be followed by one that wants that process gone.
#[test]
fn a_keeper_that_has_only_just_begun_is_ended_with_its_command() {
    for pause_ms in 0..30 {
        let mut world = World::shell("echo $$ > ../main; exec sleep 600");
        std::thread::sleep(Duration::from_millis(pause_ms));
        end_for_good(&world.folder).unwrap();
        world.keeper.take().unwrap().wait().unwrap();
        // A process that another test is just starting may have our look at the lock in its hands for a moment.
        until("the end of the lock", || (!world.folder.is_kept().unwrap()).then_some(()));
        if let Some(main) = pid_in(&world.file("main")) {
            until("the end of the command", || (!alive(main)).then_some(()));
        }
    }
}

#[test]
fn a_second_keeper_for_the_same_folder_does_nothing() {
    let world = World::shell("echo run; sleep 600");
    let first = world.until("running", running);
    let mut second = launch(&common::helper(), &world.folder).unwrap();
    assert!(second.wait().unwrap().success());
    assert_eq!(world.status().unwrap(), first);
    assert_eq!(world.lines(), ["run"]);
}

#[test]
fn the_init_container_goes_first_and_its_failures_are_counted() {
    let init = "echo init; test -e ../marker || { touch ../marker; exit 4; }";
    let world = World::start(&["/bin/sh", "-c", "echo main; sleep 600"], |spec| {
        spec.init = Some(["/bin/sh", "-c", init].map(str::to_owned).to_vec());
    });
    let status = world.until("running", running);
    assert_eq!((status.init_failures, status.restarts), (1, 0));
    until("the output", || (world.lines().len() == 3).then_some(()));
    assert_eq!(world.lines(), ["init", "init", "main"]);
}

#[test]
fn a_one_off_ends_with_its_code() {
    let mut world = World::start(&["/bin/sh", "-c", "printf 'no end'; exit 7"], |spec| spec.restart = Restart::Never);
    let status = world.ended();
    assert_eq!((status.last_exit.unwrap().code, status.restarts, status.timed_out), (Some(7), 0, false));
    assert_eq!(world.lines(), ["no end"]);
}

#[test]
fn a_one_off_is_ended_when_its_time_is_over() {
    let mut world = World::start(&["/bin/sh", "-c", "sleep 600"], |spec| {
        spec.restart = Restart::Never;
        spec.time_limit_ms = Some(100);
    });
    let status = world.ended();
    assert!(status.timed_out);
    assert_eq!(status.last_exit.unwrap().signal, Some(15));
}

#[test]
fn a_command_that_closes_its_output_costs_no_time() {
    let world = World::shell("exec >/dev/null 2>&1; echo $$ > ../main; exec sleep 600");
    until("the command", || pid_in(&world.file("main")));
    let status = world.until("running", running);
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", status.keeper.pid)).unwrap();
        let fields: Vec<u64> =
            stat.rsplit_once(')').unwrap().1.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        // utime and stime: the 11th and 12th numbers behind the name.
        fields[10] + fields[11]
    };
    // Two ends are awaited of another process, which takes a while by itself.
    let before = ticks();
    World::start(&["/bin/sh", "-c", "sleep 0.5"], |spec| spec.restart = Restart::Never).ended();
    assert!(ticks() - before < 10, "the keeper is busy while nothing happens");
}
