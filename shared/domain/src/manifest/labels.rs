//! The labels by which `docker-compose.yml` speaks to convox: `convox.health.*`, `convox.deployment.*`,
//! `convox.port.*`. Labels of others are left alone.

use std::collections::BTreeSet;

use super::error::{Position, Problem};
use super::field::{Field, quoted};
use super::ports::{self, Published};
use super::service::{Dialect, check_health};
use super::yaml::{Node, Value};
use super::{Deployment, Port, Scheme, Service, Warning, settings};

const KNOWN: [&str; 14] = [
    "convox.balancer",
    "convox.deployment.batch",
    "convox.deployment.deadline",
    "convox.deployment.minimum",
    "convox.deployment.strict",
    "convox.health.bake",
    "convox.health.interval",
    "convox.health.path",
    "convox.health.port",
    "convox.health.registration",
    "convox.health.timeout",
    "convox.port.443.protocol",
    "convox.port.443.proxy",
    "convox.port.443.secure",
];

/// What convox knows and Slipway does not do; the last parts of some are names that the user chose.
const CONVOX_ONLY: [&str; 10] = [
    "convox.agent",
    "convox.cron.",
    "convox.daemon",
    "convox.deployment.maximum",
    "convox.draining.timeout",
    "convox.environment.secure",
    "convox.health.interval",
    "convox.health.threshold.",
    "convox.idle.timeout",
    "convox.start.shift",
];

/// A label, whichever way it was written, as if it were an entry of a mapping.
struct Label {
    key: String,
    path: String,
    key_position: Position,
    value: Node,
}

impl Label {
    fn field(&self) -> Field<'_> {
        Field { path: self.path.clone(), key: &self.key, key_position: self.key_position, node: &self.value }
    }
}

/// Reads the labels into the service, and its ports with them.
pub(super) fn apply(
    service: &mut Service,
    field: Option<&Field<'_>>,
    published: &[Published],
    warnings: &mut Vec<Warning>,
) -> Result<(), Problem> {
    let labels = field.map(collect).transpose()?.unwrap_or_default();
    let mut balanced = true;
    for label in &labels {
        let entry = label.field();
        match entry.key {
            "convox.balancer" => balanced = truth(&entry)?,
            key if key.starts_with("convox.port.") => {}
            _ => setting(service, &entry, warnings)?,
        }
    }
    for port in published {
        let public = balanced && port.balancer.is_some();
        ports::add(&mut service.ports, Port { container: port.container, scheme: Scheme::Tcp, public });
    }
    for label in labels.iter().filter(|label| label.key.starts_with("convox.port.")) {
        port_label(service, &label.field(), published, warnings)?;
    }
    let asked = |key: &str| labels.iter().find(|label| label.key == key).map(Label::field);
    let (path, port) = (asked("convox.health.path"), asked("convox.health.port"));
    check_health(service, path.as_ref(), port.as_ref(), Dialect::Compose, warnings)
}

/// `- convox.health.timeout=60`, or `convox.health.timeout: 60`.
fn collect(field: &Field<'_>) -> Result<Vec<Label>, Problem> {
    let mut labels = Vec::new();
    let mut seen = BTreeSet::new();
    if field.is_null() {
        return Ok(labels);
    }
    let fields = if field.is_map() { field.entries()? } else { field.items("a list or a mapping of labels")? };
    for entry in fields {
        let label = if field.is_map() { written_as_entry(&entry) } else { written_as_item(field, &entry)? };
        if !seen.insert(label.key.clone()) {
            let message = format!("gives {} a second time: keep one of the two", quoted(&label.key));
            return Err(Problem::new(label.key_position, &entry.path, message));
        }
        if label.key.starts_with("convox.") {
            labels.push(label);
        }
    }
    Ok(labels)
}

fn written_as_entry(entry: &Field<'_>) -> Label {
    Label {
        key: entry.key.to_owned(),
        path: entry.path.clone(),
        key_position: entry.key_position,
        value: entry.node.clone(),
    }
}

