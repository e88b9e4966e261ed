/** The owner's routes: who gets through, at what price, and what that comes to on every end. */
import { once } from "node:events";
import { request } from "node:http";
import { promisify } from "node:util";
import type { Credential, Scope } from "l8nt";
import { describe, expect, onTestFinished, test } from "vitest";
import { readConfigText } from "./config/read.ts";
import { answers, completion, type Play, town, VENDOR_KEY } from "./fixtures/town.ts";

/** Routes as an owner writes them. */
function read(preset: string, routes: string, price?: string) {
  const text = `services: { it: { preset: ${preset}, upstream: "http://a.example", ${price === undefined ? "" : `price: ${price}, `}${routes === "" ? "" : `routes: [${routes}]`} } }`;
  const { routes: rules, price: whole } = readConfigText(text, "test").services.it!;
  return { preset, ...(rules && { rules }), ...(whole && { price: whole }) };
}

async function stage(preset: string, routes: string, price?: string) {
  const world = await town(read(preset, routes, price));
  const used = async (credential: Credential) => {
    const { limits } = world.service.paywall.authority.verifier.authenticate(credential);
    const spending = limits.filter(({ kind }) => kind === "spend");
    const usages = await world.books.usage(
      spending.map(({ counted }) => counted),
      world.time.now,
    );
    return Object.fromEntries(
      usages.map(({ used: all, reserved }, at) => [spending[at]!.unit, [all, reserved]]),
    );
  };
  const call = (
    credential: Credential | undefined,
    { method = "GET", path = "/a", ...init }: RequestInit & { readonly path?: string } = {},
  ) =>
    fetch(world.url + path, {
      method,
      ...init,
      headers: {
        ...(credential && { authorization: `Bearer ${credential.toKey()}` }),
        ...(init.headers as Record<string, string>),
      },
    });
  return { ...world, used, call };
}

const codeOf = async (response: Response): Promise<string | undefined> => {
  const body = (await response.json()) as { code?: string; error?: { code?: string } };
  return body.code ?? body.error?.code;
};

/** A key without a budget. */
const NONE: Scope = {};
const USD: Scope = { budget: "1 usd" };
const SAT: Scope = { budget: "100 sat" };

