/** What a configuration may say, and what is refused with its line, its key and what to do. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { folderInFile, readConfigText } from "./read.ts";

const read = (text: string) => readConfigText(text, "sigil.yaml");
const SECRET = "sk-live-CANARY0123456789abcdef";

test("the shortest configuration has the defaults of the flags", () => {
  expect(read("services: { openai: { preset: openai } }")).toEqual({
    listen: { host: "127.0.0.1", port: 8410 },
    dir: "sigil-gateway",
    maxSilence: "10s",
    logLevel: "info",
    prices: {},
    books: { keepDays: 90, keepRows: 500_000 },
    trust: [],
    allowPrivateIssuers: false,
    shadow: false,
    agentKey: { expiresIn: "30d" },
    alerts: { thresholds: [50, 80, 100] },
    services: { openai: { preset: "openai", allow: { tools: {}, fields: [] } } },
  });
});

test("issuers are https origins, or on loopback, in any spelling", () => {
  const trust = ["https://treasury.example", "https://a.example:443/", "http://127.0.0.1:8402"];
  expect(read(`trust: ${JSON.stringify(trust)}\n${SERVICE}`).trust).toEqual(trust);
  expect(read(`trust: []\n${SERVICE}`).trust).toEqual([]);
});

test("every key is read", () => {
  const config = read(`
listen: { host: "::1", port: 9000, location: "https://llm.example/", trustedProxies: ["10.0.0.0/8"], forwardedField: forwarded, tlsCert: c.pem, tlsKey: k.pem }
dir: /var/lib/sigil
logLevel: warn
prices: { file: mine.yaml, margin: "1.1" }
agentKey: { budget: [5 usd/day, 100 usd], models: [gpt-5*], expiresIn: 12h }
services:
  llm:
    preset: openai
    prefix: /llm
    upstream: https://api.example
    keys: ["env:A", "file:/run/b"]
    allow: { tools: { web_search: 5 }, fields: [metadata2] }
`);
  expect(config).toMatchObject({
    listen: {
      location: "https://llm.example",
      port: 9000,
      trustedProxies: ["10.0.0.0/8"],
      forwardedField: "forwarded",
    },
    agentKey: {
      budget: [
        { amount: "5 usd", unit: "usd_micro", span: "day" },
        { amount: "100 usd", unit: "usd_micro", span: undefined },
      ],
    },
    services: { llm: { keys: ["env:A", "file:/run/b"], allow: { tools: { web_search: 5 } } } },
  });
});

test("a path that is open to WebSockets has its price, and limits", () => {
  const { services } = read(
    "services: { a: { preset: openai, webSockets: [{ path: /v1/realtime, perMinute: 0.06 usd, idle: 30s }] } }",
  );
  expect(services.a!.webSockets).toEqual([
    {
      path: "/v1/realtime",
      capability: "realtime",
      perMinute: { unit: "usd_micro", value: 60_000n },
      perConnection: undefined,
      idleMs: 30_000,
      totalMs: 3_600_000,
    },
  ]);
});

const SERVICE = "services: { openai: { preset: openai } }";

describe("is refused", () => {
  test.each<[what: string, text: string, message: string]>([
    ["nothing", "", "sigil.yaml:1: it is empty."],
    [
      "an issuer over plain http",
      `trust: ["https://a.example", "http://treasury.example"]\n${SERVICE}`,
      "sigil.yaml:1: trust[1] must be the origin of an issuer, such as https://treasury.example, with http on loopback alone.",
    ],
    [
      "an issuer with a path",
      `trust:\n  - https://treasury.example/a\n${SERVICE}`,
      "sigil.yaml:2: trust[0] must be the origin of an issuer, such as https://treasury.example, with http on loopback alone.",
    ],
    [
      "an issuer that a challenge could not list",
      `trust: ['https://a,b.example']\n${SERVICE}`,
      "sigil.yaml:1: trust[0] must be the origin of an issuer, such as https://treasury.example, with http on loopback alone.",
    ],
    [
      "17 issuers",
      `trust: [${Array.from({ length: 17 }, (_, at) => `https://t${at}.example`).join(", ")}]\n${SERVICE}`,
      "sigil.yaml:1: trust is too long: challenges list the issuers, so 16 at most are possible, with 1,024 characters in all.",
    ],
    [
      "issuers of more than 1,024 characters",
      `trust: [${Array.from("abcde", (name) => `https://${`${name.repeat(50)}.`.repeat(4)}example`).join(", ")}]\n${SERVICE}`,
      "sigil.yaml:1: trust is too long: challenges list the issuers, so 16 at most are possible, with 1,024 characters in all.",
    ],
    [
      "a list",
      "- a",
      "sigil.yaml:1: it must be a map of keys: { key: value }, or a line for each.",
    ],
    ["no service", "dir: x", "sigil.yaml:1: services is missing."],
    ["an empty list of services", "services: {}", "services needs at least one service."],
    ["a key twice", `dir: a\n${SERVICE}\ndir: b`, "sigil.yaml:3: dir is there twice. Keep one."],
    [
      "a key twice, deep",
      "services:\n  a:\n    preset: openai\n    preset: stripe",
      "sigil.yaml:4: services.a.preset is there twice. Keep one.",
    ],
    [
      "a key twice, in another spelling of the same text",
      `dir: a\n"dir": b\n${SERVICE}`,
      "sigil.yaml:2: dir is there twice",
    ],
    [
      "an anchor",
      `dir: &d x\n${SERVICE}`,
      "sigil.yaml:1: dir has an anchor (&). Write the value where it is used.",
    ],
    [
      "an alias",
      `dir: &d x\n${SERVICE}\nlogLevel: *d`,
      "sigil.yaml:3: logLevel is an alias (*). Write the value out.",
    ],
    ["an alias for nothing", `dir: *d\n${SERVICE}`, "sigil.yaml:1: dir is an alias (*)."],
    [
      "an alias in a list",
      "services:\n  a:\n    preset: openai\n    keys: [&k 'env:A', *k]",
      "sigil.yaml:4: services.a.keys[0] has an anchor (&)",
    ],
    [
      "a merge",
      `<<: { dir: x }\n${SERVICE}`,
      "sigil.yaml:1: << merges another part. Write the keys out.",
    ],
    ["a tag", `dir: !!str x\n${SERVICE}`, "sigil.yaml:1: dir has a tag (!)."],
    ["a tag that is unknown", `dir: !env x\n${SERVICE}`, "sigil.yaml:1: "],
    ["an anchor on a key", `&a dir: x\n${SERVICE}`, "sigil.yaml:1: it has a key with an anchor"],
    [
      "a tab",
      "services:\n\topenai: { preset: openai }",
      "sigil.yaml:2: it is indented with a tab.",
    ],
    ["two documents", `${SERVICE}\n---\n${SERVICE}`, "begins a second document (---)"],
    ["an open quote", 'dir: "x', "sigil.yaml:1: it lacks a character"],
    [
      "an unknown key",
      `dri: x\n${SERVICE}`,
      "sigil.yaml:1: dri is not a key of the configuration. Did you mean dir?",
    ],
    [
      "an unknown key, deep",
      "services:\n  openai:\n    preset: openai\n    upstrem: https://a.example",
      "sigil.yaml:4: services.openai.upstrem is not a key of the configuration. Did you mean upstream?",
    ],
    [
      "an unknown key that is like none",
      `${SERVICE}\nlisten:\n  zzz: 1`,
      "sigil.yaml:3: listen.zzz is not a key of the configuration. Known here: host, port, location, trustedProxies, forwardedField, tlsCert, tlsKey.",
    ],
    [
      "a trusted proxy that is no network",
      `${SERVICE}\nlisten: { trustedProxies: ["10.0.0.1", "10.0.0.0/33"] }`,
      'sigil.yaml:2: listen.trustedProxies[1] must be an address or a network, such as "10.0.0.1" or "2001:db8::/32".',
    ],
    [
      "an empty value",
      "dir:\nservices: { a: { preset: openai } }",
      "sigil.yaml:1: dir is empty. Give it a value, or leave it out.",
    ],
    ["a number for text", `dir: 5\n${SERVICE}`, "sigil.yaml:1: dir must be text."],
    [
      "text for a number",
      `listen: { port: "8410" }\n${SERVICE}`,
      "listen.port must be a number from 1 to 65535.",
    ],
    [
      "a port that is none",
      `listen: { port: 0 }\n${SERVICE}`,
      "listen.port must be a number from 1 to 65535.",
    ],
    [
      "a port with a fraction",
      `listen: { port: 1.5 }\n${SERVICE}`,
      "listen.port must be a number from 1 to 65535.",
    ],
    [
      "a certificate without its key",
      `listen: { tlsCert: c.pem }\n${SERVICE}`,
      "listen.tlsKey is missing",
    ],
    [
      "a location with a path",
      `listen: { location: "https://a.example/b" }\n${SERVICE}`,
      "listen.location must be an http or https URL without a path.",
    ],
    [
      "an upstream with a password",
      "services: { a: { preset: openai, upstream: 'https://u:p@a.example' } }",
      "services.a.upstream must be an http or https URL without a path.",
    ],
    [
      "a preset that there is not",
      "services: { a: { preset: opena1 } }",
      "services.a.preset must be one of openai, ",
    ],
    ["no preset", "services: { a: {} }", "services.a.preset is missing: one of openai, "],
    [
      "a name in capitals",
      "services: { OpenAI: { preset: openai } }",
      "services.OpenAI is no name of a service: write it in lower case.",
    ],
    [
      "a prefix without a slash",
      "services: { a: { preset: openai, prefix: v } }",
      "services.a.prefix must be a path such as /openai",
    ],
    [
      "a prefix twice",
      "services:\n  a: { preset: openai }\n  b: { preset: stripe, prefix: /a }",
      "sigil.yaml:3: services.b.prefix is that of a too.",
    ],
    [
      "a key in the place of a reference",
      `services: { a: { preset: openai, keys: [${SECRET}] } }`,
      "services.a.keys[0] must say where the key is, and not be the key itself",
    ],
    ...(
      [
        ["without a path", "{ match: GET }", "match must be methods and a path below the prefix"],
        ["without a method", "{ match: /v1 }", "match must be methods and a path"],
        ["with a method in lower case", "{ match: get /v1 }", "match must be methods"],
        ["with ** inside", "{ match: GET /**/a }", "match must be methods"],
        ["with an escape", "{ match: GET /%41 }", "match must be methods"],
        ["with a query", "{ match: 'GET /a?b=c' }", "match must be methods"],
        ["with a place that is none", "{ match: 'GET /{id}' }", "match must be methods"],
        ["without match", "{ access: free }", "match is missing."],
        [
          "with another access",
          "{ match: GET /a, access: open }",
          "access must be one of free, credential, paid, freebie.",
        ],
        [
          "with a price without a unit",
          "{ match: GET /a, price: '5' }",
          'price must be an amount in US dollars or sat, such as "0.01 usd" or "10 sat", or free, or meter.',
        ],
        ["with a price of zero", "{ match: GET /a, price: 0 usd }", "price must be an amount"],
        [
          "with a number for a price",
          "{ match: GET /a, price: 5 }",
          'price must be an amount in US dollars or sat, such as "0.01 usd"',
        ],
        [
          "with a price for nobody",
          "{ match: GET /a, access: free, price: 1 sat }",
          "price is for routes that need a credential.",
        ],
        [
          "with a capability for nobody",
          "{ match: GET /a, access: free, capability: audio }",
          "capability is for routes that need a credential.",
        ],
        [
          "with a capability that is none",
          "{ match: GET /a, capability: 'a,b' }",
          "capability must be a name such as audio, or customers:read.",
        ],
        [
          "with the key on a route that always has it",
          "{ match: GET /a, withKey: true }",
          "withKey is for routes with access: free.",
        ],
        [
          "with freebies without a number",
          "{ match: GET /a, access: freebie, price: 1 sat }",
          "freePerDay is missing",
        ],
        [
          "with freebies of a meter",
          "{ match: GET /a, access: freebie, freePerDay: 1 }",
          "price must be an amount, such as",
        ],
        [
          "with a number of freebies elsewhere",
          "{ match: GET /a, freePerDay: 1 }",
          "freePerDay is for routes with access: freebie.",
        ],
        [
          "that is for sale",
          "{ match: GET /a, access: paid }",
          "access is paid, so the configuration",
        ],
        [
          "with a typing error",
          "{ match: GET /a, prise: free }",
          "prise is not a key of the configuration. Did you mean price?",
        ],
      ] as const
    ).map(
      ([what, route, message]) =>
        [
          `a route ${what}`,
          `services:\n  a:\n    preset: openai\n    routes:\n      - { match: GET /b }\n      - ${route}`,
          `sigil.yaml:6: services.a.routes[1].${message}`,
        ] as [string, string, string],
    ),
    ...(
      [
        ["at a price in dollars", "price: 1 usd", "", "access is paid, so its price is in sat"],
        ["for nothing", "price: free", "", "access is paid, and its price is free."],
        [
          "by a meter without prices",
          "price: meter",
          "",
          "access is paid by its meter, so `selling`",
        ],
      ] as const
    ).map(
      ([what, price, terms, message]) =>
        [
          `a route that is sold ${what}`,
          `selling: { ${terms} }\nservices:\n  a:\n    preset: openai\n    routes:\n      - { match: GET /a, access: paid, ${price} }`,
          `sigil.yaml:6: services.a.routes[0].${message}`,
        ] as [string, string, string],
    ),
    ...(
      [
        ["a wallet that is a URL", `wallet: "lnd+https://${SECRET}"`, "wallet must say where"],
        ["a payment in dollars", "prepaid: 1 usd", "prepaid must be an amount in sat, such as"],
        ["a payment of nothing", "most: 0 sat", "most must be an amount in sat"],
        ["a least above the most", "prepaid: 20000 sat", "prepaid is more than `most`"],
        ["a rate without a unit", "dollar: '1500'", "dollar must be an amount in sat"],
        [
          "a model at half a price",
          "models: { a: { input: 1 sat } }",
          "models.a.output is missing",
        ],
      ] as const
    ).map(
      ([what, terms, message]) =>
        [
          `selling with ${what}`,
          `selling: { ${terms} }\n${SERVICE}`,
          `sigil.yaml:1: selling.${message}`,
        ] as [string, string, string],
    ),
    [
      "no route",
      "services: { a: { preset: openai, routes: [] } }",
      "services.a.routes needs at least one route",
    ],
    [
      "a budget where nothing costs anything",
      "agentKey: { budget: [5 usd] }\nservices: { a: { preset: stripe } }",
      "agentKey.budget[0] is in US dollars, and nothing here is priced in US dollars. Leave it out.",
    ],
    [
      "a budget in dollars where all is priced in sat",
      "agentKey: { budget: [5 usd] }\nservices: { a: { preset: generic, price: 1 sat } }",
      'nothing here is priced in US dollars. Write sat, such as "1000 sat/day".',
    ],
    [
      "capabilities of a service that there is not",
      `agentKey: { capabilities: { stripe: [customers:read] } }\n${SERVICE}`,
      "agentKey.capabilities.stripe is no service here: openai.",
    ],
    [
      "a key as the name of a key",
      `services: { a: { preset: openai, ${SECRET}: x } }`,
      "services.a.(not shown) is not a key of the configuration.",
    ],
    [
      "one key that is no list",
      "services: { a: { preset: openai, keys: env:A } }",
      'services.a.keys must be a list of where keys are, such as ["env:OPENAI_API_KEY"]: env:NAME, file:/path, or cmd:program arguments.',
    ],
    [
      "a number for a key",
      "services: { a: { preset: openai, keys: [5] } }",
      "services.a.keys[0] must say where the key is, and not be the key itself: env:NAME,",
    ],
    [
      "a route as text",
      "services: { a: { preset: openai, routes: [GET /a] } }",
      "services.a.routes[0] must be a map of keys: { key: value }, or a line for each.",
    ],
    [
      "one budget that is no list",
      `agentKey: { budget: 5 usd }\n${SERVICE}`,
      "agentKey.budget must be a list: [one, another], or a line with a dash for each.",
    ],
    [
      "a margin as a number",
      `prices: { margin: 1.1 }\n${SERVICE}`,
      'prices.margin must be text in quotes, such as "1.1".',
    ],
    [
      "a budget without a unit",
      `agentKey: { budget: ["5"] }\n${SERVICE}`,
      "agentKey.budget[0] must be an amount in US dollars or sat",
    ],
    [
      "a budget in a unit that nothing has a price in",
      `agentKey: { budget: [500 sat] }\n${SERVICE}`,
      'agentKey.budget[0] is in sat, and nothing here is priced in sat. Write US dollars, such as "5 usd/day".',
    ],
    [
      "a budget of a week",
      `agentKey: { budget: [5 usd/week] }\n${SERVICE}`,
      "agentKey.budget[0] must be an amount",
    ],
    [
      "two budgets of a day",
      `agentKey: { budget: [5 usd/day, 6 usd/day] }\n${SERVICE}`,
      "agentKey.budget has two amounts for one span.",
    ],
    [
      "a duration without a unit",
      `agentKey: { expiresIn: "30" }\n${SERVICE}`,
      "agentKey.expiresIn must be a number with s, m, h or d",
    ],
    [
      "no calls of a tool",
      "services: { a: { preset: openai, allow: { tools: { web_search: 0 } } } }",
      "services.a.allow.tools.web_search must be 1 or more.",
    ],
    [
      "a WebSocket without a price",
      "services: { a: { preset: openai, webSockets: [{ path: /v1/realtime }] } }",
      "services.a.webSockets[0].perMinute is missing.",
    ],
    [
      "a WebSocket that costs nothing",
      "services: { a: { preset: openai, webSockets: [{ path: /a, perMinute: 0 usd }] } }",
      "services.a.webSockets[0].perMinute must be an amount",
    ],
    [
      "a WebSocket in two units",
      "services: { a: { preset: openai, webSockets: [{ path: /a, perMinute: 1 usd, perConnection: 1 sat }] } }",
      "services.a.webSockets[0].perConnection must be in the unit of perMinute",
    ],
    [
      "a WebSocket that is open for longer than a timer can wait",
      "services: { a: { preset: openai, webSockets: [{ path: /a, perMinute: 1 usd, longest: 25d }] } }",
      "services.a.webSockets[0].longest must be at most 24d",
    ],
    ...["33 MiB", "0 MiB", "10 MB", "10", "1.5 MiB"].map(
      (size) =>
        [
          `a largest body of ${size}`,
          `services: { a: { preset: openai, maxBody: "${size}" } }`,
          'services.a.maxBody must be a size from 1 to 32 MiB, such as "32 MiB"',
        ] as [string, string, string],
    ),
    ["a file that is too long", `# ${"x".repeat(1024 * 1024)}\n${SERVICE}`, "is longer than 1 MiB"],
  ])("%s", (_what, text, message) => {
    expect(() => read(text)).toThrow(message);
    try {
      read(text);
    } catch (error) {
      expect((error as Error).message).not.toContain("CANARY");
      expect((error as Error).message).toMatch(/^sigil\.yaml:\d+: /);
    }
  });

  test("with every mistake at once, in the order of their lines", () => {
    const text = "services:\n  a:\n    preset: openai\n    prefix: x\ndri: 1\nlogLevel: loud";
    expect(() => read(text)).toThrow(
      /^sigil\.yaml:4: services\.a\.prefix .*\nsigil\.yaml:5: dri .*\nsigil\.yaml:6: logLevel must be one of trace, .*$/,
    );
  });
});

