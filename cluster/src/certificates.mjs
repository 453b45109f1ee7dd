// The cluster's own certificate authority. It stays with the data folder, so kubeconfigs outlive a restart. The keys
// are made by the machine's openssl: Node can read certificates and cannot issue any.

import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { Refusal } from "./refusal.mjs";

const DAYS = 365;
// What may stand in a certificate's subject without escaping. Kubernetes' own names of users and groups fit.
const NAME = /^[A-Za-z0-9:._@-]{1,64}$/;

/** Makes what is missing of the authority and of the certificates that the cluster's parts use. */
export function makeCertificates(place) {
  mkdirSync(place.inside("pki"), { recursive: true, mode: 0o700 });
  if (!existsSync(file(place, "ca.crt"))) {
    request(place, "ca", { subject: ["CN=slipway-cluster"], extensions: AUTHORITY, authority: [] });
  }
  if (!existsSync(file(place, "accounts.key"))) {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const text = privateKey.export({ type: "pkcs8", format: "pem" });
    writeFileSync(file(place, "accounts.key"), text, { mode: 0o600 });
  }
  const addresses = [place.loopback, place.gateway].map((address) => `IP:${address}`);
  const names = [...addresses, "DNS:kubernetes.default.svc", "DNS:localhost", `DNS:${place.node}`];
  const hosts = (place.eks?.names ?? []).map((name) => `DNS:${name}`);
  issue(place, "server", { user: "kube-apiserver", groups: [], names: [...names, ...hosts] });
  issue(place, "kubelet-server", { user: place.node, groups: [], names });
  issue(place, "kubelet", { user: `system:node:${place.node}`, groups: ["system:nodes"] });
  issue(place, "admin", { user: "admin", groups: ["system:masters"] });
  if (place.eks) issue(place, "webhook", { user: "webhook", groups: [], names: [hostOf(place.eks.webhook.url)] });
}

/** Paths of a certificate and its key. */
export function pair(place, name) {
  return { certificate: file(place, `${name}.crt`), key: file(place, `${name}.key`) };
}

export function authority(place) {
  return file(place, "ca.crt");
}

/** The text of a kubeconfig that carries its certificate in itself. */
export function kubeconfig(place, name) {
  const { certificate, key } = pair(place, name);
  const inline = (path) => readFileSync(path).toString("base64");
  return `apiVersion: v1
kind: Config
clusters:
  - name: slipway
    cluster:
      server: ${place.api}
      certificate-authority-data: ${inline(authority(place))}
users:
  - name: ${name}
    user:
      client-certificate-data: ${inline(certificate)}
      client-key-data: ${inline(key)}
contexts:
  - name: slipway
    context:
      cluster: slipway
      user: ${name}
current-context: slipway
`;
}

/** A kubeconfig for a user in groups, with no rights but those which somebody binds to them. */
export function userKubeconfig(place, user, groups) {
  for (const name of [user, ...groups]) {
    if (!NAME.test(name)) throw new Refusal(`${JSON.stringify(name)} is no name of a user or group: ${NAME.source}`);
  }
  const name = `user-${process.pid}`;
  try {
    issue(place, name, { user, groups });
    return kubeconfig(place, name).replaceAll(name, user);
  } finally {
    for (const path of Object.values(pair(place, name))) rmSync(path, { force: true });
  }
}

const AUTHORITY = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
const LEAF = [
  "basicConstraints=critical,CA:FALSE",
  "keyUsage=critical,digitalSignature",
  "extendedKeyUsage=clientAuth,serverAuth",
];

function issue(place, name, { user, groups, names = [] }) {
  // Several organisations are several groups, and openssl tells equal names apart by a number before them.
  const subject = [...groups.map((group, index) => `${index}.O=${group}`), `CN=${user}`];
  const extensions = names.length > 0 ? [...LEAF, `subjectAltName=${names.join(",")}`] : LEAF;
  const { certificate, key } = pair(place, "ca");
  request(place, name, { subject, extensions, authority: ["-CA", certificate, "-CAkey", key] });
}

/** The host of an address, as a certificate names it. */
function hostOf(address) {
  // An address of version 6 is in brackets.
  const host = new URL(address).hostname.replace(/^\[|\]$/g, "");
  return isIP(host) ? `IP:${host}` : `DNS:${host}`;
}

function request(place, name, { subject, extensions, authority: signer }) {
  const settings = file(place, `${name}.cnf`);
  const head = "[req]\nprompt=no\ndistinguished_name=subject\nx509_extensions=extensions\nstring_mask=utf8only\n";
  writeFileSync(settings, `${head}[subject]\n${subject.join("\n")}\n[extensions]\n${extensions.join("\n")}\n`);
  const { certificate, key } = pair(place, name);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"];
  const words = ["req", "-x509", "-config", settings, ...curve, "-days", `${DAYS}`, ...signer];
  execFileSync("openssl", [...words, "-keyout", key, "-out", certificate], { stdio: ["ignore", "ignore", "pipe"] });
  rmSync(settings);
}

function file(place, name) {
  return join(place.inside("pki"), name);
}
