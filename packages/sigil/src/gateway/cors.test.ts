/** Pages of other origins at a gateway: what a browser is told, and what the vendor sees of it. */
import { connect } from "node:http2";
import { FakeInvoicer } from "l8nt/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { CERT, KEY } from "../../../l8nt/src/wallets/fixtures/tls.ts";
import { readConfigText } from "./config/read.ts";
import { completion, type Play, town } from "./fixtures/town.ts";
import { DEFAULT_TERMS } from "./selling/seller.ts";

const PAGE = "https://app.example";
const OTHER = "https://evil.example";
const TLS = { cert: CERT, key: KEY };
const ROUTES = [
  '{ match: "POST /v1/chat/completions" }',
  '{ match: "GET|HEAD /paid", access: paid, price: 3 sat }',
  "{ match: GET /open, access: free }",
  "{ match: OPTIONS /own, access: free }",
];

const NONE = "";
const ONE_PAGE = `cors: { origins: ["${PAGE}"] }, `;
const EVERY_PAGE = 'cors: { origins: ["*"] }, ';

/** The part of a configuration that says which pages are served. */
const serviceOf = (cors: string) =>
  readConfigText(
    `
selling: {}
services:
  openai: { preset: openai, ${cors}routes: [${ROUTES}] }`,
    "test",
  ).services.openai!;

/** As a vendor whose own site is another one. */
const vendor: Play = ({ method }, answer) => {
  answer.setHeader("access-control-allow-origin", "https://vendor.example");
  answer.setHeader("access-control-allow-credentials", "true");
  answer.setHeader("access-control-expose-headers", "x-request-id");
  answer.setHeader("vary", "Accept-Language");
  answer.setHeader("content-type", "application/json");
  answer.end(method === "HEAD" ? undefined : completion(10, 20));
};

async function stage(cors = ONE_PAGE) {
  const { routes: rules, cors: rule } = serviceOf(cors);
  return town({
    ...{ preset: "openai", play: vendor, rules: rules! },
    ...(rule && { cors: rule }),
    selling: {
      invoicer: new FakeInvoicer(() => 1_900_000_000),
      terms: DEFAULT_TERMS,
      models: {},
      msatPerUsd: undefined,
    },
  });
}

/** The fields of an answer that a browser reads for CORS. */
const corsOf = ({ headers }: Response) =>
  Object.fromEntries(
    [...headers].filter(([name]) => name.startsWith("access-control-") || name === "vary"),
  );

const asking = (origin: string, method = "POST", names = "authorization, content-type") => ({
  method: "OPTIONS",
  headers: {
    origin,
    "access-control-request-method": method,
    "access-control-request-headers": names,
  },
});

const VARIES = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
const NOTHING = { vary: VARIES };
const ALLOWED = {
  ...NOTHING,
  "access-control-allow-methods": "POST",
  "access-control-allow-headers": "authorization, content-type",
  "access-control-max-age": "600",
};

describe("a preflight is answered here, costs nothing, and is written down nowhere", () => {
  const PATHS = [
    ...["/v1/chat/completions", "/paid", "/open", "/own", "/unlisted"],
    ...["/.well-known/l402", "/.well-known/sigil/budget"],
  ];
  test.each<[what: string, cors: string, origin: string, fields: object]>([
    [
      "an allowed page",
      `cors: { origins: ["https://b.example", "${PAGE}"] }, `,
      PAGE,
      { ...ALLOWED, "access-control-allow-origin": PAGE },
    ],
    ["any page", EVERY_PAGE, OTHER, { ...ALLOWED, "access-control-allow-origin": "*" }],
    [
      "one for an hour",
      `cors: { origins: ["${PAGE}"], maxAge: 1h }, `,
      PAGE,
      { ...ALLOWED, "access-control-allow-origin": PAGE, "access-control-max-age": "3600" },
    ],
    ["another page", ONE_PAGE, OTHER, NOTHING],
    ["a page whose origin begins alike", ONE_PAGE, `${PAGE}.evil`, NOTHING],
    ["a page that says null", ONE_PAGE, "null", NOTHING],
    ["a page where none is served", NONE, PAGE, NOTHING],
  ])("%s", async (_what, cors, origin, fields) => {
    const world = await stage(cors);
    for (const path of PATHS) {
      const response = await fetch(world.url + path, asking(origin));
      expect([response.status, await response.text()]).toEqual([204, ""]);
      expect(corsOf(response)).toEqual(fields);
    }
    expect([world.seen, world.rows, world.denials, world.alarms]).toEqual([[], [], [], []]);
  });

  test("what it asks for is only written back in the form of a method and of names", async () => {
    const world = await stage();
    const odd = asking(PAGE, "PO ST", "authorization; x");
    const response = await fetch(`${world.url}/open`, odd);
    expect(Object.keys(corsOf(response)).sort()).toEqual([
      ...["access-control-allow-origin", "access-control-max-age", "vary"],
    ]);
  });
});

