// Works through an imaginary queue, one job after another, and finishes the one in hand before it stops.

import { setTimeout as pause } from "node:timers/promises";

const { PROCESS, RELEASE } = process.env;
const JOB_MS = 250;
const JOBS_PER_LINE = 20;

let stopping = false;
process.on("SIGTERM", () => {
  stopping = true;
});

console.log(`worker ${PROCESS} of ${RELEASE} takes jobs`);
let done = 0;
while (!stopping) {
  await pause(JOB_MS);
  done += 1;
  if (done % JOBS_PER_LINE === 0) console.log(`${done} jobs done`);
}
console.log(`stopped after ${done} jobs`);
