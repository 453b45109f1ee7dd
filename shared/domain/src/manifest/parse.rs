//! The way in: by the file's name to its format, and the rules that hold for a manifest as a whole.

use super::error::{Position, Problem};
use super::field::Field;
use super::service::{self, Dialect};
use super::{Manifest, ManifestError, Warning, compose, environment, settings, yaml};
use crate::name::ServiceName;

/// The names that a manifest may have, in the order in which a source is searched for one.
pub const FILE_NAMES: [&str; 6] =
    ["slipway.yml", "slipway.yaml", "convox.yml", "convox.yaml", "docker-compose.yml", "docker-compose.yaml"];

/// 256 KiB.
pub const MAX_BYTES: usize = 256 * 1024;

pub const MAX_SERVICES: usize = 50;

/// What `convox.yml` may say at the top and Slipway does not do.
const CONVOX_SECTIONS: [&str; 5] = ["appSettings", "balancers", "configs", "labels", "params"];

const SECTIONS: [&str; 4] = ["build", "deployment", "environment", "services"];

const CONVOX_KNOWN: [&str; 4] = ["environment", "resources", "services", "timers"];

/// 192 KiB as canonical JSON: a release with it and its fingerprints has to fit an item of the store.
const MAX_CANONICAL_BYTES: usize = 192 * 1024;

/// More warnings than anybody reads; the last one says how many there are.
const MAX_WARNINGS: usize = 100;

/// In characters; paths in a file may be long.
const MAX_WARNING_LENGTH: usize = 300;

/// Reads a manifest. The last part of `file_name` decides the format: `slipway.yml`, `convox.yml`, or
/// `docker-compose.yml` of version 2. The first mistake is returned with its place.
pub fn parse(file_name: &str, text: &str) -> Result<Manifest, ManifestError> {
    read(file_name, text).map_err(|problem| problem.in_file(file_name))
}

fn read(file_name: &str, text: &str) -> Result<Manifest, Problem> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, and at most {MAX_BYTES} are read: shorten it", text.len());
        return Err(Problem::new(Position::START, "", message));
    }
    let name = file_name.rsplit('/').next().unwrap_or(file_name);
    let dialect = match name {
        "slipway.yml" | "slipway.yaml" => Dialect::Slipway,
        "convox.yml" | "convox.yaml" => Dialect::Convox,
        "docker-compose.yml" | "docker-compose.yaml" => return compose::read(&yaml::load(text)?),
        _ => {
            let message = format!("a manifest must be named {}", FILE_NAMES.join(", "));
            return Err(Problem::new(Position::START, "", message));
        }
    };
    sections(&yaml::load(text)?, dialect)
}

fn sections(root: &yaml::Node, dialect: Dialect) -> Result<Manifest, Problem> {
    let root = Field::root(root);
    let mut warnings = Vec::new();
    let mut shared = settings::Shared::default();
    let mut services = None;
    for entry in root.entries_of("a mapping with the section `services`")? {
        match entry.key {
            "services" => services = Some(entry),
            "environment" => shared.environment = environment::read(&entry, dialect.lenient(), &mut warnings)?,
            "build" if dialect == Dialect::Slipway => shared.build = Some(settings::build_command(&entry)?),
            "deployment" if dialect == Dialect::Slipway => {
                shared.deployment = settings::deployment(&entry, dialect, shared.deployment, &mut warnings)?;
            }
            "resources" if dialect == Dialect::Convox => databases(&entry, &mut warnings)?,
            "timers" if dialect == Dialect::Convox => timers(&entry, &mut warnings)?,
            key if dialect == Dialect::Convox && CONVOX_SECTIONS.contains(&key) => {
                if !entry.asks_for_nothing() {
                    warnings.push(entry.warning("is not used by Slipway"));
                }
            }
            key if key.starts_with("x-") => {}
            _ if dialect == Dialect::Convox => return Err(entry.unknown(&CONVOX_KNOWN)),
            _ => return Err(entry.unknown(&SECTIONS)),
        }
    }
    let services = services.ok_or_else(|| no_services(&root))?;
    let services =
        each_service(&services, |entry, name| service::read(entry, name, dialect, &mut shared, &mut warnings))?;
    finish(Manifest { services, environment: shared.environment.declarations, build: shared.build, warnings })
}

/// Puts the warnings in the order of their lines, and refuses what has grown too large by its aliases.
pub(super) fn finish(mut manifest: Manifest) -> Result<Manifest, Problem> {
    let warnings = &mut manifest.warnings;
    warnings.sort_by_key(|warning: &Warning| warning.line);
    let found = warnings.len();
    if found > MAX_WARNINGS {
        warnings.truncate(MAX_WARNINGS - 1);
        let message = format!("the file has {} more of such settings", found - warnings.len());
        warnings.push(Warning { message, line: None });
    }
    for warning in warnings {
        if let Some((end, _)) = warning.message.char_indices().nth(MAX_WARNING_LENGTH) {
            warning.message.truncate(end);
            warning.message.push('…');
        }
    }
    let bytes = manifest.to_json().len();
    if bytes > MAX_CANONICAL_BYTES {
        let message = format!(
            "the manifest has {bytes} bytes once its aliases are followed, and at most {MAX_CANONICAL_BYTES} are kept: \
             shorten it"
        );
        return Err(Problem::new(Position::START, "", message));
    }
    Ok(manifest)
}

pub(super) fn no_services(root: &Field<'_>) -> Problem {
    root.problem("the section `services` is missing: list at least one service in it")
}

/// Reads every service of the section, in its order.
pub(super) fn each_service<'node, T>(
    section: &Field<'node>,
    mut read: impl FnMut(&Field<'node>, ServiceName) -> Result<T, Problem>,
) -> Result<Vec<T>, Problem> {
    let entries = section.entries_of("a mapping of service names to their settings")?;
    if entries.is_empty() {
        return Err(section.problem("must name at least one service"));
    }
    if entries.len() > MAX_SERVICES {
        let message = format!("has {} services, and at most {MAX_SERVICES} are run: split the app", entries.len());
        return Err(section.problem(message));
    }
    let mut services = Vec::new();
    for entry in entries {
        let name = entry.key.parse::<ServiceName>().map_err(|reason| {
            Problem::new(entry.key_position, &entry.path, format!("is no name for a service: it {reason}"))
        })?;
        services.push(read(&entry, name)?);
    }
    Ok(services)
}

fn databases(section: &Field<'_>, warnings: &mut Vec<Warning>) -> Result<(), Problem> {
    for database in section.entries()? {
        let entries = if database.is_map() { database.entries()? } else { Vec::new() };
        let kind = entries.iter().find(|entry| entry.key == "type").and_then(Field::scalar);
        let kind = kind.map(|kind| format!(" ({kind})")).unwrap_or_default();
        let variable = variable_of(database.key);
        let message = format!("is not run by Slipway{kind}: run it elsewhere and set {variable} to its address");
        warnings.push(database.warning(&message));
    }
    Ok(())
}

/// The variable through which convox tells a service where `database` is: `main-db` → `MAIN_DB_URL`.
pub(super) fn variable_of(database: &str) -> String {
    format!("{}_URL", database.to_ascii_uppercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_"))
}

fn timers(section: &Field<'_>, warnings: &mut Vec<Warning>) -> Result<(), Problem> {
    for timer in section.entries()? {
        warnings.push(timer.warning("is not run by Slipway: start it from a scheduler of yours with `slipway run`"));
    }
    Ok(())
}
