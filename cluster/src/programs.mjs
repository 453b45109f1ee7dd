// Which programs the cluster is made of, and their compilation from the Go module proxy. Each module in `modules/` pins
// all it needs. The results are kept by version outside of the tree, so only the first time takes minutes.

import { createHash } from "node:crypto";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Refusal } from "./refusal.mjs";

const MODULES = fileURLToPath(new URL("../modules/", import.meta.url));

const KUBERNETES = { module: "kubernetes", version: "k8s.io/component-base/version.gitVersion" };
// Without the snapshotters of file systems that nothing here uses.
const CONTAINERD = { module: "containerd", tags: "no_btrfs,no_devmapper,no_zfs" };

const PROGRAMS = [
  { name: "etcd", path: "go.etcd.io/etcd/server/v3", module: "etcd" },
  { name: "kube-apiserver", path: "k8s.io/kubernetes/cmd/kube-apiserver", ...KUBERNETES },
  { name: "kube-controller-manager", path: "k8s.io/kubernetes/cmd/kube-controller-manager", ...KUBERNETES },
  { name: "kube-scheduler", path: "k8s.io/kubernetes/cmd/kube-scheduler", ...KUBERNETES },
  { name: "kubelet", path: "k8s.io/kubernetes/cmd/kubelet", ...KUBERNETES },
  { name: "kubectl", path: "k8s.io/kubernetes/cmd/kubectl", ...KUBERNETES },
  { name: "containerd", path: "github.com/containerd/containerd/v2/cmd/containerd", ...CONTAINERD },
  {
    name: "containerd-shim-runc-v2",
    path: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
    ...CONTAINERD,
  },
  { name: "ctr", path: "github.com/containerd/containerd/v2/cmd/ctr", ...CONTAINERD },
  { name: "bridge", path: "github.com/containernetworking/plugins/plugins/main/bridge", module: "cni" },
  { name: "loopback", path: "github.com/containernetworking/plugins/plugins/main/loopback", module: "cni" },
  { name: "host-local", path: "github.com/containernetworking/plugins/plugins/ipam/host-local", module: "cni" },
  { name: "registry", path: "github.com/distribution/distribution/v3/cmd/registry", module: "registry" },
];

/** The folder of the programs of exactly these versions. It need not exist. */
export function programsFolder() {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const kept = process.env.SLIPWAY_CLUSTER_CACHE || join(cache, "slipway");
  const hash = createHash("sha256").update(JSON.stringify(PROGRAMS)).update(process.arch);
  for (const module of new Set(PROGRAMS.map((program) => program.module))) {
    for (const file of ["go.mod", "go.sum"]) hash.update(readFileSync(join(MODULES, module, file)));
  }
  return join(kept, `cluster-${hash.digest("hex").slice(0, 12)}`);
}

/** Builds what is not there yet, one after another, and tells how long each took. Returns the folder. */
export function build() {
  const folder = programsFolder();
  const missing = PROGRAMS.filter((program) => !existsSync(join(folder, program.name)));
  if (missing.length === 0) return folder;
  if (spawnSync("go", ["version"]).error) {
    throw new Refusal("Go is missing: install Go 1.26 or newer (https://go.dev/dl) and put it into PATH");
  }
  mkdirSync(folder, { recursive: true });
  console.log(`building ${missing.length} programs into ${folder}; the first time this takes about ten minutes`);
  for (const program of missing) compile(program, folder);
  return folder;
}

function compile(program, folder) {
  const began = Date.now();
  // A build that was interrupted must not leave half a program under its name.
  const unfinished = join(folder, `.${program.name}.${process.pid}`);
  const words = ["build", "-trimpath", "-buildvcs=false", "-ldflags", linkerFlags(program), "-o", unfinished];
  if (program.tags) words.push("-tags", program.tags);
  try {
    // Politely: minutes of two busy cores should not starve whoever else works here.
    execFileSync("nice", ["go", ...words, program.path], {
      cwd: join(MODULES, program.module),
      env: { ...process.env, CGO_ENABLED: "0" },
      stdio: ["ignore", "inherit", "inherit"],
    });
    renameSync(unfinished, join(folder, program.name));
  } catch {
    rmSync(unfinished, { force: true });
    throw new Refusal(`could not build ${program.name}; what go said is above`);
  }
  console.log(`${program.name.padEnd(24)}${((Date.now() - began) / 1000).toFixed(0).padStart(4)} s`);
}

function linkerFlags(program) {
  if (!program.version) return "-s -w";
  const requirements = readFileSync(join(MODULES, program.module, "go.mod"), "utf8");
  const [, version] = /k8s\.io\/kubernetes (v\S+)/.exec(requirements);
  return `-s -w -X ${program.version}=${version}`;
}
