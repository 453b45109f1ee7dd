//! One process: its containers, check, stop sequence and what it may not do.
//!
//! It never gets a token of the cluster, never more rights than its parent, and runs under the runtime's seccomp
//! profile. Unless the manifest asks for a writable image it also runs under the restricted profile: no capabilities, a
//! root that is read-only besides `/tmp`, and the user 65532, who is nobody on the nodes and in most images; an image
//! that names no user, or names one by a word, could not be started at all if the kubelet had to verify that it is not
//! root. With a writable image the image's own user and the runtime's usual capabilities stand, as on any other
//! container platform: files of an image can be written to only by those whom the image gave them to.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EmptyDirVolumeSource, EnvVar, EnvVarSource, HTTPGetAction, Lifecycle,
    LifecycleHandler, ObjectFieldSelector, PodSecurityContext, PodSpec, Probe, ResourceRequirements, SeccompProfile,
    SecretKeySelector, SecurityContext, SleepAction, TCPSocketAction, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use slipway_domain::manifest::{Command, Resources, Scheme};
use slipway_service::ports::Template;

use crate::names::{INIT_CONTAINER, MAIN_CONTAINER, MAIN_PORT};

/// The variable that tells a process its own name.
pub(super) const PROCESS: &str = "PROCESS";
/// The user and group of processes whose image stays as it is.
const NOBODY: i64 = 65_532;
/// The one folder that can be written to then.
const TEMPORARY: &str = "/tmp";
/// A check that takes longer than this has failed, however long the process has to boot.
const LONGEST_CHECK: Duration = Duration::from_secs(5);

/// The pod of a process that serves.
pub(super) fn serving(template: &Template, image: &str, secret: &str) -> PodSpec {
    let stop = template.pause + template.grace;
    let pause = whole_seconds(template.pause);
    let handler = LifecycleHandler { sleep: Some(SleepAction { seconds: pause }), ..LifecycleHandler::default() };
    let main = Container {
        ports: some(container_ports(template)),
        readiness_probe: probe(template),
        lifecycle: (pause > 0).then(|| Lifecycle { pre_stop: Some(handler), ..Lifecycle::default() }),
        ..container(MAIN_CONTAINER, template, image, secret, template.command.as_ref().map(words))
    };
    let init = template.init_container.as_ref();
    let init = init.map(|command| container(INIT_CONTAINER, template, image, secret, Some(words(command))));
    PodSpec {
        init_containers: init.map(|container| vec![container]),
        termination_grace_period_seconds: Some(whole_seconds(stop)),
        ..spec(template, main)
    }
}

/// The pod of a command that runs once.
pub(super) fn once(template: &Template, image: &str, secret: &str, command: &[String], limit: Duration) -> PodSpec {
    let command = command.iter().map(|word| escaped(word)).collect();
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        active_deadline_seconds: Some(whole_seconds(limit).max(1)),
        termination_grace_period_seconds: Some(whole_seconds(template.grace)),
        ..spec(template, container(MAIN_CONTAINER, template, image, secret, Some(command)))
    }
}

fn spec(template: &Template, main: Container) -> PodSpec {
    let own_user = (!template.writable).then_some(NOBODY);
    let temporary =
        Volume { name: "tmp".to_owned(), empty_dir: Some(EmptyDirVolumeSource::default()), ..Volume::default() };
    PodSpec {
        containers: vec![main],
        volumes: (!template.writable).then(|| vec![temporary]),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        // The pause container is PID 1 of a shared namespace, and reaps.
        share_process_namespace: template.init.then_some(true),
        security_context: Some(PodSecurityContext {
            run_as_non_root: own_user.map(|_| true),
            run_as_user: own_user,
            run_as_group: own_user,
            fs_group: own_user,
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), ..SeccompProfile::default() }),
            ..PodSecurityContext::default()
        }),
        ..PodSpec::default()
    }
}

