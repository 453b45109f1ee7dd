// The test application as a static program: it must run in an image that has no libraries.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Refusal } from "./refusal.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PACKAGE = "slipway-test-app";

/** Builds it and returns its path. In a target folder of its own: another set of features would rebuild the others. */
export function buildTestApp() {
  const host = /^host: (.*)$/m.exec(run("rustc", ["-vV"]).stdout)?.[1];
  const musl = host.replace(/-gnu$/, "-musl");
  const got = run("rustup", ["target", "add", musl]).status === 0;
  // glibc can be linked in as well; it only makes a bigger program.
  const target = got ? musl : host;
  const flags = got ? {} : { RUSTFLAGS: "-C target-feature=+crt-static" };
  const folder = join(ROOT, "target", "test-app");
  const words = [
    "build",
    "--locked",
    "--release",
    "--quiet",
    "-p",
    PACKAGE,
    "--target",
    target,
    "--target-dir",
    folder,
  ];
  const built = run("cargo", words, { ...process.env, ...flags }, "inherit");
  if (built.status !== 0) throw new Refusal("could not build the test application; what cargo said is above");
  return join(folder, target, "release", PACKAGE);
}

function run(program, words, env = process.env, output = "pipe") {
  const done = spawnSync(program, words, { cwd: ROOT, env, encoding: "utf8", stdio: ["ignore", output, output] });
  if (done.error && program !== "rustup") throw new Refusal(`${program} is missing: the test application needs Rust`);
  return done;
}
