//! What a process of a release is made of: image, command and ports of its manifest, and the variables it may see.

use std::time::Duration;

use slipway_domain::error::{Error, Result};
use slipway_domain::name::ServiceName;
use slipway_domain::release::Release;
use slipway_domain::secret::Secret;
use slipway_domain::variables::Variables;

use crate::ports::Template;

/// The template of one service. Besides its own variables a process gets the names of what it belongs to.
pub fn template(release: &Release, variables: &Variables, service: &ServiceName) -> Result<Template> {
    let found = release.manifest.service(service).ok_or_else(|| Error::not_found(&format!("the service {service}")))?;
    let own = release.manifest.environment_for(found, variables);
    let domains = release.manifest.domains_for(found, variables);
    let about = [
        ("APP", release.app.as_str()),
        ("ENVIRONMENT", release.environment.as_str()),
        ("RELEASE", release.id.as_str()),
        ("BUILD", release.build.as_str()),
        ("SERVICE", service.as_str()),
    ];
    let variables = own
        .into_iter()
        .map(|(key, value)| (key.as_str().to_owned(), value))
        .filter(|(key, _)| !about.iter().any(|(name, _)| name == key))
        .chain(about.map(|(name, value)| (name.to_owned(), Secret::from(value))))
        .collect();
    Ok(Template {
        release: release.id.clone(),
        build: release.build.clone(),
        service: service.clone(),
        image: release.image.clone(),
        command: found.command.clone(),
        init_container: found.init_container.clone(),
        ports: found.ports.clone(),
        health: found.health.clone(),
        domains,
        resources: found.resources.clone(),
        init: found.init,
        writable: !found.read_only,
        pause: found.drain_pause(),
        grace: Duration::from_secs(found.termination_seconds.into()),
        variables,
    })
}
