//! The settings of a service that are small mappings: health, deployment, scale, build, termination.

use super::environment::Environment;
use super::error::Problem;
use super::field::{Field, whole_number};
use super::service::Dialect;
use super::{Batch, BuildCommand, BuildSource, Command, Deployment, Health, Resources, Warning};

/// What the top of the file says for all services.
#[derive(Default)]
pub(super) struct Shared {
    pub environment: Environment,
    pub deployment: Deployment,
    pub build: Option<BuildCommand>,
}

/// The most processes that one service may have.
pub(super) const MAX_SCALE: u32 = 1000;

/// What a Dockerfile is called unless the file says otherwise.
pub(super) const DOCKERFILE: &str = "Dockerfile";

const HEALTH: [&str; 6] = ["bake", "interval", "path", "port", "registration", "timeout"];
const DEPLOYMENT: [&str; 4] = ["batch", "deadline", "minimum", "strict"];
const SCALE: [&str; 4] = ["count", "cpu", "limit", "memory"];
const BUILD: [&str; 5] = ["args", "command", "manifest", "path", "target"];

/// `health: /check`, or a mapping. In `convox.yml`, `grace` is the time to boot and `timeout` that of one answer; here
/// one `timeout` covers both, so they are added.
pub(super) fn health(field: &Field<'_>, dialect: Dialect, warnings: &mut Vec<Warning>) -> Result<Health, Problem> {
    let mut health = Health::default();
    if !field.is_map() {
        health.path = Some(health_path(field)?);
        return Ok(health);
    }
    let mut grace = None;
    for entry in field.entries()? {
        match entry.key {
            "path" => health.path = Some(health_path(&entry)?),
            "timeout" => health.timeout_seconds = entry.seconds(1..=600)?,
            "grace" if dialect == Dialect::Convox => grace = Some((entry.seconds(0..=600)?, entry)),
            "interval" if dialect == Dialect::Convox => {
                entry.seconds(1..=600)?;
                warnings.push(entry.warning("is not used by Slipway, which checks every second"));
            }
            "disable" if dialect == Dialect::Convox => {
                entry.boolean()?;
                warnings.push(entry.warning("is not used by Slipway: a process with ports is always checked"));
            }
            "interval" => health.interval_seconds = entry.seconds(1..=60)?,
            "port" => health.port = Some(port_number(&entry)?),
            "registration" => health.registration_seconds = entry.seconds(1..=600)?,
            "bake" => health.bake_seconds = entry.seconds(0..=300)?,
            "grace" => {
                let message = "is not a setting here: use `timeout`, which is the time to boot and to answer";
                return Err(Problem::new(entry.key_position, &entry.path, message));
            }
            _ => return Err(entry.unknown(&HEALTH)),
        }
    }
    if let Some((grace, entry)) = grace {
        health.timeout_seconds = (health.timeout_seconds + grace).min(600);
        let message =
            format!("is added to the timeout: a process has {} seconds to become healthy", health.timeout_seconds);
        warnings.push(entry.warning(&message));
    }
    Ok(health)
}

pub(super) fn health_path(field: &Field<'_>) -> Result<String, Problem> {
    let path = field.text("a path such as /health")?;
    let fits = path.starts_with('/') && path.len() <= 1024 && path.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(path.to_owned())
    } else {
        Err(field.expected("a path that starts with / and has no spaces, such as /health"))
    }
}

pub(super) fn port_number(field: &Field<'_>) -> Result<u16, Problem> {
    let number = field.number(1..=u32::from(u16::MAX), "a whole number")?;
    Ok(u16::try_from(number).unwrap_or(u16::MAX))
}

