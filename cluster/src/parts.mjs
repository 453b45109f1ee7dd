// The processes of the cluster: how each is started, and how one sees that it works.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import https from "node:https";
import { join } from "node:path";
import { promisify } from "node:util";
import { authority, pair } from "./certificates.mjs";

const PROBE_MILLISECONDS = 2000;

/** All parts in the order of their start. `words` are the arguments; `check` returns, or throws what is wrong. */
export function parts(place) {
  const at = (port) => `${place.loopback}:${port}`;
  return [
    { name: "etcd", words: etcd(place), check: () => answers(`${place.etcd}/health`) },
    {
      name: "containerd",
      words: ["--config", place.inside("config", "containerd.toml")],
      check: () => containerdAnswers(place),
    },
    {
      name: "registry",
      words: ["serve", place.inside("config", "registry.yaml")],
      environment: { OTEL_TRACES_EXPORTER: "none" },
      check: () => answers(`http://${place.registry}/v2/`),
    },
    { name: "kube-apiserver", words: apiServer(place), check: () => securely(place, `${place.api}/readyz`) },
    {
      name: "kube-controller-manager",
      words: controllerManager(place),
      check: () => securely(place, `https://${at(10257)}/healthz`),
    },
    {
      name: "kube-scheduler",
      words: scheduler(place),
      check: () => securely(place, `https://${at(10259)}/healthz`),
    },
    { name: "kubelet", words: kubelet(place), check: () => answers(`http://${at(10248)}/healthz`) },
  ];
}

/** Every address that the parts listen on. */
export function addresses(place) {
  const { loopback, gateway, server } = place;
  return [
    server,
    ...[2379, 2380, 10248, 10257, 10259].map((port) => ({ host: loopback, port })),
    ...[5000, 10250].map((port) => ({ host: gateway, port })),
  ];
}

/** A GET that must be answered with 200. Returns the body. */
export function securely(place, address) {
  const { certificate, key } = pair(place, "admin");
  const options = {
    ca: readFileSync(authority(place)),
    cert: readFileSync(certificate),
    key: readFileSync(key),
    agent: false,
    timeout: PROBE_MILLISECONDS,
  };
  return new Promise((resolve, reject) => {
    const request = https.get(address, options, (answer) => {
      let text = "";
      answer.on("data", (piece) => (text += piece));
      answer.on("end", () => (answer.statusCode === 200 ? resolve(text) : reject(wrong(address, answer.statusCode))));
      answer.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error(`${address} does not answer`)));
    request.on("error", reject);
  });
}

async function answers(address) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(PROBE_MILLISECONDS) }).catch((error) => {
    throw new Error(`${address}: ${error.cause?.message ?? error.message}`);
  });
  if (!answer.ok) throw wrong(address, answer.status);
}

function wrong(address, status) {
  return new Error(`${address} answered ${status}`);
}

async function containerdAnswers(place) {
  const words = ["--address", place.socket, "--timeout", `${PROBE_MILLISECONDS}ms`, "version"];
  await promisify(execFile)(join(place.programs, "ctr"), words, { timeout: 2 * PROBE_MILLISECONDS });
}

function etcd(place) {
  const peer = `http://${place.loopback}:2380`;
  return [
    "--name=only",
    `--data-dir=${place.inside("etcd")}`,
    `--listen-client-urls=${place.etcd}`,
    `--advertise-client-urls=${place.etcd}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=only=${peer}`,
    "--log-level=warn",
    // What it holds does not outlive a restart anyway.
    "--unsafe-no-fsync",
  ];
}

function apiServer(place) {
  const server = pair(place, "server");
  const admin = pair(place, "admin");
  const accounts = place.inside("pki", "accounts.key");
  return [
    `--etcd-servers=${place.etcd}`,
    `--bind-address=${place.server.host}`,
    `--advertise-address=${place.gateway}`,
    `--secure-port=${place.server.port}`,
    "--endpoint-reconciler-type=none",
    `--service-cluster-ip-range=${place.services}`,
    "--authorization-mode=Node,RBAC",
    "--allow-privileged",
    `--client-ca-file=${authority(place)}`,
    `--tls-cert-file=${server.certificate}`,
    `--tls-private-key-file=${server.key}`,
    `--service-account-issuer=https://kubernetes.default.svc`,
    `--service-account-key-file=${accounts}`,
    `--service-account-signing-key-file=${accounts}`,
    `--kubelet-client-certificate=${admin.certificate}`,
    `--kubelet-client-key=${admin.key}`,
    `--kubelet-certificate-authority=${authority(place)}`,
    // By its name nobody finds the node.
    "--kubelet-preferred-address-types=InternalIP",
    ...(place.eks ? webhook(place) : []),
  ];
}

function webhook(place) {
  return [
    `--authentication-token-webhook-config-file=${place.inside("config", "webhook.kubeconfig")}`,
    "--authentication-token-webhook-version=v1",
    // What the webhook says holds at once. Only a token that was good is good for ten seconds more, without asking: the
    // API server keeps those of every kind for so long, and has no option for it.
    "--authentication-token-webhook-cache-ttl=0s",
  ];
}

function controllerManager(place) {
  return [
    ...asAdmin(place),
    `--root-ca-file=${authority(place)}`,
    `--service-account-private-key-file=${place.inside("pki", "accounts.key")}`,
  ];
}

function scheduler(place) {
  return asAdmin(place);
}

function asAdmin(place) {
  const { certificate, key } = pair(place, "server");
  return [
    `--kubeconfig=${place.kubeconfig}`,
    `--authentication-kubeconfig=${place.kubeconfig}`,
    `--authorization-kubeconfig=${place.kubeconfig}`,
    `--bind-address=${place.loopback}`,
    `--tls-cert-file=${certificate}`,
    `--tls-private-key-file=${key}`,
    "--leader-elect=false",
  ];
}

function kubelet(place) {
  return [
    `--config=${place.inside("config", "kubelet.json")}`,
    `--kubeconfig=${place.inside("config", "kubelet.kubeconfig")}`,
    `--root-dir=${place.inside("kubelet")}`,
    `--cert-dir=${place.inside("kubelet", "pki")}`,
    `--hostname-override=${place.node}`,
    `--node-ip=${place.gateway}`,
  ];
}
