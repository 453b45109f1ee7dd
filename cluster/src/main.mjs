// The command line of the cluster.

import { spawn } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { userKubeconfig } from "./certificates.mjs";
import { start, status, stop } from "./cluster.mjs";
import { needSettings, readEks } from "./eks.mjs";
import { programTree, pushTree } from "./image.mjs";
import { tools } from "./machine.mjs";
import { needStarted, startedPlace } from "./place.mjs";
import { build } from "./programs.mjs";
import { Refusal } from "./refusal.mjs";
import { mirror } from "./settings.mjs";
import { buildTestApp } from "./test-app.mjs";

const HELP = `A real single-node Kubernetes cluster on this machine, with a registry. It needs root.

cluster/cluster [--data DIR] [--eks FILE] COMMAND

  build                       the programs, without starting anything
  start                       build what is missing, start, wait until pods can run
  status [--json]             each part; ends with 0 when all are healthy, else 1
  stop                        end everything and leave nothing but the data folder
  user NAME GROUP...          print a kubeconfig for a user in groups, without any rights of its own
  image push NAME:TAG         build the test application, push it as an image, print its reference by digest
      [--program FILE]        another static program instead
      [--entrypoint PATH]     what the image starts, /app unless said; it need not exist
      [--user UID]            65532 unless said; 0 is root
      [--env KEY=VALUE]...    variables of the image, such as VERSION of the test application
  plain-http HOST:PORT        let the node pull from there over plain HTTP, from its next pull on
  mirror HOST ADDRESS         let the node pull the images of registry HOST from http://ADDRESS (HOST:PORT) instead,
                              from its next pull on
  kubectl ARGUMENT...         as the cluster's administrator
  with COMMAND...             run a command with KUBECONFIG and SLIPWAY_TEST_CLUSTER (the JSON file that status --json
                              prints), in a cluster that is started for it unless one runs

DIR is .slipway/cluster in the project, unless said. The programs are kept in $SLIPWAY_CLUSTER_CACHE, or else in
slipway in the user's cache folder.

With --eks, start and with make a cluster that looks like one of EKS. FILE is JSON:
  {"names": ["0123.gr7.eu-central-1.eks.amazonaws.com"], "webhook": {"url": "https://127.0.0.1:8443/token"}}
The API server is at port 443 and has the names in its certificate. It asks the webhook who a bearer token is, with a
TokenReview; status --json says where certificate and key are that the webhook must show, and the API server's address
and authority. A cluster that runs with other settings is refused.`;

// Neither can lead out of the folder that is named after it.
const REGISTRY = /^[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?$/;
const ADDRESS = /^[A-Za-z0-9][A-Za-z0-9.-]*:\d+$/;

const DATA = fileURLToPath(new URL("../../.slipway/cluster", import.meta.url));

const COMMANDS = { build: buildCommand, start: startCommand, status: statusCommand, stop: stopCommand, user, image };
COMMANDS["plain-http"] = plainHttp;
COMMANDS.mirror = mirrorCommand;
COMMANDS.kubectl = kubectl;
COMMANDS.with = withCluster;
const STARTERS = ["start", "with"];

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`cluster: ${error.message}`);
  process.exitCode = 1;
}

async function main(words) {
  const given = { "--data": DATA, "--eks": null };
  while (Object.hasOwn(given, words[0])) {
    const [option, value] = words.splice(0, 2);
    given[option] = value;
  }
  const { "--data": data, "--eks": file } = given;
  const [name, ...rest] = words;
  const command = COMMANDS[name];
  if (file && !STARTERS.includes(name)) throw new Refusal("--eks goes with start and with only");
  if (data !== undefined && file !== undefined && command) {
    return (await command(data, rest, file && readEks(file))) ?? 0;
  }
  const asked = name === undefined || ["help", "--help", "-h"].includes(name);
  (asked ? console.log : console.error)(HELP);
  return asked ? 0 : 2;
}

function buildCommand() {
  console.log(`the programs are in ${build()}`);
}

async function startCommand(data, _words, eks) {
  const began = Date.now();
  const place = await start(data, eks);
  const again = ["cluster/cluster", ...(data === DATA ? [] : ["--data", data])].join(" ");
  console.log(`the cluster runs (after ${((Date.now() - began) / 1000).toFixed(1)} s)

  kubeconfig  ${place.kubeconfig}
  registry    ${place.registry} (plain HTTP)
  node        ${place.node} at ${place.gateway}
  all of it   ${place.file}

  export KUBECONFIG=${place.kubeconfig} PATH=${place.programs}:$PATH
  ${again} status
  ${again} stop`);
}

