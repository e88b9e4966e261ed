/** The books of a running gateway, and of one that was killed at any point. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "./support/free-port.ts";
import { answers, chat, completion, leftOf, openGateway, openVendor } from "./support/gateway.ts";
import { sigil } from "./support/sigil.ts";

const KILLS = Number(process.env.SIGIL_LAW_KILLS ?? 4);

async function stage() {
  const folder = mkdtempSync(join(tmpdir(), "sigil-books-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dir = join(folder, "gateway");
  const vendor = await openVendor();
  const port = await freePort();
  const start = (...args: string[]) =>
    openGateway([
      ...["--preset", "openai", "--upstream", vendor.origin, "--port", String(port)],
      ...["--dir", dir, "--budget", "50 usd", ...args],
    ]);
  const spend = async (...args: string[]) => sigil(["spend", "--dir", dir, ...args]);
  return { vendor, start, spend, dir };
}

interface Spent {
  readonly agent: string;
  readonly model: string;
  readonly requests: string;
  readonly denied: string;
  readonly spentUsdMicro: string;
}

const micro = (text: string): bigint => BigInt(Math.round(Number.parseFloat(text) * 1e6));

describe("`sigil spend`", () => {
  test("shows what agents spent while the gateway runs, in 80 columns, JSON and CSV", async () => {
    const { start, spend } = await stage();
    const gateway = await start();
    const made = await sigil(["delegate", "--key-form", "--agent", "scout"], {
      SIGIL_CREDENTIAL: gateway.key,
    });
    const scout = made.stdout.trim();
    for (let times = 0; times < 3; times++) await (await chat(gateway, scout)).text();
    await (await chat(gateway, gateway.key)).text();
    await (await chat(gateway, scout, { model: "=HYPERLINK(0)" })).text();
    const by = async (what: string): Promise<readonly Spent[]> =>
      JSON.parse((await spend("--by", what, "--json")).stdout).spend;
    await expect.poll(async () => (await by("agent")).length).toBe(2);
    await expect.poll(async () => (await by("agent"))[0]!.denied).toBe("1");
    expect(await by("agent")).toMatchObject([
      { agent: "scout", requests: "3", spentUsdMicro: "8400", denied: "1" },
      { agent: "", requests: "1", spentUsdMicro: "2800", denied: "0" },
    ]);
    expect(await by("day")).toMatchObject([{ requests: "4", spentUsdMicro: "11200" }]);
    expect(await by("route")).toMatchObject([{ service: "openai", route: "/v1/chat/completions" }]);
    const { stdout: shown } = await spend("--by", "agent");
    expect(shown).toMatch(/^agent +spent, usd +requests +denied +tokens in +out$/m);
    expect(shown).toMatch(/^scout +0\.0084 +3 +1 +3000 +300$/m);
    expect(shown).toMatch(/^the root +0\.0028 +1 +0 +1000 +100$/m);
    expect(shown).toMatch(/^total +0\.0112 +4 +1 +4000 +400$/m);
    const { total } = JSON.parse((await spend("--by", "agent", "--json")).stdout);
    expect(total).toMatchObject({ spentUsdMicro: "11200", requests: "4", denied: "1" });
    const { stdout: routes } = await spend("--by", "route");
    expect(routes).toMatch(/^openai: \/v1\/chat\/completions +0\.0112 /m);
    const { stdout: records } = await spend("--by", "route", "--csv");
    expect(records.split("\r\n").slice(0, 2)).toEqual([
      expect.stringMatching(/^service,route,spent_usd,/),
      expect.stringMatching(/^openai,\/v1\/chat\/completions,0\.0112,/),
    ]);
    for (const line of shown.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    const { stdout: lines } = await spend("--by", "model", "--csv");
    expect(lines).toMatch(/^gpt-4\.1,0\.0112,0,4,0,0,0,4000,0,0,400\r$/m);
    expect(lines).toMatch(/^'=HYPERLINK\(0\),/m);
    const tomorrow = new Date(Date.now() + 172_800_000).toISOString().slice(0, 10);
    expect((await spend("--from", tomorrow)).stdout).toBe("No requests.\n");
    expect(await gateway.end("SIGTERM")).toBe(0);
    expect((await by("agent"))[0]).toMatchObject({ requests: "3" });
  });

  test.each([
    [["--by", "colour"], /--by must be one of agent, model, route, day/],
    [["--from", "2026-02-30"], /--from must be a date such as 2026-11-29/],
    [["--to", "1 November"], /--to must be a date/],
    [["--dir", "no-such-folder"], /--dir has no books/],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await sigil(["spend", ...args]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

test("after SIGKILL at any point the rows sum up to what the ledger counts, and none is open", async () => {
  const { start, spend, vendor } = await stage();
  const plan = fc.record({
    requests: fc.integer({ min: 1, max: 12 }),
    at: fc.constantFrom("request", "answer", "head"),
    count: fc.integer({ min: 1, max: 12 }),
    isStream: fc.boolean(),
  });
  const plans = fc.sample(plan, { numRuns: KILLS, seed: 22 });
  let inside = 0;
  for (const { requests, at, count, isStream } of plans) {
    const gateway = await start();
    let events = 0;
    let dead: Promise<unknown> | undefined;
    const event = (kind: string): void => {
      if (kind === at && ++events === Math.min(count, requests)) dead = gateway.end("SIGKILL");
    };
    vendor.play((request, answer) => {
      event("request");
      // Some are at work when it is killed.
      if (at === "request" && vendor.seen.length % 2 === 1) return;
      answers(completion(1000, 50))(request, answer);
    });
    const asked = Promise.allSettled(
      Array.from({ length: requests }, async () => {
        const response = await chat(gateway, gateway.key, { stream: isStream, max_tokens: 60 });
        event("head");
        await response.text();
        event("answer");
      }),
    );
    await expect.poll(() => dead, { timeout: 20_000 }).toBeDefined();
    await dead;
    await asked;
    const next = await start();
    const [left] = await leftOf(next, next.key);
    const { stdout } = await spend("--by", "model", "--json");
    const sums = (JSON.parse(stdout) as { spend: readonly Spent[] }).spend;
    const total = sums.reduce((sum, { spentUsdMicro }) => sum + BigInt(spentUsdMicro), 0n);
    expect([total, left!.reserved]).toEqual([micro(left!.used), "0 usd"]);
    // Whatever the vendor has had is there, with its model.
    expect(sums.map(({ model }) => model)).toEqual(["gpt-4.1"]);
    expect(Number(sums[0]!.requests)).toBeGreaterThanOrEqual(vendor.seen.length);
    if (next.printed().includes("were under way")) inside++;
    await next.end("SIGKILL");
  }
  expect(inside).toBeGreaterThan(0);
});
