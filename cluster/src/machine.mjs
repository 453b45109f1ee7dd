// What the cluster takes from the machine besides processes: packages, a bridge, cgroups, mounts. Everything is made
// so that it can be found again by the cluster's names, also after parts of it have crashed.

import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { signal, within } from "./processes.mjs";
import { Refusal } from "./refusal.mjs";

// What comes from the machine's packages, and the Debian package that has it.
const TOOLS = { runc: "runc", busybox: "busybox-static", openssl: "openssl", ip: "iproute2" };
// Of the second version of cgroups, what a kubelet sets limits with.
const CONTROLLERS = ["cpu", "cpuset", "hugetlb", "io", "memory", "pids"];
const KILL_MILLISECONDS = 5000;

export function needRoot(what) {
  if (process.getuid() === 0) return;
  throw new Refusal(
    `it needs root to ${what} a cluster, which is made of a network bridge, mounts and cgroups; ` +
      `as in: sudo env PATH="$PATH" make cluster`,
  );
}

/** The path of each tool of the machine. What is missing is installed where apt-get is. */
export function tools() {
  const missing = Object.keys(TOOLS).filter((name) => !find(name));
  if (missing.length > 0) install(missing.map((name) => TOOLS[name]));
  return Object.fromEntries(Object.keys(TOOLS).map((name) => [name, find(name)]));
}

/** Refuses when somebody else listens where a part of the cluster will. */
export async function needPorts(addresses) {
  for (const address of addresses) {
    const free = await new Promise((resolve) => {
      const server = net.createServer();
      server.once("error", () => resolve(false));
      server.listen({ ...address, exclusive: true }, () => server.close(() => resolve(true)));
    });
    if (!free) throw new Refusal(`port ${address.port} of ${address.host} is taken; see \`ss -ltnp\` for who has it`);
  }
}

export function makeBridge(place) {
  ip("link", "add", place.bridge, "type", "bridge");
  ip("link", "set", place.bridge, "alias", place.data);
  ip("address", "add", `${place.gateway}/24`, "dev", place.bridge);
  ip("link", "set", place.bridge, "up");
}

/** Whether another cluster has the names and addresses of this one, which did not run for a while. */
export function taken(place) {
  const file = `/sys/class/net/${place.bridge}/ifalias`;
  const alias = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  return alias !== "" && alias !== place.data;
}

export function removeBridge(place) {
  if (!existsSync(`/sys/class/net/${place.bridge}`)) return;
  // The pods' ends went with their namespaces, if nobody holds one.
  for (const port of readdirSync(`/sys/class/net/${place.bridge}/brif`)) {
    spawnSync("ip", ["link", "delete", port], { stdio: "ignore" });
  }
  ip("link", "delete", place.bridge);
}

/** The kubelet wants its root cgroup to be there, with every controller that it uses. */
export function makeCgroups(place) {
  const roots = cgroupRoots("cgroup");
  if (roots.length === 0) {
    makeUnifiedCgroup(place);
    return;
  }
  for (const root of roots) {
    const folder = join(root, place.cgroup);
    mkdirSync(folder, { recursive: true });
    // In the first version a new set of processors is empty, and nothing can run in it.
    for (const file of ["cpuset.cpus", "cpuset.mems"].filter((name) => existsSync(join(root, name)))) {
      writeFileSync(join(folder, file), readFileSync(join(root, file)));
    }
  }
}

function makeUnifiedCgroup(place) {
  const [root] = cgroupRoots("cgroup2");
  const there = readFileSync(join(root, "cgroup.controllers"), "utf8").trim().split(" ");
  mkdirSync(join(root, place.cgroup), { recursive: true });
  for (const folder of [root, join(root, place.cgroup)]) {
    for (const name of CONTROLLERS.filter((one) => there.includes(one))) {
      try {
        writeFileSync(join(folder, "cgroup.subtree_control"), `+${name}`);
      } catch (error) {
        throw new Refusal(`cannot pass ${name} on below ${folder}, as in most containers: ${error.message}`);
      }
    }
  }
}