describe("with this route, a request", () => {
  test.each<{
    readonly route: string;
    readonly key?: Scope;
    readonly method?: string;
    readonly path?: string;
    readonly status: number;
    readonly code?: string;
    /** What the vendor sees as authorization; undefined: the request does not reach it. */
    readonly sent?: "key" | "nothing";
    readonly used?: Record<string, readonly bigint[]>;
  }>([
    // Nobody needs a credential.
    { route: "{ match: GET /a, access: free }", status: 200, sent: "nothing" },
    { route: "{ match: GET /a, access: free, withKey: true }", status: 200, sent: "key" },
    { route: "{ match: GET /a, access: free, withKey: false }", status: 200, sent: "nothing" },
    {
      route: "{ match: GET /a, access: free }",
      key: USD,
      status: 200,
      sent: "nothing",
      used: { usd_micro: [0n, 0n] },
    },
    // Methods and paths.
    {
      route: "{ match: GET /a, access: free }",
      method: "POST",
      status: 403,
      code: "route_not_listed",
    },
    { route: "{ match: GET /a, access: free }", method: "HEAD", status: 403 },
    {
      route: '{ match: "GET|HEAD /a", access: free }',
      method: "HEAD",
      status: 200,
      sent: "nothing",
    },
    { route: "{ match: '* /a', access: free }", method: "PATCH", status: 200, sent: "nothing" },
    {
      route: "{ match: GET /a, access: free }",
      path: "/a/b",
      status: 403,
      code: "route_not_listed",
    },
    { route: "{ match: GET /*/b, access: free }", path: "/x/b", status: 200, sent: "nothing" },
    { route: "{ match: GET /*/b, access: free }", path: "/x/y/b", status: 403 },
    { route: "{ match: GET /**, access: free }", path: "/x/y/b", status: 200, sent: "nothing" },
    { route: "{ match: GET /a, access: free }", path: "/%61", status: 400 },
    // The first match counts.
    {
      route: "{ match: GET /a, access: free }, { match: GET /**, price: free }",
      status: 200,
      sent: "nothing",
    },
    {
      route: "{ match: GET /a, access: free }, { match: GET /**, price: free }",
      path: "/b",
      status: 401,
      code: "credential_missing",
    },
    {
      route: "{ match: GET /**, price: free }, { match: GET /a, access: free }",
      status: 401,
      code: "credential_missing",
    },
    // A credential, and nothing to pay.
    { route: "{ match: GET /a, price: free }", status: 401, code: "credential_missing" },
    { route: "{ match: GET /a, price: free }", key: NONE, status: 200, sent: "key" },
    {
      route: "{ match: GET /a, price: free, capability: audio }",
      key: { ...NONE, capabilities: { generic: ["audio"] } },
      status: 200,
      sent: "key",
    },
    {
      route: "{ match: GET /a, price: free, capability: audio }",
      key: { ...NONE, capabilities: { generic: ["call"] } },
      status: 403,
      code: "capability_not_allowed",
    },
    {
      route: "{ match: 'GET /{resource}', price: free, capability: '{resource}:read' }",
      key: { ...NONE, capabilities: { generic: ["a:read"] } },
      status: 200,
      sent: "key",
    },
    // A flat price, in each unit.
    {
      route: "{ match: GET /a, price: 0.01 usd }",
      key: USD,
      status: 200,
      sent: "key",
      used: { usd_micro: [10_000n, 0n] },
    },
    {
      route: "{ match: POST /a, price: 10 sat }",
      key: SAT,
      method: "POST",
      status: 200,
      sent: "key",
      used: { msat: [10_000n, 0n] },
    },
    { route: "{ match: GET /a, price: 0.01 usd }", status: 401, code: "credential_missing" },
    { route: "{ match: GET /a, price: 0.01 usd }", key: NONE, status: 402, code: "budget_missing" },
    {
      route: "{ match: GET /a, price: 0.01 usd }",
      key: SAT,
      status: 402,
      code: "budget_missing",
      used: { msat: [0n, 0n] },
    },
    {
      route: "{ match: GET /a, price: 10 sat }",
      key: USD,
      status: 402,
      code: "budget_missing",
      used: { usd_micro: [0n, 0n] },
    },
    {
      route: "{ match: GET /a, price: 2 usd }",
      key: USD,
      status: 402,
      code: "budget_exhausted",
      used: { usd_micro: [0n, 0n] },
    },
    {
      route: "{ match: GET /a, price: 10 sat }",
      key: { ...SAT, maxPrice: "9 sat" },
      status: 402,
      code: "price_above_limit",
      used: { msat: [0n, 0n] },
    },
    // Nothing says what it costs.
    { route: "{ match: GET /a }", key: USD, status: 403, code: "route_not_priced" },
    { route: "{ match: GET /a, price: meter }", key: USD, status: 403, code: "route_not_priced" },
    // Each address has some.
    {
      route: "{ match: GET /a, access: freebie, freePerDay: 1, price: 10 sat }",
      status: 200,
      sent: "key",
    },
    {
      route: "{ match: GET /a, access: freebie, freePerDay: 1, price: 10 sat }",
      key: SAT,
      status: 200,
      sent: "key",
      used: { msat: [10_000n, 0n] },
    },
  ])("$route: $method $path with $key is $status", async (row) => {
    const { key, method = "GET", path = "/a", status, code, sent, used = {} } = row;
    const world = await stage("generic", row.route);
    const { minter } = world.service.paywall.authority;
    const credential =
      key && minter.mint({ endpoints: ["* http://gateway.example/**"], expiresIn: "1h", ...key });
    const response = await world.call(credential, { method, path });
    expect(response.status).toBe(status);
    if (code === undefined) await response.text();
    else expect(await codeOf(response)).toBe(code);
    const expected = { key: `Bearer ${VENDOR_KEY}`, nothing: undefined };
    const authorization = (lines: readonly string[]) =>
      lines[lines.findIndex((name) => name.toLowerCase() === "authorization") + 1];
    expect(
      world.seen.map(({ rawHeaders }) =>
        rawHeaders.some((name) => name.toLowerCase() === "authorization")
          ? authorization(rawHeaders)
          : undefined,
      ),
    ).toEqual(sent === undefined ? [] : [expected[sent]]);
    if (credential === undefined) return;
    await expect
      .poll(() => world.used(credential))
      .toEqual(Object.keys(used).length === 0 ? expect.anything() : used);
  });
});

