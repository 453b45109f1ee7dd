//! `docker-compose.yml` of version 2, as convox's first generation reads it.

use super::error::Problem;
use super::field::{Field, quoted, whole_number};
use super::service::{self, Dialect};
use super::{Deployment, Manifest, Service, Warning, environment, labels, parse, ports, settings, yaml};
use crate::name::ServiceName;

const VERSIONS: [&str; 6] = ["2", "2.0", "2.1", "2.2", "2.3", "2.4"];

const SECTIONS: [&str; 2] = ["services", "version"];

/// Sections that version 2 has and Slipway does not use.
const SECTIONS_ONLY: [&str; 2] = ["networks", "volumes"];

const SETTINGS: [&str; 14] = [
    "build",
    "command",
    "dockerfile",
    "environment",
    "expose",
    "image",
    "init",
    "labels",
    "mem_limit",
    "mem_reservation",
    "ports",
    "read_only",
    "scale",
    "stop_grace_period",
];

/// Settings that version 2 has and Slipway does not use.
const COMPOSE_ONLY: [&str; 53] = [
    "blkio_config",
    "cap_add",
    "cap_drop",
    "cgroup_parent",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_quota",
    "cpu_shares",
    "cpus",
    "cpuset",
    "depends_on",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
    "extends",
    "external_links",
    "extra_hosts",
    "group_add",
    "healthcheck",
    "hostname",
    "ipc",
    "isolation",
    "links",
    "logging",
    "mac_address",
    "memswap_limit",
    "network_mode",
    "networks",
    "oom_kill_disable",
    "pid",
    "pids_limit",
    "privileged",
    "restart",
    "runtime",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_signal",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "userns_mode",
    "volume_driver",
    "volumes",
    "working_dir",
];

pub(super) fn read(root: &yaml::Node) -> Result<Manifest, Problem> {
    let root = Field::root(root);
    let mut warnings = Vec::new();
    let mut services = None;
    let mut version = None;
    for entry in root.entries_of("a mapping with the sections `version` and `services`")? {
        match entry.key {
            "version" => version = Some(entry),
            "services" => services = Some(entry),
            key if SECTIONS_ONLY.contains(&key) => warnings.push(entry.warning("is not used by Slipway")),
            key if key.starts_with("x-") => {}
            _ => return Err(entry.unknown(&SECTIONS)),
        }
    }
    check_version(&root, version.as_ref())?;
    let services = services.ok_or_else(|| parse::no_services(&root))?;
    let services = parse::each_service(&services, |entry, name| service(entry, name, &mut warnings))?;
    parse::finish(Manifest { services, environment: Vec::new(), build: None, warnings })
}

fn check_version(root: &Field<'_>, version: Option<&Field<'_>>) -> Result<(), Problem> {
    let Some(version) = version else {
        return Err(root.problem("the file must say `version: '2'`: other versions are written in slipway.yml"));
    };
    if version.scalar().is_some_and(|text| VERSIONS.contains(&text)) {
        return Ok(());
    }
    Err(version.expected("2, the one version that is read: write another one in slipway.yml"))
}

fn service(field: &Field<'_>, name: ServiceName, warnings: &mut Vec<Warning>) -> Result<Service, Problem> {
    let mut service = service::plain(name, Deployment::default());
    let mut published = Vec::new();
    let (mut labelled, mut dockerfile) = (None, None);
    for entry in field.entries_of("a mapping of settings")? {
        match entry.key {
            "labels" => labelled = Some(entry),
            "dockerfile" => dockerfile = Some(entry),
            // `expose` only tells that others connect there: ports without a place on the load balancer.
            "ports" | "expose" => published.extend(ports::published(&entry, warnings)?),
            _ => setting(&mut service, &entry, warnings)?,
        }
    }
    if published.len() > ports::MAX_PORTS {
        return Err(field.problem(format!("has more than {} ports: remove some", ports::MAX_PORTS)));
    }
    if let Some(entry) = dockerfile {
        beside_build(&mut service, &entry)?;
    }
    labels::apply(&mut service, labelled.as_ref(), &published, warnings)?;
    Ok(service)
}

