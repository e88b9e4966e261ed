/** Law: what `sigil gateway check METHOD PATH` says is what the gateway does. */
import { request as send } from "node:http";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readConfigText } from "../config/read.ts";
import { town } from "../fixtures/town.ts";
import { explain, servicesOf } from "./explain.ts";

const rule = fc.record({
  match: fc.constantFrom(
    ...["GET /v1/models", "GET|POST /v1/**", "* /**", "POST /v1/chat/completions", "POST /v1/*/*"],
    ...["GET /a", "GET /*", "DELETE /a", "GET /v1/models/*", "POST /v1/audio/**"],
  ),
  access: fc.constantFrom("free", "credential", "freebie"),
  price: fc.constantFrom(undefined, "free", "meter", "0.01 usd", "10 sat"),
  withKey: fc.constantFrom(undefined, true, false),
});

const config = fc.record({
  preset: fc.constantFrom("openai", "generic"),
  price: fc.constantFrom(undefined, "free", "0.02 usd", "3 sat"),
  webSockets: fc.constantFrom(
    undefined,
    [{ path: "/v1/realtime", perMinute: "0.01 usd" }],
    [{ path: "/a/**", perMinute: "0.01 usd" }],
  ),
  routes: fc.option(fc.array(rule, { minLength: 1, maxLength: 4 }), { nil: undefined }),
});

const request = fc.record({
  method: fc.constantFrom("GET", "POST", "DELETE", "TRACE", "CONNECT", "PROPFIND"),
  path: fc.constantFrom(
    ...["/v1/models", "/v1/models/m", "/v1/chat/completions", "/v1/audio/transcriptions"],
    ...["/a", "/a/b", "/", "/%61", "/a//b", "/v1/realtime"],
    ...["/.well-known/l402", "/.well-known/l402/x", "/.well-known/l402xyz"],
    ...["/.well-known/sigil/budget", "/.well-known/sigil/budgets"],
  ),
  asksWebSocket: fc.boolean(),
  hasKey: fc.boolean(),
});

interface RuleText {
  readonly match: string;
  readonly access: string;
  readonly price: string | undefined;
  readonly withKey: boolean | undefined;
}

/** As an owner writes it: what goes together alone. */
const written = ({ access, price, withKey, match }: RuleText) => ({
  match,
  access,
  ...(access === "free" ? withKey !== undefined && { withKey } : price !== undefined && { price }),
  ...(access === "freebie" && {
    freePerDay: 1,
    price: price === undefined || price === "meter" ? "free" : price,
  }),
});

test("for random configurations and requests", async () => {
  await fc.assert(
    fc.asyncProperty(
      config,
      fc.array(request, { minLength: 1, maxLength: 4 }),
      async (given, requests) => {
        const { preset, price, routes, webSockets } = given;
        const text = JSON.stringify({
          services: {
            it: {
              ...{ preset, upstream: "http://a.example" },
              ...(price !== undefined && { price }),
              ...(webSockets !== undefined && { webSockets }),
              ...(routes !== undefined && { routes: routes.map(written) }),
            },
          },
        });
        const read = readConfigText(text, "test");
        const services = servicesOf(read);
        const one = read.services.it!;
        for (const { method, path, hasKey, asksWebSocket } of requests) {
          const isUpgrade = method === "GET" && asksWebSocket;
          const world = await town({
            preset,
            ...(one.routes && { rules: one.routes }),
            ...(one.price && { price: one.price }),
            ...(one.webSockets && { sockets: one.webSockets }),
          });
          let upgrades = 0;
          world.vendor.on("upgrade", (_incoming, socket) => {
            upgrades++;
            socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
          });
          const credential = world.mint({ budget: ["1 usd", "100 sat"] });
          const status = await statusOf(world.url, {
            ...{ method, path, isUpgrade },
            key: hasKey ? credential.toKey() : undefined,
          });
          const said = explain(services, method, path, isUpgrade && webSockets !== undefined);
          if (said.kind === "denied") {
            expect([status, world.seen.length, upgrades]).toEqual([said.status, 0, 0]);
            continue;
          }
          if (said.kind === "page") {
            const isThere = method === "GET" && path === "/.well-known/l402";
            const own = said.page === "sale" ? (isThere ? 200 : 404) : hasKey ? 200 : 401;
            expect([status, world.seen.length, upgrades]).toEqual([own, 0, 0]);
            continue;
          }
          if (said.kind === "webSocket") {
            expect([world.seen.length, upgrades]).toEqual([0, hasKey ? 1 : 0]);
            if (!hasKey) expect(status).toBe(401);
            continue;
          }
          expect(upgrades).toBe(0);
          const { rule: found, charge } = said.route;
          const isOpen = found.access !== "credential" && !(found.access === "freebie" && hasKey);
          const expected = isOpen ? 200 : hasKey ? (charge.kind === "unpriced" ? 403 : 200) : 401;
          expect(status).toBe(expected);
          expect(world.seen.length).toBe(status === 200 ? 1 : 0);
          await expect.poll(() => world.rows.length + world.denials.length).toBe(1);
          const spent = world.rows[0]?.spent;
          const metered = 10n + 20n * 10n;
          const cost = {
            free: undefined,
            unpriced: undefined,
            meter: metered,
            flat: charge.kind === "flat" ? charge.price.value : 0n,
          }[charge.kind];
          expect(spent).toBe(status === 200 && !isOpen ? cost : undefined);
        }
      },
    ),
    { numRuns: Number(process.env.SIGIL_LAW_RUNS ?? 60) },
  );
}, 120_000);

interface Asking {
  readonly method: string;
  readonly path: string;
  readonly isUpgrade: boolean;
  readonly key: string | undefined;
}

/** By node:http, because `fetch` sends no TRACE, no CONNECT and no upgrade. */
function statusOf(origin: string, { method, path, isUpgrade, key }: Asking): Promise<number> {
  const body = JSON.stringify({
    ...{ model: "gpt-test", max_tokens: 10 },
    messages: [{ role: "user", content: "hi" }],
  });
  return new Promise((resolve, reject) => {
    const asked = send(origin, {
      method,
      path,
      agent: false,
      headers: {
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...(isUpgrade && {
          ...{ connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" },
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        }),
      },
    });
    asked.on("connect", ({ statusCode = 0 }) => resolve(statusCode));
    asked.on("response", (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode ?? 0));
    });
    asked.on("error", reject);
    asked.end(method === "POST" ? body : undefined);
  });
}