test("the price of a service is that of each request that no meter has one for", async () => {
  const world = await stage("openai", "", "0.02 usd");
  const credential = world.mint({ budget: "1 usd" });
  const upload = { method: "POST", path: "/v1/audio/transcriptions", body: new FormData() };
  expect((await world.call(credential, upload)).status).toBe(200);
  await expect.poll(() => world.used(credential)).toEqual({ usd_micro: [20_000n, 0n] });
  // 10 tokens of input at 1, and 20 of output at 10.
  expect((await world.chat(credential)).status).toBe(200);
  await expect.poll(() => world.used(credential)).toEqual({ usd_micro: [20_210n, 0n] });
});

describe("an answer at a flat price of 0.01 usd", () => {
  test.each<[what: string, play: Parameters<typeof town>[0] & object, used: bigint]>([
    ["2xx is charged", { play: answers("{}", 201) }, 10_000n],
    ["304 is not", { play: answers("", 304) }, 0n],
    ["404 is not", { play: answers("{}", 404) }, 0n],
    ["429 is not", { play: answers("{}", 429) }, 0n],
    ["500 is not", { play: answers("{}", 500) }, 0n],
    ["that refuses the gateway's key is not", { play: answers("{}", 401) }, 0n],
    ["that never begins is not", { play: (_seen, answer) => answer.destroy() }, 0n],
    [
      "that breaks off is charged",
      {
        play: (_seen, answer) => {
          answer.writeHead(200).write("x");
          setImmediate(() => answer.destroy());
        },
      },
      10_000n,
    ],
  ])("%s", async (_what, { play }, used) => {
    const world = await stage("generic", "{ match: '* /**', price: 0.01 usd }");
    world.play(play!);
    const credential = world.mint(USD);
    const response = await world.call(credential);
    await response.text().catch(() => {});
    await expect.poll(() => world.rows.length).toBe(1);
    expect(await world.used(credential)).toEqual({ usd_micro: [used, 0n] });
    expect(world.rows[0]).toMatchObject({ unit: "usd_micro", reserved: 10_000n, spent: used });
  });

  test("whose client leaves before it begins is charged: the vendor may have done it", async () => {
    const world = await stage("generic", "{ match: '* /**', price: 0.01 usd }");
    const arrived = new Promise<void>((resolve) => {
      world.play(() => resolve());
    });
    const credential = world.mint(USD);
    const leaving = new AbortController();
    const lost = world.call(credential, { signal: leaving.signal }).catch(() => {});
    await arrived;
    leaving.abort();
    await lost;
    await expect.poll(() => world.rows.length).toBe(1);
    expect(await world.used(credential)).toEqual({ usd_micro: [10_000n, 0n] });
  });

  test("says in Sigil-Budget what it cost, and what is left", async () => {
    const world = await stage("generic", "{ match: '* /**', price: 0.01 usd }");
    const credential = world.mint(USD);
    expect((await world.call(credential)).headers.get("sigil-budget")).toBe(
      'cost="0.01 usd", left=("0.99 usd";of="1 usd")',
    );
    world.play(answers("{}", 500));
    expect((await world.call(credential)).headers.get("sigil-budget")).toBeNull();
  });
});

