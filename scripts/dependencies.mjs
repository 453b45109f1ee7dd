// Checks the rules of the dependency graph: which crates may know which, what must never come in, which licences are
// taken, and that crates come from the registry alone. Prints every breach and exits with 1 when there is one.
//
// Usage: node scripts/dependencies.mjs (in the root of the workspace)

import { execFileSync } from "node:child_process";

// Which crates of the workspace a crate may use. A crate that is not listed here is refused.
const ARROWS = {
  "slipway-domain": [],
  "slipway-rollout": ["slipway-domain"],
  "slipway-embedded": [],
  "slipway-store": ["slipway-domain"],
  "slipway-service": ["slipway-domain", "slipway-rollout", "slipway-store"],
  "slipway-registry": ["slipway-domain", "slipway-service"],
  "slipway-web": ["slipway-domain", "slipway-service", "slipway-store"],
  "slipway-aws": ["slipway-domain", "slipway-store", "slipway-service"],
  "slipway-kubernetes": ["slipway-domain", "slipway-rollout", "slipway-service"],
  "slipway-hosted": ["slipway-domain", "slipway-store", "slipway-service", "slipway-aws", "slipway-kubernetes"],
  "slipway-function-api": ["slipway-web", "slipway-hosted"],
  "slipway-function-rollout": ["slipway-service", "slipway-hosted"],
  "slipway-function-relay": ["slipway-hosted"],
  "slipway-function-sweep": ["slipway-hosted"],
  "slipway-local": [
    "slipway-domain",
    "slipway-rollout",
    "slipway-store",
    "slipway-service",
    "slipway-registry",
    "slipway-web",
    "slipway-embedded",
    "slipway-kubernetes",
  ],
  // A client of the REST API and nothing else.
  slipway: [],
  // Runs in images of tests, as a program of its own.
  "slipway-test-app": [],
  "empty-function": [],
  "slipway-tests": "any",
};

// Crates without async, SDK or network: everything that they reach is checked.
const PURE = ["slipway-domain", "slipway-rollout"];
const IMPURE = /^(tokio|futures|async-.*|hyper.*|axum.*|reqwest|aws-(sdk|config|smithy).*|tracing.*|rand)$/;

// One crypto library, one TLS stack, one hyper: each second one is a second thing to patch in a hurry.
const FORBIDDEN = ["ring", "openssl", "openssl-sys", "native-tls"];
const SINGLE = ["aws-lc-rs", "hyper", "rustls", "http", "tokio", "axum"];

const LICENCES = new Set([
  "0BSD",
  "Apache-2.0",
  "Apache-2.0 WITH LLVM-exception",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BSL-1.0",
  "CC0-1.0",
  "CDLA-Permissive-2.0",
  "ISC",
  "MIT",
  "MIT-0",
  "OpenSSL",
  "Unicode-3.0",
  "Unlicense",
  "Zlib",
]);

const members = JSON.parse(cargo("metadata", "--format-version", "1", "--no-deps", "--locked")).packages;
const used = compiled("--workspace");
const breaches = [];

for (const member of members) arrows(member);
for (const name of PURE) {
  const impure = compiled("--package", name).filter((crate) => IMPURE.test(crate.name));
  for (const crate of impure) breaches.push(`${name} is pure and reaches ${crate.name} ${crate.version}`);
}
for (const crate of used) {
  const title = `${crate.name} ${crate.version}`;
  if (FORBIDDEN.includes(crate.name)) breaches.push(`${title} must not come in`);
  if (crate.source !== "registry") breaches.push(`${title} comes from ${crate.source}`);
  if (!licensed(crate.licence)) breaches.push(`${title} has the licence ${crate.licence || "none"}`);
}
for (const name of SINGLE) {
  const versions = used.filter((crate) => crate.name === name).map((crate) => crate.version);
  if (versions.length > 1) breaches.push(`${name} comes in ${versions.length} versions: ${versions.join(", ")}`);
}

for (const breach of breaches) console.error(`dependencies: ${breach}`);
if (breaches.length > 0) process.exit(1);
console.log(`dependencies: ${members.length} crates of the workspace use ${used.length} others, and all rules hold`);

function cargo(...words) {
  return execFileSync("cargo", words, {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function arrows(member) {
  const allowed = ARROWS[member.name];
  if (allowed === undefined) breaches.push(`${member.name} has no line in the table of arrows`);
  if (allowed === undefined || allowed === "any") return;
  // What tests alone use makes no arrow.
  for (const dependency of member.dependencies.filter((one) => one.kind !== "dev" && one.path)) {
    if (!allowed.includes(dependency.name)) breaches.push(`${member.name} must not use ${dependency.name}`);
  }
}

/**
 * The crates of others that are compiled in, as cargo's own resolver has it: its metadata also lists what no feature
 * turns on. What only tests use is left out.
 */
function compiled(...selection) {
  const lines = cargo("tree", "--locked", ...selection, "--edges", "normal,build", "--prefix", "none", "--format", "{p}|{l}|");
  const crates = new Map();
  for (const line of lines.split("\n").filter((text) => text !== "")) {
    const [crate, licence] = line.split("|");
    const [, name, version, place] = /^(\S+) v(\S+)(?: \((.*)\))?$/.exec(crate.replace(" (proc-macro)", ""));
    const own = members.some((member) => member.name === name && place);
    if (!own) crates.set(`${name} ${version}`, { name, version, licence, source: place ?? "registry" });
  }
  return [...crates.values()];
}

/** One of its choices is taken, and all that it joins with AND. */
function licensed(expression) {
  const bare = expression.replaceAll(/[()]/g, " ").trim().replaceAll(/\s+/g, " ");
  return bare.split(/ AND /).every((part) => part.split(/ OR |\//).some((choice) => LICENCES.has(choice.trim())));
}
