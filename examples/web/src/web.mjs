// The front door: a page that says which release answers, a health check, a slow answer, a stream of events.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

import { crashes, silent, unhealthy } from "./fault.mjs";

const { version, source } = JSON.parse(readFileSync("dist/version.json", "utf8"));
const { APP, BUILD, ENVIRONMENT, GREETING = "Hello", PORT, PROCESS, RELEASE } = process.env;
const MAX_SLOW_MS = 10_000;
const EVENTS_MS = 1_000;

let stopping = false;

const routes = {
  "/": (_, response) => {
    answer(response, 200, {
      greeting: GREETING,
      version,
      source,
      app: APP,
      environment: ENVIRONMENT,
      release: RELEASE,
      build: BUILD,
      process: PROCESS,
    });
  },

  "/healthz": (_, response) => {
    if (unhealthy) answer(response, 500, { status: "failing", reason: "the database refuses connections" });
    else answer(response, 200, { status: "ok" });
  },

  // Ten pieces over `ms` milliseconds; the last one says that it is the last.
  "/slow": async (url, response) => {
    const ms = Math.min(Number(url.searchParams.get("ms")) || 1_000, MAX_SLOW_MS);
    response.writeHead(200, headers("text/plain"));
    for (let piece = 1; piece <= 10; piece++) {
      response.write(`${RELEASE} ${piece} of 10\n`);
      await pause(ms / 10);
    }
    response.end("end\n");
  },

  // Server-sent events until the reader or the process has had enough.
  "/events": async (_, response) => {
    response.writeHead(200, headers("text/event-stream"));
    let number = 0;
    while (!stopping && !response.destroyed) {
      response.write(`id: ${++number}\ndata: ${RELEASE} ${PROCESS}\n\n`);
      await pause(EVENTS_MS);
    }
    response.end();
  },
};

/** A process that is about to end says so with every answer, so that the connection is not used again. */
function headers(type) {
  return { "Content-Type": type, ...(stopping && { Connection: "close" }) };
}

function answer(response, status, body) {
  const text = JSON.stringify(body) + "\n";
  response.writeHead(status, { ...headers("application/json"), "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://shop");
  const route = routes[url.pathname];
  if (route) route(url, response);
  else answer(response, 404, { error: "not found" });
});

// Long enough that the load balancer is the one who closes connections that nobody uses.
server.keepAliveTimeout = 75_000;

// What is being served is finished; nothing new is accepted.
process.on("SIGTERM", () => {
  console.log("stopping: finishing what is being served");
  stopping = true;
  server.close(() => {
    console.log("stopped");
    process.exit(0);
  });
  // A connection becomes idle when its last answer is through.
  setInterval(() => server.closeIdleConnections(), 50);
});

if (crashes) {
  console.error("cannot start: the configuration lacks a payment provider");
  process.exit(1);
}
if (silent) {
  console.log("waiting for a lock that nobody gives up");
  setInterval(() => {}, 60_000);
} else {
  server.listen(Number(PORT), "127.0.0.1", () => {
    console.log(`shop ${version} (${source}) listens on ${PORT} as ${PROCESS} of ${RELEASE}`);
  });
}