describe("a use of a request without a price is used up if the vendor may have served it", () => {
  const uses = async (play: Play, method = "GET", leaves = false) => {
    const world = await stage("generic", "{ match: '* /**', price: free }");
    const arrived = new Promise<void>((resolve) => {
      world.play((...played) => {
        resolve();
        return play(...played);
      });
    });
    const credential = world.mint({ maxUses: 2 });
    const leaving = new AbortController();
    const asked = world.call(credential, { method, signal: leaving.signal }).catch(() => {});
    await arrived;
    if (leaves) leaving.abort();
    await asked.then((response) => response?.text()).catch(() => {});
    await expect.poll(() => world.rows.length).toBe(1);
    const { limits } = world.service.paywall.authority.verifier.authenticate(credential);
    const { counted } = limits.find(({ kind }) => kind === "uses")!;
    const [usage] = await world.books.usage([counted], world.time.now);
    return [usage!.used, usage!.reserved];
  };

  test.each<[what: string, used: bigint, ...Parameters<typeof uses>]>([
    ["200", 1n, answers("{}")],
    ["200 to HEAD", 1n, answers(""), "HEAD"],
    ["a client that leaves before an answer", 1n, () => {}, "POST", true],
    ["404", 0n, answers("{}", 404)],
    ["500", 0n, answers("{}", 500)],
    ["a vendor that dies before its answer", 0n, (_seen, answer) => answer.destroy()],
  ])("%s", async (_what, used, ...ends) => {
    expect(await uses(...ends)).toEqual([used, 0n]);
  });
});

test("of 100 requests at once with room for 10, ten reach the vendor", async () => {
  const world = await stage("generic", "{ match: '* /**', price: 0.1 usd }");
  const credential = world.mint(USD);
  const statuses = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const response = await world.call(credential);
      await response.text();
      return response.status;
    }),
  );
  expect(statuses.filter((status) => status === 200).length).toBe(10);
  expect(statuses.filter((status) => status === 402).length).toBe(90);
  expect(world.seen.length).toBe(10);
  await expect.poll(() => world.used(credential)).toEqual({ usd_micro: [1_000_000n, 0n] });
});

describe("a body of any type and size reaches the vendor as it was sent", () => {
  test.each<[what: string, type: string, body: Uint8Array<ArrayBuffer>]>([
    ["JSON that has a key twice", "application/json", bytes('{"a":1,"a":2}')],
    ["a form", "application/x-www-form-urlencoded", bytes("a=1&a=2")],
    ["an upload", "multipart/form-data; boundary=x", bytes("--x\r\n\r\n\r\n--x--")],
    [
      "24 MiB, more than is ever kept",
      "application/octet-stream",
      bytes("0123456789abcdef".repeat(1_500_000)),
    ],
  ])("%s", async (_what, type, body) => {
    const world = await stage("generic", "{ match: '* /**', price: 10 sat }");
    const response = await world.call(world.mint(SAT), {
      method: "PUT",
      body,
      headers: { "content-type": type },
    });
    expect(response.status).toBe(200);
    const [seen] = world.seen;
    expect(fieldOf(seen!.rawHeaders, "content-type")).toBe(type);
    expect(seen!.body === new TextDecoder().decode(body)).toBe(true);
  });
});

