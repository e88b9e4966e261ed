/** Spans, metrics and logs of a treasury, which contain no credential, preimage or key. */
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { MemoryStore } from "l8nt/stores/memory";
import type { DevNetwork } from "l8nt/testing";
import { guardedFetch } from "l8nt/treasury";
import { devWallet } from "l8nt/wallets/dev";
import { expect, onTestFinished, test, vi } from "vitest";
import { failure, secretOf, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { logger } from "../../packages/sigil/src/treasury/log.ts";
import { runTreasury } from "../../packages/sigil/src/treasury/run.ts";

const LOCATION = "http://127.0.0.1:8409";

/**
 * Runs the daemon's `runTreasury` in this process, with the shop and the network of a town.
 */
async function stage() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  trace.setGlobalTracerProvider(provider);
  onTestFinished(() => {
    trace.disable();
    context.disable();
    manager.disable();
  });
  const world = await town();
  const net: DevNetwork = world.network;
  const logs: string[] = [];
  const running = await runTreasury({
    config: {
      location: LOCATION,
      limits: { maxFirstPayment: "1000 sat" },
    },
    lookUpEvery: "1s",
    secrets: {
      root: Buffer.from(secretOf("root"), "hex"),
      receipts: Buffer.from(secretOf("receipts"), "hex"),
    },
    store: new MemoryStore({ journal: true }),
    wallet: async () => devWallet(net.account("treasury").url),
    fetch: guardedFetch({ allowLoopback: true }),
    log: logger("debug", { write: (line: string) => void logs.push(line) }),
  });
  const ask = (path: string, credential: { toString(): string }, body?: object) =>
    running.handler(
      new Request(LOCATION + path, {
        method: body === undefined ? "GET" : "POST",
        headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
      { address: "127.0.0.1" },
    );
  return { world, running, exporter, logs, ask };
}

test("a purchase makes a span with its requests and its payment below, metrics and log lines", async () => {
  const { world, running, exporter, logs, ask } = await stage();
  // Real time: what it mints is judged by the system's clock, and the shop's by the town's.
  world.clock.set(Date.now() / 1000);
  const shop = await world.openShop({ price: "10 sat" });
  const { treasury } = running;
  const scope = { endpoints: [`GET ${shop.url}/**`], budget: "100 sat", expiresIn: "1h" } as const;
  const agent = treasury.mint(scope);
  const counted = treasury.mint({ ...scope, maxUses: 5 });
  const order = (path: string) => ({
    id: crypto.randomUUID(),
    method: "GET",
    url: `${shop.url}${path}?key=canary-query`,
    headers: [["x-a", "canary-field"]],
  });
  expect((await ask("/v1/purchases", agent, order("/handed"))).status).toBe(200);
  expect(await (await ask("/v1/purchases", counted, order("/relayed"))).text()).toContain("served");
  expect(
    (await ask("/v1/purchases", agent, { ...order("/x"), url: "https://elsewhere.example/" }))
      .status,
  ).toBe(403);

  const spans = exporter.getFinishedSpans();
  const orders = spans.filter(({ name }) => name === "POST /v1/purchases");
  expect(orders).toHaveLength(3);
  const below = (at: number) =>
    spans
      .filter(
        ({ parentSpanContext }) => parentSpanContext?.spanId === orders[at]!.spanContext().spanId,
      )
      .map(({ name }) => name);
  expect(below(0)).toEqual(["fetch", "pay"]);
  expect(below(1)).toEqual(["fetch", "pay", "fetch"]);
  expect(below(2)).toEqual([]);

  const owner = treasury.owner.mint({ expiresIn: "1h" });
  const metrics = await (await ask("/v1/owner/metrics", owner)).text();
  expect(metrics).toMatch(/^sigil_payments_total 2$/m);
  expect(metrics).toMatch(/^sigil_spent_total\{unit="msat",part="amount"\} 20000$/m);
  expect(metrics).toMatch(/^sigil_spent_total\{unit="msat",part="fee"\} 20$/m);
  expect(metrics).toMatch(/^sigil_spending 1$/m);
  expect(metrics).toMatch(
    /^sigil_request_seconds_count\{route="\/v1\/purchases",status="2xx"\} 2$/m,
  );
  expect(metrics).toMatch(/^nodejs_eventloop_lag_seconds /m);
  expect((await ask("/v1/owner/metrics", agent)).status).toBe(401);
  await treasury.owner.freeze();
  expect(await (await ask("/v1/owner/metrics", owner)).text()).toMatch(/^sigil_spending 0$/m);

  const lines = logs.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.filter(({ msg }) => msg === "paid")).toHaveLength(2);
  expect(
    lines.filter(({ route }) => route === "/v1/purchases").map(({ status }) => status),
  ).toEqual([200, 200, 403]);
  for (const { id } of lines.filter(({ msg }) => msg === "answered"))
    expect(id).toMatch(/^[0-9a-f-]{36}$/);

  const shown = JSON.stringify([
    spans.map(({ name, attributes, status }) => ({ name, attributes, status })),
    metrics,
    logs,
  ]);
  for (const secret of [
    /AgE[A-Za-z0-9+/]{20}/,
    /canary/,
    /lnbcrt/,
    /L402 /,
    new RegExp(secretOf("root")),
  ])
    expect(secret.test(shown), String(secret)).toBe(false);
});

test("credentials, preimages and wallets that are logged by mistake are hidden", () => {
  const written: string[] = [];
  const log = logger("info", { write: (line: string) => void written.push(line) });
  const preimage = "ab".repeat(32);
  const macaroon = `AgE${"WaHR0cDovLzEyNy4wLjAuMTo4NDA5".repeat(4)}`;
  log.info(
    { authorization: `L402 ${macaroon}:${preimage}`, nested: { credential: macaroon, preimage } },
    `got ${macaroon}:${preimage}`,
  );
  // As the Macaroon field has it: hex, its preimage in the caveats. And one without a location.
  const hex = `0201047c${"5d".repeat(120)}`;
  const bare = `AgJC${"WaHR0cDovLzEyNy4wLjAuMTo4NDA5".repeat(4)}`;
  log.info(`sent macaroon: ${hex} and ${bare}`);
  log.warn(`the wallet dev+http://127.0.0.1:1/alice?key=${"0f".repeat(16)} failed on ${preimage}`);
  log.info({ paymentHash: "cd".repeat(32) }, `payment ${"cd".repeat(32)} is stuck`);
  const all = written.join("");
  expect(all.includes(hex.slice(8, 72)) || all.includes(bare.slice(0, 40))).toBe(false);
  expect(
    all.includes(preimage) || all.includes(macaroon.slice(0, 40)) || all.includes("0f".repeat(16)),
  ).toBe(false);
  // A payment's hash is what its owner looks it up by.
  expect(all.match(new RegExp("cd".repeat(32), "g"))).toHaveLength(2);
});

test("a bug in a handler is logged and answered with 500, and the next request is served", async () => {
  const { running, logs, ask } = await stage();
  const { treasury } = running;
  const agent = treasury.mint({
    endpoints: ["GET https://a.example/**"],
    budget: "1 sat",
    expiresIn: "1h",
  });
  treasury.standing = () => Promise.reject(new Error("a bug"));
  expect(await failure(ask("/v1/credential", agent) as Promise<Response>)).toMatchObject({
    message: "a bug",
  });
  expect(logs.at(-1)).toContain("a bug in sigil");
  expect((await ask("/v1/tree", agent)).status).toBe(200);
});

test("a payment whose answer was lost is soon in the books without a request [cases 56, 57]", async () => {
  const { world, running, ask } = await stage();
  onTestFinished(() => running.stop());
  world.clock.set(Date.now() / 1000);
  const shop = await world.openShop({ price: "10 sat" });
  const { treasury } = running;
  const agent = treasury.mint({
    endpoints: [`GET ${shop.url}/**`],
    budget: "100 sat",
    expiresIn: "1h",
  });
  world.network.fault({ kind: "reply-lost" });
  const order = { id: crypto.randomUUID(), method: "GET", url: `${shop.url}/x`, headers: [] };
  const answer = await ask("/v1/purchases", agent, order);
  expect(await answer.json()).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
  await vi.waitFor(
    async () =>
      expect(await treasury.owner.payments({ limit: 10 })).toMatchObject([{ status: "paid" }]),
    { timeout: 10_000 },
  );
});
