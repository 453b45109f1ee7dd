// The configuration files of the parts, as text.

import { mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { authority, kubeconfig, pair } from "./certificates.mjs";

// The magic number of the file system.
const OVERLAY = 0x794c7630;

/** Writes all configuration files of the cluster. */
export function writeSettings(place, runc) {
  const files = {
    [place.kubeconfig]: kubeconfig(place, "admin"),
    [place.inside("config", "kubelet.kubeconfig")]: kubeconfig(place, "kubelet"),
    [place.inside("config", "kubelet.json")]: JSON.stringify(kubelet(place), null, 2),
    [place.inside("config", "containerd.toml")]: containerd(place, runc),
    [place.inside("config", "registry.yaml")]: registry(place),
    [place.inside("config", "resolv.conf")]: `nameserver ${place.gateway}\n`,
    [place.inside("config", "net.d", "bridge.conflist")]: JSON.stringify(network(place), null, 2),
  };
  if (place.eks) files[place.inside("config", "webhook.kubeconfig")] = JSON.stringify(webhook(place), null, 2);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o600 });
  }
  mirror(place, place.registry, place.registry);
}

/** Lets the node pull a registry's images from this host and port over plain HTTP. It holds from the next pull on. */
export function mirror(place, registry, address) {
  const folder = join(place.hosts, registry);
  mkdirSync(folder, { recursive: true });
  // As the server itself, and not as a host before it: the registry of that name is never asked.
  const text = `server = "http://${address}"\ncapabilities = ["pull", "resolve"]\n`;
  writeFileSync(join(folder, "hosts.toml"), text);
}

/** The image of the containers that hold a pod's namespaces. */
export function pauseImage(place) {
  return `${place.registry}/pause:1`;
}

function containerd(place, runc) {
  const quoted = (path) => JSON.stringify(path);
  const runtime = `plugins."io.containerd.cri.v1.runtime"`;
  const images = `plugins."io.containerd.cri.v1.images"`;
  // On an overlay, as inside of a container, none can be made.
  const nested = statfsSync(place.data).type === OVERLAY;
  return `version = 3
root = ${quoted(place.inside("containerd"))}
state = ${quoted(place.inside("run"))}

[grpc]
  address = ${quoted(place.socket)}

# Both would use one socket and one folder for all of the machine.
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.internal.v1.opt"]
  path = ${quoted(place.inside("containerd", "opt"))}

[${runtime}]
  # Root without CAP_SYS_RESOURCE cannot lower a score, and every sandbox would fail.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[${runtime}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  runtime_path = ${quoted(join(place.programs, "containerd-shim-runc-v2"))}
[${runtime}.containerd.runtimes.runc.options]
  BinaryName = ${quoted(runc)}
  Root = ${quoted(place.inside("run", "runc"))}
  SystemdCgroup = false
[${runtime}.cni]
  bin_dirs = [${quoted(place.programs)}]
  conf_dir = ${quoted(place.inside("config", "net.d"))}

[${images}]
  snapshotter = "${nested ? "native" : "overlayfs"}"
[${images}.pinned_images]
  sandbox = ${quoted(pauseImage(place))}
[${images}.registry]
  config_path = ${quoted(place.hosts)}
`;
}

function kubelet(place) {
  const { certificate, key } = pair(place, "kubelet-server");
  return {
    kind: "KubeletConfiguration",
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    address: place.gateway,
    tlsCertFile: certificate,
    tlsPrivateKeyFile: key,
    healthzBindAddress: place.loopback,
    authentication: { x509: { clientCAFile: authority(place) }, anonymous: { enabled: false } },
    containerRuntimeEndpoint: `unix://${place.socket}`,
    podLogsDir: place.inside("pod-logs"),
    volumePluginDir: place.inside("kubelet", "plugins-of-volumes"),
    // A cgroup of its own: a kubelet ends what it finds in its cgroup and does not know.
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${place.cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    // Nobody answers there. Without an address every pod would get an event of warning.
    clusterDNS: [place.gateway],
    clusterDomain: "cluster.local",
    resolvConf: place.inside("config", "resolv.conf"),
    serializeImagePulls: false,
    // The disk is shared with everything else on this machine, and how full it is says nothing about the pods.
    evictionHard: { "memory.available": "50Mi", "nodefs.available": "100Mi", "imagefs.available": "100Mi" },
    imageGCHighThresholdPercent: 100,
  };
}

/** The kubeconfig with which the API server finds the webhook. It shows no certificate of its own. */
function webhook(place) {
  const cluster = { server: place.eks.webhook.url, "certificate-authority": authority(place) };
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "webhook", cluster }],
    users: [{ name: "kube-apiserver", user: {} }],
    contexts: [{ name: "webhook", context: { cluster: "webhook", user: "kube-apiserver" } }],
    "current-context": "webhook",
  };
}

function network(place) {
  const subnet = [[{ subnet: place.pods, gateway: place.gateway }]];
  return {
    cniVersion: "1.0.0",
    name: place.bridge,
    plugins: [
      {
        type: "bridge",
        bridge: place.bridge,
        isGateway: true,
        ipam: {
          type: "host-local",
          ranges: subnet,
          routes: [{ dst: "0.0.0.0/0" }],
          dataDir: place.inside("run", "addresses"),
        },
      },
    ],
  };
}

function registry(place) {
  return `version: 0.1
log:
  level: warn
storage:
  filesystem:
    rootdirectory: ${JSON.stringify(place.inside("registry"))}
  delete:
    enabled: true
http:
  addr: ${place.registry}
`;
}