/** Ends what still runs in the cluster's containers, and the shims of its containerd. */
export async function endContainers(place) {
  const left = () => [...containerProcesses(place), ...shims(place)];
  const ended = await within(KILL_MILLISECONDS, () => {
    for (const pid of left()) signal(pid, "SIGKILL");
    return left().length === 0;
  });
  if (!ended) throw new Refusal(`processes of containers do not end: ${left().join(", ")}`);
}

export function removeCgroups(place) {
  for (const root of [...cgroupRoots("cgroup"), ...cgroupRoots("cgroup2")]) {
    removeEmpty(join(root, place.cgroup));
  }
}

/** Takes down every mount in the data folder: root file systems, volumes, network namespaces. */
export function unmount(place) {
  for (const path of mounts(place)) {
    const done = spawnSync("umount", [path], { stdio: "ignore" });
    if (done.status !== 0) spawnSync("umount", ["--lazy", path], { stdio: "ignore" });
  }
  const left = mounts(place);
  if (left.length > 0) throw new Refusal(`could not unmount ${left.join(", ")}`);
}

/** Shims that are killed leave their sockets in a folder of the whole machine. */
export function removeDeadSockets() {
  const folder = "/run/containerd/s";
  if (!existsSync(folder)) return;
  const sockets = readdirSync(folder).map((name) => join(folder, name));
  // Read after the folder: what was there before and is not in this list has nobody behind it.
  const bound = readFileSync("/proc/net/unix", "utf8");
  for (const path of sockets.filter((one) => !bound.includes(one))) rmSync(path, { force: true });
}

/** The kubelet links each log there, whatever it is told about folders. */
export function removeLinksToLogs(place) {
  const folder = "/var/log/containers";
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const link = join(folder, name);
    if (readlinkSync(link).startsWith(`${place.data}/`)) rmSync(link);
  }
}

function find(name) {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => path.startsWith("/") && existsSync(path));
}

function install(packages) {
  const command = `apt-get install --no-install-recommends ${packages.join(" ")}`;
  if (!find("apt-get") || process.getuid() !== 0) throw new Refusal(`missing on this machine: ${command}`);
  console.log(`installing ${packages.join(", ")}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = { env: environment, stdio: ["ignore", "ignore", "inherit"] };
  const words = ["install", "-y", "-qq", "--no-install-recommends", ...packages];
  if (spawnSync("apt-get", words, { ...options, stdio: "ignore" }).status === 0) return;
  // The lists of a fresh machine are empty or old.
  spawnSync("apt-get", ["update", "-qq"], options);
  if (spawnSync("apt-get", words, options).status !== 0) throw new Refusal(`failed: ${command}`);
}

function ip(...words) {
  execFileSync("ip", words, { stdio: ["ignore", "ignore", "inherit"] });
}

function cgroupRoots(type) {
  return mountTable()
    .filter((mount) => mount.type === type)
    .map((mount) => mount.path);
}

/** Deepest and latest first. */
function mounts(place) {
  const inside = mountTable()
    .map((mount) => mount.path)
    .filter((path) => path.startsWith(`${place.data}/`));
  return inside.reverse();
}

function mountTable() {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n");
  return lines.map((line) => {
    const [before, after] = line.split(" - ");
    const path = before.split(" ")[4].replace(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)));
    return { path, type: after.split(" ")[0] };
  });
}

function containerProcesses(place) {
  const roots = [...cgroupRoots("cgroup"), ...cgroupRoots("cgroup2")];
  const pids = roots.flatMap((root) => processesBelow(join(root, place.cgroup)));
  return [...new Set(pids)];
}

function processesBelow(folder) {
  if (!existsSync(folder)) return [];
  const own = readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
  return [...own, ...subfolders(folder).flatMap(processesBelow)];
}

function removeEmpty(folder) {
  if (!existsSync(folder)) return;
  subfolders(folder).forEach(removeEmpty);
  rmdirSync(folder);
}

function subfolders(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
}

function shims(place) {
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => {
    const words = commandLine(pid);
    return words[0]?.endsWith("/containerd-shim-runc-v2") && words.includes(place.socket);
  });
}

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