describe("an OPTIONS that asks nothing for a page is a request as others are", () => {
  test.each<[what: string, path: string, init: RequestInit, status: number]>([
    ["of a page, to a listed route", "/own", { headers: { origin: PAGE } }, 200],
    ["of no page, to a listed route", "/own", {}, 200],
    ["to a route that does not list it", "/open", { headers: { origin: PAGE } }, 403],
    ["without an origin", "/own", { headers: { "access-control-request-method": "GET" } }, 200],
    ["with a body", "/own", { ...asking(PAGE), body: "{}" }, 200],
  ])("%s", async (_what, path, init, status) => {
    const world = await stage();
    const response = await fetch(world.url + path, { ...init, method: "OPTIONS" });
    expect(response.status).toBe(status);
    expect(world.seen.map(({ method }) => method)).toEqual(status === 200 ? ["OPTIONS"] : []);
    expect([...world.rows, ...world.denials]).toHaveLength(1);
  });
});

describe("an allowed page reads the answer, and any other one does not", () => {
  const world = async (cors: string) => {
    const made = await stage(cors);
    const key = made.mint().toKey();
    const body = JSON.stringify({ model: "gpt-test", max_tokens: 100, messages: [] });
    const chat = (headers: Record<string, string>) =>
      fetch(`${made.url}/v1/chat/completions`, { method: "POST", body, headers });
    const authorization = `Bearer ${key}`;
    const get = (path: string) => (headers: Record<string, string>) =>
      fetch(made.url + path, { headers });
    return {
      ...made,
      ask: {
        "a model's answer": (more: Record<string, string>) => chat({ authorization, ...more }),
        "a free answer": get("/open"),
        "a refusal without a key": chat,
        "a refusal of a route": get("/unlisted"),
        "a price": get("/paid"),
        "what is left of a key": (more: Record<string, string>) =>
          get("/.well-known/sigil/budget")({ authorization, ...more }),
        "what is sold": get("/.well-known/l402"),
      },
    };
  };
  const statuses = [200, 200, 401, 403, 402, 200, 200];

  test.each<[what: string, cors: string, origin: string | undefined, fields: object]>([
    [
      "an allowed page",
      ONE_PAGE,
      PAGE,
      { "access-control-allow-origin": PAGE, "access-control-expose-headers": "*" },
    ],
    [
      "any page",
      EVERY_PAGE,
      OTHER,
      { "access-control-allow-origin": "*", "access-control-expose-headers": "*" },
    ],
    ["another page", ONE_PAGE, OTHER, {}],
    ["no page", ONE_PAGE, undefined, {}],
  ])("%s", async (_what, cors, origin, fields) => {
    const { ask } = await world(cors);
    const found: number[] = [];
    for (const [what, send] of Object.entries(ask)) {
      const response = await send(origin === undefined ? {} : { origin });
      found.push(response.status);
      await response.arrayBuffer();
      const { vary = "", ...others } = corsOf(response);
      expect([what, others]).toEqual([what, fields]);
      // A cache keeps the answer for one page from another, and what the vendor says of its own.
      expect([what, vary.split(", ").includes("Origin")]).toEqual([what, cors === ONE_PAGE]);
      const isOfVendor = what === "a model's answer" || what === "a free answer";
      expect([what, vary.includes("Accept-Language")]).toEqual([what, isOfVendor]);
    }
    expect(found).toEqual(statuses);
  });

  test("where no page is served, a vendor's fields open nothing", async () => {
    const { routes: rules } = serviceOf(NONE);
    const made = await town({ preset: "openai", play: vendor, rules: rules! });
    const response = await fetch(`${made.url}/open`, { headers: { origin: PAGE } });
    expect([response.status, corsOf(response)]).toEqual([200, { vary: "Accept-Language" }]);
  });

  test("over HTTP/2 too", async () => {
    const { routes: rules, cors } = serviceOf(ONE_PAGE);
    const made = await town({
      preset: "openai",
      play: vendor,
      rules: rules!,
      cors: cors!,
      tls: TLS,
    });
    const session = connect(made.url, { ca: CERT });
    onTestFinished(() => session.close());
    const stream = session.request({ ":path": "/open", origin: PAGE });
    stream.resume();
    const head = await new Promise<Record<string, unknown>>((resolve) =>
      stream.once("response", resolve),
    );
    expect(head).toMatchObject({
      ":status": 200,
      "access-control-allow-origin": PAGE,
      "access-control-expose-headers": "*",
      vary: "Accept-Language, Origin",
    });
  });
});

