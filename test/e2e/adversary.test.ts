/**
 * A hostile sub-agent in its own process with its own credential gets nothing outside of its scope
 * and spends nothing beyond its budget. The dev network's payments and the requests that services
 * saw decide.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Credential } from "l8nt";
import { targetOfUrl } from "l8nt/l402";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { devClock } from "l8nt/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { auditLedger } from "../../packages/l8nt/src/ledger/index.ts";
import { type Shop, site, type Town, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";

interface Report {
  readonly received: readonly string[];
  readonly told: Readonly<Record<string, number>>;
}

/** Runs the agent with `SIGIL_CREDENTIAL` and nothing else of ours in its environment. */
function turned(credential: Credential, orders: object, clock = devClock(0)): Promise<Report> {
  const script = join(import.meta.dirname, "support/hostile-agent.ts");
  const child = spawn(
    process.execPath,
    ["--conditions=l8nt-source", "--no-warnings", script, JSON.stringify(orders)],
    {
      env: { SIGIL_CREDENTIAL: credential.toString(), PATH: process.env.PATH },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    },
  );
  return new Promise((resolve, reject) => {
    let report: Report | undefined;
    child.on("message", (message: Report | { readonly later: number }) => {
      if (!("later" in message)) report = message;
      else {
        clock.set(clock() + message.later);
        child.send("go on");
      }
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (report !== undefined && code === 0) resolve(report);
      else reject(new Error(`the agent ended with ${code} and no report`));
    });
  });
}

const ALLOWED = ["/docs/a", "/docs/b", "/docs/c"];
const FORBIDDEN = ["/admin", "/docs", "/docs/a/b", "/orders", "/"];
const DOCS = /^\/docs\/[^/?]+$/;

/**
 * No macaroon that the agent ever saw, with any preimage that it ever saw, opens anything but its
 * own scope. [case 25]
 */
function expectNothingBeyond({ received }: Report, shop: Shop) {
  const text = received.join("\n");
  const macaroons = [...new Set(text.match(/AgE[A-Za-z0-9+/_-]{60,}={0,2}/g) ?? [])];
  const preimages = [...new Set(text.match(/[0-9a-f]{64}/g) ?? [])];
  const { authority } = shop.paywall;
  let granted = 0;
  for (const macaroon of macaroons) {
    for (const preimage of preimages) {
      let verified: ReturnType<typeof authority.verifier.authenticate>;
      try {
        verified = authority.verifier.authenticate(`${macaroon}:${preimage}`);
      } catch {
        continue;
      }
      for (const method of ["GET", "POST", "DELETE"])
        for (const path of [...ALLOWED, ...FORBIDDEN]) {
          const target = targetOfUrl(method, new URL(shop.url + path))!;
          const allows = verified.judge({ now: 2_000_000_001, target }).length === 0;
          if (allows) granted++;
          if (allows) expect(`${method} ${path}`).toMatch(/^GET \/docs\/[^/]+$/);
        }
    }
  }
  return granted;
}

async function stage(world: Town, scope: object, terms: object) {
  const shop = await world.openShop({ price: "10 sat", ...terms });
  const accomplice = await site((_request, response) => response.end("thanks"));
  const at = { now: world.clock() };
  const root = world.mint({ budget: "2000 sat", expiresIn: "2h" });
  const agent = root.delegate(
    { agent: "turned", endpoints: [`GET ${shop.url}/docs/*`], budget: "100 sat", ...scope },
    at,
  );
  const sibling = root.delegate(
    { agent: "sibling", endpoints: [`* ${shop.url}/**`], budget: "100 sat" },
    at,
  );
  const bought = await world.treasury.buy({
    credential: sibling.toString(),
    id: crypto.randomUUID(),
    method: "GET",
    url: `${shop.url}/admin`,
    headers: [],
  });
  const stolen = bought.kind === "credential" ? bought.credential : sibling.toString();
  await world.connect(root).revoke(sibling);
  const orders = {
    shop: shop.url,
    accomplice: accomplice.url,
    hashes: world.network.payments().map(({ paymentHash }) => paymentHash),
    stolen,
    allowed: ALLOWED,
    forbidden: FORBIDDEN,
  };
  return {
    shop,
    accomplice,
    root,
    agent,
    sibling,
    orders,
    before: world.paid(),
    others: await world.spent(sibling).catch(() => 0n),
  };
}

