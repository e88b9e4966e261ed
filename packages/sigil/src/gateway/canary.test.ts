/**
 * The vendor's key, the gateway's secret and the agents' keys are in nothing that the gateway
 * writes or answers, whatever fails: a canary of 500 failures and more, with everything on.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { trace } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import fc from "fast-check";
import { MemoryStore } from "l8nt/stores/memory";
import { expect, onTestFinished, test } from "vitest";
import { plainLogger } from "../treasury/log.ts";
import { Books } from "./books/books.ts";
import { openSqliteBooks } from "./books/sqlite.ts";
import { openUpstream } from "./core/upstream.ts";
import { type Play, SECRET, town, VENDOR_KEY } from "./fixtures/town.ts";
import { GatewayMetrics } from "./metrics/metrics.ts";
import { requestTraces } from "./metrics/traces.ts";
import { requestLog } from "./request-log.ts";
import { readSecret } from "./vault/reference.ts";

const RUNS = Number(process.env.SIGIL_LAW_CANARY ?? 600);

/** What the vendor does. */
interface Failure {
  readonly status: number;
  readonly form: "json" | "sse" | "text" | "field" | "basic" | "query";
  readonly end: "whole" | "dies first" | "dies inside" | "no http";
  /** Where its answer is cut in two packets, as a share of it. */
  readonly at: number;
}

/** What the agent does. Each place may hold its own key. */
interface Asking {
  readonly what:
    | "chat"
    | "stream"
    | "no json"
    | "twice"
    | "in model"
    | "in path"
    | "in query"
    | "in field"
    | "other key"
    | "two keys"
    | "as vendor's key"
    | "in tool"
    | "models"
    | "malformed";
}