fn written_as_item(field: &Field<'_>, item: &Field<'_>) -> Result<Label, Problem> {
    let text = item.scalar().ok_or_else(|| item.expected("a label such as convox.health.timeout=60"))?;
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let plain = matches!(item.node.value, Value::Scalar { plain: true, .. });
    // The value stands behind the key and its `=`, and behind the quote where there is one.
    let before = key.chars().count() + if plain { 1 } else { 2 };
    let column = item.key_position.column.saturating_add(u32::try_from(before).unwrap_or(u32::MAX));
    let position = Position { column, ..item.key_position };
    let value = Value::Scalar { text: value.to_owned(), plain: true };
    Ok(Label {
        path: format!("{}.{key}", field.path),
        key: key.to_owned(),
        key_position: item.key_position,
        value: Node { position, value },
    })
}

fn setting(service: &mut Service, entry: &Field<'_>, warnings: &mut Vec<Warning>) -> Result<(), Problem> {
    let health = &mut service.health;
    let deployment = &mut service.deployment;
    match entry.key {
        "convox.health.path" => health.path = Some(settings::health_path(entry)?),
        "convox.health.port" => health.port = Some(settings::port_number(entry)?),
        "convox.health.timeout" => health.timeout_seconds = entry.seconds(1..=600)?,
        "convox.health.registration" => health.registration_seconds = entry.seconds(1..=600)?,
        "convox.health.bake" => health.bake_seconds = entry.seconds(0..=300)?,
        "convox.deployment.minimum" => deployment.minimum_percent = entry.number(0..=100, "a percentage")?,
        "convox.deployment.batch" => deployment.batch = settings::batch(entry)?,
        "convox.deployment.strict" => deployment.strict = truth(entry)?,
        "convox.deployment.deadline" => {
            deployment.total_seconds = entry.seconds(1..=Deployment::MAX_TOTAL_SECONDS)?;
        }
        key if CONVOX_ONLY.iter().any(|known| is_label(key, known)) => {
            warnings.push(entry.warning("is not used by Slipway"));
        }
        _ => return Err(entry.unknown(&KNOWN)),
    }
    Ok(())
}

/// A known name that ends in a dot stands for every name that goes on from there.
fn is_label(key: &str, known: &str) -> bool {
    if known.ends_with('.') { key.len() > known.len() && key.starts_with(known) } else { key == known }
}

/// Labels are text in either way of writing: a quoted `"true"` is as true.
fn truth(field: &Field<'_>) -> Result<bool, Problem> {
    match field.scalar() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err(field.expected("true or false")),
    }
}

/// `convox.port.443.protocol=https` says what the load balancer speaks; TLS ends there unless `secure` is true.
fn port_label(
    service: &mut Service,
    entry: &Field<'_>,
    published: &[Published],
    warnings: &mut Vec<Warning>,
) -> Result<(), Problem> {
    let rest = entry.key.strip_prefix("convox.port.").unwrap_or_default();
    let (number, word) = rest.split_once('.').unwrap_or((rest, ""));
    let port = published.iter().find(|port| port.balancer.is_some_and(|balancer| balancer.to_string() == number));
    let Some(port) = port else {
        let message = format!("must name a port of the load balancer, and {} is not in `ports`", quoted(number));
        return Err(Problem::new(entry.key_position, &entry.path, message));
    };
    let Some(port) = service.ports.iter_mut().find(|known| known.container == port.container) else { return Ok(()) };
    match word {
        "protocol" => {
            let scheme = match entry.scalar() {
                Some("http" | "https") => Scheme::Http,
                Some("tcp" | "tls") => Scheme::Tcp,
                _ => return Err(entry.expected("one of http, https, tcp and tls")),
            };
            port.scheme = if port.scheme == Scheme::Https { Scheme::Https } else { scheme };
        }
        "secure" => port.scheme = if truth(entry)? { Scheme::Https } else { port.scheme },
        "proxy" => {
            truth(entry)?;
            warnings.push(entry.warning("is not used by Slipway"));
        }
        _ => return Err(entry.unknown(&KNOWN)),
    }
    Ok(())
}
