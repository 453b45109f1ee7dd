// The cases: how a Deployment is made to fail, and the moments that are worth keeping. `alone`: on a cluster that
// nobody else uses.

import { readFileSync } from "node:fs";

const main = (look) => look.pods[0]?.status?.containerStatuses?.find(({ name }) => name === "main");
const init = (look) => look.pods[0]?.status?.initContainerStatuses?.[0];
const waits = (reason, of = main) => ({ when: (look) => of(look)?.state?.waiting?.reason === reason });
const condition = (look, type) => look.pods[0]?.status?.conditions?.find((one) => one.type === type);
const told = (look, reason) => look.events.some((event) => event.reason === reason);
const refusedCreation = {
  refused: {
    when: ({ deployments, replicaSets }) =>
      deployments.every(({ metadata, status }) => status.observedGeneration === metadata.generation) &&
      replicaSets.some(({ metadata, status }) =>
        status.observedGeneration === metadata.generation &&
        status.conditions?.some(({ type }) => type === "ReplicaFailure")),
  },
};
const ready = (look) => main(look)?.ready === true;
const registered = ({ slices, pods }) =>
  pods.length > 0 &&
  slices.some(({ endpoints }) => endpoints?.some((one) => one.targetRef?.uid === pods[0].metadata.uid && one.conditions.ready));
const isRegistered = { when: (look) => ready(look) && registered(look) };

const DEPLOYMENT = (namespace) => `/apis/apps/v1/namespaces/${namespace}/deployments/`;
const POD = (namespace, look) => `/api/v1/namespaces/${namespace}/pods/${look.pods[0].metadata.name}`;
const scale = (replicas) => (api, namespace, look) =>
  api.patch(DEPLOYMENT(namespace) + look.deployments[0].metadata.name, { spec: { replicas } });

export function cases(cluster, others, { app, noProgram }) {
  const all = [...images(cluster, others), ...starts(app, noProgram), ...healths(app), ...places(cluster), ...rules(app, others), ...ends(app)];
  return all.map((one) => ({ image: app, ...one }));
}

function images(cluster, others) {
  const pulled = (name, image) => ({ name, image, moments: { refused: waits("ErrImagePull"), later: waits("ImagePullBackOff") } });
  const refused = Object.entries(others.image).map(([name, image]) => pulled(`pull-${name}`, image));
  const digest = `sha256:${"a".repeat(64)}`;
  return [
    ...refused,
    pulled("pull-absent", `${cluster.registry}/slipway-test-app@${digest}`),
    pulled("pull-absent-name", `${cluster.registry}/nobody@${digest}`),
    pulled("pull-nobody-listens", `${cluster.address}:9/shop@${digest}`),
    pulled("pull-no-such-host", `registry.invalid/shop@${digest}`),
    { name: "image-invalid", image: "Not//A-Name@sha256:0", moments: { refused: waits("InvalidImageName") } },
    {
      name: "image-never",
      image: `${cluster.registry}/nobody@${digest}`,
      container: { imagePullPolicy: "Never" },
      moments: { refused: waits("ErrImageNeverPull") },
    },
  ];
}

function starts(app, noProgram) {
  const variable = (name, key) => [{ name: "KEY", valueFrom: { secretKeyRef: { name, key } } }];
  const keys = (namespace) => ({ apiVersion: "v1", kind: "Secret", metadata: { name: "keys", namespace }, stringData: { A: "1" } });
  const incomplete = { refused: waits("CreateContainerConfigError") };
  const command = (name, words, more = {}) => ({
    name,
    container: { command: words, ...more },
    moments: {
      refused: { when: (look) => ["RunContainerError", "CreateContainerError"].includes(main(look)?.state?.waiting?.reason) },
      later: waits("CrashLoopBackOff"),
    },
  });
  return [
    { name: "secret-absent", container: { env: variable("keys", "A") }, moments: incomplete },
    { name: "secret-key-absent", before: (namespace) => [keys(namespace)], container: { env: variable("keys", "B") }, moments: incomplete },
    { name: "root-refused", pod: () => ({ securityContext: { runAsNonRoot: true, runAsUser: 0 } }), moments: incomplete },
    command("command-absent", ["/nowhere/program"]),
    command("command-not-in-path", ["nowhere"]),
    command("command-folder", ["/tmp"]),
    command("command-in-a-file", ["/app/program"]),
    command("command-not-executable", ["/etc/hosts"]),
    command("works-nowhere", ["/app"], { workingDir: "/etc/hosts" }),
    // The runtime finds out only after the container has started: to the cluster it is a process that ends with 1.
    { name: "command-no-program", image: noProgram, moments: { "back-off": waits("CrashLoopBackOff") } },
  ];
}

