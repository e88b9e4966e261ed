/** What the key that is printed opens: what was there when it was printed, and nothing else. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority } from "l8nt/l402";
import { Paywall } from "l8nt/service";
import { MemoryStore } from "l8nt/stores/memory";
import { describe, expect, onTestFinished, test } from "vitest";
import { prefixOf } from "../config/config.ts";
import { readConfigText } from "../config/read.ts";
import { SECRET } from "../fixtures/town.ts";
import type { Service } from "../service.ts";
import { keyFor, scopeOf } from "./agent-key.ts";
import { openFolder } from "./folder.ts";
import { warningsOf } from "./moved.ts";

const LOCATION = "http://127.0.0.1:8410";
const read = (services: string) => readConfigText(`services: { ${services} }`, "sigil.yaml");

const authorityOf = (service: string, prefix: string) =>
  new Authority({ secret: SECRET, location: LOCATION + prefix, service });

/** By service: the code that its paywall denies a request with, or "served". */
async function opened(printed: string, at: string, method: string): Promise<readonly string[]> {
  const before = read(printed);
  const [first = ""] = Object.keys(before.services);
  const minting = authorityOf(first, prefixOf(first, before));
  const key = minting.minter.mint(scopeOf(before)).toKey();
  const now = read(at);
  return Promise.all(
    Object.keys(now.services).map(async (service) => {
      const authority = authorityOf(service, prefixOf(service, now));
      const paywall = new Paywall({ authority, store: new MemoryStore() });
      onTestFinished(() => paywall.close());
      const decision = await paywall.route().authorize({
        method,
        target: "/v1/charges",
        authorization: `L402 ${key}`,
        capability: "charges:write",
        headers: () => new Headers(),
      });
      return decision.granted ? "served" : (decision.error?.code ?? "");
    }),
  );
}

const OPENAI = "openai: { preset: openai }";
const STRIPE = "stripe: { preset: stripe }";
const LOCAL = "local: { preset: ollama, prefix: /openai/local }";
const BESIDE = "openai: { preset: openai, prefix: /openai }";

describe.each([
  ["one service, and the same later", OPENAI, OPENAI, ["served"], ["served"]],
  [
    "one that is added where the first was alone",
    OPENAI,
    `${OPENAI}, ${STRIPE}`,
    ["served", "ERR_SERVICE"],
    ["served", "ERR_SERVICE"],
  ],
  [
    "one that is added below another",
    BESIDE,
    `${BESIDE}, ${LOCAL}`,
    ["served", "ERR_SERVICE"],
    ["served", "ERR_SERVICE"],
  ],
  [
    "all that were there",
    `${BESIDE}, ${LOCAL}`,
    `${BESIDE}, ${LOCAL}`,
    ["served", "served"],
    ["served", "served"],
  ],
  [
    "what moves money, beside another",
    `${OPENAI}, ${STRIPE}`,
    `${OPENAI}, ${STRIPE}`,
    ["served", "served"],
    ["served", "ERR_ENDPOINT"],
  ],
  [
    "what moves money, with another below it",
    `openai: { preset: openai, prefix: /stripe/llm }, ${STRIPE}`,
    `openai: { preset: openai, prefix: /stripe/llm }, ${STRIPE}`,
    ["served", "served"],
    ["served", "ERR_ENDPOINT"],
  ],
] as const)("%s", (_what, printed, at, get, post) => {
  test("is opened as far as the key was printed for it", async () => {
    expect(await opened(printed, at, "GET")).toEqual(get);
    expect(await opened(printed, at, "POST")).toEqual(post);
  });
});

describe("a service that the key may only read at", () => {
  const BELOW = [
    `openai: { preset: openai, prefix: "" }, ${STRIPE}`,
    "a: { preset: generic, upstream: 'http://a.example', prefix: /a }, stripe: { preset: stripe, prefix: /a/b }",
  ];
  test.each(BELOW)("is refused below the prefix of one that it may write at: %s", (services) => {
    expect(() => read(services)).toThrow(/services\.stripe.*is below that of \w+, so the key/s);
  });

  test("may stand there once its owner has named what the key may do", () => {
    const { services } = readConfigText(
      `agentKey: { capabilities: { stripe: ["customers:read"] } }\nservices: { ${BELOW[0]} }`,
      "sigil.yaml",
    );
    expect(Object.keys(services)).toEqual(["openai", "stripe"]);
  });

  test.each([
    `openai: { preset: openai, prefix: /stri }, ${STRIPE}`,
    `stripe: { preset: stripe, prefix: "" }, shop: { preset: stripe }`,
  ])("may stand elsewhere: %s", (services) => {
    expect(read(services)).toBeDefined();
  });
});

test.each([
  ["nothing", OPENAI, OPENAI, []],
  [
    "a service that goes",
    `${OPENAI}, ${STRIPE}`,
    `openai: { preset: openai, prefix: /openai }`,
    [],
  ],
  [
    "a second service",
    OPENAI,
    `${OPENAI}, ${STRIPE}`,
    [
      'openai moved from / to /openai: agents that have its URL of before are refused. To leave it there, write services.openai.prefix: "".',
      "stripe is new: no key of before opens it. The key of the next start does.",
    ],
  ],
])("what SIGHUP changes for agents is told: %s", (_what, before, next, warnings) => {
  expect(warningsOf(read(before), read(next))).toEqual(warnings);
});

describe.each(["in the folder", "in a store that is shared"])(
  "the key of a start, kept %s",
  (where) => {
    test("is printed again until it is revoked, and also while it is frozen", async () => {
      const path = mkdtempSync(join(tmpdir(), "sigil-key-"));
      onTestFinished(() => rmSync(path, { recursive: true }));
      const books = new MemoryStore({ journal: true });
      const store = where === "in the folder" ? books : Object.assign(books, { shared: true });
      const authority = authorityOf("openai", "");
      const paywall = new Paywall({ authority, store, revocations: { store, freezes: true } });
      onTestFinished(() => paywall.close());
      await paywall.ready();
      const printed = (agentKey = "") =>
        keyFor(
          { folder: openFolder(join(path, "books")), store },
          scopeOf(readConfigText(`${agentKey}\nservices: { ${OPENAI} }`, "sigil.yaml")),
          { paywall } as Service,
        );
      const print = async () => (await printed()).key;
      const key = await print();
      const { id } = authority.verifier.authenticate(key).node;
      await paywall.freeze(id, "a test");
      expect(await print()).toBe(key);
      await paywall.revoke(id);
      const next = await print();
      expect(next).not.toBe(key);
      expect(await print()).toBe(next);

      // Another one beside a key that holds is told at the start that prints it, and not later.
      const small = 'agentKey: { budget: ["1 usd/day"] }';
      const { key: smaller, notice } = await printed(small);
      const before = authority.verifier.authenticate(next);
      expect(notice).toContain("still may spend 5 usd a day until ");
      expect(notice).toContain(new Date(before.validUntil! * 1000).toISOString().slice(0, 10));
      expect(notice).toContain(`sigil gateway revoke id:${before.node.id} --dir ${path}/books`);
      expect(await printed(small)).toEqual({ key: smaller, notice: undefined });
      // One that was revoked is no matter.
      await paywall.revoke(authority.verifier.authenticate(smaller).node.id);
      expect((await printed('agentKey: { budget: ["2 usd"] }')).notice).toBeUndefined();
    });
  },
);