test("a vendor does not judge a page that the gateway allows, and judges every other one", async () => {
  const fields = (page: string) => ({ origin: page, referer: `${page}/a`, "sec-fetch-site": "x" });
  const sent = async (cors: string, page: string) => {
    const world = await stage(cors);
    await fetch(`${world.url}/open`, { headers: fields(page) });
    const { rawHeaders } = world.seen[0]!;
    return rawHeaders
      .filter((_, at) => at % 2 === 0)
      .map((name) => name.toLowerCase())
      .filter((name) => Object.hasOwn(fields(page), name));
  };
  const all = Object.keys(fields(PAGE));
  expect(await sent(ONE_PAGE, PAGE)).toEqual([]);
  expect(await sent(EVERY_PAGE, OTHER)).toEqual([]);
  expect(await sent(ONE_PAGE, OTHER)).toEqual(all);
  expect(await sent(NONE, PAGE)).toEqual(all);
});

describe("HEAD", () => {
  test("asks the price that a GET has, and costs what a GET costs", async () => {
    const invoicer = new FakeInvoicer(() => 1_900_000_000);
    const { routes: rules } = serviceOf(NONE);
    const terms = { ...DEFAULT_TERMS, prepaidMsat: 9000n };
    const selling = { invoicer, terms, models: {}, msatPerUsd: undefined };
    const world = await town({ preset: "openai", play: vendor, rules: rules!, selling });
    const ask = (method: string, credential?: string) =>
      fetch(`${world.url}/paid`, {
        method,
        ...(credential !== undefined && { headers: { authorization: `L402 ${credential}` } }),
      });
    const unpaid = [await ask("HEAD"), await ask("GET")];
    expect(unpaid.map(({ status }) => status)).toEqual([402, 402]);
    expect(await unpaid[0]!.text()).toBe("");
    expect(invoicer.requests.map(({ amountMsat }) => amountMsat)).toEqual([9000n, 9000n]);
    const bought = invoicer.buy(unpaid[0]!.headers.get("www-authenticate")!);
    for (const method of ["HEAD", "GET", "HEAD"])
      expect((await ask(method, bought)).status).toBe(200);
    expect(world.rows.map(({ method, spent }) => [method, spent])).toEqual([
      ["HEAD", 3000n],
      ["GET", 3000n],
      ["HEAD", 3000n],
    ]);
    expect((await ask("GET", bought)).status).toBe(402);
  });

  test("and a conditional GET that says nothing new costs nothing", async () => {
    const invoicer = new FakeInvoicer(() => 1_900_000_000);
    const { routes: rules } = serviceOf(NONE);
    const selling = { invoicer, terms: DEFAULT_TERMS, models: {}, msatPerUsd: undefined };
    const play: Play = ({ rawHeaders }, answer) => {
      const isKnown = rawHeaders.includes('"v1"');
      answer.writeHead(isKnown ? 304 : 200, { etag: '"v1"' }).end(isKnown ? undefined : "new");
    };
    const world = await town({ preset: "openai", play, rules: rules!, selling });
    const ask = (more: Record<string, string>) =>
      fetch(`${world.url}/paid`, { headers: more, cache: "no-store" });
    const bought = invoicer.buy((await ask({})).headers.get("www-authenticate")!);
    const authorization = `L402 ${bought}`;
    expect((await ask({ authorization, "if-none-match": '"v1"' })).status).toBe(304);
    expect((await ask({ authorization, "if-none-match": '"v0"' })).status).toBe(200);
    expect((await ask({ authorization })).status).toBe(402);
    expect(world.rows.map(({ status, spent }) => [status, spent])).toEqual([
      [304, 0n],
      [200, 3000n],
    ]);
  });
});

describe("origins in a configuration", () => {
  test.each([
    ...["https://app.example", "http://localhost:3000", "http://127.0.0.1:8080", "https://[::1]:1"],
    ...["app://obsidian.md", "tauri://localhost", "chrome-extension://abcdefghijklmnop", "*"],
  ])("%s is one", (origin) => {
    expect(serviceOf(`cors: { origins: ["${origin}"] }, `).cors!.origins).toEqual(
      new Set([origin]),
    );
  });

  test.each([
    ...["https://app.example/", "https://app.example/a", "app.example", "HTTPS://app.example"],
    ...["https://App.example", "https://app.example:443", "https://*.example", "null", ""],
    ...["https://a.example, https://b.example", "https://u@app.example", "https://app.example?"],
  ])("%j is none, and the error says what is", (origin) => {
    expect(() => serviceOf(`cors: { origins: ["${origin}"] }, `)).toThrow(
      /origin as browsers write it/,
    );
  });

  test("a list is not empty, and nothing opens cookies", () => {
    expect(() => serviceOf("cors: { origins: [] }, ")).toThrow(/at least one origin/);
    expect(() => serviceOf(`cors: { origins: ["${PAGE}"], credentials: true }, `)).toThrow(
      /credentials/,
    );
  });
});
