//! One service of `slipway.yml` or `convox.yml`.

use super::error::Problem;
use super::field::Field;
use super::settings::{self, Shared};
use super::{Deployment, Health, Resources, Service, Warning, environment, parse, ports};
use crate::name::ServiceName;

/// Whose words a file speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Our own: what is not known is refused.
    Slipway,
    /// What convox knows and Slipway does not run is a warning.
    Convox,
    Compose,
}

impl Dialect {
    /// The files of others are taken as they are.
    pub fn lenient(self) -> bool {
        self != Self::Slipway
    }
}

const SETTINGS: [&str; 15] = [
    "build",
    "command",
    "deployment",
    "domain",
    "environment",
    "health",
    "image",
    "init",
    "initContainer",
    "internal",
    "port",
    "ports",
    "scale",
    "termination",
    "writable",
];

/// What convox knows of a service and Slipway does not do.
const CONVOX_ONLY: [&str; 29] = [
    "accessControl",
    "agent",
    "annotations",
    "certificate",
    "configMounts",
    "disableHostUsers",
    "dnsConfig",
    "drain",
    "grpcHealthEnabled",
    "ingressAnnotations",
    "internalRouter",
    "labels",
    "lifecycle",
    "links",
    "liveness",
    "nodeAffinityLabels",
    "nodeSelectorLabels",
    "policies",
    "privileged",
    "singleton",
    "startupProbe",
    "sticky",
    "test",
    "timeout",
    "tls",
    "tolerations",
    "volumeOptions",
    "volumes",
    "whitelist",
];

/// A service with nothing said about it.
pub(super) fn plain(name: ServiceName, deployment: Deployment) -> Service {
    Service {
        name,
        image: None,
        build: None,
        command: None,
        ports: Vec::new(),
        health: Health::default(),
        scale: 1,
        resources: Resources::default(),
        deployment,
        environment: Vec::new(),
        all_variables: false,
        init: false,
        read_only: false,
        init_container: None,
        termination_seconds: 30,
        domains: Vec::new(),
    }
}

pub(super) fn read(
    field: &Field<'_>,
    name: ServiceName,
    dialect: Dialect,
    shared: &mut Shared,
    warnings: &mut Vec<Warning>,
) -> Result<Service, Problem> {
    let mut service = plain(name, shared.deployment.clone());
    service.read_only = !dialect.lenient();
    let mut internal = false;
    let (mut path, mut port) = (None, None);
    if field.is_null() {
        service.all_variables = shared.environment.all;
        return Ok(service);
    }
    for entry in field.entries_of("a mapping of settings")? {
        match entry.key {
            "internal" => internal = entry.boolean()?,
            "port" => service.ports.insert(0, ports::balanced(&entry)?),
            "ports" => service.ports.extend(ports::internal(&entry, warnings)?),
            "build" => build(&mut service, &entry, dialect, shared)?,
            "health" => {
                service.health = settings::health(&entry, dialect, warnings)?;
                let entries = if entry.is_map() { entry.entries()? } else { Vec::new() };
                port = entries.iter().find(|setting| setting.key == "port").cloned();
                path = entries.into_iter().find(|setting| setting.key == "path");
                path = if entry.is_map() { path } else { Some(entry) };
            }
            _ => setting(&mut service, &entry, dialect, warnings)?,
        }
    }
    service.all_variables |= shared.environment.all;
    settle_ports(&mut service, field, internal)?;
    check_health(&service, path.as_ref(), port.as_ref(), dialect, warnings)?;
    Ok(service)
}

