// Images of one layer, made from a list of files and pushed to a registry with plain HTTP. The same files give the
// same digest.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Refusal } from "./refusal.mjs";

const BLOCK = 512;
const MEDIA = "application/vnd.oci.image";
// What Node calls a processor, in the words of images.
const ARCHITECTURES = { x64: "amd64", arm64: "arm64" };
const APPLETS = [
  "sh",
  "cat",
  "echo",
  "env",
  "false",
  "id",
  "ls",
  "ps",
  "seq",
  "sleep",
  "test",
  "touch",
  "true",
  "wget",
];

/** What holds a pod's namespaces: a program that does nothing. busybox insists on its name to read which one to be. */
export const PAUSE_COMMAND = ["/busybox", "sleep", "infinity"];

export function pauseTree(busybox) {
  return [{ path: "busybox", mode: 0o755, data: readFileSync(busybox) }];
}

/** A static program as /app, with a shell and some tools beside it. */
export function programTree(program, busybox) {
  const users = "root:x:0:0:root:/:/bin/sh\napp:x:65532:65532:app:/:/bin/sh\n";
  return [
    { path: "app", mode: 0o755, data: readFileSync(program) },
    { path: "bin/", mode: 0o755 },
    { path: "bin/busybox", mode: 0o755, data: readFileSync(busybox) },
    ...APPLETS.map((name) => ({ path: `bin/${name}`, mode: 0o777, link: "busybox" })),
    { path: "etc/", mode: 0o755 },
    { path: "etc/passwd", mode: 0o644, data: Buffer.from(users) },
    { path: "tmp/", mode: 0o1777 },
  ];
}

/** Makes an image of the files and pushes it as NAME:TAG. Returns its reference by digest. */
export async function pushTree(place, reference, tree, settings) {
  const [, name, tag] = /^([a-z0-9][a-z0-9._/-]*):([A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/.exec(reference) ?? [];
  if (!name) throw new Refusal(`${reference} is not NAME:TAG of an image`);
  const registry = `http://${place.registry}/v2/${name}`;
  const layer = Buffer.concat([...tree.map(entry), Buffer.alloc(2 * BLOCK)]);
  const image = Buffer.from(
    JSON.stringify({
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      os: "linux",
      config: settings,
      rootfs: { type: "layers", diff_ids: [digest(layer)] },
    }),
  );
  await pushBlob(registry, layer);
  await pushBlob(registry, image);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${MEDIA}.manifest.v1+json`,
      config: { mediaType: `${MEDIA}.config.v1+json`, digest: digest(image), size: image.length },
      layers: [{ mediaType: `${MEDIA}.layer.v1.tar`, digest: digest(layer), size: layer.length }],
    }),
  );
  await ask("PUT", `${registry}/manifests/${tag}`, manifest, `${MEDIA}.manifest.v1+json`);
  return `${place.registry}/${name}@${digest(manifest)}`;
}

async function pushBlob(registry, blob) {
  const known = await fetch(`${registry}/blobs/${digest(blob)}`, { method: "HEAD" });
  if (known.ok) return;
  const upload = await ask("POST", `${registry}/blobs/uploads/`);
  const target = new URL(upload.headers.get("location"), registry);
  target.searchParams.set("digest", digest(blob));
  await ask("PUT", target, blob, "application/octet-stream");
}

async function ask(method, address, body, type) {
  const answer = await fetch(address, { method, body, headers: type ? { "content-type": type } : {} });
  if (!answer.ok) throw new Refusal(`${method} ${address} answered ${answer.status}: ${await answer.text()}`);
  return answer;
}

function digest(bytes) {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** One entry of a tar archive in the ustar format: a folder when the path ends with a slash. */
function entry({ path, mode, data = Buffer.alloc(0), link = "" }) {
  const kind = link ? "2" : path.endsWith("/") ? "5" : "0";
  const octal = (number, length) => number.toString(8).padStart(length - 1, "0") + "\0";
  const head = Buffer.alloc(BLOCK);
  head.write(path, 0);
  head.write(octal(mode, 8), 100);
  head.write(octal(0, 8), 108);
  head.write(octal(0, 8), 116);
  head.write(octal(data.length, 12), 124);
  head.write(octal(0, 12), 136);
  // The checksum counts itself as blanks.
  head.write(" ".repeat(8), 148);
  head.write(kind, 156);
  head.write(link, 157);
  head.write("ustar\x0000", 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${octal(sum, 7)} `, 148);
  const filling = (BLOCK - (data.length % BLOCK)) % BLOCK;
  return Buffer.concat([head, data, Buffer.alloc(filling)]);
}