describe.each([
  ["handed over, single uses", {}, {}, 1],
  ["handed over, a pass", {}, { grants: { validFor: "1h", endpoints: ["* /**"] } }, 2],
  ["relayed", { maxUses: 40 }, { grants: { validFor: "1h", endpoints: ["* /**"] } }, 3],
])("a turned agent, %s", (_how, scope, terms, seed) => {
  test("a hostile agent exceeds neither its scope nor its budget [cases 25, 43, 85, 99, 100]", async () => {
    const world = await town();
    const { shop, accomplice, root, agent, orders, before } = await stage(world, scope, terms);
    const report = await turned(agent, { ...orders, seed, calls: 150 });

    // Served: inside its scope, every time, and never more than it may.
    for (const { method, target } of shop.served) {
      expect(["GET", "HEAD"]).toContain(method);
      expect(target.split("?")[0]).toMatch(DOCS);
    }
    if ("maxUses" in scope) expect(shop.served.length).toBeLessThanOrEqual(40);

    // Spent: what the books say, within the budget, and all of it to the one service of its scope.
    const spent = world.paid().msat - before.msat;
    expect(spent).toBeLessThanOrEqual(100_000n);
    expect(spent).toBe(await world.spent(agent));
    expect(await world.spent(root)).toBe(world.paid().msat);
    for (const payment of world.network.payments())
      expect(payment).toMatchObject({ payer: "treasury", payee: "shop" });

    // Leaked: nothing to its accomplice, and nothing to itself that opens more than its scope.
    for (const { text } of accomplice.received)
      expect(text).not.toMatch(/L402|AgE[A-Za-z0-9+/]{20}/);
    expectNothingBeyond(report, shop);
    expect(/sibling|"lineage":\[|"purpose"/.test(report.received.join("\n"))).toBe(false);

    // And it did get to work, and was told no in many ways: the test tests something.
    expect(shop.served.length).toBeGreaterThan(0);
    expect(Object.keys(report.told).length).toBeGreaterThan(5);

    // The family goes on.
    expect((await world.connect(root).get(`${shop.url}/admin`)).status).toBe(200);
  });
});

test("a compromised agent spends at most its budget, and in no hour more than its rate [case 85]", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sigil-adversary-"));
  const store = await openSqliteStore(join(folder, "books.db"));
  onTestFinished(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const world = await town({ store });
  const begun = world.clock();
  const { shop, accomplice, root, agent, orders, before } = await stage(
    world,
    { budget: "600 sat", budgetPerHour: "300 sat", maxUsesPerMinute: 20 },
    {},
  );
  const report = await turned(
    agent,
    { ...orders, seed: 4, calls: 450, secondsPerCall: 8 },
    world.clock,
  );
  expect(world.clock() - begun).toBe(3600);
  const spent = world.paid().msat - before.msat;
  // Slots of a minute: what was spent in its first one may have left the window by its last.
  expect(spent).toBeLessThanOrEqual(330_000n);
  expect(spent).toBeGreaterThan(100_000n);
  expect(spent).toBe(await world.spent(agent));
  expect(await world.spent(root)).toBe(world.paid().msat);
  for (const { target } of shop.served) expect(target.split("?")[0]).toMatch(DOCS);
  for (const payment of world.network.payments())
    expect(payment).toMatchObject({ payer: "treasury", payee: "shop" });
  for (const { text } of accomplice.received) expect(text).not.toMatch(/L402|AgE[A-Za-z0-9+/]{20}/);
  expectNothingBeyond(report, shop);
  expect(/sibling|"purpose"/.test(report.received.join("\n"))).toBe(false);
  expect((await auditLedger(store)).faults).toEqual([]);
  expect(await store.openPayments()).toEqual([]);
}, 120_000);

test("the full credential is only in the treasury and in its requests to that service [case 25]", async () => {
  for (const scope of [{}, { maxUses: 9 }]) {
    const world = await town();
    const shop = await world.openShop({
      price: "10 sat",
      grants: { validFor: "1h", endpoints: ["* /**"] },
    });
    const child = world
      .mint()
      .delegate(
        { agent: "child", endpoints: [`GET ${shop.url}/docs/*`], ...scope },
        { now: world.clock() },
      );
    const received: string[] = [];
    const client = world.connect(child, {
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        received.push(JSON.stringify([...response.headers]), await response.clone().text());
        return response;
      },
    });
    expect((await client.get(`${shop.url}/docs/a`)).status).toBe(200);
    const granted = expectNothingBeyond({ received, told: {} }, shop);
    expect(granted > 0).toBe(!("maxUses" in scope));
    const full = Credential.parse(
      shop.received.find(({ headers }) => headers.authorization)!.headers.authorization!.slice(5),
    );
    expect(full.caveats.length).toBeGreaterThan(2);
  }
});