async function statusCommand(data, words) {
  const { json } = options(words, { json: { type: "boolean" } }).values;
  const found = await status(data);
  if (json) {
    const { parts, healthy } = found ?? { parts: [], healthy: false };
    console.log(JSON.stringify({ ...found?.place.description, healthy, parts }, null, 2));
  } else if (!found) {
    console.log(`there is no cluster in ${data}`);
  } else {
    for (const part of found.parts) {
      const reason = part.reason ? `: ${part.reason}` : "";
      console.log(`${part.name.padEnd(24)} ${String(part.pid ?? "-").padStart(8)}  ${part.state}${reason}`);
    }
  }
  return found?.healthy ? 0 : 1;
}

async function stopCommand(data) {
  console.log((await stop(data)) ? "the cluster is stopped" : "there was no cluster to stop");
}

function user(data, words) {
  const [name, ...groups] = words;
  if (!name || groups.length === 0) throw new Refusal("usage: user NAME GROUP...");
  process.stdout.write(userKubeconfig(needStarted(data), name, groups));
}

async function image(data, words) {
  const { values, positionals } = options(words, {
    program: { type: "string" },
    entrypoint: { type: "string", default: "/app" },
    user: { type: "string", default: "65532" },
    env: { type: "string", multiple: true, default: [] },
  });
  const [verb, reference] = positionals;
  if (verb !== "push" || !reference) throw new Refusal("usage: image push NAME:TAG");
  const place = needStarted(data);
  const tree = programTree(values.program ?? buildTestApp(), tools().busybox);
  const settings = { Entrypoint: [values.entrypoint], User: values.user, Env: ["PATH=/bin", ...values.env] };
  console.log(await pushTree(place, reference, tree, settings));
}

function plainHttp(data, [address = ""]) {
  if (!ADDRESS.test(address)) throw new Refusal("usage: plain-http HOST:PORT");
  mirror(needStarted(data), address, address);
}

function mirrorCommand(data, [registry = "", address = ""]) {
  if (!REGISTRY.test(registry) || !ADDRESS.test(address)) {
    throw new Refusal("usage: mirror HOST ADDRESS, where ADDRESS is HOST:PORT");
  }
  mirror(needStarted(data), registry, address);
}

function kubectl(data, words) {
  const place = needStarted(data);
  return command(join(place.programs, "kubectl"), words, { KUBECONFIG: place.kubeconfig });
}

async function withCluster(data, words, eks) {
  if (words.length === 0) throw new Refusal("usage: with COMMAND...");
  const [program, ...rest] = words;
  const named = process.env.KUBECONFIG;
  if (named) return command(program, rest, environmentOfNamed(named, eks));
  const ran = (await status(data))?.healthy;
  const place = await start(data, eks);
  try {
    return await command(program, rest, environment(place));
  } finally {
    if (!ran) await stop(data);
  }
}

/** Without --eks the cluster that KUBECONFIG names is taken as it is. */
function environmentOfNamed(kubeconfig, eks) {
  // The one that a start said to export is ours; of any other nothing more is known.
  const place = startedPlace(dirname(resolve(kubeconfig)));
  if (eks && !place) throw new Refusal(`KUBECONFIG=${kubeconfig} names no cluster of this program: unset it for --eks`);
  if (eks) needSettings(place, eks);
  return place ? environment(place) : {};
}

function environment(place) {
  const { kubeconfig, file, programs } = place;
  return { KUBECONFIG: kubeconfig, SLIPWAY_TEST_CLUSTER: file, PATH: `${programs}:${process.env.PATH}` };
}

/** Runs a program in the foreground and returns its exit code. */
function command(program, words, environment) {
  const child = spawn(program, words, { stdio: "inherit", env: { ...process.env, ...environment } });
  // What ends this command ends the program first: there may be a cluster to stop afterwards.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new Refusal(`could not run ${program}: ${error.message}`)));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

function options(words, known) {
  try {
    return parseArgs({ args: words, options: known, allowPositionals: true });
  } catch (error) {
    throw new Refusal(`${error.message}; see cluster/cluster help`);
  }
}
