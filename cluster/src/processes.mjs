// Processes that outlive the command which started them, known by process id and by when they began: an id alone may
// belong to somebody else by now.

import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Starts a program whose output goes to its log, and writes down which process it is. */
export function start(place, name, program, words, environment = {}) {
  mkdirSync(dirname(log(place, name)), { recursive: true });
  const output = openSync(log(place, name), "a");
  const child = spawn(program, words, {
    cwd: place.data,
    detached: true,
    env: { ...process.env, ...environment },
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  child.unref();
  mkdirSync(dirname(note(place, name)), { recursive: true });
  writeFileSync(note(place, name), JSON.stringify(identity(child.pid)));
}

/** The process id of a part that runs, and whether it is frozen; null when it does not run. */
export function running(place, name) {
  if (!existsSync(note(place, name))) return null;
  return alive(JSON.parse(readFileSync(note(place, name), "utf8")));
}

/** What tells a process from all others, for as long as the machine is up. */
export function identity(pid) {
  return { pid, began: pid === undefined ? undefined : state(pid)?.began };
}

/** The process with this identity, and whether it is frozen; null when it has ended. */
export function alive({ pid, began }) {
  const now = state(pid);
  if (began === undefined || now?.began !== began || now.letter === "Z") return null;
  return { pid, frozen: now.letter === "T" };
}

/** Ends a part: politely, and after so many milliseconds for certain. Returns whether it ran. */
export async function end(place, name, patienceMilliseconds) {
  const process_ = running(place, name);
  if (process_) {
    // A frozen process hears nothing.
    if (!process_.frozen) signal(process_.pid, "SIGTERM");
    const gone = () => !running(place, name);
    if (process_.frozen || !(await within(patienceMilliseconds, gone))) {
      signal(process_.pid, "SIGKILL");
      await within(5000, gone);
    }
  }
  rmSync(note(place, name), { force: true });
  return process_ !== null;
}

/** Whether something became true in time; looked at every 20 ms. */
export async function within(milliseconds, happened) {
  const deadline = Date.now() + milliseconds;
  while (!(await happened())) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

export function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

export function log(place, name) {
  return place.inside("logs", `${name}.log`);
}

function note(place, name) {
  return place.inside("processes", `${name}.json`);
}

function state(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in brackets and may contain blanks.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { letter: fields[0], began: fields[19] };
  } catch {
    return null;
  }
}
