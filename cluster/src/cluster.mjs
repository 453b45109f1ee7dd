// Start, status and stop of a cluster. Every start is a fresh one: what was in the API server and in containers is
// gone. Certificates and the registry's images stay.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeCertificates } from "./certificates.mjs";
import { needSettings } from "./eks.mjs";
import { PAUSE_COMMAND, pauseTree, pushTree } from "./image.mjs";
import * as machine from "./machine.mjs";
import { addresses, parts, securely } from "./parts.mjs";
import { alone, describe, newPlace, startedPlace } from "./place.mjs";
import { end, log, running, start as startProcess, within } from "./processes.mjs";
import { build } from "./programs.mjs";
import { Refusal } from "./refusal.mjs";
import { pauseImage, writeSettings } from "./settings.mjs";

const START_MILLISECONDS = 60_000;
const LEAVE_MILLISECONDS = 10_000;
// The API server drains for a minute and keeps its port meanwhile, so nobody is waited for.
const PATIENCE_MILLISECONDS = 1000;
// The reverse of the start, except that nothing may make new pods while the last ones go.
const CONTROLLERS = ["kube-controller-manager", "kube-scheduler"];
const REST = ["kubelet", "kube-apiserver", "etcd", "registry", "containerd"];
const KEPT = ["pki", "registry"];
const FRESH = ["etcd", "containerd", "run", "kubelet", "pod-logs", "hosts", "config", "logs", "processes"];

/**
 * Builds what is missing and starts all parts, unless they run and are healthy. `eks` is what makes the cluster look
 * like one of EKS, or null. Returns the place.
 */
export async function start(folder, eks) {
  machine.needRoot("start");
  const programs = build();
  const found = machine.tools();
  return alone(folder, async () => {
    const before = await status(folder);
    if (before?.healthy) {
      needSettings(before.place, eks);
      return before.place;
    }
    if (before) console.log("a part of the cluster is not healthy: it starts afresh");
    await endAll(folder);
    const place = newPlace(folder, programs, eks);
    prepare(place, found);
    try {
      await startParts(place, found);
    } catch (error) {
      // Half a cluster is of no use; its logs stay.
      await endAll(folder);
      throw error;
    }
    return place;
  });
}

/** How each part does; null when there is no cluster in the folder. */
export async function status(folder) {
  const place = startedPlace(folder);
  if (!place) return null;
  machine.needRoot("look at");
  const states = await Promise.all(parts(place).map((part) => partStatus(place, part)));
  return { place, parts: states, healthy: states.every((part) => part.state === "healthy") };
}

/** Ends everything that was started, whatever state it is in. Returns whether there was anything. */
export async function stop(folder) {
  if (!existsSync(folder)) return false;
  machine.needRoot("stop");
  return alone(folder, () => endAll(folder));
}

async function endAll(folder) {
  const place = startedPlace(folder);
  if (!place) return false;
  for (const name of CONTROLLERS) await end(place, name, PATIENCE_MILLISECONDS);
  await letPodsLeave(place);
  // What crashed long ago may have left its names to another cluster.
  const own = !machine.taken(place);
  for (const name of REST) {
    await end(place, name, PATIENCE_MILLISECONDS);
    // Nobody starts containers any more.
    if (name === "kubelet" && own) await machine.endContainers(place);
  }
  machine.unmount(place);
  if (own) {
    machine.removeBridge(place);
    machine.removeCgroups(place);
  }
  machine.removeLinksToLogs(place);
  machine.removeDeadSockets();
  rmSync(place.file);
  return true;
}

function prepare(place, found) {
  machine.unmount(place);
  for (const name of FRESH) rmSync(place.inside(name), { recursive: true, force: true });
  for (const name of [...KEPT, "run", "kubelet", "pod-logs"]) {
    mkdirSync(place.inside(name), { recursive: true, mode: 0o700 });
  }
  makeCertificates(place);
  writeSettings(place, found.runc);
  describe(place);
}