test("gateways that share a store have one location, and secrets that stand elsewhere", () => {
  const shared = (more: string) => () =>
    read(`{ services: { openai: { preset: openai } }, ${more} }`);
  const all = `store: "env:URL", secret: "file:/s", maxSilence: 1h, listen: { location: "https://a.example" }`;
  expect(shared(all)()).toMatchObject({ store: "env:URL", secret: "file:/s", maxSilence: "1h" });
  expect(shared(`store: "env:URL"`)).toThrow("listen.location is missing");
  for (const [key, value] of [
    ["store", "postgres://u:p4ss@h/d"],
    ["secret", "ab".repeat(32)],
    ["maxSilence", "1s"],
  ] as const) {
    expect(shared(`${key}: "${value}"`)).toThrow(new RegExp(`${key} must`));
    expect(shared(`${key}: "${value}"`)).not.toThrow(value);
  }
});

test.each([
  ["a whole file", "services: { a: { preset: ollama } }\ndir: mine\n", "mine"],
  ["an absolute one", "dir: '/srv/sigil' # books\n", "/srv/sigil"],
  ["a key that is wrong", "dir: mine\nservces: {}\n", "mine"],
  ["no YAML", 'dir: "mine"\nservices: { a: [\n', "mine"],
  ["no YAML, a comment", "services: { a: [\ndir: my gateway # here\n", "my gateway"],
  ["none", "services: { a: [\n", "sigil-gateway"],
])("an owner's commands find the folder in a file with %s", (_what, text, folder) => {
  const dir = mkdtempSync(join(tmpdir(), "config-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "sigil.yaml");
  writeFileSync(file, text);
  expect(folderInFile(file)).toBe(resolve(dir, folder));
});
