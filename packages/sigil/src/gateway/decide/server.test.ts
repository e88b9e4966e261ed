/** Who may ask for a decision, what is read of the question, and what is used by the answer. */
import { request } from "node:http";
import { Authority } from "l8nt/l402";
import { Paywall } from "l8nt/service";
import { MemoryStore } from "l8nt/stores/memory";
import { expect, onTestFinished, test } from "vitest";
import { listen } from "../core/server.ts";
import { type DecidedRoute, Decider } from "./decider.ts";
import type { ProxyName } from "./original.ts";
import { type Decided, DecideServer } from "./server.ts";

const LOCATION = "https://api.example";
const ROUTES: readonly DecidedRoute[] = [
  { method: "GET", path: "/open/**", access: "free", terms: {} },
  { method: "*", path: "/**", access: "credential", terms: {} },
];

async function world(proxy: ProxyName, store = new MemoryStore()) {
  const clock = () => 1_900_000_000;
  const alarms: unknown[] = [];
  const alarm = (...what: unknown[]) => alarms.push(what);
  const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
  const authority = new Authority({ secret, location: LOCATION, clock });
  const paywall = new Paywall({ authority, store, clock, alarm, revocations: { store } });
  const rows: Decided[] = [];
  const decider = new Decider(paywall, ROUTES);
  const server = new DecideServer({
    ...{ paywall, decider, proxy, alarm },
    decided: (row) => rows.push(row),
  });
  const { url, close } = await listen(server.serve);
  onTestFinished(async () => {
    await close(0);
    paywall.close();
  });
  const uses = (maxUses: number) => [
    "authorization",
    `Bearer ${authority.minter.mint({ endpoints: [`* ${LOCATION}/**`], expiresIn: "1h", maxUses }).toKey()}`,
  ];
  /** The status, for fields that may be there twice. */
  const ask = (path: string, fields: readonly string[], method = "GET") =>
    new Promise<number>((resolve, reject) => {
      const asked = request(url + path, { method, headers: ["host", "decide", ...fields] });
      asked.once("response", (response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      asked.once("error", reject);
      asked.end();
    });
  return { ask, uses, rows, alarms, paywall };
}

const NGINX = ["x-original-method", "GET", "x-original-uri", "/open/a"];
const FORWARDED = ["x-forwarded-method", "GET", "x-forwarded-uri", "/open/a"];

test.each([
  ["nginx", "/decide", NGINX, 200],
  ["caddy", "/decide", FORWARDED, 200],
  ["traefik", "/decide", FORWARDED, 200],
  ["envoy", "/decide/open/a", [], 200],
  // Fields of another proxy are the client's.
  ["nginx", "/decide", FORWARDED, 403],
  ["caddy", "/decide", NGINX, 403],
  ["traefik", "/decide", NGINX, 403],
  ["envoy", "/decide", [...NGINX, ...FORWARDED], 403],
  // Of two, one is the client's.
  ["nginx", "/decide", [...NGINX, "x-original-uri", "/open/b"], 403],
  ["nginx", "/decide", [...NGINX, "x-original-method", "GET"], 403],
  ["caddy", "/decide", [...FORWARDED, "x-forwarded-uri", "/open/a"], 403],
  ["nginx", "/decide", NGINX.slice(0, 2), 403],
  ["caddy", "/decide", FORWARDED.slice(2), 403],
  ["nginx", "/decide", ["x-original-method", "GET", "x-original-uri", ""], 403],
  ["nginx", "/open/a", NGINX, 404],
  ["caddy", "/decide/why", FORWARDED, 404],
  ["envoy", "/decided/open/a", [], 404],
] as const)("%s at %s with %j is answered %i", async (proxy, path, fields, status) => {
  expect(await (await world(proxy)).ask(path, fields)).toBe(status);
});

test("the answer to why a request was denied uses nothing, and lets nobody through", async () => {
  const { ask, uses } = await world("nginx");
  const asked = ["x-original-method", "GET", "x-original-uri", "/x", ...uses(1)];
  expect(await ask("/decide/why", asked)).toBe(503);
  expect(await ask("/decide", asked)).toBe(200);
  expect(await ask("/decide", asked)).toBe(403);
  expect(await ask("/decide/why", asked)).toBe(401);
});

test("a HEAD that passes uses nothing, as behind any paywall", async () => {
  const { ask, uses } = await world("caddy");
  const use = uses(1);
  const asked = (method: string) => [
    ...["x-forwarded-method", method, "x-forwarded-uri", "/x"],
    ...use,
  ];
  expect(await ask("/decide", asked("HEAD"))).toBe(200);
  expect(await ask("/decide", asked("GET"))).toBe(200);
  expect(await ask("/decide", asked("GET"))).toBe(401);
});

test.each(["reserve", "commit"] as const)(
  "nobody passes whose use is not written down: %s fails",
  async (step) => {
    const store = new MemoryStore();
    Object.assign(store, { [step]: () => Promise.reject(new Error("the disk is full")) });
    const { ask, uses } = await world("caddy", store);
    const asked = ["x-forwarded-method", "GET", "x-forwarded-uri", "/x", ...uses(1)];
    expect(await ask("/decide", asked)).toBeGreaterThanOrEqual(500);
  },
);

test("a metered route is refused", async () => {
  const { paywall } = await world("caddy");
  const terms = { metered: true, price: "1 sat" } as DecidedRoute["terms"];
  const route: DecidedRoute = { method: "GET", path: "/a", access: "credential", terms };
  expect(() => new Decider(paywall, [route])).toThrow(/metered/);
});