async function startParts(place, found) {
  machine.makeCgroups(place);
  machine.makeBridge(place);
  await machine.needPorts(addresses(place));
  const all = new Map(parts(place).map((part) => [part.name, part]));
  const begin = (...names) => Promise.all(names.map((name) => startPart(place, all.get(name))));
  const api = begin("etcd").then(() => begin("kube-apiserver"));
  // The image is there before the first pod asks for it.
  const images = begin("containerd", "registry").then(() => fetchPause(place, found));
  await Promise.all([api, images]);
  await begin("kube-controller-manager", "kube-scheduler", "kubelet");
  await until(place, "the node to be ready", () => nodeIsReady(place));
  // Without it no pod is admitted.
  const account = `${place.api}/api/v1/namespaces/default/serviceaccounts/default`;
  await until(place, "the default service account", () => securely(place, account).then(() => true));
}

async function startPart(place, part) {
  startProcess(place, part.name, join(place.programs, part.name), part.words, environment(place, part));
  let reason = "it said nothing";
  const works = async () => {
    if (!running(place, part.name)) throw new Refusal(`${part.name} ended; ${lastLines(place, part.name)}`);
    return part.check().then(
      () => true,
      (error) => ((reason = error.message), false),
    );
  };
  if (await within(START_MILLISECONDS, works)) return;
  throw new Refusal(`${part.name} did not become healthy: ${reason}; ${lastLines(place, part.name)}`);
}

function environment(place, part) {
  // containerd and kubelet look for mount and its like where a plain user has no path to.
  return { ...part.environment, PATH: `${place.programs}:${process.env.PATH}:/usr/sbin:/sbin` };
}

async function until(place, what, happened) {
  const quiet = () => happened().catch(() => false);
  if (!(await within(START_MILLISECONDS, quiet))) {
    throw new Refusal(`waited in vain for ${what}; ${lastLines(place, "kubelet")}`);
  }
}

async function fetchPause(place, found) {
  await pushTree(place, "pause:1", pauseTree(found.busybox), { Entrypoint: PAUSE_COMMAND });
  const words = [
    "--address",
    place.socket,
    "--namespace",
    "k8s.io",
    "images",
    "pull",
    "--plain-http",
    pauseImage(place),
  ];
  execFileSync(join(place.programs, "ctr"), words, { stdio: ["ignore", "ignore", "pipe"] });
}

async function nodeIsReady(place) {
  const node = JSON.parse(await securely(place, `${place.api}/api/v1/nodes/${place.node}`));
  const ready = node.status.conditions?.some((one) => one.type === "Ready" && one.status === "True");
  // The taint of a node that is not ready goes a moment later, and until then no pod is scheduled.
  return ready && !node.spec.taints;
}

async function letPodsLeave(place) {
  const works = (name) => running(place, name)?.frozen === false;
  if (!["etcd", "kube-apiserver", "kubelet", "containerd"].every(works)) return;
  const words = ["--kubeconfig", place.kubeconfig, "delete", "pods", "--all", "--all-namespaces", "--grace-period=1"];
  // With a finalizer, or without an answer, they are ended all the same, only less politely.
  spawnSync(join(place.programs, "kubectl"), words, { stdio: "ignore", timeout: LEAVE_MILLISECONDS });
}

async function partStatus(place, part) {
  const found = running(place, part.name);
  if (!found) return { name: part.name, pid: null, state: "not running", reason: null };
  if (found.frozen) return { name: part.name, pid: found.pid, state: "frozen", reason: null };
  const reason = await part.check().then(
    () => null,
    (error) => error.message.trim(),
  );
  return { name: part.name, pid: found.pid, state: reason === null ? "healthy" : "unhealthy", reason };
}

function lastLines(place, name) {
  const path = log(place, name);
  const lines = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n").slice(-8) : [];
  return `the end of ${path}:\n${lines.join("\n")}`;
}
