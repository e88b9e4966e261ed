/** Who may ask for a decision, what is read of the question, and what is used by the answer. */
import { request } from "node:http";
import { HolderKey } from "l8nt/holder";
import { Authority } from "l8nt/l402";
import { Paywall } from "l8nt/service";
import { MemoryStore } from "l8nt/stores/memory";
import { describe, expect, onTestFinished, test } from "vitest";
import { decide } from "../config/decide.ts";
import { ClientAddresses } from "../core/client-address.ts";
import { listen } from "../core/server.ts";
import type { Row } from "../observer.ts";
import { type DecidedRule, Decider } from "./decider.ts";
import type { Asker } from "./original.ts";
import { DecideServer } from "./server.ts";

const LOCATION = "https://api.example";
const ROUTES = [{ match: "GET /open/**", access: "free" }, { match: "* /**" }];

const rulesOf = (routes: readonly object[]): readonly DecidedRule[] =>
  decide.parse({ proxy: "caddy", location: LOCATION, routes }).routes;

async function world(
  proxy: Asker,
  store = new MemoryStore(),
  routes: readonly object[] = ROUTES,
  trusted: readonly string[] = [],
) {
  const clock = () => 1_900_000_000;
  const alarms: unknown[] = [];
  const alarm = (...what: unknown[]) => alarms.push(what);
  const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
  const authority = new Authority({ secret, location: LOCATION, clock });
  const paywall = new Paywall({ authority, store, clock, alarm, revocations: { store } });
  const rows: Row[] = [];
  const decider = new Decider(paywall, rulesOf(routes));
  const server = new DecideServer({
    ...{ decider, proxy, alarm, clock },
    clients: new ClientAddresses({ trusted }),
    observers: [{ settled: (row) => rows.push(row), denied: (row) => rows.push(row) }],
  });
  const replace = (next: readonly object[]) => server.replace(new Decider(paywall, rulesOf(next)));
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
  const asked = async (fields: Record<string, string>) => {
    const response = await fetch(`${url}/decide`, { headers: fields });
    return [response.status, response.headers.get("www-authenticate"), await response.text()];
  };
  return { ask, asked, uses, rows, alarms, paywall, replace, secret };
}

const NGINX = ["x-original-method", "GET", "x-original-uri", "/open/a"];
const FORWARDED = ["x-forwarded-method", "GET", "x-forwarded-uri", "/open/a"];

test.each([
  ["nginx", "/decide", NGINX, 200],
  ["caddy", "/decide", FORWARDED, 200],
  ["traefik", "/decide", FORWARDED, 200],
  ["envoy", "/decide/open/a", [], 200],
  ["application", "/decide", NGINX, 200],
  // Fields of another proxy are the client's.
  ["nginx", "/decide", FORWARDED, 403],
  ["caddy", "/decide", NGINX, 403],
  ["traefik", "/decide", NGINX, 403],
  ["application", "/decide", FORWARDED, 403],
  ["application", "/decide", [...NGINX, "x-original-uri", "/open/b"], 403],
  ["application", "/decide/why", NGINX, 404],
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
  expect(await ask("/decide/why", asked)).toBe(402);
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
  expect(await ask("/decide", asked("GET"))).toBe(402);
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
  const [rule] = rulesOf([{ match: "GET /a" }]);
  expect(() => new Decider(paywall, [{ ...rule!, price: "meter" }])).toThrow(/metered/);
});

const asking = (path: string, more: readonly string[] = []) => [
  ...["x-forwarded-method", "GET", "x-forwarded-uri", path],
  ...more,
];

test("who forges a credential is not told which check failed [case 98]", async () => {
  const { asked, uses, secret } = await world("caddy");
  const answer = (key: string) =>
    asked({
      "x-forwarded-method": "GET",
      "x-forwarded-uri": "/x",
      authorization: `Bearer ${key}`,
    });
  const genuine = uses(1)[1]!.slice("Bearer ".length);
  // A bit of its signature is turned.
  const at = genuine.length - 20;
  const altered = genuine.slice(0, at) + (genuine[at] === "A" ? "B" : "A") + genuine.slice(at + 1);
  const elsewhere = new Authority({
    secret: [...secret].reverse().join(""),
    location: LOCATION,
  }).minter.mint({ endpoints: [`* ${LOCATION}/**`], expiresIn: "1h" });
  const told = await answer(altered);
  expect(told).toMatchObject([401, expect.stringMatching(/^L402 version/), expect.any(String)]);
  expect(await answer(elsewhere.toKey())).toEqual(told);
  expect((await answer(genuine))[0]).toBe(200);
});