fn setting(
    service: &mut Service,
    entry: &Field<'_>,
    dialect: Dialect,
    warnings: &mut Vec<Warning>,
) -> Result<(), Problem> {
    match entry.key {
        "command" => service.command = Some(entry.command()?),
        "deployment" => {
            service.deployment = settings::deployment(entry, dialect, service.deployment.clone(), warnings)?;
        }
        "domain" => service.domains = domains(entry)?,
        "environment" => {
            let declared = environment::read(entry, dialect.lenient(), warnings)?;
            service.environment = declared.declarations;
            service.all_variables = declared.all;
        }
        "image" => service.image = Some(image(entry)?),
        "init" => service.init = entry.boolean()?,
        "initContainer" => service.init_container = settings::init_container(entry, dialect, warnings)?,
        "writable" if dialect == Dialect::Slipway => service.read_only = !entry.boolean()?,
        "scale" => (service.scale, service.resources) = settings::scale(entry, dialect, warnings)?,
        "termination" => {
            service.termination_seconds = settings::termination(entry)?.unwrap_or(service.termination_seconds);
        }
        "resources" if dialect == Dialect::Convox => links(entry, warnings)?,
        key if dialect == Dialect::Convox && CONVOX_ONLY.contains(&key) => {
            // Not to be privileged is a wish, too, and one that is not granted.
            if key == "privileged" || !entry.asks_for_nothing() {
                warnings.push(entry.warning("is not used by Slipway"));
            }
        }
        _ => return Err(entry.unknown(&SETTINGS)),
    }
    Ok(())
}

/// One source makes one image, so there is one command that builds it.
fn build(service: &mut Service, entry: &Field<'_>, dialect: Dialect, shared: &mut Shared) -> Result<(), Problem> {
    let (source, command) = settings::build(entry, dialect)?;
    service.build = Some(source);
    if command.is_some() {
        if shared.build.is_some() && shared.build != command {
            let message = "has another `command` than the rest of the file: keep one, at the top under `build`";
            return Err(entry.problem(message));
        }
        shared.build = command;
    }
    Ok(())
}

/// The load balancer's port comes first, whichever the file names first: it is the one that `PORT` tells.
fn settle_ports(service: &mut Service, field: &Field<'_>, internal: bool) -> Result<(), Problem> {
    let mut settled = Vec::new();
    for mut port in std::mem::take(&mut service.ports) {
        port.public &= !internal;
        ports::add(&mut settled, port);
        if settled.len() > ports::MAX_PORTS {
            return Err(field.problem(format!("has more than {} ports: remove some", ports::MAX_PORTS)));
        }
    }
    service.ports = settled;
    Ok(())
}

/// A check needs a port, one of the service's own. `path` and `port` are where the file asks for them.
pub(super) fn check_health(
    service: &Service,
    path: Option<&Field<'_>>,
    port: Option<&Field<'_>>,
    dialect: Dialect,
    warnings: &mut Vec<Warning>,
) -> Result<(), Problem> {
    if let (Some(field), Some(number)) = (port, service.health.port)
        && !service.ports.iter().any(|known| known.container == number)
    {
        return Err(field.problem(format!("must be a port of the service, and {number} is not among its `ports`")));
    }
    let (Some(field), true) = (path, service.ports.is_empty()) else { return Ok(()) };
    let message = "is a path to ask for, and the service has no port: add a port, or remove the path";
    if dialect == Dialect::Slipway {
        return Err(field.problem(message));
    }
    warnings.push(field.warning(message));
    Ok(())
}

/// The reference of an image, as a registry understands it.
pub(super) fn image(field: &Field<'_>) -> Result<String, Problem> {
    let what = "the name of an image";
    let text = field.text(what)?;
    let fits = text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains("${");
    if fits { Ok(text.to_owned()) } else { Err(field.expected(what)) }
}

/// One name, several with commas between them, or a list. `${HOST}` stands for a variable.
fn domains(field: &Field<'_>) -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    let fields = if field.is_list() { field.items("a list of host names")? } else { vec![field.clone()] };
    for item in &fields {
        let text = item.text("a host name")?;
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if !is_domain(name) {
                return Err(item.expected("a host name such as app.example.com, or a variable such as ${HOST}"));
            }
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn is_domain(name: &str) -> bool {
    let allowed =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '*' | '_' | '$' | '{' | '}');
    let balanced = name.matches("${").count() == name.matches('}').count()
        && name.matches('$').count() == name.matches("${").count();
    name.len() <= 253 && balanced && name.chars().all(allowed)
}

/// The databases that a service asks for.
fn links(field: &Field<'_>, warnings: &mut Vec<Warning>) -> Result<(), Problem> {
    for item in field.items("a list of resources")? {
        let text = item.text("the name of a resource")?;
        let variable = match text.split_once(':') {
            Some((_, variable)) => variable.trim().to_owned(),
            None => parse::variable_of(text),
        };
        warnings.push(item.warning(&format!("is not run by Slipway: set {variable} to its address")));
    }
    Ok(())
}
