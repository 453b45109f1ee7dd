//! What to do next about something that is wrong: one sentence per cause, with the names and the commands to type.
//!
//! Commands are those of the command line `slipway`, ready to be pasted. Values of variables are in none of them.

use slipway_domain::id::{PromotionId, ReleaseId};
use slipway_domain::manifest::{Command, Service};
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::promotion::{Cause, Exit};

/// What is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Symptom<'a> {
    pub cause: Cause,
    /// The words that came with the cause; a probe's answer and the cluster's message are in them.
    pub message: &'a str,
    pub exit: Option<&'a Exit>,
}

/// What it is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub app: &'a AppName,
    pub environment: &'a EnvironmentName,
    pub release: &'a ReleaseId,
    /// None: it concerns no service more than another.
    pub service: Option<&'a ServiceName>,
    /// As the release's manifest has it.
    pub settings: Option<&'a Service>,
    pub words: Words<'a>,
    /// The release is the active one, and there was a good one before it: a roll-back helps.
    pub way_back: bool,
}

/// Where more of what was said is to be read.
#[derive(Clone, Copy, Debug)]
pub enum Words<'a> {
    /// In the log of this process.
    Process(&'a str),
    /// In the evidence of this promotion; its processes are gone.
    Promotion(&'a PromotionId),
    /// Nowhere else.
    Nowhere,
}

/// The sentence, without a full stop.
pub fn advice(symptom: &Symptom<'_>, subject: &Subject<'_>) -> String {
    match symptom.cause {
        Cause::ImageNotFound => format!("build again and promote: {}", subject.type_in("build", "")),
        Cause::ImageDenied => format!("let the cluster pull from the registry again, then {}", subject.promote()),
        Cause::ImagePullSlow => "it is tried again by itself; check that the cluster reaches the registry".to_owned(),
        Cause::ImageInvalid => format!("correct {}, build and promote", subject.setting("image")),
        Cause::ConfigError => configuration(symptom, subject),
        Cause::StartError => start(subject),
        Cause::Infrastructure => "the cluster starts another by itself; look at its nodes if it goes on".to_owned(),
        Cause::CrashLoop => crash(symptom, subject),
        Cause::OutOfMemory => memory(subject),
        Cause::Exited => exited(subject),
        Cause::HealthTimeout => health(symptom, subject),
        Cause::NotRegistered => registration(subject),
        Cause::Flapping => format!("find what makes its health check fail now and then: {}", subject.read()),
        Cause::Unschedulable => room(subject),
        Cause::Quota => quota(subject),
        Cause::AdmissionDenied => {
            let place = subject.namespace();
            format!("ask for what the message names to be allowed in the namespace {place}, then {}", subject.promote())
        }
        Cause::InitFailed => init(subject),
        Cause::ClusterUnreachable => format!("see that the cluster answers again, then {}", subject.promote()),
        Cause::ClusterUnauthorized => format!("give Slipway its access back, then {}", subject.promote()),
        Cause::Drifted => format!("find out who changed it, then put it right: {}", subject.promote()),
        Cause::Deadline => format!("see what it waited for: {}", subject.read()),
        Cause::Internal => "this is a mistake of Slipway's: see the log of the server".to_owned(),
        Cause::Cancelled => format!("to go on after all, {}", subject.promote()),
    }
}

impl Subject<'_> {
    /// A command line, about this app and environment.
    fn type_in(&self, command: &str, rest: &str) -> String {
        let elsewhere = Some(self.environment).filter(|name| **name != EnvironmentName::production());
        let elsewhere = elsewhere.map(|name| format!(" -e {name}")).unwrap_or_default();
        let space = if rest.is_empty() { "" } else { " " };
        format!("slipway {command} -a {}{elsewhere}{space}{rest}", self.app)
    }

    fn promote(&self) -> String {
        self.type_in(&format!("releases promote {}", self.release), "")
    }

    fn read(&self) -> String {
        match (self.words, self.service) {
            (Words::Process(name), _) => self.type_in(&format!("logs --process {name}"), ""),
            (Words::Promotion(id), _) => self.type_in(&format!("promotions info {id}"), ""),
            (Words::Nowhere, Some(service)) => self.type_in(&format!("logs --service {service}"), ""),
            (Words::Nowhere, None) => self.type_in("logs", ""),
        }
    }

    /// A command in a fresh process of this release and service.
    fn run(&self, command: &str) -> String {
        let service = self.service_name();
        self.type_in("run", &format!("{service} --release {} {command}", self.release))
    }

    /// A setting of the service as the manifest names it: `services.web.health.path`.
    fn setting(&self, name: &str) -> String {
        format!("services.{}.{name}", self.service_name())
    }

    fn service_name(&self) -> &str {
        self.service.map_or("SERVICE", ServiceName::as_str)
    }

    fn namespace(&self) -> String {
        format!("{}--{}", self.app, self.environment)
    }

    /// Of the service, or of the image where the manifest leaves it to that.
    fn command(&self) -> String {
        match self.settings.and_then(|service| service.command.as_ref()) {
            Some(command) => format!("`{command}` ({})", self.setting("command")),
            None => "the command of the image".to_owned(),
        }
    }

    fn or_back(&self) -> String {
        if self.way_back { format!("; or go back: {}", self.type_in("releases rollback", "")) } else { String::new() }
    }
}

