/** Gateways as processes on one database: what they count, and what they do without it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Credential } from "l8nt";
import pg from "pg";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { freePort } from "../e2e/support/free-port.ts";
import {
  answers,
  chat,
  completion,
  leftOf,
  openGateway,
  openVendor,
  refusedGateway,
  VENDOR_KEY,
} from "../e2e/support/gateway.ts";
import { sigil } from "../e2e/support/sigil.ts";
import { Line } from "./support/line.ts";

const SECRET = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
const LOCATION = "http://gateway.example";

let databases = 0;

/** Runs SQL as an administrator of the server. */
async function sql(database: string, text: string): Promise<void> {
  const client = new pg.Client({
    connectionString: inject("postgresUrl").replace("/postgres?", `/${database}?`),
  });
  await client.connect();
  await client.query(text).finally(() => client.end());
}

/** A database, the way to it, a vendor, and folders for gateways. */
async function stage() {
  const folder = mkdtempSync(join(tmpdir(), "sigil-gateways-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const database = `gateways_${process.pid}_${++databases}`;
  await sql("postgres", `CREATE DATABASE ${database}`);
  const line = await Line.open(inject("postgresUrl"), database);
  onTestFinished(() => line.close());
  const vendor = await openVendor();
  const env = { OPENAI_API_KEY: VENDOR_KEY, DATABASE_URL: line.url, SIGIL_SECRET: SECRET };
  const flagsOf = async (name: string) => [
    ...["--preset", "openai", "--upstream", vendor.origin, "--location", LOCATION],
    ...["--dir", join(folder, name), "--port", String(await freePort())],
    ...["--store", "env:DATABASE_URL", "--secret", "env:SIGIL_SECRET"],
  ];
  return {
    ...{ folder, line, vendor, env, flagsOf },
    sql: (text: string) => sql(database, text),
    start: async (name: string, ...more: string[]) =>
      openGateway([...(await flagsOf(name)), ...more], env),
  };
}

const delegated = (key: string, agent: string, budget?: `${number} usd`): string =>
  Credential.parse(key)
    .delegate({ agent, ...(budget !== undefined && { budget }) })
    .toKey();

const microOf = (text: string): number => Math.round(Number.parseFloat(text) * 1e6);

const chunk = (content: string): string =>
  `data: ${JSON.stringify({ id: "1", choices: [{ index: 0, delta: { content } }] })}\n\n`;

/** Answers nothing until it is told to. */
function heldVendor(vendor: Awaited<ReturnType<typeof openVendor>>) {
  const held: ServerResponse[] = [];
  vendor.play((_request, answer) => held.push(answer));
  return {
    held,
    async has(count: number): Promise<void> {
      await expect.poll(() => held.length, { timeout: 20_000 }).toBe(count);
    },
    answer(): void {
      for (const answer of held.splice(0)) answers(completion(1000, 100))({} as never, answer);
    },
  };
}

describe("several gateways on one database", () => {
  test("print one key, and let through what its budget has room for, 200 at a time", async () => {
    const { start, vendor } = await stage();
    const gateways = [await start("one"), await start("two"), await start("three")];
    const [first] = gateways;
    expect(new Set(gateways.map(({ key }) => key)).size).toBe(1);
    const { has, held, answer } = heldVendor(vendor);
    const probe = chat(first!, first!.key);
    await has(1);
    const [{ reserved } = { reserved: "" }] = await leftOf(first!, first!.key);
    answer();
    expect((await probe).status).toBe(200);
    // Room for ten, and half of one more.
    const budget = (microOf(reserved) * 10.5) / 1e6;
    const key = delegated(first!.key, "scout", `${Number(budget.toFixed(6))} usd`);
    let refused = 0;
    const asked = Array.from({ length: 200 }, async (_, index) => {
      const { status } = await chat(gateways[index % 3]!, key);
      if (status === 402) refused++;
      return status;
    });
    await expect.poll(() => held.length + refused, { timeout: 60_000 }).toBe(200);
    expect(held.length).toBe(10);
    answer();
    const statuses = await Promise.all(asked);
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    expect(statuses.filter((status) => status === 402)).toHaveLength(190);
    for (const gateway of gateways)
      expect(await leftOf(gateway, key)).toMatchObject([
        { used: "0.0308 usd", reserved: "0 usd" },
        { agent: "scout", used: "0.028 usd", reserved: "0 usd" },
      ]);
  });

  test("refuse what was revoked at another one within 1 s, and cut its streams within 2 s", async () => {
    const { start, vendor } = await stage();
    const one = await start("one");
    const two = await start("two");
    const scout = delegated(one.key, "scout");
    vendor.play((_request, answer) => {
      answer.writeHead(200, { "content-type": "text/event-stream" }).write(chunk("Hello"));
    });
    const stream = await chat(two, scout, { stream: true });
    const other = await chat(two, one.key, { stream: true });
    const root = Credential.parse(one.key);
    const revoked = await fetch(`${one.url}/.well-known/l402/revocations`, {
      method: "POST",
      headers: {
        authorization: `L402 ${root}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ caveats: Credential.parse(scout).caveatsBelow(root) }),
    });
    expect(revoked.status).toBe(200);
    const since = performance.now();
    vendor.play(answers(completion(1000, 100)));
    await expect
      .poll(async () => (await chat(two, scout)).status, { interval: 20, timeout: 5000 })
      .toBe(403);
    expect(performance.now() - since).toBeLessThan(1000);
    expect(await stream.text()).toContain("credential_revoked");
    expect(performance.now() - since).toBeLessThan(2000);
    // Its parent's goes on.
    const reader = other.body!.getReader();
    expect((await reader.read()).done).toBe(false);
    expect((await chat(two, one.key)).status).toBe(200);
    await reader.cancel();
  });

  test("charge what one that was killed had reserved, and leave a slow one alone", async () => {
    const { start, vendor, sql: run, env } = await stage();
    const one = await start("one");
    const two = await start("two");
    const { has, answer } = heldVendor(vendor);
    const slow = chat(two, two.key, { max_tokens: 50 });
    await has(1);
    const [alone] = await leftOf(two, two.key);
    const lost = chat(one, one.key).catch(() => undefined);
    await has(2);
    const [both] = await leftOf(two, two.key);
    const ofLost = microOf(both!.reserved) - microOf(alone!.reserved);
    // Of the slow one, too, the reservation is old.
    await run("UPDATE sigil.sigil_reservations SET at = at - 3600 WHERE outcome IS NULL");
    await one.end("SIGKILL");
    await lost;
    // A start charges nothing of those that may live.
    const again = await start("one");
    expect(await leftOf(again, one.key)).toEqual([both]);
    const charged = async () => {
      const [left] = await leftOf(two, two.key);
      return [microOf(left!.used) - microOf(left!.reserved), microOf(left!.reserved)];
    };
    await expect
      .poll(charged, { timeout: 90_000, interval: 500 })
      .toEqual([ofLost, microOf(alone!.reserved)]);
    const rows = async () =>
      JSON.parse((await sigil(["spend", "--store", "env:DATABASE_URL", "--json"], env)).stdout)
        .spend;
    await expect
      .poll(rows, { timeout: 5000 })
      .toMatchObject([{ requests: "2", estimated: "1", spentUsdMicro: String(ofLost) }]);
    // The slow one's answer is charged as it came to.
    answer();
    expect((await slow).status).toBe(200);
    expect(await charged()).toEqual([ofLost + 2800, 0]);
    await expect
      .poll(rows, { timeout: 5000 })
      .toMatchObject([{ requests: "2", spentUsdMicro: String(ofLost + 2800) }]);
  }, 150_000);

  test("do not start with different secrets, or without a location, and show no URL", async () => {
    const { start, flagsOf, env } = await stage();
    await start("one");
    const other = { ...env, SIGIL_SECRET: SECRET.replace("8", "9") };
    const refused = await refusedGateway(await flagsOf("two"), other);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("copy the file secret");
    const flags = await flagsOf("two");
    const nowhere = await refusedGateway(
      flags.filter((flag) => flag !== "--location" && flag !== LOCATION),
      env,
    );
    expect(nowhere.stderr).toContain("--location is missing");
    const away = await refusedGateway(flags, {
      ...env,
      DATABASE_URL: "postgres://u:p4ss@[::1]:1/x",
    });
    expect(away.stderr).toContain("nothing listens there");
    for (const { stdout, stderr } of [refused, nowhere, away])
      expect(stdout + stderr).not.toMatch(/p4ss|8f3a5c|postgres:\/\/u/);
  });
});

describe("the books of several gateways", () => {
  test("are read together, by --store or --config, while the gateways run", async () => {
    const { start, env, folder, vendor } = await stage();
    const one = await start("one");
    const two = await start("two");
    for (const gateway of [one, two, two]) await (await chat(gateway, gateway.key)).text();
    const scout = delegated(two.key, "scout");
    await (await chat(two, scout)).text();
    await (await chat(one, scout, { model: "unknown" })).text();
    const spend = async (...args: string[]) => sigil(["spend", ...args], env);
    const byAgent = async (...where: string[]) =>
      JSON.parse((await spend("--json", ...where)).stdout).spend;
    await expect
      .poll(() => byAgent("--store", "env:DATABASE_URL"), { timeout: 5000 })
      .toMatchObject([
        { agent: "", requests: "3", spentUsdMicro: "8400", denied: "0" },
        { agent: "scout", requests: "1", spentUsdMicro: "2800", denied: "1" },
      ]);
    const file = join(folder, "sigil.yaml");
    writeFileSync(
      file,
      `listen: { location: "${LOCATION}" }\nstore: "env:DATABASE_URL"\nservices:\n  openai: { preset: openai, upstream: "${vendor.origin}" }\n`,
    );
    const { stdout: table } = await spend("--by", "day", "--config", file, "--csv");
    expect(table.split("\r\n")[1]).toMatch(/^\d{4}-\d\d-\d\d,0\.0112,/);
    const day = table.split("\r\n")[1]!.slice(0, 10);
    const bill = join(folder, "bill.csv");
    writeFileSync(bill, `day,model,usd\n${day},gpt-4.1,0.0112\n`);
    const compared = await sigil(
      [
        ...["gateway", "reconcile", bill, "--store", "env:DATABASE_URL"],
        ...["day", "model", "usd"].flatMap((name) => ["--column", `${name}=${name}`]),
      ],
      env,
    );
    expect(compared).toMatchObject({ code: 0, stderr: "" });
    expect((await spend("--config", file, "--dir", folder)).stderr).toContain("give one");
    const empty = await sigil(["spend", "--dir", join(folder, "one")], env);
    expect(empty.stderr).toContain("give --config or --store");
  });

  test("show no URL if they cannot be read", async () => {
    const url = "postgres://u:p4ss@[::1]:1/x";
    const { code, stdout, stderr } = await sigil(["spend", "--store", "env:DATABASE_URL"], {
      DATABASE_URL: url,
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain("ECONNREFUSED");
    expect(stdout + stderr).not.toMatch(/p4ss|postgres:\/\/u/);
  });
});

describe("a gateway whose database is away", () => {
  test("refuses metered requests, serves others, and settles later what it had sent", async () => {
    const { start, vendor, line } = await stage();
    const gateway = await start("one");
    const { key } = gateway;
    const { has, answer } = heldVendor(vendor);
    const under = [chat(gateway, key), chat(gateway, key, { max_tokens: 50 })];
    await has(2);
    line.cut();
    answer();
    for (const response of await Promise.all(under)) expect(response.status).toBe(200);
    const refused = await chat(gateway, key);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await refused.json()).toMatchObject({ error: { code: "books_unavailable" } });
    expect(vendor.seen).toHaveLength(2);
    vendor.play(answers('{"data":[]}'));
    const models = await fetch(`${gateway.url}/v1/models`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect([models.status, await models.text()]).toEqual([200, '{"data":[]}']);
    line.mend();
    vendor.play(answers(completion(1000, 100)));
    await expect.poll(async () => (await chat(gateway, key)).status, { timeout: 20_000 }).toBe(200);
    // 3 × 0.0028, each once.
    await expect
      .poll(() => leftOf(gateway, key), { timeout: 20_000 })
      .toMatchObject([{ used: "0.0084 usd", reserved: "0 usd" }]);
  });

  test("that is silent holds nobody for long, neither a request nor a stop", async () => {
    const { start, vendor, line } = await stage();
    const gateway = await start("one");
    const { key } = gateway;
    await (await chat(gateway, key)).text();
    line.silence();
    const begun = performance.now();
    expect((await chat(gateway, key)).status).toBe(503);
    expect(performance.now() - begun).toBeLessThan(8000);
    const asked = performance.now();
    expect((await chat(gateway, key)).status).toBe(503);
    vendor.play(answers('{"data":[]}'));
    const models = await fetch(`${gateway.url}/v1/models`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(models.status).toBe(200);
    expect(performance.now() - asked).toBeLessThan(2000);
    const stopped = performance.now();
    expect(await gateway.end("SIGTERM")).toBe(0);
    expect(performance.now() - stopped).toBeLessThan(30_000);
  }, 120_000);
});
