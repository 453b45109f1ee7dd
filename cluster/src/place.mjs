// Where everything of one cluster is: folders, addresses, names. All of it follows from the data folder and one number,
// so that several clusters fit on one machine.

import { createHash } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { dirname, join, resolve } from "node:path";
import { describeEks } from "./eks.mjs";
import { alive, identity } from "./processes.mjs";
import { Refusal } from "./refusal.mjs";

// A socket's path has at most 107 bytes, and the longest one in the folder needs this many of them.
const LONGEST_FOLDER = 107 - "/kubelet/pod-resources/kubelet.sock".length;
const NUMBERS = 250;
const DESCRIPTION = "cluster.json";

/** The cluster that was started in this folder and not stopped since; null when there is none. */
export function startedPlace(folder) {
  const data = resolve(folder);
  const description = read(join(data, DESCRIPTION));
  if (!description) return null;
  return { ...layout(data, description.number, description.eks), description, programs: description.programs };
}

/** The same, for what makes no sense without a cluster. */
export function needStarted(folder) {
  const place = startedPlace(folder);
  if (!place) throw new Refusal(`there is no cluster in ${resolve(folder)}; start one first`);
  return place;
}

/** A cluster that can be started in this folder with these programs, and with these settings of EKS if any. */
export function newPlace(folder, programs, eks) {
  const data = resolve(folder);
  if (data.length > LONGEST_FOLDER) {
    throw new Refusal(`the path of the data folder is longer than ${LONGEST_FOLDER} characters: ${data}`);
  }
  return { ...layout(data, freeNumber(data), eks), programs };
}

/** Writes down what the cluster is: for who uses it, and for its stop. */
export function describe(place) {
  const { data, number, node, bridge, gateway, kubeconfig, registry, hosts, api, pods, programs } = place;
  const description = {
    number,
    kubeconfig,
    registry,
    node,
    address: gateway,
    api,
    pods,
    bridge,
    data,
    hosts,
    programs,
    ...(place.eks && { eks: describeEks(place) }),
  };
  writeFileSync(`${place.file}.new`, `${JSON.stringify(description, null, 2)}\n`);
  renameSync(`${place.file}.new`, place.file);
  giveBack(kubeconfig);
}

/** Keeps two commands from starting and stopping the same cluster at a time. */
export async function alone(folder, act) {
  const lock = join(resolve(folder), "lock");
  const parent = dirname(resolve(folder));
  if (mkdirSync(resolve(folder), { recursive: true }) === parent) giveBack(parent);
  const holder = read(lock);
  if (holder && alive(holder))
    throw new Refusal(`process ${holder.pid} starts or stops this cluster just now; try again later`);
  rmSync(lock, { force: true });
  // Of two that came this far, one fails here.
  writeFileSync(lock, JSON.stringify(identity(process.pid)), { flag: "wx" });
  try {
    return await act();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** What root makes for the user of sudo, and the user goes on to use. */
function giveBack(path) {
  const { SUDO_UID: user, SUDO_GID: group } = process.env;
  if (user && group) chownSync(path, Number(user), Number(group));
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (error.code === "EACCES") throw new Refusal(`${file} cannot be read: the cluster is somebody else's, as root's`);
    // Neither is a file that was not written to its end.
    if (error.code === "ENOENT" || error instanceof SyntaxError) return null;
    throw error;
  }
}

function layout(data, number, eks = null) {
  const inside = (...names) => join(data, ...names);
  // Pods and registry live on the bridge; what only this machine may reach stays on a loopback address of its own.
  const gateway = `10.218.${number}.1`;
  const loopback = `127.18.${number}.1`;
  // As EKS has it: at the port of every https address, and where not only this machine reaches it.
  const server = eks ? { host: gateway, port: 443 } : { host: loopback, port: 6443 };
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
    eks,
    server,
    api: `https://${server.host}:${server.port}`,
    etcd: `http://${loopback}:2379`,
    registry: `${gateway}:5000`,
    kubeconfig: inside("kubeconfig"),
    file: inside(DESCRIPTION),
    socket: inside("run", "containerd.sock"),
    // With a hosts.toml per registry; containerd reads it at each pull.
    hosts: inside("hosts"),
    inside,
  };
}

/** The folder decides, so that a cluster keeps its addresses; the next one when another cluster has them. */
function freeNumber(data) {
  const wish = createHash("sha256").update(data).digest().readUInt16BE() % NUMBERS;
  const used = Object.values(networkInterfaces())
    .flat()
    .map((one) => one.address);
  // A bridge to which nothing is connected is not among them.
  const free = (number) => !existsSync(`/sys/class/net/slipway${number}`) && !used.includes(`10.218.${number}.1`);
  for (let tried = 0; tried < NUMBERS; tried += 1) {
    const number = 1 + ((wish + tried) % NUMBERS);
    if (free(number)) return number;
  }
  throw new Refusal(`all ${NUMBERS} networks of clusters are taken on this machine`);
}
