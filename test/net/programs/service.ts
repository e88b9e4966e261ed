/**
 * The services of one host, each with a paywall and TLS: `service.ts HOST`. Every service has the
 * same routes, on node:http, Express or Hono.
 */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import express from "express";
import { type Context, Hono } from "hono";
import * as onExpress from "l8nt/express";
import * as onHono from "l8nt/hono";
import * as onNode from "l8nt/node";
import { Paywall } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";
import { ALL_SITES, HOSTS, type Site } from "../support/plan.ts";

const [host] = process.argv.slice(2);
const { CERT = "", KEY = "", INVOICER, SECRET = "" } = process.env;
const pair = { cert: readFileSync(CERT), key: readFileSync(KEY) };

const PRICE = { price: "10 sat" } as const;
const PASS = { ...PRICE, grants: { validFor: "1h", endpoints: ["GET /pass/*"] } } as const;
/** Where a redirect leads: a private address, and a name of this machine. */
const AWAY = { "/away": "https://10.0.0.1/", "/away-to-name": "https://loop.example/" } as const;
const PROXY_ADDRESSES: readonly string[] = [...HOSTS.proxy.v4, ...HOSTS.proxy.v6];

function paywallOf({ location, perClient = 10_000 }: Site): Paywall {
  return new Paywall({
    // Each has its own, so that none confirms what was meant for another.
    secret: createHmac("sha256", SECRET).update(location).digest("hex"),
    location,
    invoicer: devWallet(INVOICER),
    challengesPerMinute: { perClient, total: 100_000 },
  });
}

/** Says who asked: the agent itself, if a credential was handed over, or the treasury. */
const forecast = ({ location }: Site, address: string | undefined) =>
  JSON.stringify({ forecast: "sunny", at: location, from: address?.replace("::ffff:", "") });
/** More than any proxy buffers. */
const LARGE = "It is what was paid for. ".repeat(40_000);

function withNode(site: Site): RequestListener {
  const paywall = paywallOf(site);
  const sold: Readonly<Record<string, RequestListener>> = {
    "/large": onNode.paid(paywall, PRICE, (_, outgoing) => void outgoing.end(LARGE)),
    "/paid-away": onNode.paid(paywall, PRICE, (_, outgoing) => {
      outgoing.writeHead(302, { location: AWAY["/away"] }).end();
    }),
  };
  const other = onNode.paid(
    paywall,
    PRICE,
    ({ socket }, outgoing) => void outgoing.end(forecast(site, socket.remoteAddress)),
  );
  return onNode.wellKnown(paywall, (incoming, outgoing) => {
    const path = incoming.url ?? "";
    const away = AWAY[path as keyof typeof AWAY];
    if (away !== undefined) outgoing.writeHead(302, { location: away }).end();
    else (sold[path] ?? other)(incoming, outgoing);
  });
}

function withExpress(site: Site): RequestListener {
  const paywall = paywallOf(site);
  const app = express();
  app.set("trust proxy", PROXY_ADDRESSES);
  app.use(onExpress.wellKnown(paywall));
  app.get("/large", onExpress.paid(paywall, PRICE), (_, response) => {
    response.send(LARGE);
  });
  app.get("/cacheable", onExpress.paid(paywall, PRICE), (_, response) => {
    response.set("cache-control", "max-age=60").send(LARGE);
  });
  app.get("/pass/*path", onExpress.paid(paywall, PASS), (request, response) => {
    response.send(forecast(site, request.ip));
  });
  app.use(onExpress.paid(paywall, PRICE), (request, response) => {
    response.send(forecast(site, request.ip));
  });
  return app;
}

/** The last address that a trusted proxy added, or else that of the socket. */
function clientAddress({ env, req }: Context): string | undefined {
  const { remoteAddress = "" } = (env as HttpBindings).incoming.socket;
  return PROXY_ADDRESSES.includes(remoteAddress.replace("::ffff:", ""))
    ? req.header("x-forwarded-for")?.split(", ").at(-1)
    : remoteAddress;
}

function withHono(site: Site): RequestListener {
  const paywall = paywallOf(site);
  const app = new Hono()
    .use(onHono.wellKnown(paywall))
    .all("/*", onHono.paid(paywall, PRICE, { clientAddress }), (c) =>
      c.text(forecast(site, clientAddress(c))),
    );
  return getRequestListener(app.fetch);
}

const WITH = { node: withNode, express: withExpress, hono: withHono } as const;

await Promise.all(
  ALL_SITES.filter((site) => site.host === host).map((site) => {
    const server = createServer(pair, WITH[site.framework](site));
    // A kept connection needs no look-up.
    if (site.closes) server.maxRequestsPerSocket = 1;
    return new Promise<void>((done) => server.listen(site.port, "::", done));
  }),
);
console.log("ready");