const fieldOf = (lines: readonly string[], name: string): string | undefined =>
  lines[lines.findIndex((line, at) => at % 2 === 0 && line.toLowerCase() === name) + 1];

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
describe("a flat price on a route that a meter knows", () => {
  const routes = "{ match: POST /v1/chat/completions, price: 10 sat }";

  test("is charged instead of its tokens, also for a model without a price", async () => {
    const world = await stage("openai", routes);
    world.play(answers(completion(1000, 1000)));
    const credential = world.mint(SAT);
    expect((await world.chat(credential, { model: "unlisted" })).status).toBe(200);
    await expect.poll(() => world.used(credential)).toEqual({ msat: [10_000n, 0n] });
  });

  test("lets nothing through that costs more than tokens, and another model than a key has", async () => {
    const world = await stage("openai", routes);
    const credential = world.mint({ ...SAT, models: ["gpt-test"] });
    const other = await world.chat(credential, { model: "gpt-dear" });
    expect([other.status, await codeOf(other)]).toEqual([403, "model_not_allowed"]);
    const search = await world.chat(credential, { web_search_options: {} });
    expect(search.status).toBe(403);
    expect(world.seen).toEqual([]);
    expect((await world.chat(credential)).status).toBe(200);
  });

  test("denies a key for some models on a route whose body nobody reads", async () => {
    const world = await stage("generic", "{ match: POST /a, price: 10 sat }");
    const credential = world.mint({ ...SAT, models: ["gpt-test"] });
    const response = await world.call(credential, { method: "POST", body: "{}" });
    expect([response.status, await codeOf(response)]).toEqual([403, "model_not_allowed"]);
  });
});

describe("what the vendor would bill beside a token is refused without a credential too", () => {
  const body = JSON.stringify({ model: "gpt-test", tools: [{ type: "web_search" }], input: "x" });
  test.each([
    ["a freebie", "access: freebie, freePerDay: 5, price: 10 sat"],
    ["free, with the vendor's key", "access: free, withKey: true"],
  ])("%s", async (_what, terms) => {
    const world = await stage("openai", `{ match: POST /v1/responses, ${terms} }`);
    const ask = (text: string) =>
      world.call(undefined, { method: "POST", path: "/v1/responses", body: text });
    const refused = await ask(body);
    expect([refused.status, await codeOf(refused)]).toEqual([403, "tool_not_metered"]);
    expect(world.seen).toEqual([]);
    expect((await ask('{"model":"gpt-test","input":"x"}')).status).toBe(200);
    expect(world.seen).toHaveLength(1);
  });
});

test("requests without a credential hold half of the connections, and a key the others", async () => {
  const { rules } = read(
    "openai",
    "{ match: '* /pub/**', access: free }, { match: POST /v1/chat/completions }",
  );
  const world = await town({ rules: rules!, connections: 8 });
  const { port } = new URL(world.url);
  const slow = Array.from({ length: 12 }, (_, at) => {
    const upload = request({
      ...{ port, method: "POST", path: "/pub/up", localAddress: `127.0.0.${2 + (at % 6)}` },
      headers: { "content-length": 100 },
    });
    upload.on("error", () => {}).write("x");
    onTestFinished(() => void upload.destroy());
    return once(upload, "socket");
  });
  await Promise.all(slow);
  const connections = promisify(world.vendor.getConnections.bind(world.vendor));
  await expect.poll(() => connections()).toBe(4);
  const response = await world.chat(world.mint());
  expect(response.status).toBe(200);
});

