/** The owner of a running gateway: stops agents at once, tops them up, and is told of budgets. */
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Credential } from "l8nt";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "./support/free-port.ts";
import { answers, chat, completion, leftOf, openGateway, openVendor } from "./support/gateway.ts";
import { sigil, spawned } from "./support/sigil.ts";

const WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async function stage(config = "") {
  const folder = mkdtempSync(join(tmpdir(), "sigil-gateway-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const vendor = await openVendor();
  const dir = join(folder, "books");
  const file = join(folder, "sigil.yaml");
  writeFileSync(
    file,
    `listen: { port: ${await freePort()} }
dir: books
agentKey: { budget: ["1 usd"] }
services:
  openai: { preset: openai, upstream: "${vendor.origin}", keys: ["env:KEY"] }
${config}`,
  );
  const env = { KEY: "sk-vendor-CANARY-0123456789abcdef", HOOK: WEBHOOK_SECRET };
  const start = () => openGateway(["--config", file], env);
  const owner = async (...args: string[]) => {
    const { code, stdout, stderr } = await sigil(["gateway", ...args, "--dir", dir]);
    return { code, text: stdout + stderr };
  };
  return { vendor, dir, start, owner };
}

/** An answer that never comes to its end. */
const endless =
  (gone: () => void) => (_request: unknown, answer: import("node:http").ServerResponse) => {
    answer.on("close", gone);
    answer
      .writeHead(200, { "content-type": "text/event-stream" })
      .write('data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n');
  };

describe("the owner", () => {
  test("revokes a helper by its name: its open stream ends, and its parent goes on", async () => {
    const { vendor, start, owner } = await stage();
    const gateway = await start();
    let gone = 0;
    vendor.play(endless(() => gone++));
    const child = Credential.parse(gateway.key).delegate({ agent: "scout" }).toKey();
    const reader = (await chat(gateway, child, { stream: true })).body!.getReader();
    await reader.read();
    expect(await owner("revoke", "scout")).toMatchObject({ code: 0 });
    const last = Buffer.from((await reader.read()).value!).toString();
    expect(last).toContain("revoked");
    expect((await reader.read()).done).toBe(true);
    await expect.poll(() => gone).toBe(1);
    vendor.play(answers(completion(10, 10)));
    expect((await chat(gateway, child)).status).toBe(403);
    expect((await chat(gateway, gateway.key)).status).toBe(200);
    expect((await owner("agents")).text).toMatch(/revoked\s+scout/);
  });

  test("freezes everything, open streams too, over a restart, until a thaw", async () => {
    const { vendor, dir, start, owner } = await stage();
    const first = await start();
    vendor.play(endless(() => {}));
    const reader = (await chat(first, first.key, { stream: true })).body!.getReader();
    await reader.read();
    expect(await owner("freeze", "--reason", "a look at the bill")).toMatchObject({ code: 0 });
    expect(Buffer.from((await reader.read()).value!).toString()).toContain("froze this key");
    vendor.play(answers(completion(10, 10)));
    const refused = await chat(first, first.key);
    expect([refused.status, await refused.text()]).toEqual([
      403,
      expect.stringContaining("a look at the bill"),
    ]);
    expect(refused.headers.get("x-should-retry")).toBe("false");
    expect(statSync(dir).mode & 0o077).toBe(0);
    expect(await first.end("SIGKILL")).toBeNull();
    const second = await start();
    expect((await chat(second, second.key)).status).toBe(403);
    expect(await owner("thaw")).toMatchObject({ code: 0 });
    expect((await chat(second, second.key)).status).toBe(200);
  });

  test("tops a key up while it runs, and the credential stays what it was", async () => {
    const { vendor, start, owner } = await stage();
    const gateway = await start();
    vendor.play(answers(completion(400_000, 0)));
    expect((await chat(gateway, gateway.key, saying(400_000))).status).toBe(200);
    vendor.play(answers(completion(98_000, 0)));
    expect((await chat(gateway, gateway.key, saying(98_000))).status).toBe(200);
    vendor.play(answers(completion(1_000, 150)));
    expect((await chat(gateway, gateway.key, { ...saying(2), max_tokens: 200 })).status).toBe(200);
    const refused = await chat(gateway, gateway.key);
    expect(refused.status).toBe(402);
    const { text } = await owner("agents");
    const [node] = /[0-9a-f]{32}/.exec(text)!;
    expect(text).toMatch(/0\.0008 usd left of 1 usd/);
    expect(await owner("topup", node, "2 usd", "--until", "1h")).toMatchObject({ code: 0 });
    expect(await owner("topup", node, "5 sat", "--until", "1h")).toEqual({
      code: 2,
      text: expect.stringContaining("The root has no limit of its own in sat"),
    });
    expect((await chat(gateway, gateway.key)).status).toBe(200);
    expect((await leftOf(gateway, gateway.key))[0]).toMatchObject({ limit: "3 usd" });
  });

  test.each([
    [["revoke", "nobody"], "No agent of that name"],
    [["revoke"], "Usage: sigil gateway revoke"],
    [["topup", "ab".repeat(16), "2 usd"], "Missing --until"],
    [["topup", "ab".repeat(16), "2", "--until", "1h"], "a top-up's amount"],
    [["topup", "ab".repeat(16), "2 usd", "--until", "2020-01-01"], "a time to come"],
    [["topup", "ab".repeat(16), "2 usd", "--until", "tomorrow"], "Missing --until"],
    [["revok", "nobody"], "Did you mean revoke"],
  ])("is told what is wrong with %j", async (args, expected) => {
    const { start, owner } = await stage();
    await start();
    expect(await owner(...args)).toEqual({ code: 2, text: expect.stringContaining(expected) });
  });

  test("is told if no gateway runs", async () => {
    const { owner } = await stage();
    expect(await owner("freeze")).toEqual({
      code: 2,
      text: expect.stringContaining("No gateway of this user runs"),
    });
  });
});

/** A prompt of so many bytes, and so of no more tokens, in the standard tier. */
const saying = (bytes: number) => ({
  messages: [{ role: "user", content: "x".repeat(bytes) }],
  service_tier: "default",
});

test("alerts reach the webhook once, also after a kill, and the owner's feed", async () => {
  const got: { readonly id: string; readonly body: string }[] = [];
  const acting = { status: 500 };
  const hook = createServer(async (incoming, answer) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    if (acting.status === 204)
      got.push({
        id: String(incoming.headers["webhook-id"]),
        body: Buffer.concat(parts).toString(),
      });
    answer.writeHead(acting.status).end();
  }).listen(0, "127.0.0.1");
  await once(hook, "listening");
  onTestFinished(() => void hook.close());
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/alerts`;
  const { vendor, dir, start } = await stage(
    `alerts: { thresholds: [50], webhook: { url: "${url}", secret: "env:HOOK", allowPrivate: true } }\n`,
  );
  const first = await start();
  const feed = spawned(["gateway", "alerts", "--dir", dir], {});
  onTestFinished(() => void feed.kill("SIGKILL"));
  const lines = createInterface({ input: feed.stdout })[Symbol.asyncIterator]();
  vendor.play(answers(completion(300_000, 0)));
  await once(feed.stderr, "data");
  expect((await chat(first, first.key, saying(300_000))).status).toBe(200);
  const said = JSON.parse((await lines.next()).value!);
  expect(said.data).toMatchObject({ threshold: 50, spent: "0.6 usd", limit: "1 usd", lineage: [] });
  await expect.poll(() => first.printed()).toContain("did not take one");
  expect(await first.end("SIGKILL")).toBeNull();
  acting.status = 204;
  const second = await start();
  await expect.poll(() => got.length).toBe(1);
  expect(JSON.parse(got[0]!.body)).toEqual(said);
  expect((await chat(second, second.key)).status).toBe(200);
  expect(await second.end("SIGTERM")).toBe(0);
  expect(got).toHaveLength(1);
  expect(first.printed() + second.printed()).not.toContain(WEBHOOK_SECRET.slice(6));
});