pub(super) fn deployment(
    field: &Field<'_>,
    dialect: Dialect,
    shared: Deployment,
    warnings: &mut Vec<Warning>,
) -> Result<Deployment, Problem> {
    let mut deployment = shared;
    for entry in field.entries()? {
        match entry.key {
            "minimum" => deployment.minimum_percent = entry.number(0..=100, "a percentage")?,
            "maximum" if dialect == Dialect::Convox => {
                entry.number(0..=1000, "a percentage")?;
                warnings.push(
                    entry.warning("is not used by Slipway: `deployment.batch` in slipway.yml is what bounds a rollout"),
                );
            }
            "maximum" => {
                let message = "is not a setting here: `batch` says how many processes may be in flight";
                return Err(Problem::new(entry.key_position, &entry.path, message));
            }
            "batch" if dialect == Dialect::Slipway => deployment.batch = batch(&entry)?,
            "strict" if dialect == Dialect::Slipway => deployment.strict = entry.boolean()?,
            "deadline" if dialect == Dialect::Slipway => {
                deployment.total_seconds = entry.seconds(1..=Deployment::MAX_TOTAL_SECONDS)?;
            }
            _ if dialect == Dialect::Convox => return Err(entry.unknown(&["minimum", "maximum"])),
            _ => return Err(entry.unknown(&DEPLOYMENT)),
        }
    }
    Ok(deployment)
}

pub(super) fn batch(field: &Field<'_>) -> Result<Batch, Problem> {
    if field.scalar() == Some("auto") {
        return Ok(Batch::Auto);
    }
    field.number(1..=MAX_SCALE, "`auto` or a whole number").map(Batch::Fixed)
}

/// `scale: 3`, `scale: 1-3`, or a mapping with `count`.
pub(super) fn scale(
    field: &Field<'_>,
    dialect: Dialect,
    warnings: &mut Vec<Warning>,
) -> Result<(u32, Resources), Problem> {
    let mut count = 1;
    let mut resources = Resources::default();
    if !field.is_map() {
        return Ok((scale_count(field, dialect, warnings)?, resources));
    }
    for entry in field.entries()? {
        match entry.key {
            "count" => count = scale_count(&entry, dialect, warnings)?,
            "cpu" => resources.cpu_millis = Some(cpu(&entry)?),
            "memory" => resources.memory_mb = Some(memory(&entry)?),
            "limit" => {
                for limit in entry.entries()? {
                    match limit.key {
                        "cpu" => resources.cpu_limit_millis = Some(cpu(&limit)?),
                        "memory" => resources.memory_limit_mb = Some(memory(&limit)?),
                        _ => return Err(limit.unknown(&["cpu", "memory"])),
                    }
                }
            }
            "gpu" if dialect == Dialect::Convox => warnings.push(entry.warning("is not used by Slipway")),
            "keda" | "targets" | "vpa" if dialect == Dialect::Convox => {
                warnings.push(entry.warning("is not used by Slipway: scale with `slipway scale`"));
            }
            _ => return Err(entry.unknown(&SCALE)),
        }
    }
    Ok((count, resources))
}

fn cpu(field: &Field<'_>) -> Result<u32, Problem> {
    field.number(1..=1_000_000, "a whole number of thousandths of a core")
}

fn memory(field: &Field<'_>) -> Result<u32, Problem> {
    field.number(4..=4_000_000, "a whole number of megabytes")
}

/// A range asks for autoscaling, which Slipway does not do: its lower end counts.
fn scale_count(field: &Field<'_>, dialect: Dialect, warnings: &mut Vec<Warning>) -> Result<u32, Problem> {
    if dialect == Dialect::Slipway {
        return field.number(0..=MAX_SCALE, "a whole number");
    }
    let ends = if field.is_map() { range_map(field)? } else { field.scalar().and_then(range) };
    let Some((from, to)) = ends else { return field.number(0..=MAX_SCALE, "a whole number, or a range such as 1-3,") };
    if from > to || to > MAX_SCALE {
        return Err(field.expected(&format!("a range of whole numbers from 0 to {MAX_SCALE}, the smaller one first")));
    }
    if from != to {
        warnings
            .push(field.warning(&format!("asks for autoscaling, which Slipway does not do: it starts with {from}")));
    }
    Ok(from)
}

fn range(text: &str) -> Option<(u32, u32)> {
    let (from, to) = text.split_once('-')?;
    Some((whole_number(from)?, whole_number(to)?))
}

fn range_map(field: &Field<'_>) -> Result<Option<(u32, u32)>, Problem> {
    let (mut min, mut max) = (0, None);
    for entry in field.entries()? {
        match entry.key {
            "min" => min = entry.number(0..=MAX_SCALE, "a whole number")?,
            "max" => max = Some(entry.number(0..=MAX_SCALE, "a whole number")?),
            _ => return Err(entry.unknown(&["min", "max"])),
        }
    }
    Ok(Some((min, max.unwrap_or(min))))
}