function healths(app) {
  const running = { when: (look) => main(look)?.state?.running !== undefined };
  const gate = "example.com/target-health";
  return [
    {
      name: "ready",
      replicas: 2,
      moments: {
        began: { when: (look) => look.deployments.length > 0 },
        registered: { when: (look) => look.pods.length === 2 && isRegistered.when(look), then: scale(1) },
        "one-stops": { when: (look) => look.pods.some(({ metadata }) => metadata.deletionTimestamp), then: scale(0) },
        none: { when: (look) => look.pods.length === 0 },
      },
    },
    {
      name: "edited",
      moments: {
        before: {
          ...isRegistered,
          then: (api, namespace, look) =>
            api.patch(DEPLOYMENT(namespace) + look.deployments[0].metadata.name, {
              spec: { template: { spec: { containers: [{ name: "main", image: app.replace(/@.*/, ":2") }] } } },
            }),
        },
        after: { when: (look) => look.replicaSets.length === 2 && look.pods.length === 2 },
      },
    },
    { name: "never-ready", environment: { HEALTH: "fail" }, moments: { booting: running, late: { when: (look) => running.when(look) && told(look, "Unhealthy") } } },
    {
      name: "flapping",
      environment: { HEALTH: "flap:3000" },
      moments: {
        ready: { when: ready },
        lost: { when: (look) => running.when(look) && !ready(look) && condition(look, "Ready").status === "False" },
        "ready-again": { when: ready },
      },
    },
    {
      name: "gated",
      pod: () => ({ readinessGates: [{ conditionType: gate }] }),
      moments: {
        closed: {
          when: (look) => ready(look) && condition(look, "Ready")?.reason === "ReadinessGatesNotReady",
          then: (api, namespace, look) =>
            api.patch(`${POD(namespace, look)}/status`, { status: { conditions: [{ type: gate, status: "True" }] } }),
        },
        open: isRegistered,
      },
    },
    { name: "worker", container: { readinessProbe: undefined, ports: [] }, moments: { ready: { when: ready } } },
  ];
}

function places(cluster) {
  const kubelet = () => JSON.parse(readFileSync(`${cluster.data}/processes/kubelet.json`, "utf8")).pid;
  return [
    {
      name: "unschedulable",
      container: { resources: { requests: { cpu: "1000" } } },
      moments: { waiting: { when: (look) => condition(look, "PodScheduled")?.status === "False" } },
    },
    {
      name: "evicted-for-space",
      container: { command: ["/bin/sh", "-c", "dd if=/dev/zero of=/v/file bs=1M count=20; exec /app"], volumeMounts: [{ name: "v", mountPath: "/v" }] },
      pod: (main) => ({ containers: [main], volumes: [{ name: "v", emptyDir: { sizeLimit: "1Mi" } }] }),
      moments: { over: { when: (look) => look.pods.some(({ status }) => status.phase === "Failed") } },
    },
    {
      name: "evicted-by-request",
      environment: { IGNORE_SIGTERM: "1" },
      pod: () => ({ terminationGracePeriodSeconds: 8 }),
      moments: {
        ready: {
          ...isRegistered,
          then: (api, namespace, look) =>
            api.create(`${POD(namespace, look)}/eviction`, {
              apiVersion: "policy/v1",
              kind: "Eviction",
              metadata: { name: look.pods[0].metadata.name, namespace },
            }),
        },
        stopping: { when: (look) => look.pods.some(({ metadata }) => metadata.deletionTimestamp) && look.pods.length === 2 },
      },
    },
    {
      name: "preempted",
      alone: true,
      container: { resources: { requests: { cpu: "1100m" } } },
      before: () => [
        { path: "/apis/scheduling.k8s.io/v1/priorityclasses", apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name: "recorded" }, value: 1000 },
      ],
      pod: () => ({ terminationGracePeriodSeconds: 20 }),
      environment: { IGNORE_SIGTERM: "1" },
      moments: {
        ready: {
          ...isRegistered,
          then: (api, namespace, look) => {
            const { image } = look.pods[0].spec.containers[0];
            const containers = [{ name: "other", image, resources: { requests: { cpu: "1100m" } } }];
            const spec = { priorityClassName: "recorded", containers, terminationGracePeriodSeconds: 1 };
            return api.create(`/api/v1/namespaces/${namespace}/pods`, { apiVersion: "v1", kind: "Pod", metadata: { name: "other" }, spec });
          },
        },
        stopping: { when: ({ pods }) => pods.some(({ metadata, status }) => metadata.deletionTimestamp && status.conditions.some(({ type }) => type === "DisruptionTarget")) },
      },
    },
    {
      name: "node-silent",
      alone: true,
      moments: {
        ready: { ...isRegistered, then: () => process.kill(kubelet(), "SIGSTOP") },
        silent: { when: (look) => condition(look, "Ready")?.status === "False", then: () => process.kill(kubelet(), "SIGCONT") },
      },
    },
  ];
}

