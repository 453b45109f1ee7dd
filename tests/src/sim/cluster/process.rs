//! One process: a small machine that follows its script as a kubelet would let it.

use slipway_domain::promotion::Exit;
use slipway_domain::time::Time;
use slipway_rollout::observation::{self, Readiness, Stage};

use super::script::{Ending, Image, Life, Node, Script, Start};

/// The kubelet's back-off: 10 s, doubled each time.
const BACK_OFF_MS: u64 = 10_000;
const LONGEST_BACK_OFF_MS: u64 = 300_000;
/// Between the end of a container and its first new start.
const RESTART_MS: u64 = 800;
/// How long the ruins of an evicted process are listed.
const RUIN_MS: u64 = 5_000;

/// What happens next to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Schedule,
    Pull,
    Init,
    Start,
    Run,
    Ready,
    Register,
    Darken,
    Lighten,
    End,
    BackOff,
    Restart,
    Evict,
    Gone,
}

#[derive(Clone, Debug)]
pub struct Process {
    pub name: String,
    pub uid: String,
    script: Script,
    ports: bool,
    pub created_ms: i64,
    pub stopping: Option<Time>,
    pub stage: Stage,
    pub readiness: Readiness,
    pub registered: bool,
    pub restarts: u32,
    init_failures: u32,
    last_exit: Option<Exit>,
    probe_error: Option<String>,
    ends: u32,
    darkened: bool,
    /// Steps of an older life of the process are void.
    pub life: u32,
}

/// Steps that follow, each after so many milliseconds.
pub type Follow = Vec<(u64, Step)>;

impl Process {
    pub fn new(name: String, uid: String, script: Script, ports: bool, now: Time) -> (Self, Follow) {
        let mut follow = match script.node {
            Node::After(ms) => vec![(ms, Step::Pull)],
            Node::None(_) => vec![(50, Step::Schedule)],
        };
        follow.extend(script.evicted_ms.map(|ms| (ms, Step::Evict)));
        let process = Self {
            name,
            uid,
            script,
            ports,
            created_ms: now.as_millis(),
            stopping: None,
            stage: Stage::Unscheduled(None),
            readiness: Readiness::Never,
            registered: false,
            restarts: 0,
            init_failures: 0,
            last_exit: None,
            probe_error: None,
            ends: 0,
            darkened: false,
            life: 0,
        };
        (process, follow)
    }

    /// A process that has served for long.
    pub fn serving(name: String, uid: String, script: Script, ports: bool, since: Time) -> Self {
        let (process, _) = Self::new(name, uid, script, ports, since);
        Self {
            stage: Stage::Running { started_at: since },
            readiness: Readiness::Ready { since },
            registered: ports,
            ..process
        }
    }

    pub fn is_live(&self) -> bool {
        self.stopping.is_none() && !matches!(self.stage, Stage::Over { .. })
    }

    pub fn is_ready(&self) -> bool {
        matches!(self.readiness, Readiness::Ready { .. }) && matches!(self.stage, Stage::Running { .. })
    }

    /// Begins to stop; what its script had in mind is void. Returns how long that takes.
    pub fn stop(&mut self, now: Time) -> u64 {
        self.stopping = Some(now);
        self.registered = false;
        self.life += 1;
        self.script.stop_ms
    }

    pub fn step(&mut self, step: Step, now: Time) -> Follow {
        match step {
            Step::Schedule => self.wait_for_node(),
            Step::Pull => self.pull(),
            Step::Init => self.init(),
            Step::Start => self.start(),
            Step::Run => self.run(now),
            Step::Ready | Step::Lighten => self.ready(now),
            Step::Register => {
                self.registered = self.ports && self.is_ready();
                Vec::new()
            }
            Step::Darken => self.darken(now),
            Step::End => self.end(now),
            Step::BackOff => self.back_off(),
            Step::Restart => {
                self.restarts += 1;
                self.run(now)
            }
            Step::Evict => {
                self.life += 1;
                self.stage = Stage::Over { reason: "Evicted".to_owned() };
                self.lose(now);
                vec![(RUIN_MS, Step::Gone)]
            }
            Step::Gone => Vec::new(),
        }
    }

    fn wait_for_node(&mut self) -> Follow {
        self.stage = Stage::Unscheduled(Some("0/2 nodes are available: 2 insufficient cpu".to_owned()));
        match self.script.node {
            Node::None(Some(ms)) => vec![(ms, Step::Pull)],
            _ => Vec::new(),
        }
    }

    fn wait(&mut self, reason: &str, message: &str) {
        self.stage = Stage::Waiting { reason: reason.to_owned(), message: message.to_owned() };
    }

    fn pull(&mut self) -> Follow {
        let (reason, message, next) = match self.script.image {
            Image::After(ms) => ("ContainerCreating", "", Some(ms)),
            Image::NotFound => ("ErrImagePull", "manifest unknown: not found", None),
            Image::Denied => ("ErrImagePull", "pull access denied", None),
            Image::DeniedFor(ms) => ("ErrImagePull", "pull access denied", Some(ms)),
            Image::Slow(ms) => ("ErrImagePull", "i/o timeout", ms),
            Image::Invalid => ("InvalidImageName", "couldn't parse image name", None),
        };
        self.wait(reason, message);
        next.map(|ms| (ms, Step::Init)).into_iter().collect()
    }