fn configuration(symptom: &Symptom<'_>, subject: &Subject<'_>) -> String {
    // As a kubelet writes it: couldn't find key DATABASE_URL in Secret shop--production/web-r….
    let rest = symptom.message.split_once("couldn't find key ").map(|(_, rest)| rest);
    match rest.and_then(|rest| rest.split_whitespace().next()) {
        Some(key) => {
            let set = subject.type_in("env set", &format!("{key}=…"));
            format!("set {key}, and promote the release that this makes: {set}")
        }
        None => format!("provide what the message names, then {}", subject.promote()),
    }
}

fn start(subject: &Subject<'_>) -> String {
    let program = match subject.settings.and_then(|service| service.command.as_ref()) {
        Some(Command::Exec(words)) => words.first().cloned(),
        Some(Command::Shell(line)) => line.split_whitespace().next().map(str::to_owned),
        None => None,
    };
    let look = subject.run(&format!("-- ls -l {}", program.as_deref().unwrap_or(".")));
    format!("check that {} is in the image and may be executed: {look}", subject.command())
}

fn crash(symptom: &Symptom<'_>, subject: &Subject<'_>) -> String {
    let meaning = match symptom.exit.map(|exit| (exit.code, exit.signal)) {
        Some((Some(127), _)) => "code 127 says that a command was not found; ",
        Some((Some(126), _)) => "code 126 says that a command may not be executed; ",
        Some((Some(137), _) | (_, Some(9))) => "it was killed, and did not end by itself; ",
        Some((Some(139), _) | (_, Some(11))) => "it touched memory that is not its own; ",
        _ => "",
    };
    format!("{meaning}read why it ends: {}{}", subject.read(), subject.or_back())
}

fn memory(subject: &Subject<'_>) -> String {
    let limit = subject.settings.and_then(|service| service.resources.memory_limit_mb);
    let now = limit.map_or_else(String::new, |limit| format!(" (now {limit} MB)"));
    let setting = subject.setting("scale.limit.memory");
    format!("raise {setting}{now}, build and promote, or find what grows: {}{}", subject.read(), subject.or_back())
}

fn exited(subject: &Subject<'_>) -> String {
    format!("{} has to stay in the foreground and go on; read what it did: {}", subject.command(), subject.read())
}

fn health(symptom: &Symptom<'_>, subject: &Subject<'_>) -> String {
    let Some(settings) = subject.settings else { return format!("read what it says: {}", subject.read()) };
    let message = symptom.message.to_ascii_lowercase();
    let first = settings.ports.first().map(|port| port.container);
    if message.contains("connection refused") {
        let question = match (settings.health.port, first) {
            (Some(port), first) if Some(port) != first => format!("port {port} ({})", subject.setting("health.port")),
            (_, Some(port)) => format!("$PORT ({port} in the manifest)"),
            (_, None) => "its port".to_owned(),
        };
        let listens = format!("does the app listen on {question}, and on every address instead of localhost alone?");
        return format!("{listens} what it says: {}{}", subject.read(), subject.or_back());
    }
    let time = format!("{} (now {} s)", subject.setting("health.timeout"), settings.health.timeout_seconds);
    let back = subject.or_back();
    match &settings.health.path {
        Some(path) => {
            let check = format!("{path} ({})", subject.setting("health.path"));
            format!("see why {check} does not answer with 2xx or 3xx, or raise {time}: {}{back}", subject.read())
        }
        None => format!("see what it does before it listens, or raise {time}: {}{back}", subject.read()),
    }
}

fn registration(subject: &Subject<'_>) -> String {
    let limit = subject.settings.map_or_else(String::new, |service| {
        let seconds = service.health.registration_seconds;
        format!(", or raise {} (now {seconds} s)", subject.setting("health.registration"))
    });
    format!("see why the load balancer of {} does not list it{limit}", subject.service_name())
}

fn room(subject: &Subject<'_>) -> String {
    let resources = subject.settings.map(|service| &service.resources);
    let cpu = resources.and_then(|it| it.cpu_millis).map(|millis| format!("{millis} thousandths of a core"));
    let memory = resources.and_then(|it| it.memory_mb).map(|megabytes| format!("{megabytes} MB"));
    let asked: Vec<String> = cpu.into_iter().chain(memory).collect();
    let asked = if asked.is_empty() { String::new() } else { format!(" (now {})", asked.join(" and ")) };
    format!("give the cluster another node, or ask for less with {}{asked}", subject.setting("scale"))
}

fn quota(subject: &Subject<'_>) -> String {
    let fewer = subject.type_in(&format!("scale {}=COUNT", subject.service_name()), "");
    format!("raise the quota of the namespace {}, or run fewer processes: {fewer}", subject.namespace())
}

fn init(subject: &Subject<'_>) -> String {
    let setting = subject.setting("initContainer.command");
    match subject.settings.and_then(|service| service.init_container.as_ref()) {
        Some(command) => {
            let again = subject.run(&typed(command));
            format!("`{command}` ({setting}) has to succeed before the process starts; try it: {again}")
        }
        None => format!("{setting} has to succeed before the process starts: {}", subject.read()),
    }
}

/// As `slipway run` takes it: a line for `sh` is one word, other words come after `--`.
fn typed(command: &Command) -> String {
    match command {
        Command::Shell(line) => format!("'{}'", line.replace('\'', r"'\''")),
        Command::Exec(words) => format!("-- {}", words.join(" ")),
    }
}
