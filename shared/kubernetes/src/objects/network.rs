//! How a service is reached: one Service for all its releases, and an Ingress when it has host names.
//!
//! The Service points at ports by name, so that two releases that listen on different numbers both get requests while
//! one replaces the other.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    ServiceBackendPort,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use slipway_domain::manifest::Port;
use slipway_service::ports::{Namespace, Template};

use super::{meta, pod};
use crate::names;

/// None: the service has no ports. `present` are the ports that the Service has already: they stay for the releases that
/// are still running, unless the new one gives their number another meaning.
pub fn service(namespace: &Namespace, template: &Template, present: &[ServicePort]) -> Option<Service> {
    if template.ports.is_empty() {
        return None;
    }
    let mut ports: Vec<ServicePort> = template.ports.iter().enumerate().map(service_port).collect();
    for port in present.iter().filter(|port| port.name.is_some()) {
        if ports.iter().all(|new| new.port != port.port && new.name != port.name) {
            ports.push(port.clone());
        }
    }
    Some(Service {
        metadata: meta(
            namespace,
            names::service(&template.service),
            names::service_labels(namespace, &template.service),
        ),
        spec: Some(ServiceSpec {
            selector: Some(names::service_labels(namespace, &template.service)),
            ports: Some(ports),
            ..ServiceSpec::default()
        }),
        status: None,
    })
}

fn service_port((place, port): (usize, &Port)) -> ServicePort {
    ServicePort {
        name: Some(format!("port-{}", port.container)),
        port: port.container.into(),
        target_port: Some(IntOrString::String(pod::port_name(place, port.container))),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    }
}

/// Of the cluster's default class. None: the service has no host names, or no port that is reached from outside.
pub fn ingress(namespace: &Namespace, template: &Template) -> Option<Ingress> {
    let port = template.ports.iter().find(|port| port.public)?;
    if template.domains.is_empty() {
        return None;
    }
    let name = names::service(&template.service);
    let backend = IngressBackend {
        service: Some(IngressServiceBackend {
            name: name.clone(),
            port: Some(ServiceBackendPort { name: None, number: Some(port.container.into()) }),
        }),
        resource: None,
    };
    let rule = |host: &String| IngressRule {
        host: Some(host.clone()),
        http: Some(HTTPIngressRuleValue {
            paths: vec![HTTPIngressPath {
                path: Some("/".to_owned()),
                path_type: "Prefix".to_owned(),
                backend: backend.clone(),
            }],
        }),
    };
    Some(Ingress {
        metadata: meta(namespace, name, names::service_labels(namespace, &template.service)),
        spec: Some(IngressSpec { rules: Some(template.domains.iter().map(rule).collect()), ..IngressSpec::default() }),
        status: None,
    })
}
