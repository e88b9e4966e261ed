/**
 * One process with the same route in each framework: bare, and behind a paywall. Prints what can be
 * asked for, says how much CPU time it has used when it is asked, and serves until it is ended.
 */
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { serve } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { paid as paidExpress } from "l8nt/express";
import { paid as paidFastify } from "l8nt/fastify";
import { paid } from "l8nt/hono";
import { Authority } from "l8nt/l402";
import { paid as paidNode } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { freePort } from "../test/e2e/support/free-port.ts";
import type { Served } from "./paywall.ts";

const WEATHER = { weather: "sunny" };
const ports = {
  hono: await freePort(),
  fastify: await freePort(),
  express: await freePort(),
  node: await freePort(),
};
const urlOf = (port: number) => `http://127.0.0.1:${port}`;
const location = urlOf(ports.hono);
const authority = new Authority({ secret: randomBytes(32), location });
const paywall = new Paywall({ authority });

const hono = new Hono()
  .get("/bare", (c) => c.json(WEATHER))
  .get(
    "/no-op",
    (_, next) => next(),
    (c) => c.json(WEATHER),
  )
  .get("/paid", paid(paywall), (c) => c.json(WEATHER))
  .get(
    "/around",
    paid(paywall, {}, (c) => c.json(WEATHER)),
  );

const fastify = Fastify();
fastify.get("/bare", async () => WEATHER);
fastify.get("/paid", { onRequest: paidFastify(paywall) }, async () => WEATHER);

const app = express();
app.get("/bare", (_, response) => void response.json(WEATHER));
app.get("/paid", paidExpress(paywall), (_, response) => void response.json(WEATHER));

const TEXT = JSON.stringify(WEATHER);
const paidListener = paidNode(paywall, {}, (_, outgoing) => void outgoing.end(TEXT));
const node = createServer((incoming, outgoing) => {
  if (incoming.url === "/bare") outgoing.end(TEXT);
  else paidListener(incoming, outgoing);
});

const credential = (maxUses?: number): string =>
  authority.minter
    .mint({
      endpoints: [`GET ${location}/*`],
      expiresIn: "1h",
      ...(maxUses !== undefined && { maxUses }),
    })
    .toString();

await fastify.listen({ port: ports.fastify, host: "127.0.0.1" });
app.listen(ports.express, "127.0.0.1");
node.listen(ports.node, "127.0.0.1");
const served: Served = {
  url: location,
  urls: {
    hono: location,
    fastify: urlOf(ports.fastify),
    express: urlOf(ports.express),
    node: urlOf(ports.node),
  },
  warm: credential(),
  counted: credential(1_000_000_000),
};
serve({ fetch: hono.fetch, port: ports.hono, hostname: "127.0.0.1" }, () => {
  process.stdout.write(`${JSON.stringify(served)}\n`);
});
process.on("message", () => process.send!(process.cpuUsage()));
process.on("disconnect", () => process.exit());