fn container(name: &str, template: &Template, image: &str, secret: &str, command: Option<Vec<String>>) -> Container {
    let restricted = !template.writable;
    let temporary = VolumeMount { name: "tmp".to_owned(), mount_path: TEMPORARY.to_owned(), ..VolumeMount::default() };
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        command,
        env: Some(environment(template, secret)),
        resources: Some(resources(&template.resources)),
        volume_mounts: restricted.then(|| vec![temporary]),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(restricted),
            capabilities: restricted
                .then(|| Capabilities { drop: Some(vec!["ALL".to_owned()]), ..Capabilities::default() }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// Every variable by reference: a literal value would be seen by whoever may list pods, and be expanded.
fn environment(template: &Template, secret: &str) -> Vec<EnvVar> {
    let reference = |key: String| EnvVar {
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector { key: key.clone(), name: secret.to_owned(), optional: None }),
            ..EnvVarSource::default()
        }),
        name: key,
        value: None,
    };
    let own_name = ObjectFieldSelector { field_path: "metadata.name".to_owned(), ..ObjectFieldSelector::default() };
    let process = EnvVar {
        name: PROCESS.to_owned(),
        value_from: Some(EnvVarSource { field_ref: Some(own_name), ..EnvVarSource::default() }),
        value: None,
    };
    super::secret::variables(template).map(|(key, _)| reference(key)).chain([process]).collect()
}

fn container_ports(template: &Template) -> Vec<ContainerPort> {
    let ports = template.ports.iter().enumerate();
    let port = |(place, port): (usize, &slipway_domain::manifest::Port)| ContainerPort {
        name: Some(port_name(place, port.container)),
        container_port: port.container.into(),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    };
    ports.map(port).collect()
}

/// By this name the Service finds a port, which may have another number in another release.
pub(super) fn port_name(place: usize, number: u16) -> String {
    if place == 0 { MAIN_PORT.to_owned() } else { format!("port-{number}") }
}

/// Readiness: it decides who gets requests. There is no liveness probe: a process that is slow is not made faster by
/// being killed.
fn probe(template: &Template) -> Option<Probe> {
    let health = &template.health;
    let first = template.ports.first()?;
    let checked = health.port.and_then(|number| template.ports.iter().find(|port| port.container == number));
    let checked = checked.unwrap_or(first);
    let port = IntOrString::Int(checked.container.into());
    let timeout = Duration::from_secs(health.timeout_seconds.into()).min(LONGEST_CHECK);
    let http = health.path.as_ref().map(|path| HTTPGetAction {
        path: Some(path.clone()),
        port: port.clone(),
        scheme: (checked.scheme == Scheme::Https).then(|| "HTTPS".to_owned()),
        ..HTTPGetAction::default()
    });
    let tcp = http.is_none().then_some(TCPSocketAction { port, host: None });
    Some(Probe {
        http_get: http,
        tcp_socket: tcp,
        period_seconds: Some(i32::try_from(health.interval_seconds).unwrap_or(i32::MAX)),
        timeout_seconds: Some(i32::try_from(timeout.as_secs().max(1)).unwrap_or(1)),
        failure_threshold: Some(1),
        success_threshold: Some(1),
        ..Probe::default()
    })
}

fn resources(asked: &Resources) -> ResourceRequirements {
    let amounts = |cpu_millis: Option<u32>, memory_mb: Option<u32>| {
        let cpu = cpu_millis.map(|millis| ("cpu".to_owned(), Quantity(format!("{millis}m"))));
        let memory = memory_mb.map(|megabytes| ("memory".to_owned(), Quantity(format!("{megabytes}Mi"))));
        let amounts: BTreeMap<_, _> = cpu.into_iter().chain(memory).collect();
        (!amounts.is_empty()).then_some(amounts)
    };
    ResourceRequirements {
        requests: amounts(asked.cpu_millis, asked.memory_mb),
        limits: amounts(asked.cpu_limit_millis, asked.memory_limit_mb),
        ..ResourceRequirements::default()
    }
}

fn words(command: &Command) -> Vec<String> {
    match command {
        Command::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), escaped(line)],
        Command::Exec(words) => words.iter().map(|word| escaped(word)).collect(),
    }
}

/// The kubelet reads `$(X)` as a variable and `$$` as `$`, in commands, too; with every `$` doubled it reads what we
/// were given.
fn escaped(word: &str) -> String {
    word.replace('$', "$$")
}

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i64::MAX)
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
