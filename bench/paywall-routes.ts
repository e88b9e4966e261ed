/** The same route in each framework: bare, and behind a paywall. */
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { paid as paidExpress } from "l8nt/express";
import { paid as paidFastify } from "l8nt/fastify";
import { paid } from "l8nt/hono";
import { Authority } from "l8nt/l402";
import { paid as paidNode } from "l8nt/node";
import { Paywall } from "l8nt/service";
import type { Framework } from "./paywall-kinds.ts";

const WEATHER = { weather: "sunny" };
const TEXT = JSON.stringify(WEATHER);

export interface PaywallRoutes {
  /** None of them listens yet. */
  readonly servers: Readonly<Record<Framework, Server>>;
  /** A credential for every route. */
  readonly warm: string;
  /** One whose every use is counted. */
  readonly counted: string;
}

/** @param location of the paywall, which credentials name */
export async function paywallRoutes(location: string): Promise<PaywallRoutes> {
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
  await fastify.ready();

  const app = express();
  app.get("/bare", (_, response) => void response.json(WEATHER));
  app.get(
    "/no-op",
    (_, _response, next) => next(),
    (_, response) => void response.json(WEATHER),
  );
  app.get("/paid", paidExpress(paywall), (_, response) => void response.json(WEATHER));

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
  return {
    servers: {
      hono: createAdaptorServer({ fetch: hono.fetch }) as Server,
      fastify: fastify.server,
      express: createServer(app),
      node,
    },
    warm: credential(),
    counted: credential(1_000_000_000),
  };
}
