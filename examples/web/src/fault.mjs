// Ways to be a bad release, chosen by the variable FAULT.

const FAULTS = ["none", "crash", "silent", "unhealthy"];

const fault = process.env.FAULT || "none";
if (!FAULTS.includes(fault)) {
  console.error(`FAULT must be one of ${FAULTS.join(", ")}, not ${fault}`);
  process.exit(64);
}

/** Ends the process at its start. */
export const crashes = fault === "crash";
/** The process runs and never opens its port. */
export const silent = fault === "silent";
/** The health check is answered with 500. */
export const unhealthy = fault === "unhealthy";
