/**
 * One process with the routes of a paywall. Prints what can be asked for, says how much CPU time it
 * has used when it is asked, and serves until it is ended.
 */
import { once } from "node:events";
import { freePort } from "../test/e2e/support/free-port.ts";
import type { Served } from "./paywall.ts";
import type { Framework } from "./paywall-kinds.ts";
import { paywallRoutes } from "./paywall-routes.ts";

const ports: Readonly<Record<Framework, number>> = {
  hono: await freePort(),
  fastify: await freePort(),
  express: await freePort(),
  node: await freePort(),
};
const urlOf = (port: number) => `http://127.0.0.1:${port}`;
const location = urlOf(ports.hono);
const { servers, warm, counted } = await paywallRoutes(location);
for (const [framework, server] of Object.entries(servers)) {
  server.listen(ports[framework as Framework], "127.0.0.1");
  await once(server, "listening");
}
const served: Served = {
  url: location,
  urls: {
    hono: location,
    fastify: urlOf(ports.fastify),
    express: urlOf(ports.express),
    node: urlOf(ports.node),
  },
  warm,
  counted,
};
process.stdout.write(`${JSON.stringify(served)}\n`);
process.on("message", () => process.send!(process.cpuUsage()));
process.on("disconnect", () => process.exit());