test("a credential is read beside elements of other schemes, in one line", async () => {
  const { ask, uses } = await world("caddy");
  const key = () => uses(5)[1]!;
  const l402 = () => key().replace("Bearer", "L402");
  const statusOf = (value: string) => ask("/decide", asking("/x", ["authorization", value]));
  expect(await statusOf(`Bearer sk-none, ${l402()}`)).toBe(200);
  expect(await statusOf(`${key()}, Basic YTpi`)).toBe(200);
  expect(await statusOf(`${key()}, ${l402()}`)).toBe(400);
  expect(await statusOf("Bearer sk-none, Basic YTpi")).toBe(401);
});

test("each decision is one row, no matter who asks", async () => {
  const { ask, uses, rows, paywall } = await world("caddy");
  const key = uses(1);
  await ask("/decide", asking("/open/a?b=c"));
  await ask("/decide", asking("/x", key));
  await ask("/decide", asking("/x", key));
  await ask("/decide", asking("/x"));
  await ask("/decide", []);
  const { node } = paywall.authority.verifier.authenticate(key[1]!.slice("Bearer ".length));
  const told = { service: "decide", method: "GET" };
  expect(rows).toMatchObject([
    { ...told, end: "passed", path: "/open/a", route: "/open/**", nodeId: undefined },
    { ...told, end: "passed", path: "/x", route: "/**", nodeId: node.id },
    { ...told, end: "denied", status: 402, code: "uses_exhausted", nodeId: node.id },
    { ...told, end: "denied", status: 401, code: "credential_missing", nodeId: undefined },
    { service: "decide", end: "denied", status: 403, code: "request_not_told" },
  ]);
});

test("an application is told every no, as the library has it, and a proxy the first", async () => {
  const answerOf = async (proxy: "application" | "caddy") => {
    const { asked, uses } = await world(proxy);
    const [, key = ""] = uses(1);
    const prefix = proxy === "caddy" ? "x-forwarded" : "x-original";
    const ask = () =>
      asked({ [`${prefix}-method`]: "GET", [`${prefix}-uri`]: "/x", authorization: key });
    expect((await ask())[0]).toBe(200);
    const [status, , body] = await ask();
    return { status, ...(JSON.parse(String(body)) as object) };
  };
  const told = { status: 402, code: "uses_exhausted", sigil: "ERR_USES", condition: "max_uses" };
  expect(await answerOf("application")).toMatchObject({
    ...told,
    refusals: [
      {
        code: "ERR_USES",
        condition: "max_uses",
        node: { id: expect.stringMatching(/^[0-9a-f]{32}$/) },
        have: "0 of 1 uses left",
        need: "1",
      },
    ],
  });
  const first = await answerOf("caddy");
  expect(first).toMatchObject(told);
  expect(first).not.toHaveProperty("refusals");
});

test("of nginx's two questions about one request comes one row", async () => {
  const { ask, rows } = await world("nginx");
  const asked = ["x-original-method", "GET", "x-original-uri", "/x"];
  expect([await ask("/decide", asked), await ask("/decide/why", asked)]).toEqual([403, 401]);
  expect(rows).toMatchObject([{ status: 401, code: "credential_missing" }]);
});

test("routes that are replaced decide new requests, and those under way end as they began", async () => {
  const store = new MemoryStore();
  const { ask, uses, rows, replace } = await world("caddy", store);
  let go = (): void => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  const reserve = store.reserve.bind(store);
  let isHeld = false;
  store.reserve = async (reservation) => {
    isHeld = true;
    await held;
    return reserve(reservation);
  };
  const before = ask("/decide", asking("/x", uses(1)));
  await expect.poll(() => isHeld).toBe(true);
  replace([{ match: "GET /y", access: "free" }]);
  expect(await ask("/decide", asking("/open/a"))).toBe(403);
  expect(await ask("/decide", asking("/y"))).toBe(200);
  go();
  expect(await before).toBe(200);
  expect(rows).toHaveLength(3);
});