    fn init(&mut self) -> Follow {
        if self.init_failures < self.script.init_failures {
            self.wait("PodInitializing", "");
            self.init_failures += 1;
            return vec![(2_000, Step::Init)];
        }
        vec![(20, Step::Start)]
    }

    fn start(&mut self) -> Follow {
        match self.script.start {
            Start::Runs => return vec![(0, Step::Run)],
            Start::KeyMissing => {
                self.wait("CreateContainerConfigError", "couldn't find key GREETING in Secret app--production/web");
            }
            Start::CacheSyncs(ms) => {
                self.wait(
                    "CreateContainerConfigError",
                    "failed to sync secret cache: timed out waiting for the condition",
                );
                return vec![(ms, Step::Run)];
            }
            Start::CommandMissing => self.cannot_start("exec: \"bin/web\": no such file or directory"),
            Start::NodeFault => self.cannot_start("failed to create shim task: context deadline exceeded"),
        }
        Vec::new()
    }

    fn cannot_start(&mut self, message: &str) {
        self.wait("RunContainerError", message);
        self.last_exit =
            Some(Exit { code: Some(128), signal: None, reason: "StartError".to_owned(), message: message.to_owned() });
    }

    fn run(&mut self, now: Time) -> Follow {
        self.stage = Stage::Running { started_at: now };
        let mut follow: Follow = self.script.boot_ms.map(|ms| (ms, Step::Ready)).into_iter().collect();
        if let Life::Ends { after_ms, times, .. } = self.script.life
            && times.is_none_or(|times| self.ends < times)
        {
            follow.push((after_ms, Step::End));
        }
        if follow.is_empty() && self.script.boot_ms.is_none() {
            self.probe_error = Some("connection refused".to_owned());
        }
        follow
    }

    fn ready(&mut self, now: Time) -> Follow {
        self.readiness = Readiness::Ready { since: now };
        self.probe_error = None;
        let mut follow: Follow = self.script.registers_ms.map(|ms| (ms, Step::Register)).into_iter().collect();
        match self.script.life {
            Life::Flaps { up_ms, .. } => follow.push((up_ms, Step::Darken)),
            Life::Darkens { after_ms, .. } if !self.darkened => follow.push((after_ms, Step::Darken)),
            _ => {}
        }
        follow
    }

    fn lose(&mut self, now: Time) {
        if matches!(self.readiness, Readiness::Ready { .. }) {
            self.readiness = Readiness::Lost { since: now };
        }
        self.registered = false;
    }

    fn darken(&mut self, now: Time) -> Follow {
        self.darkened = true;
        self.lose(now);
        self.probe_error = Some("HTTP 500".to_owned());
        match self.script.life {
            Life::Flaps { down_ms, .. } => vec![(down_ms, Step::Lighten)],
            Life::Darkens { for_ms: Some(ms), .. } => vec![(ms, Step::Lighten)],
            _ => Vec::new(),
        }
    }

    fn end(&mut self, now: Time) -> Follow {
        let Life::Ends { how, .. } = self.script.life else { return Vec::new() };
        self.ends += 1;
        self.life += 1;
        self.lose(now);
        self.stage = Stage::Exited(how.exit());
        let mut follow = vec![(RESTART_MS, Step::BackOff)];
        if let Some(ms) = self.script.evicted_ms {
            let age = u64::try_from(now.as_millis() - self.created_ms).unwrap_or(0);
            follow.push((ms.saturating_sub(age).max(1), Step::Evict));
        }
        follow
    }

    fn back_off(&mut self) -> Follow {
        if let Stage::Exited(exit) = &self.stage {
            self.last_exit = Some(exit.clone());
        }
        if self.restarts == 0 {
            return vec![(0, Step::Restart)];
        }
        self.wait("CrashLoopBackOff", "back-off restarting failed container");
        let wait = BACK_OFF_MS << (self.restarts - 1).min(5);
        vec![(wait.min(LONGEST_BACK_OFF_MS), Step::Restart)]
    }

    /// As the cluster tells it, with its stamps.
    pub fn seen(&self, stamp: impl Fn(Time) -> Time) -> observation::Process {
        let stage = match &self.stage {
            Stage::Running { started_at } => Stage::Running { started_at: stamp(*started_at) },
            other => other.clone(),
        };
        let readiness = match self.readiness {
            Readiness::Never => Readiness::Never,
            Readiness::Ready { since } => Readiness::Ready { since: stamp(since) },
            Readiness::Lost { since } => Readiness::Lost { since: stamp(since) },
        };
        observation::Process {
            name: self.name.clone(),
            uid: self.uid.clone(),
            genuine: true,
            stopping_since: self.stopping.map(stamp),
            stage,
            readiness,
            registered: self.registered,
            restarts: self.restarts,
            init_failures: self.init_failures,
            last_exit: self.last_exit.clone(),
            probe_error: self.probe_error.clone(),
        }
    }
}

impl Ending {
    pub const ALL: [Self; 5] = [Self::Code(1), Self::Code(127), Self::Signal(11), Self::Zero, Self::OutOfMemory];
}
