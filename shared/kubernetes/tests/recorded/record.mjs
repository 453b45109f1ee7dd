// Records what a real cluster reports of processes that fail, for the tests of `read`: one file for each case, with
// what was listed at its interesting moments. It makes a namespace for each case and removes it afterwards, and never
// touches anything else.
//
// Usage: node record.mjs CLUSTER.json [CASE…]
//   CLUSTER.json is what cluster/cluster keeps in its data folder. Without cases: all those that leave other users of
//   the cluster alone. An image `no-program:1` has to be there, whose program is no program:
//   cluster/cluster image push no-program:1 --program FILE-WITH-A-WORD

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

import { cases } from "./cases.mjs";
import { startOthers } from "./others.mjs";
import { trimmed } from "./trim.mjs";

const PATIENCE_MILLISECONDS = 150_000;
const LABELS = {
  "app.kubernetes.io/managed-by": "slipway",
  "slipway.dev/tenant": "TBCDEFGHIJK",
  "slipway.dev/app": "shop",
  "slipway.dev/environment": "production",
};
const PROCESS = { ...LABELS, "slipway.dev/service": "web", "slipway.dev/release": "RBCDEFGHIJK" };
const DEPLOYMENT = "web-" + PROCESS["slipway.dev/release"].toLowerCase();

const cluster = JSON.parse(readFileSync(process.argv[2], "utf8"));
const api = await connect();
const others = await startOthers(cluster);
const wanted = process.argv.slice(3);
const images = { app: await image("slipway-test-app"), noProgram: await image("no-program") };
const chosen = cases(cluster, others, images).filter((one) =>
  wanted.length > 0 ? wanted.includes(one.name) : !one.alone,
);
try {
  const done = [];
  // A few at a time: the node is small, and what is slow because of others would be recorded as slow.
  const queue = [...chosen];
  for (let worker = 0; worker < 4; worker += 1) {
    done.push((async () => {
      for (let one = queue.shift(); one; one = queue.shift()) await record(one);
    })());
  }
  await Promise.all(done);
} finally {
  others.stop();
  api.stop();
}

async function record(one) {
  const namespace = `recorded-${one.name}`;
  await api.remove(`/api/v1/namespaces/${namespace}`);
  await until(async () => (await api.get(`/api/v1/namespaces/${namespace}`)) === null);
  const labels = { ...LABELS, ...one.namespaceLabels };
  await api.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } });
  const recorded = {};
  try {
    for (const object of one.before?.(namespace) ?? []) await api.create(object.path ?? namespaced(namespace, object), object);
    // Rules of admission take a moment until the API server follows them.
    if (one.settle) await wait(one.settle);
    await api.create(namespaced(namespace, { kind: "Service" }), service());
    await api.create(namespaced(namespace, { kind: "Deployment" }), deployment(one));
    const began = Date.now();
    for (const [moment, { when, then }] of Object.entries(one.moments)) {
      let seen;
      const came = await until(async () => when((seen = await look(namespace))), PATIENCE_MILLISECONDS);
      if (!came) process.stdout.write(`${one.name}: ${moment} did not come\n${JSON.stringify(seen.pods[0]?.status, null, 1)}\n`);
      if (!came) return;
      recorded[moment] = trimmed(seen);
      process.stdout.write(`${one.name}: ${moment} after ${Date.now() - began} ms\n`);
      await then?.(api, namespace, seen);
    }
    writeFileSync(new URL(`${one.name}.json`, import.meta.url), JSON.stringify(recorded, null, 1) + "\n");
  } catch (error) {
    process.stdout.write(`${one.name}: ${error.stack}\n`);
  } finally {
    for (const object of one.before?.(namespace) ?? []) if (object.path) await api.remove(`${object.path}/${object.metadata.name}`);
    await api.remove(`/api/v1/namespaces/${namespace}`);
  }
}

// In the order in which the adapter lists.
async function look(namespace) {
  const core = `/api/v1/namespaces/${namespace}`;
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  const labels = encodeURIComponent("app.kubernetes.io/managed-by=slipway");
  const list = async (path) => (await api.get(path)).items;
  const deployments = await list(`${apps}/deployments?labelSelector=${labels}`);
  const replicaSets = await list(`${apps}/replicasets?labelSelector=${labels}`);
  const { items: pods, date } = await api.get(`${core}/pods?labelSelector=${labels}`);
  const slices = await list(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=${labels}`);
  const events = await list(`${core}/events`);
  return { at: new Date(date).toISOString(), deployments, replicaSets, pods, slices, events };
}

function deployment(one) {
  const main = {
    name: "main",
    image: one.image,
    env: Object.entries(one.environment ?? {}).map(([name, value]) => ({ name, value })),
    ports: [{ name: "main", containerPort: 8080 }],
    readinessProbe: { httpGet: { path: "/health", port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
    securityContext: { allowPrivilegeEscalation: false },
    ...one.container,
  };
  const spec = {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 2,
    containers: [main],
    ...one.pod?.(main),
  };
  const metadata = { labels: PROCESS };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: DEPLOYMENT, labels: PROCESS, annotations: { "slipway.dev/epoch": "7", "slipway.dev/template": "-" } },
    spec: { replicas: one.replicas ?? 1, selector: { matchLabels: PROCESS }, template: { metadata, spec } },
  };
}

function service() {
  const { "slipway.dev/release": _, ...labels } = PROCESS;
  const ports = [{ port: 80, targetPort: "main" }];
  return { apiVersion: "v1", kind: "Service", metadata: { name: "web", labels }, spec: { selector: labels, ports } };
}

function namespaced(namespace, { kind }) {
  const group = kind === "Deployment" ? "/apis/apps/v1" : "/api/v1";
  return `${group}/namespaces/${namespace}/${kind.toLowerCase()}s`;
}

async function image(name) {
  const headers = { accept: "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json" };
  const answer = await fetch(`http://${cluster.registry}/v2/${name}/manifests/1`, { method: "HEAD", headers });
  return `${cluster.registry}/${name}@${answer.headers.get("docker-content-digest")}`;
}

async function connect() {
  const words = ["--kubeconfig", cluster.kubeconfig, "proxy", "--port=0"];
  const proxy = spawn(`${cluster.programs}/kubectl`, words, { stdio: ["ignore", "pipe", "inherit"] });
  const address = await new Promise((found) => {
    proxy.stdout.on("data", (text) => found(/127\.0\.0\.1:\d+/.exec(text)[0]));
  });
  const ask = async (method, path, body, type = "application/json") => {
    const headers = { "content-type": type };
    const answer = await fetch(`http://${address}${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (answer.status === 404) return null;
    const value = await answer.json();
    if (!answer.ok && answer.status !== 409) throw new Error(`${method} ${path}: ${value.message}`);
    return { ...value, date: answer.headers.get("date") };
  };
  return {
    get: (path) => ask("GET", path),
    create: (path, body) => ask("POST", path, body),
    remove: (path, body) => ask("DELETE", path, body),
    patch: (path, body) => ask("PATCH", path, body, "application/strategic-merge-patch+json"),
    merge: (path, body) => ask("PATCH", path, body, "application/merge-patch+json"),
    stop: () => proxy.kill(),
  };
}

async function until(happened, patience = PATIENCE_MILLISECONDS) {
  const end = Date.now() + patience;
  while (Date.now() < end) {
    if (await happened()) return true;
    await wait(200);
  }
  return false;
}
