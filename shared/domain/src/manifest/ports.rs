//! The ports of a service, in the ways that the three formats write them.

use super::error::Problem;
use super::field::{Field, quoted, whole_number};
use super::settings::port_number;
use super::{Port, Scheme, Warning};

/// More ports than any one process listens on.
pub(super) const MAX_PORTS: usize = 20;

/// `port: 3000`, `port: https:3000`, or `port: {port: 3000, scheme: https}`.
pub(super) fn balanced(field: &Field<'_>) -> Result<Port, Problem> {
    let mut port = Port { container: 0, scheme: Scheme::Http, public: true };
    if !field.is_map() {
        return with_scheme(field, port);
    }
    for entry in field.entries()? {
        match entry.key {
            "port" => port = with_scheme(&entry, port)?,
            "scheme" => port.scheme = scheme(&entry, entry.text("a scheme")?)?,
            _ => return Err(entry.unknown(&["port", "scheme"])),
        }
    }
    if port.container == 0 { Err(field.problem("must have a `port`")) } else { Ok(port) }
}

fn with_scheme(field: &Field<'_>, mut port: Port) -> Result<Port, Problem> {
    let Some((word, number)) = field.scalar().and_then(|text| text.split_once(':')) else {
        port.container = port_number(field)?;
        return Ok(port);
    };
    port.scheme = scheme(field, word)?;
    port.container = number_in(field, number)?;
    Ok(port)
}

fn scheme(field: &Field<'_>, word: &str) -> Result<Scheme, Problem> {
    match word {
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        "grpc" => Ok(Scheme::Grpc),
        "tcp" => Ok(Scheme::Tcp),
        _ => Err(field.problem(format!("must have a scheme of http, https, grpc or tcp, not {}", quoted(word)))),
    }
}

fn number_in(field: &Field<'_>, text: &str) -> Result<u16, Problem> {
    let number = whole_number(text).and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0);
    number.ok_or_else(|| field.expected("a port from 1 to 65535"))
}

/// `ports: [5000, 5001/tcp]`: reached by the services of the app alone.
pub(super) fn internal(field: &Field<'_>, warnings: &mut Vec<Warning>) -> Result<Vec<Port>, Problem> {
    let mut ports = Vec::new();
    for item in field.items("a list of ports")? {
        let text = item.scalar().unwrap_or_default();
        let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let container = number_in(&item, number)?;
        if is_tcp(&item, protocol, warnings)? {
            ports.push(Port { container, scheme: Scheme::Tcp, public: false });
        }
    }
    Ok(ports)
}

fn is_tcp(field: &Field<'_>, protocol: &str, warnings: &mut Vec<Warning>) -> Result<bool, Problem> {
    match protocol {
        "tcp" => Ok(true),
        "udp" => {
            warnings.push(field.warning("is a UDP port, which Slipway does not open"));
            Ok(false)
        }
        _ => Err(field.problem(format!("must be a port with the protocol tcp, not {}", quoted(protocol)))),
    }
}

/// A port of `docker-compose.yml`.
pub(super) struct Published {
    /// On the load balancer; none for a port of the app's own services.
    pub balancer: Option<u16>,
    pub container: u16,
}

/// `5000`, `80:5000`, `127.0.0.1:80:5000`, each with `/tcp` or `/udp`.
pub(super) fn published(field: &Field<'_>, warnings: &mut Vec<Warning>) -> Result<Vec<Published>, Problem> {
    let mut ports = Vec::new();
    for item in field.items("a list of ports")? {
        let text = item.scalar().unwrap_or_default();
        let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let mut from_right = numbers.rsplitn(3, ':');
        let container = number_in(&item, from_right.next().unwrap_or_default())?;
        let balancer = from_right.next().map(|number| number_in(&item, number)).transpose()?;
        if is_tcp(&item, protocol, warnings)? {
            ports.push(Published { balancer, container });
        }
    }
    Ok(ports)
}

/// Adds a port; the same one a second time only makes it public if it was not.
pub(super) fn add(ports: &mut Vec<Port>, port: Port) {
    match ports.iter_mut().find(|known| known.container == port.container) {
        Some(known) => known.public |= port.public,
        None => ports.push(port),
    }
}