const failure = fc.record<Failure>({
  status: fc.constantFrom(200, 200, 302, 400, 401, 403, 404, 429, 500, 503),
  form: fc.constantFrom("json", "sse", "text", "field", "basic", "query"),
  end: fc.constantFrom("whole", "whole", "whole", "dies first", "dies inside", "no http"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
});
const asking = fc.record<Asking>({
  what: fc.constantFrom(
    ...(["chat", "chat", "stream", "stream", "models", "no json", "twice", "in model"] as const),
    ...(["in path", "in query", "in field", "other key", "two keys"] as const),
    ...(["as vendor's key", "in tool", "malformed"] as const),
  ),
});

/** A vendor that repeats the key that it was sent. */
const failing =
  ({ status, form, end, at }: Failure): Play =>
  ({ rawHeaders }, answer, incoming) => {
    const line = rawHeaders.findIndex((name) => name.toLowerCase() === "authorization");
    const sent = (rawHeaders[line + 1] ?? "").replace(/^Bearer /, "");
    if (end === "dies first") return answer.destroy();
    if (end === "no http") return incoming.socket.end(`HTTP/9.9 what ${sent}\r\n\r\n`);
    const shown =
      { basic: btoa(`${sent}:`), query: encodeURIComponent(sent) }[form as "basic"] ?? sent;
    const message = `Incorrect API key provided: ${shown}. ${shown}`;
    const error = JSON.stringify({ error: { message, code: "invalid_api_key" }, model: shown });
    const chunk = JSON.stringify({ choices: [{ index: 0, delta: { content: message } }] });
    const isStream = form === "sse";
    const text = isStream ? `data: ${chunk}\n\ndata: ${chunk}\n\ndata: [DONE]\n\n` : error;
    answer.writeHead(status, {
      "content-type": isStream
        ? "text/event-stream"
        : form === "text"
          ? "text/plain"
          : "application/json",
      ...(form === "field" && { "x-debug-authorization": `Bearer ${sent}` }),
      ...(status === 302 && { location: `https://elsewhere.example/?key=${sent}` }),
    });
    const cut = Math.floor(text.length * at);
    answer.write(text.slice(0, cut), () => {
      if (end === "dies inside") answer.destroy();
      else answer.end(text.slice(cut));
    });
  };

async function stage() {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  onTestFinished(() => trace.disable());
  const logs: string[] = [];
  const log = plainLogger("trace", { write: (line: string) => void logs.push(line) });
  const database = openSqliteBooks(":memory:");
  const alarms: unknown[] = [];
  const books = new Books({
    database,
    clock: () => 1_900_000_000,
    alarm: (what) => alarms.push(what),
  });
  const metrics = new GatewayMetrics();
  const traces = (await requestTraces(() => "openai"))!;
  const store = new MemoryStore({ journal: true });
  const observers = [books, requestLog(log), metrics, traces];
  const world = await town({ store, observers });
  /** Everything that was written anywhere. */
  const written = async (): Promise<readonly (readonly [where: string, text: string])[]> => [
    ["the log", logs.join("")],
    ["alarms", inspect([alarms, world.alarms], { depth: 9, maxArrayLength: null })],
    ["metrics", await metrics.text()],
    [
      "traces",
      inspect(
        exporter
          .getFinishedSpans()
          .map(({ name, attributes, status }) => [name, attributes, status]),
        { depth: 9, maxArrayLength: null },
      ),
    ],
    ["the books", JSON.stringify([await all("gateway_requests"), await all("gateway_days")])],
    ["the journal", inspect(await store.journal(0, 1_000_000), { depth: 9, maxArrayLength: null })],
    [
      "denials",
      inspect(
        world.denials.map(({ facts }) => facts),
        { depth: 9, maxArrayLength: null },
      ),
    ],
  ];
  const all = async (table: string) => database.read({ sql: `SELECT * FROM ${table}`, values: [] });
  return { world, written, books };
}

test(`no secret is in any of ${RUNS} failures: answers, log, alarms, metrics, traces, books, journal`, async () => {
  const { world, written } = await stage();
  const scout = world.mint({ budget: "100 usd" }).delegate({ agent: "scout" });
  const key = scout.toKey();
  const secrets: readonly (readonly [what: string, text: string])[] = [
    ["the vendor's key", VENDOR_KEY],
    ["the vendor's key, as Basic", btoa(`${VENDOR_KEY}:`)],
    ["the gateway's secret", SECRET],
    ["the agent's key", key],
    ["the agent's credential", scout.toString()],
  ];
  const check = (where: string, text: string): void => {
    for (const [what, secret] of secrets)
      expect(text.includes(secret), `${what} in ${where}: ${text.slice(0, 2_000)}`).toBe(false);
  };
  const statuses = new Map<number, number>();
  const ask = async ({ what }: Asking): Promise<string> => {
    if (what === "malformed")
      return raw(
        world.url,
        `GET /${key} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n`,
      );
    const headers: Record<string, string> = {
      ...(what === "in field" && { "openai-organization": key, "x-other": key }),
      ...(what === "two keys" && { "x-api-key": world.mint().toKey() }),
      ...(what === "other key" && { authorization: `Bearer ${key.slice(0, -9)}` }),
      ...(what === "as vendor's key" && { authorization: `Bearer ${VENDOR_KEY}` }),
    };
    const path =
      {
        "in path": `/v1/${key}`,
        "in query": `/v1/chat/completions?key=${key}`,
        models: "/v1/models",
      }[what as "models"] ?? "/v1/chat/completions";
    const body = {
      ...(what === "stream" && { stream: true }),
      ...(what === "in model" && { model: key }),
      ...(what === "in tool" && { tools: [{ type: key }], [key]: 1 }),
    };
    const text =
      what === "no json"
        ? `{"model": "${key}`
        : what === "twice"
          ? `{"${key}":1,"${key}":2}`
          : undefined;
    const response = await world.chat(scout, body, {
      ...{ path, headers, redirect: "manual" },
      ...(what === "models" && { method: "GET" }),
      ...(text !== undefined && { body: text }),
    });
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    const head = JSON.stringify([...response.headers]);
    return head + (await response.text().catch(String));
  };
  await fc.assert(
    fc.asyncProperty(failure, asking, async (how, who) => {
      world.play(failing(how));
      const answered = await ask(who).catch((error: Error) => inspect(error));
      check(`the answer to ${JSON.stringify({ how, who })}`, answered);
    }),
    { numRuns: RUNS, seed: 15 },
  );
  await expect
    .poll(async () => (await written()).find(([where]) => where === "the books")![1])
    .toContain('"ended":"denied"');
  for (const [where, text] of await written()) {
    check(where, text);
    expect(text.length, where).toBeGreaterThan(2);
  }
  // Refused, failed and answered: not one way alone.
  for (const status of [200, 400, 401, 403, 502]) expect(statuses.get(status)).toBeGreaterThan(5);
}, 240_000);

test.each([
  ["a program that fails, and prints a key", `cmd:${process.execPath} fail.cjs ${VENDOR_KEY}`],
  ["a file that others can read", "file:open.key"],
  ["a key in the place of a reference", VENDOR_KEY],
])("a key that cannot be read is in no message: %s", async (_what, reference) => {
  const folder = mkdtempSync(join(tmpdir(), "sigil-canary-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, "fail.cjs"),
    `console.error("${VENDOR_KEY}"); console.log("${VENDOR_KEY}"); process.exit(3);`,
  );
  writeFileSync(join(folder, "open.key"), VENDOR_KEY, { mode: 0o644 });
  const placed = reference
    .replace("fail.cjs", join(folder, "fail.cjs"))
    .replace("open.key", join(folder, "open.key"));
  const error = await readSecret(placed, { env: process.env, what: "openai" }).catch(
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(Error);
  expect(inspect(error, { depth: 9 })).not.toContain(VENDOR_KEY);
});

test("a vendor that speaks no TLS, or is not there, is told without the key", async () => {
  const { world, written } = await stage();
  const origin = new URL(world.service.upstream === undefined ? world.url : world.url);
  for (const upstream of [`https://${origin.host}`, "http://127.0.0.1:1"]) {
    const broken = openUpstream(upstream);
    Object.assign(world.service, { upstream: broken });
    onTestFinished(() => broken.destroy());
    const response = await world.chat(world.mint());
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain(VENDOR_KEY);
  }
  for (const [where, text] of await written()) expect(text, where).not.toContain(VENDOR_KEY);
});

/** What a raw socket gets for these bytes. */
const raw = (url: string, text: string): Promise<string> =>
  new Promise((resolve) => {
    const { port, hostname } = new URL(url);
    let got = "";
    connect(Number(port), hostname, function (this: import("node:net").Socket) {
      this.write(text);
    })
      .on("data", (part) => (got += part))
      .on("error", () => {})
      .on("close", () => resolve(got));
  });