function rules(app, others) {
  const quota = (hard) => (namespace) => [{ apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "quota", namespace }, spec: { hard } }];
  const at = (namespace, path, object) => ({ path, ...object, metadata: { name: `${namespace}-rule` } });
  const registration = "/apis/admissionregistration.k8s.io/v1";
  const pods = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }];
  const only = (namespace) => ({ matchLabels: { "kubernetes.io/metadata.name": namespace } });
  const hook = (url) => (namespace) => [
    at(namespace, `${registration}/validatingwebhookconfigurations`, {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      webhooks: [{
        name: "images.example.com",
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        rules: pods,
        namespaceSelector: only(namespace),
        clientConfig: { url, caBundle: others.webhook.authority },
        timeoutSeconds: 2,
      }],
    }),
  ];
  const policy = (namespace) => [
    at(namespace, `${registration}/validatingadmissionpolicies`, {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      spec: {
        matchConstraints: { resourceRules: pods, namespaceSelector: only(namespace) },
        validations: [{ expression: "false", message: "no pods on Fridays" }],
      },
    }),
    at(namespace, `${registration}/validatingadmissionpolicybindings`, {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicyBinding",
      spec: { policyName: `${namespace}-rule`, validationActions: ["Deny"] },
    }),
  ];
  const range = (namespace) => [{
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name: "range", namespace },
    spec: { limits: [{ type: "Container", max: { memory: "10Mi" } }] },
  }];
  const limited = { resources: { limits: { memory: "100Mi" } } };
  return [
    { name: "quota", replicas: 2, before: quota({ pods: "1" }), settle: 1000, moments: { refused: { when: (look) => refusedCreation.refused.when(look) && isRegistered.when(look) } } },
    { name: "quota-needs-limits", before: quota({ "limits.memory": "1Gi" }), settle: 1000, moments: refusedCreation },
    { name: "limit-range", before: range, container: limited, settle: 1000, moments: refusedCreation },
    { name: "pod-security", namespaceLabels: { "pod-security.kubernetes.io/enforce": "restricted" }, moments: refusedCreation },
    { name: "policy", before: policy, settle: 5000, moments: refusedCreation },
    { name: "webhook", before: hook(others.webhook.url), settle: 3000, moments: refusedCreation },
    { name: "webhook-absent", before: hook(others.webhook.url.replace(/:\d+$/, ":9")), settle: 3000, moments: refusedCreation },
    { name: "account-absent", pod: () => ({ serviceAccountName: "nobody" }), moments: refusedCreation },
  ];
}

function ends(app) {
  const crashes = (code, after = "300") => ({ CRASH_AFTER_MS: after, EXIT_CODE: code });
  const again = {
    ended: { when: (look) => main(look)?.state?.terminated !== undefined },
    "back-off": waits("CrashLoopBackOff"),
  };
  const prepared = (words) => (container) => ({
    containers: [container],
    initContainers: [{ name: "init", image: container.image, command: words }],
  });
  return [
    { name: "crash", environment: crashes("3"), moments: { ...again, twice: { when: (look) => main(look)?.restartCount >= 2 } } },
    {
      name: "crash-once-ready",
      environment: crashes("3", "4000"),
      moments: {
        ready: { when: ready },
        ended: { when: (look) => main(look)?.state?.terminated !== undefined || main(look)?.restartCount > 0 },
        "started-again": { when: (look) => main(look)?.restartCount === 1 && main(look)?.state?.running !== undefined && !ready(look) },
      },
    },
    { name: "exit-0", environment: crashes("0"), moments: again },
    { name: "killed", container: { command: ["/bin/sh", "-c", "/bin/sh -c 'kill -SEGV $$$$'; exit $?"] }, moments: again },
    { name: "out-of-memory", environment: { ALLOCATE_MB: "200" }, container: { resources: { limits: { memory: "64Mi" } } }, moments: again },
    {
      name: "init-fails",
      pod: prepared(["/bin/sh", "-c", "sleep 1; exit 4"]),
      moments: {
        running: { when: (look) => init(look)?.state?.running !== undefined },
        once: { when: (look) => init(look)?.state?.terminated !== undefined },
        "running-again": { when: (look) => init(look)?.restartCount === 1 && init(look)?.state?.running !== undefined },
        twice: { when: (look) => init(look)?.restartCount === 1 && waits("CrashLoopBackOff", init).when(look) },
      },
    },
    { name: "init-absent", pod: prepared(["/nowhere"]), moments: { once: waits("RunContainerError", init), later: waits("CrashLoopBackOff", init) } },
    {
      name: "init-image-absent",
      pod: (container) => ({
        containers: [container],
        initContainers: [{ name: "init", image: app.replace(/@.*/, `@sha256:${"a".repeat(64)}`) }],
      }),
      moments: { refused: waits("ErrImagePull", init) },
    },
    { name: "init-works", pod: prepared(["/bin/sleep", "1"]), moments: { running: { when: (look) => init(look)?.state?.running !== undefined }, ready: isRegistered } },
    {
      name: "stopping",
      environment: { IGNORE_SIGTERM: "1" },
      pod: () => ({ terminationGracePeriodSeconds: 10 }),
      moments: {
        ready: { ...isRegistered, then: scale(0) },
        stopping: { when: (look) => look.pods[0]?.metadata.deletionTimestamp !== undefined && !registered(look) },
      },
    },
  ];
}
