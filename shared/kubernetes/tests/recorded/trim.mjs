// Leaves of recorded objects what an observation could possibly look at.

export function trimmed({ at, deployments, replicaSets, pods, slices, events }) {
  return {
    at,
    deployments: deployments.map(({ metadata, spec, status }) => ({
      metadata: meta(metadata),
      spec: { replicas: spec.replicas, selector: spec.selector, template: template(spec.template) },
      status,
    })),
    replicaSets: replicaSets.map(({ metadata, spec, status }) => ({
      metadata: meta(metadata),
      spec: { replicas: spec.replicas, selector: {} },
      status,
    })),
    pods: pods.map((pod) => ({ metadata: meta(pod.metadata), spec: podSpec(pod.spec), status: podStatus(pod.status) })),
    slices: slices.map(({ metadata, addressType, endpoints }) => ({ metadata: meta(metadata), addressType, endpoints })),
    events: events
      .filter(({ type, involvedObject }) => type === "Warning" && ["Pod", "ReplicaSet"].includes(involvedObject.kind))
      .map(({ metadata, managedFields: _, ...event }) => ({ metadata: { name: metadata.name }, ...event })),
  };
}

function meta(metadata) {
  const { managedFields: _, generateName: __, annotations, ...rest } = metadata;
  const ours = Object.entries(annotations ?? {}).filter(([key]) => key.startsWith("slipway.dev/"));
  return ours.length > 0 ? { ...rest, annotations: Object.fromEntries(ours) } : rest;
}

function template({ metadata, spec }) {
  return { metadata: { labels: metadata.labels }, spec: podSpec(spec) };
}

function podSpec({ containers, initContainers, nodeName, readinessGates }) {
  const container = ({ name, image, restartPolicy }) => ({ name, image, restartPolicy });
  return { containers: containers.map(container), initContainers: initContainers?.map(container), nodeName, readinessGates };
}

function podStatus(status) {
  const { hostIP: _1, hostIPs: _2, podIP: _3, podIPs: _4, qosClass: _5, ...rest } = status;
  const container = ({ volumeMounts: _6, resources: _7, allocatedResources: _8, user: _9, ...known }) => known;
  return {
    ...rest,
    containerStatuses: rest.containerStatuses?.map(container),
    initContainerStatuses: rest.initContainerStatuses?.map(container),
  };
}