/// `build: ./web`, or a mapping. The command is separate: there is one for the whole source.
pub(super) fn build(field: &Field<'_>, dialect: Dialect) -> Result<(BuildSource, Option<BuildCommand>), Problem> {
    let mut source =
        BuildSource { path: ".".to_owned(), dockerfile: DOCKERFILE.to_owned(), target: None, args: Vec::new() };
    let mut command = None;
    if !field.is_map() {
        source.path = inner_path(field)?;
        return Ok((source, command));
    }
    for entry in field.entries()? {
        match entry.key {
            "path" => source.path = inner_path(&entry)?,
            "context" if dialect == Dialect::Compose => source.path = inner_path(&entry)?,
            "manifest" if dialect != Dialect::Compose => source.dockerfile = inner_path(&entry)?,
            "dockerfile" if dialect == Dialect::Compose => source.dockerfile = inner_path(&entry)?,
            "target" => source.target = Some(entry.text("the name of a stage")?.to_owned()),
            "args" => source.args = arguments(&entry)?,
            "command" if dialect == Dialect::Slipway => command = Some(BuildCommand { command: entry.command()? }),
            _ if dialect == Dialect::Compose => {
                return Err(entry.unknown(&["context", "dockerfile", "args", "target"]));
            }
            _ => return Err(entry.unknown(&BUILD)),
        }
    }
    Ok((source, command))
}

/// The section `build` at the top of `slipway.yml`.
pub(super) fn build_command(field: &Field<'_>) -> Result<BuildCommand, Problem> {
    let mut command = None;
    for entry in field.entries()? {
        match entry.key {
            "command" => command = Some(entry.command()?),
            _ => return Err(entry.unknown(&["command"])),
        }
    }
    let command = command.ok_or_else(|| field.problem("must have a `command`"))?;
    Ok(BuildCommand { command })
}

fn arguments(field: &Field<'_>) -> Result<Vec<String>, Problem> {
    if field.is_map() {
        let pair = |entry: &Field<'_>| match entry.scalar() {
            Some(value) => Ok(format!("{}={value}", entry.key)),
            None if entry.is_null() => Ok(entry.key.to_owned()),
            None => Err(entry.expected("text")),
        };
        return field.entries()?.iter().map(pair).collect();
    }
    let items = field.items("a list of `NAME` or `NAME=value`")?;
    items.iter().map(|item| item.text("`NAME` or `NAME=value`").map(str::to_owned)).collect()
}

/// A path that stays inside the source.
pub(super) fn inner_path(field: &Field<'_>) -> Result<String, Problem> {
    let what = "a path inside the source, such as ./web";
    let path = field.text(what)?;
    let inside = !path.starts_with('/') && !path.split('/').any(|part| part == "..");
    if inside { Ok(path.to_owned()) } else { Err(field.expected(what)) }
}

/// `termination: {grace: 45}`.
pub(super) fn termination(field: &Field<'_>) -> Result<Option<u32>, Problem> {
    let mut grace = None;
    for entry in field.entries()? {
        match entry.key {
            "grace" => grace = Some(entry.seconds(0..=3600)?),
            _ => return Err(entry.unknown(&["grace"])),
        }
    }
    Ok(grace)
}

/// `initContainer: {command: bin/prepare}`. Its image is the service's own.
pub(super) fn init_container(
    field: &Field<'_>,
    dialect: Dialect,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Command>, Problem> {
    let mut command = None;
    for entry in field.entries()? {
        match entry.key {
            "command" => command = Some(entry.command()?),
            "image" if dialect == Dialect::Convox => {
                warnings.push(entry.warning("is not used by Slipway: it runs in the service's own image"));
            }
            "configMounts" | "volumeOptions" if dialect == Dialect::Convox => {
                warnings.push(entry.warning("is not used by Slipway"));
            }
            _ => return Err(entry.unknown(&["command"])),
        }
    }
    if command.is_none() {
        let message = "must have a `command`";
        if dialect == Dialect::Slipway {
            return Err(field.problem(message));
        }
        warnings.push(field.warning("is not run by Slipway: it has no `command`"));
    }
    Ok(command)
}
