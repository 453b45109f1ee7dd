//! The keeper's loop: one thread that waits for a signal, for output or for a time, and acts on it.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use slipway_domain::promotion::Exit;

use super::backoff::Backoff;
use super::child::{self, Child};
use super::journal_writer::Writer;
use super::spec::{Folder, Identity, Restart, Spec, Stage, Status, UID_VARIABLE};
use super::tree;
use crate::disk::{self, Lock};

/// How long a lock may be held by somebody who only looks whether it is.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Keeps the process of this folder until it is over.
pub fn main(dir: &Path) -> ExitCode {
    match keep(Folder::new(dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is the keeper's own file in the folder.
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn keep(folder: Folder) -> io::Result<()> {
    // Fails only for one that leads a session already.
    let _ = nix::unistd::setsid();
    let lock = take_lock(&folder)?;
    let (Some(lock), Some(spec), true) = (lock, folder.spec()?, folder.is_fresh()?) else {
        // It has a keeper, which took its variables long ago, or never gets one.
        return folder.forget_variables();
    };
    prctl::set_child_subreaper(true)?;
    let mut keeper = Keeper::new(folder, spec)?;
    keeper.begin()?;
    while !keeper.over {
        keeper.turn()?;
    }
    drop(lock);
    Ok(())
}

fn variables(folder: &Folder, spec: &Spec) -> io::Result<Vec<(String, String)>> {
    let mut variables = folder.take_variables()?;
    variables.push((UID_VARIABLE.to_owned(), spec.uid.clone()));
    Ok(variables)
}

fn take_lock(folder: &Folder) -> io::Result<Option<Lock>> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match Lock::take(&folder.lock())? {
            Some(lock) => return Ok(Some(lock)),
            None if Instant::now() >= deadline => return Ok(None),
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Which of the two commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Init,
    Main,
}

#[derive(Debug)]
enum Doing {
    Pausing { part: Part, until: Instant },
    Running { part: Part, child: Child },
}

/// A stop that was asked for.
#[derive(Clone, Copy, Debug)]
struct Stop {
    kill_at: Instant,
    killed: bool,
}

struct Keeper {
    folder: Folder,
    spec: Spec,
    variables: Vec<(String, String)>,
    signals: SignalFd,
    journal: Writer,
    status: Status,
    backoff: Backoff,
    doing: Doing,
    stop: Option<Stop>,
    time_limit: Option<Instant>,
    started_once: bool,
    over: bool,
}

impl Keeper {
    fn new(folder: Folder, spec: Spec) -> io::Result<Self> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGTERM);
        mask.add(Signal::SIGINT);
        mask.add(Signal::SIGCHLD);
        mask.thread_block()?;
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let pid = i32::try_from(std::process::id()).map_err(io::Error::other)?;
        let keeper = tree::identify(pid).unwrap_or(Identity { pid, start_ticks: 0 });
        let now = Instant::now();
        let part = if spec.init.is_some() { Part::Init } else { Part::Main };
        Ok(Self {
            variables: variables(&folder, &spec)?,
            journal: Writer::create(folder.clone())?,
            status: Status {
                keeper,
                group: None,
                stage: waiting(if part == Part::Init { "PodInitializing" } else { "ContainerCreating" }, ""),
                since: disk::now(),
                started_at: None,
                restarts: 0,
                init_failures: 0,
                last_exit: None,
                stopping_since: None,
                timed_out: false,
            },
            time_limit: spec.time_limit_ms.and_then(|limit| now.checked_add(Duration::from_millis(limit))),
            doing: Doing::Pausing { part, until: now },
            backoff: Backoff::default(),
            stop: None,
            started_once: false,
            over: false,
            folder,
            spec,
            signals,
        })
    }

    fn begin(&mut self) -> io::Result<()> {
        self.record()
    }

    /// Waits for the next thing to happen, and does what it calls for.
    fn turn(&mut self) -> io::Result<()> {
        self.wait()?;
        self.read_output()?;
        while let Some(signal) = self.signals.read_signal()? {
            if signal.ssi_signo != Signal::SIGCHLD as u32 {
                self.begin_stop()?;
            }
        }
        for status in tree::reap() {
            let killed = self.stop.is_some_and(|stop| stop.killed);
            let exit = match &self.doing {
                Doing::Running { child, .. } => child.exit(status, killed),
                Doing::Pausing { .. } => None,
            };
            if let Some(exit) = exit {
                self.ended(exit)?;
            }
        }
        self.clocks()
    }

    fn wait(&self) -> io::Result<()> {
        let due = [
            self.time_limit.filter(|_| self.stop.is_none()),
            self.stop.filter(|stop| !stop.killed).map(|stop| stop.kill_at),
            match self.doing {
                Doing::Pausing { until, .. } => Some(until),
                Doing::Running { .. } => None,
            },
        ];
        let timeout = match due.into_iter().flatten().min() {
            // Rounded up, so that the time has come when poll returns.
            Some(at) => {
                let pause = at.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
                PollTimeout::try_from(pause).unwrap_or(PollTimeout::MAX)
            }
            None => PollTimeout::NONE,
        };
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if let Doing::Running { child, .. } = &self.doing {
            fds.push(PollFd::new(child.output.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what the command has said to its log, at most a few blocks a turn so that signals are not kept waiting.
    fn read_output(&mut self) -> io::Result<()> {
        const BLOCKS: usize = 32;
        let Doing::Running { child, .. } = &mut self.doing else { return Ok(()) };
        let mut block = [0; 16 * 1024];
        for _ in 0..BLOCKS {
            match child.output.read(&mut block) {
                Ok(0) => {
                    return child.fall_silent();
                }
                Ok(count) => self.journal.output(&block[..count], disk::now())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn clocks(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.stop.is_none() && self.time_limit.is_some_and(|limit| now >= limit) && !self.over {
            self.status.timed_out = true;
            self.begin_stop()?;
        }
        if let Some(stop) = self.stop.as_mut().filter(|stop| !stop.killed && now >= stop.kill_at) {
            stop.killed = true;
            if let Doing::Running { child, .. } = &self.doing {
                child.signal(Signal::SIGKILL);
            }
        }
        match self.doing {
            Doing::Pausing { part, until } if !self.over && now >= until => self.start(part),
            _ => Ok(()),
        }
    }

    fn start(&mut self, part: Part) -> io::Result<()> {
        let command = match (part, &self.spec.init) {
            (Part::Init, Some(init)) => init,
            _ => &self.spec.command,
        };
        if part == Part::Main {
            self.status.restarts += u32::from(self.started_once);
            self.started_once = true;
        }
        self.journal.mark(if part == Part::Init { "init" } else { "main" }, disk::now())?;
        match child::start(command, &self.spec.image, &self.variables) {
            Ok(child) => {
                self.status.group = Some(child.pid.as_raw());
                self.doing = Doing::Running { part, child };
                if part == Part::Main {
                    let started_at = disk::now();
                    self.status.started_at = Some(started_at);
                    self.become_stage(Stage::Running { started_at });
                }
                self.record()
            }
            Err(message) => self.over_for_now(part, child::start_error(message), Duration::ZERO),
        }
    }

    fn begin_stop(&mut self) -> io::Result<()> {
        if self.stop.is_some() || self.over {
            return Ok(());
        }
        let grace = Duration::from_millis(self.spec.grace_ms);
        self.stop = Some(Stop { kill_at: Instant::now() + grace, killed: false });
        self.status.stopping_since = Some(disk::now());
        match &self.doing {
            Doing::Running { child, .. } => {
                child.signal(Signal::SIGTERM);
                self.record()
            }
            Doing::Pausing { .. } => self.finish(self.status.last_exit.clone().unwrap_or_default()),
        }
    }

    /// The command has ended: nothing of it may be left.
    fn ended(&mut self, exit: Exit) -> io::Result<()> {
        tree::end_descendants();
        // All that could write is gone: the rest of the output ends.
        let Doing::Running { part, mut child } =
            std::mem::replace(&mut self.doing, Doing::Pausing { part: Part::Main, until: Instant::now() })
        else {
            return Ok(());
        };
        child.silence = None;
        let mut rest = Vec::new();
        child.output.read_to_end(&mut rest)?;
        self.journal.output(&rest, disk::now())?;
        self.journal.flush(disk::now())?;
        self.status.group = None;
        self.over_for_now(part, exit, child.started.elapsed())
    }

    /// Decides what follows an end, after `lasted`.
    fn over_for_now(&mut self, part: Part, exit: Exit, lasted: Duration) -> io::Result<()> {
        let succeeded = exit.code == Some(0);
        if self.stop.is_some() || (self.spec.restart == Restart::Never && !(part == Part::Init && succeeded)) {
            return self.finish(exit);
        }
        if part == Part::Init && succeeded {
            self.backoff = Backoff::default();
            self.doing = Doing::Pausing { part: Part::Main, until: Instant::now() };
            return Ok(());
        }
        let pause = self.backoff.next(lasted);
        self.status.init_failures += u32::from(part == Part::Init);
        let stage = match (part, exit.reason.as_str()) {
            (_, "StartError") => waiting("RunContainerError", &exit.message),
            (Part::Init, _) => waiting("PodInitializing", &format!("the init container ended with {}", words(&exit))),
            (Part::Main, _) if pause.is_zero() => Stage::Exited { exit: exit.clone() },
            (Part::Main, _) => {
                waiting("CrashLoopBackOff", &format!("back-off {} s restarting the command", pause.as_secs()))
            }
        };
        self.become_stage(stage);
        self.status.last_exit = Some(exit);
        self.doing = Doing::Pausing { part, until: Instant::now() + pause };
        self.record()
    }

    fn finish(&mut self, exit: Exit) -> io::Result<()> {
        self.over = true;
        self.status.last_exit = Some(exit.clone());
        self.become_stage(Stage::Ended { exit, at: disk::now() });
        // What the command kept there is nobody's any more; the folder itself goes with the process's record.
        let _ = std::fs::remove_dir_all(self.folder.temporary());
        self.record()
    }

    fn become_stage(&mut self, stage: Stage) {
        self.status.since = disk::now();
        self.status.stage = stage;
    }

    fn record(&self) -> io::Result<()> {
        self.folder.write_status(&self.status)
    }
}

fn waiting(reason: &str, message: &str) -> Stage {
    Stage::Waiting { reason: reason.to_owned(), message: message.to_owned() }
}

fn words(exit: &Exit) -> String {
    match exit.signal {
        Some(_) => exit.message.clone(),
        None => format!("exit code {}", exit.code.unwrap_or_default()),
    }
}
