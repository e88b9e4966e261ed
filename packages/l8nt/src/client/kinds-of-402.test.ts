/**
 * Every kind of 402, with and without an `Authorization` of the caller's: which ones ask the client
 * for payment, and which ones are the caller's to read. spec/4-purchase.md §2.
 */
import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { ask402, challenger, site, type Town, town } from "../testing/fixtures/town.ts";
import { HttpClient } from "./client.ts";

type Answer = (response: ServerResponse, world: Town, url: string) => unknown;

const X402 = { network: "base", maxAmountRequired: "10000", extra: { name: "USDC" } };
const inBase64 = (value: unknown) => btoa(JSON.stringify(value));
const json = (response: ServerResponse, value: unknown, type = "application/json") =>
  response.writeHead(402, { "content-type": type }).end(JSON.stringify(value));

/** Of these, an API with keys may mean its own account. */
const OTHERS: readonly (readonly [string, Answer])[] = [
  ["nothing more", (response) => response.writeHead(402).end()],
  ["a text", (response) => response.writeHead(402).end("insufficient credit")],
  ["JSON of the API's own", (response) => json(response, { error: { code: "no_credit" } })],
  [
    "a problem of the API's own",
    (response) => json(response, { title: "No credit" }, "application/problem+json"),
  ],
  ["x402, version 1", (response) => json(response, { x402Version: 1, accepts: [X402] })],
  [
    "x402, version 2",
    (response) =>
      response.writeHead(402, { "payment-required": inBase64({ accepts: [X402] }) }).end(),
  ],
  [
    "MPP",
    (response) => {
      const request = inBase64({ amount: "1000", currency: "usd" });
      const field = `Payment id="a", realm="b", method="tempo", intent="charge", request="${request}"`;
      response.writeHead(402, { "www-authenticate": field }).end();
    },
  ],
  [
    "an unknown scheme",
    (response) => response.writeHead(402, { "www-authenticate": "Toll lane=1" }).end(),
  ],
];

const OURS: readonly (readonly [string, Answer])[] = [
  [
    "a challenge",
    async (response, world, url) => ask402(response, await challenger(world, url).demand()),
  ],
  [
    "a problem of spec page 3",
    (response) =>
      json(response, { code: "ERR_PAYMENT_REQUIRED", detail: "Pay." }, "application/problem+json"),
  ],
  [
    "the preference for no invoice granted",
    (response) => response.writeHead(402, { "preference-applied": "no-invoice" }).end("{}"),
  ],
];

const AUTHORIZATIONS: Readonly<Record<string, string | undefined>> = {
  "no Authorization": undefined,
  "an Authorization of the API's own": "Bearer mine",
  "a credential of the caller's own": "L402 AAAA:00",
};

const CLIENTS: readonly (readonly [string, (world: Town, url: string) => HttpClient])[] = [
  ["no credential", () => new HttpClient({})],
  ["a credential that can pay", (world) => world.connect(world.mint())],
  [
    "a credential for the service",
    (world, url) => {
      const { authority } = challenger(world, url);
      return world.connect(authority.minter.mint({ endpoints: [`* ${url}/**`], expiresIn: "1h" }));
    },
  ],
];

describe.each(CLIENTS)("a client with %s", (_client, clientOf) => {
  describe.each(Object.keys(AUTHORIZATIONS))("and %s", (name) => {
    const authorization = AUTHORIZATIONS[name];
    const outcome = async (answer: Answer) => {
      const world = await town();
      const shop = await site((_request, response, url) => answer(response, world, url));
      const headers = authorization === undefined ? {} : { authorization };
      try {
        return (await clientOf(world, shop.url).get(`${shop.url}/a`, { headers })).status;
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };

    test.each(OTHERS)("402 with %s", async (_kind, answer) => {
      const expected = authorization === undefined ? expect.stringMatching(/^ERR_/) : 402;
      expect(await outcome(answer)).toEqual(expected);
    });

    test.each(OURS)("402 with %s", async (_kind, answer) => {
      const isOwn = authorization?.startsWith("L402 ") === true;
      expect(await outcome(answer)).toEqual(isOwn ? 402 : expect.stringMatching(/^ERR_/));
    });
  });
});
