// The others that a cluster depends on, each of a bad kind: registries that refuse, and a webhook that does.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BEARER = 'Bearer realm="http://HOST/token",service="registry",scope="repository:shop:pull"';
// For another kind of machine than any.
const INDEX = JSON.stringify({
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [{
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: `sha256:${"1".repeat(64)}`,
    size: 100,
    platform: { os: "linux", architecture: "s390x" },
  }],
});

// What each registry answers: [status, headers, body], by path.
const REGISTRIES = {
  "no-token": (path) => (path.startsWith("/token") ? refusal(401, "UNAUTHORIZED", "authentication required") : challenge(BEARER)),
  hidden: (path) =>
    path.startsWith("/token")
      ? [200, {}, JSON.stringify({ token: "t" })]
      : challenge(`${BEARER},error="insufficient_scope"`, "requested access to the resource is denied"),
  basic: () => challenge('Basic realm="registry"'),
  expired: () => refusal(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again."),
  "unknown-manifest": () => refusal(404, "MANIFEST_UNKNOWN", "manifest unknown"),
  "unknown-name": () => refusal(404, "NAME_UNKNOWN", "repository name not known to registry"),
  busy: () => refusal(429, "TOOMANYREQUESTS", "You have reached your pull rate limit."),
  broken: () => refusal(500, "UNKNOWN", "unknown error"),
  unavailable: () => [503, {}, "<html>Service Unavailable</html>"],
  platform: () => [200, { "content-type": "application/vnd.oci.image.index.v1+json", "docker-content-digest": sha256(INDEX) }, INDEX],
};

export async function startOthers(cluster) {
  const servers = [];
  const image = {};
  for (const [name, answers] of Object.entries(REGISTRIES)) {
    const server = http.createServer((request, response) => {
      const [status, headers, body] = answers(request.url);
      const here = JSON.parse(JSON.stringify(headers).replaceAll("HOST", request.headers.host));
      response.writeHead(status, { "content-length": Buffer.byteLength(body), ...here });
      response.end(request.method === "HEAD" ? undefined : body);
    });
    const port = await listen(server, cluster.address);
    const host = `${cluster.address}:${port}`;
    mkdirSync(join(cluster.hosts, host), { recursive: true });
    writeFileSync(join(cluster.hosts, host, "hosts.toml"), `server = "http://${host}"\n`);
    servers.push({ server, folder: join(cluster.hosts, host) });
    image[name] = `${host}/shop@${name === "platform" ? sha256(INDEX) : `sha256:${"a".repeat(64)}`}`;
  }
  const { server, authority, url } = await webhook(cluster.address);
  servers.push({ server });
  const stop = () => {
    for (const { server, folder } of servers) {
      server.close();
      server.closeAllConnections();
      if (folder) rmSync(folder, { recursive: true });
    }
  };
  return { image, webhook: { authority, url }, stop };
}

async function webhook(address) {
  const folder = mkdtempSync(join(tmpdir(), "webhook-"));
  const [key, certificate] = [join(folder, "key"), join(folder, "certificate")];
  const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const subject = ["-subj", "/CN=webhook", "-addext", `subjectAltName=IP:${address}`];
  execFileSync("openssl", [...words, ...subject, "-keyout", key, "-out", certificate], { stdio: "ignore" });
  const options = { key: readFileSync(key), cert: readFileSync(certificate) };
  rmSync(folder, { recursive: true });
  const server = https.createServer(options, async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const { uid } = JSON.parse(text).request;
    const status = { code: 403, message: "images must come from registry.example.com" };
    const answer = { uid, allowed: false, status };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: answer }));
  });
  const port = await listen(server, address);
  return { server, authority: options.cert.toString("base64"), url: `https://${address}:${port}` };
}

function listen(server, address) {
  return new Promise((done) => server.listen(0, address, () => done(server.address().port)));
}

function refusal(status, code, message, headers = {}) {
  const type = { "content-type": "application/json", ...headers };
  return [status, type, JSON.stringify({ errors: [{ code, message }] })];
}

function challenge(words, message = "authentication required") {
  return refusal(401, "UNAUTHORIZED", message, { "www-authenticate": words });
}

function sha256(text) {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
