// What makes the cluster look like one of EKS: its API server has host names of EKS, is at port 443, and believes what
// a webhook says of a bearer token, as EKS asks IAM.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { authority, pair } from "./certificates.mjs";
import { Refusal } from "./refusal.mjs";

const SHAPE = '{"names": ["HOST", ...], "webhook": {"url": "https://..."}}';
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LONGEST_HOST = 253;

/** The settings in a JSON file of the shape above. */
export function readEks(file) {
  const settings = parse(file);
  const { names, webhook } = settings ?? {};
  if (!Array.isArray(names) || typeof webhook?.url !== "string") throw new Refusal(`${file} must be ${SHAPE}`);
  return { names: names.map(hostName), webhook: { url: httpsUrl(webhook.url) } };
}

/**
 * Refuses a cluster that runs with other settings than those asked for; null stands for none. It is not started afresh
 * for them: somebody may be at work in it.
 */
export function needSettings(place, eks) {
  if (isDeepStrictEqual(asked(place.eks), asked(eks))) return;
  const has = place.eks ? `with --eks and ${JSON.stringify(asked(place.eks))}` : "without --eks";
  throw new Refusal(`the cluster in ${place.data} runs ${has}: stop it first, or ask for the same`);
}

/** What a test needs to know in order to be IAM, and to connect as the product does. */
export function describeEks(place) {
  const { names, webhook } = place.eks;
  const { host, port } = place.server;
  return {
    names,
    address: `${host}:${port}`,
    authority: authority(place),
    webhook: { url: webhook.url, ...pair(place, "webhook"), authority: authority(place) },
  };
}

/** The settings alone, of which the description has more. */
function asked(eks) {
  return eks ? { names: eks.names, webhook: { url: eks.webhook.url } } : null;
}

function parse(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Refusal(`could not read the settings of EKS: ${error.message}`);
  }
}

/** In small letters: EKS shows capital ones, which resolvers and clients do not tell apart. */
function hostName(name) {
  const host = String(name).toLowerCase();
  const wellFormed = host.length <= LONGEST_HOST && host.split(".").every((label) => LABEL.test(label));
  if (!wellFormed) throw new Refusal(`${JSON.stringify(name)} is no host name`);
  return host;
}

function httpsUrl(text) {
  try {
    if (new URL(text).protocol === "https:") return text;
  } catch {
    // It is no address at all.
  }
  throw new Refusal(`the webhook ${JSON.stringify(text)} must be an address that begins with https://`);
}