describe("a credential that is bound to a key", () => {
  const clock = () => 1_900_000_000;
  const key = new HolderKey("9d".repeat(32), { clock });
  const told = (proxy: "caddy" | "nginx", method: string, path: string): readonly string[] => {
    const prefix = proxy === "nginx" ? "x-original" : "x-forwarded";
    return [`${prefix}-method`, method, `${prefix}-uri`, path];
  };
  async function bound(proxy: "caddy" | "nginx") {
    const { ask, paywall, alarms } = await world(proxy);
    const scope = { endpoints: [`* ${LOCATION}/**`], expiresIn: "1h", maxUses: 2 } as const;
    const mint = () => paywall.authority.minter.mint({ ...scope, holder: key.thumbprint });
    const credential = mint();
    /** The fields of a request that its client has signed, as a proxy passes them on. */
    const signed = (path = "/x", method = "GET", by = key, body?: string): readonly string[] => {
      const headers = { authorization: `Bearer ${credential.toKey()}` };
      const request = new Request(LOCATION + path, { method, headers });
      return [...by.sign(request, body === undefined ? body : Buffer.from(body))].flat();
    };
    return { ask, alarms, credential, mint, signed };
  }

  test("passes what its key signed, once, and counts it", async () => {
    const { ask, signed, alarms } = await bound("caddy");
    const first = signed("/x?a=b");
    const asked = (fields: readonly string[], path = "/x?a=b", method = "GET") =>
      ask("/decide", [...told("caddy", method, path), ...fields], "GET");
    expect(await asked(first)).toBe(200);
    expect(await asked(first)).toBe(403);
    expect(await asked(signed())).toBe(403);
    expect(await asked(signed("/x", "HEAD"), "/x", "HEAD")).toBe(200);
    expect(await asked(signed(), "/x")).toBe(200);
    expect(await asked(signed(), "/x")).toBe(402);
    expect(alarms).toEqual([]);
  });

  test("denies without a right signature, and where there may be content that it does not see", async () => {
    const { ask, signed, credential, mint } = await bound("caddy");
    const other = new HolderKey(undefined, { clock });
    const bearer = ["authorization", `Bearer ${credential.toKey()}`];
    const asked = (fields: readonly string[], method = "GET") =>
      ask("/decide", [...told("caddy", method, "/x"), ...fields]);
    for (const fields of [bearer, signed("/y"), signed("/x", "POST"), signed("/x", "GET", other)])
      expect(await asked(fields)).toBe(403);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      expect(await asked(signed("/x", method), method)).toBe(403);
      expect(await asked(signed("/x", method, key, "a"), method)).toBe(403);
    }
    // A signature that says that there is content.
    expect(await asked(signed("/x", "GET", key, "a"))).toBe(403);
    // Another credential of the same key, in a field that was not covered.
    const bare = key.sign(new Request(`${LOCATION}/x`));
    expect(await asked([...[...bare].flat(), "x-api-key", mint().toKey()])).toBe(403);
    expect(await asked(signed())).toBe(200);
  });

  test("why it was denied is told of the same signature, and lets nobody through", async () => {
    const { ask, signed } = await bound("nginx");
    const asked = (path: string, fields: readonly string[]) =>
      ask(path, [...told("nginx", "GET", "/x"), ...fields]);
    const unused = signed();
    // Nothing is known against it yet, so it would pass.
    expect(await asked("/decide/why", unused)).toBe(503);
    expect(await asked("/decide", unused)).toBe(200);
    expect(await asked("/decide", signed())).toBe(200);
    const usedUp = signed();
    expect(await asked("/decide", usedUp)).toBe(403);
    expect(await asked("/decide/why", usedUp)).toBe(402);
    expect(await asked("/decide/why", signed("/y"))).toBe(403);
  });
});

test.each([
  ["caddy", "x-forwarded-for", "192.0.2.1, 10.0.0.1"],
  ["envoy", "x-real-ip", "192.0.2.1"],
] as const)("behind %s, free requests are by the address in %s", async (proxy, field, value) => {
  const routes = [{ match: "GET /a", access: "freebie", freePerDay: 1, price: "free" }];
  const { ask } = await world(proxy, new MemoryStore(), routes, ["10.0.0.0/8"]);
  const path = proxy === "envoy" ? "/decide/a" : "/decide";
  const statuses: number[] = [];
  for (const sent of [value, value, value.replace("192.0.2", "198.51.100"), `1.1.1.1, ${value}`])
    statuses.push(await ask(path, [...asking("/a"), field, sent]));
  expect(statuses).toEqual([200, 401, 200, 401]);
});
