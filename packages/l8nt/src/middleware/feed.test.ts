/**
 * The revocation feed through every framework: a page, a stream of lines, and no request left
 * waiting after its client hangs up.
 */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { expect, onTestFinished, test } from "vitest";
import { CallingLog, revocation, signer } from "../feed/fixtures/world.ts";
import { REVOCATIONS_PATH } from "../feed/index.ts";
import * as nodeEnd from "../node/index.ts";
import type { Paywall } from "../service/index.ts";
import * as expressEnd from "./express.ts";
import * as fastifyEnd from "./fastify.ts";
import { newPaywall } from "./fixtures/paywall.ts";
import * as honoEnd from "./hono.ts";
import * as nextEnd from "./next.ts";

test.each<[string, (paywall: Paywall) => RequestListener | Promise<RequestListener>]>([
  ["node", (paywall) => nodeEnd.wellKnown(paywall)],
  ["next", (paywall) => nodeEnd.listener(nextEnd.wellKnown(paywall))],
  ["express", (paywall) => express().use(expressEnd.wellKnown(paywall))],
  ["hono", (paywall) => getRequestListener(new Hono().use(honoEnd.wellKnown(paywall)).fetch)],
  [
    "fastify",
    async (paywall) => {
      const app = fastify();
      app.register(fastifyEnd.wellKnown(paywall));
      await app.ready();
      return app.routing;
    },
  ],
])("%s", async (_name, build) => {
  const store = new CallingLog();
  const paywall = newPaywall({ revocations: { store, key: signer } });
  await paywall.ready();
  const asked: Request[] = [];
  const answer = paywall.wellKnown.bind(paywall);
  paywall.wellKnown = (request) => {
    asked.push(request);
    return answer(request);
  };
  const server = createServer(await build(paywall));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    paywall.close();
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${REVOCATIONS_PATH}`;
  await store.addDirective(revocation(1));
  const page = await fetch(`${url}?after=0&wait=25`);
  expect(page.headers.get("content-type")).toBe("application/json");
  expect(await page.json()).toMatchObject({ seq: 1, entries: [{ seq: 1 }] });

  const client = new AbortController();
  const lines = await fetch(`${url}?after=1`, {
    headers: { accept: "application/x-ndjson" },
    signal: client.signal,
  });
  const reader = lines.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect(JSON.parse((await reader.read()).value!)).toMatchObject({ after: 1, seq: 1, entries: [] });
  await store.addDirective(revocation(2));
  expect(JSON.parse((await reader.read()).value!)).toMatchObject({
    after: 1,
    seq: 2,
    entries: [{ seq: 2 }],
  });
  const gone = new Promise((resolve) => asked.at(-1)!.signal.addEventListener("abort", resolve));
  client.abort();
  await gone;
  // The paywall's own follower stays; the listener of the client's request does not.
  expect(store.listeners).toBe(1);
});