describe("freebies", () => {
  const FREE = "{ match: GET /a, access: freebie, freePerDay: 2, price: 10 sat }";
  const behindProxy = async (routes = FREE) => {
    const world = await town({ ...read("generic", routes), trustedProxies: ["127.0.0.1"] });
    const ask = async (address: string, path = "/a") =>
      fetch(world.url + path, { headers: { "x-forwarded-for": address } });
    const statuses = async (times: number, addressOf: (at: number) => string) => {
      const found: number[] = [];
      for (let at = 0; at < times; at++) found.push((await ask(addressOf(at))).status);
      return found.filter((status) => status === 200).length;
    };
    return { ...world, ask, statuses };
  };

  test("are counted for each address and day, and then a credential is needed", async () => {
    const world = await stage("generic", FREE);
    const statuses = await Promise.all(
      [1, 2, 3, 4].map(async () => (await world.call(undefined)).status),
    );
    expect(statuses.sort()).toEqual([200, 200, 401, 401]);
    const refused = (await (await world.call(undefined)).json()) as { detail: string };
    expect(refused.detail).toContain("this address has 2 requests a day here");
    const from = request(`${world.url}/a`, { localAddress: "127.0.0.2" }).end();
    const [other] = (await once(from, "response")) as [{ statusCode: number; resume(): void }];
    other.resume();
    expect(other.statusCode).toBe(200);
    const credential = world.mint(SAT);
    expect((await world.call(credential)).status).toBe(200);
    await expect.poll(() => world.used(credential)).toEqual({ msat: [10_000n, 0n] });
    // The next midnight of UTC.
    world.time.now += 86_400 - (world.time.now % 86_400);
    expect((await world.call(undefined)).status).toBe(200);
  });

  test.each([
    ["one address behind ports", 9, (at: number) => `192.0.2.1:${at + 1000}`, 2],
    ["an IPv4 /24", 40, (at: number) => `192.0.2.${at}`, 16],
    ["an IPv6 /64", 9, (at: number) => `2001:db8::${at + 1}`, 2],
    ["an IPv6 /48", 40, (at: number) => `2001:db8:0:${(at * 256).toString(16)}::1`, 8],
    ["what a client wrote before its proxy", 9, (at: number) => `1.1.1.${at}, 192.0.2.1`, 2],
  ])("%s that asks %i times has its part", async (_, times, addressOf, free) => {
    expect(await (await behindProxy()).statuses(times, addressOf)).toBe(free);
  });

  test("what an untrusted client says of its address is ignored", async () => {
    const world = await stage("generic", FREE);
    const statuses: number[] = [];
    for (let at = 0; at < 4; at++) {
      const headers = { "x-forwarded-for": `192.0.2.${at}`, forwarded: `for=192.0.2.${at}` };
      statuses.push((await world.call(undefined, { headers })).status);
    }
    expect(statuses).toEqual([200, 200, 401, 401]);
  });

  test("two paths have two quotas, and no address is in the books", async () => {
    const world = await behindProxy(`${FREE}, ${FREE.replace("/a", "/b")}`);
    const statuses: number[] = [];
    for (const path of ["/a", "/a", "/a", "/b"])
      statuses.push((await world.ask("192.0.2.77", path)).status);
    expect(statuses).toEqual([200, 200, 401, 200]);
    const entries = JSON.stringify(await world.books.journal(0, 1_000), (_key, value) =>
      typeof value === "bigint" ? `${value}` : value,
    );
    expect(entries).toContain("free.");
    expect(entries).not.toContain("192.0.2");
  });

  test.each<readonly [string, Play, number]>([
    ["an error of the vendor is one", answers("no", 500), 500],
    ["a vendor that hangs up is one", (_request, answer) => answer.destroy(), 502],
  ])("%s", async (_, play, status) => {
    const world = await town({ ...read("generic", FREE), play });
    const call = async () => (await fetch(`${world.url}/a`)).status;
    expect([await call(), await call(), await call()]).toEqual([status, status, 401]);
  });

  test("one that the vendor was never asked is given back", async () => {
    const world = await stage("generic", FREE);
    world.vendor.close();
    world.vendor.closeAllConnections();
    const statuses: number[] = [];
    for (let at = 0; at < 4; at++) statuses.push((await world.call(undefined)).status);
    expect(statuses).toEqual([502, 502, 502, 502]);
  });

  test("one that waits for a connection is not counted before its turn", async () => {
    const world = await town({ ...read("generic", FREE), connections: 2 });
    world.play(() => {});
    const slow = new AbortController();
    const under = [1, 2].map(() =>
      fetch(`${world.url}/a`, { signal: slow.signal }).catch(() => {}),
    );
    await expect.poll(() => world.seen.length).toBe(1);
    // With a slot comes its claim, and the one that waits has neither.
    const claims = await world.books.abandoned(Number.MAX_SAFE_INTEGER);
    expect(claims.filter(({ id }) => id.startsWith("use."))).toHaveLength(1);
    slow.abort();
    await Promise.all(under);
  });
});
