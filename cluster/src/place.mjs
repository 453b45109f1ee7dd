// Where everything of one cluster is: folders, addresses, names. All of it follows from the data folder and one number,
// so that several clusters fit on one machine.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join, resolve } from "node:path";
import { Refusal } from "./refusal.mjs";

// A socket's path has at most 107 bytes, and the longest one in the folder needs this many of them.
const LONGEST_FOLDER = 107 - "/kubelet/device-plugins/kubelet.sock.registration".length;
const NUMBERS = 250;

/** What the cluster in this folder is or would be. */
export function place(folder) {
  const data = resolve(folder);
  if (data.length > LONGEST_FOLDER) {
    throw new Refusal(`the path of the data folder is longer than ${LONGEST_FOLDER} characters: ${data}`);
  }
  const kept = described(data);
  return layout(data, kept?.number ?? freeNumber(data));
}

/** The description that the last start wrote, or null. */
export function described(data) {
  const file = join(data, "cluster.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
}

function layout(data, number) {
  const inside = (...names) => join(data, ...names);
  // Pods and registry live on the bridge; what only this machine may reach stays on a loopback address of its own.
  const gateway = `10.218.${number}.1`;
  const loopback = `127.18.${number}.1`;
  return {
    data,
    number,
    bridge: `slipway${number}`,
    node: `slipway-node-${number}`,
    cgroup: `slipway-${number}`,
    gateway,
    loopback,
    pods: `10.218.${number}.0/24`,
    services: `10.219.${number}.0/24`,
    api: `https://${loopback}:6443`,
    etcd: `http://${loopback}:2379`,
    registry: `${gateway}:5000`,
    kubeconfig: inside("kubeconfig"),
    description: inside("cluster.json"),
    socket: inside("run", "containerd.sock"),
    // With a hosts.toml per registry; containerd reads it at each pull.
    hosts: inside("hosts"),
    inside,
  };
}

/** The folder decides, so that a cluster keeps its addresses; the next one when another cluster has them. */
function freeNumber(data) {
  const wish = createHash("sha256").update(data).digest().readUInt16BE() % NUMBERS;
  const taken = Object.values(networkInterfaces()).flat().map((one) => one.address);
  for (let tried = 0; tried < NUMBERS; tried += 1) {
    const number = 1 + ((wish + tried) % NUMBERS);
    if (!taken.includes(`10.218.${number}.1`)) return number;
  }
  throw new Refusal(`all ${NUMBERS} networks of clusters are taken on this machine`);
}