/// `dockerfile` beside `build`, as the first version of the format had it.
fn beside_build(service: &mut Service, entry: &Field<'_>) -> Result<(), Problem> {
    let Some(build) = &mut service.build else {
        return Err(entry.problem("needs a `build` beside it: add `build: .`"));
    };
    if build.dockerfile != settings::DOCKERFILE {
        return Err(entry.problem("is given a second time in `build`: keep one of the two"));
    }
    build.dockerfile = settings::inner_path(entry)?;
    Ok(())
}

fn setting(service: &mut Service, entry: &Field<'_>, warnings: &mut Vec<Warning>) -> Result<(), Problem> {
    match entry.key {
        "build" => service.build = Some(settings::build(entry, Dialect::Compose)?.0),
        "command" => service.command = if entry.is_null() { None } else { Some(entry.command()?) },
        "environment" => {
            let declared = environment::read(entry, true, warnings)?;
            service.environment = declared.declarations;
            service.all_variables = declared.all;
        }
        "image" => service.image = Some(service::image(entry)?),
        "init" => service.init = entry.boolean()?,
        "mem_limit" => service.resources.memory_limit_mb = Some(megabytes(entry)?),
        "mem_reservation" => service.resources.memory_mb = Some(megabytes(entry)?),
        "read_only" => service.read_only = entry.boolean()?,
        "scale" => service.scale = entry.number(0..=settings::MAX_SCALE, "a whole number")?,
        "stop_grace_period" => service.termination_seconds = duration(entry)?,
        key if COMPOSE_ONLY.contains(&key) => {
            if !entry.asks_for_nothing() {
                warnings.push(entry.warning("is not used by Slipway"));
            }
        }
        key if key.starts_with("x-") => {}
        _ => return Err(entry.unknown(&SETTINGS)),
    }
    Ok(())
}

/// `512m`, `1g`, `1048576`: docker's units, of 1024.
fn megabytes(field: &Field<'_>) -> Result<u32, Problem> {
    let text = field.scalar().unwrap_or_default().to_ascii_lowercase();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let bytes_per_unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "b" => Some(1),
        "k" | "kb" => Some(1024),
        "m" | "mb" => Some(1024 * 1024),
        "g" | "gb" => Some(1024 * 1024 * 1024),
        _ => None,
    };
    let bytes = whole_number(digits).zip(bytes_per_unit).map(|(count, unit)| u64::from(count) * unit);
    let megabytes =
        bytes.and_then(|bytes| u32::try_from(bytes / (1024 * 1024)).ok()).filter(|megabytes| *megabytes >= 4);
    megabytes.ok_or_else(|| field.expected("an amount of memory such as 512m, at least 4m"))
}

/// `90s`, `1m30s`: whole seconds, at most an hour.
fn duration(field: &Field<'_>) -> Result<u32, Problem> {
    let what = "a time such as 30s or 1m30s, at most 1h";
    let text = field.scalar().unwrap_or_default();
    seconds(text)
        .filter(|seconds| *seconds <= 3600)
        .ok_or_else(|| field.problem(format!("must be {what}, not {}", quoted(text))))
}

fn seconds(text: &str) -> Option<u32> {
    let mut rest = text;
    let mut total: u32 = 0;
    while !rest.is_empty() {
        let (number, unit) = rest.split_at_checked(rest.find(|letter: char| letter.is_ascii_alphabetic())?)?;
        let factor = match unit.as_bytes().first()? {
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        total = total.checked_add(whole_number(number)?.checked_mul(factor)?)?;
        rest = unit.get(1..)?;
    }
    if text.is_empty() { None } else { Some(total) }
}
