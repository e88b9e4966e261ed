/**
 * `sigil gateway` and `sigil gateway decide` as processes, which trust an issuer that `sigil keys`
 * and `sigil mint` make. Its page is on loopback.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Credential } from "l8nt";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "./support/free-port.ts";
import {
  answers,
  chat,
  completion,
  leftOf,
  openGateway,
  openVendor,
  refusedGateway,
} from "./support/gateway.ts";
import { ended, sigil, spawned } from "./support/sigil.ts";

const PAGE = "/.well-known/biscuit-web-keys";

/** An issuer: its key on disk, and its page at a port, or not yet. */
async function openIssuer(folder: string, name: string) {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const file = join(folder, `${name}.json`);
  const run = async (...args: readonly string[]) => {
    const done = await sigil([...args, "--keys", file]);
    expect(done, done.stderr).toMatchObject({ code: 0 });
    return done.stdout.trim();
  };
  await run("keys", "new", "--issuer", issuer);
  const page = await run("keys", "publish");
  const asked: string[] = [];
  let server: Server | undefined;
  const close = () => {
    server?.close();
    server?.closeAllConnections();
    server = undefined;
  };
  onTestFinished(close);
  return {
    ...{ issuer, asked, close },
    async publish() {
      server = createServer(({ url = "" }, answer) => {
        asked.push(url);
        answer.writeHead(url === PAGE ? 200 : 404, { "content-type": "application/json" });
        answer.end(page);
      }).listen(port, "127.0.0.1");
      await once(server, "listening");
    },
    mint: (location: string, ...flags: readonly string[]) =>
      run(
        ...["mint", "--form", "biscuit", "--key-form", "--expires-in", "1h"],
        ...["--location", location, "--endpoint", `* ${location}/**`],
        ...flags,
      ),
  };
}

async function stage() {
  const folder = mkdtempSync(join(tmpdir(), "sigil-trust-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const vendor = await openVendor(answers(completion(1000, 100)));
  const port = await freePort();
  const file = join(folder, "sigil.yaml");
  const write = (...trust: readonly string[]) =>
    writeFileSync(
      file,
      `listen: { port: ${port} }
dir: books
trust: ${JSON.stringify(trust)}
services:
  openai: { preset: openai, prefix: /openai, upstream: "${vendor.origin}", keys: ["env:KEY"] }
  other: { preset: generic, prefix: /other, upstream: "${vendor.origin}", keys: [], price: free }
`,
    );
  const env = { KEY: "sk-vendor-CANARY-0123456789abcdef" };
  const location = `http://127.0.0.1:${port}`;
  const owner = async (...args: readonly string[]) => {
    const done = await sigil(["gateway", ...args, "--dir", join(folder, "books")]);
    expect(done, done.stderr).toMatchObject({ code: 0 });
    return done.stdout;
  };
  return { folder, vendor, file, write, env, location, owner };
}

test("a gateway starts while an issuer's page is away, and takes its credentials once it is there", async () => {
  const { folder, vendor, file, write, env, location, owner } = await stage();
  const issuer = await openIssuer(folder, "one");
  write(issuer.issuer);
  const gateway = await openGateway(["--config", file], env);
  const at = { url: `${location}/openai` };
  const status = async (key: string) => (await chat(at, key)).status;
  expect(await status(gateway.key)).toBe(200);
  await issuer.publish();
  const key = await issuer.mint(location, "--ledger", at.url, "--budget", "1 usd");
  expect(await status(key)).toBe(200);
  expect(await status(gateway.key)).toBe(200);

  // Handed down offline, counted at each node above, and known by its name.
  const child = Credential.parse(key).delegate({ agent: "scout", budget: "0.5 usd" }).toKey();
  expect(await status(child)).toBe(200);
  const limits = await leftOf(at, child);
  expect(limits).toMatchObject([{ limit: "1 usd" }, { agent: "scout", limit: "0.5 usd" }]);
  expect(limits[0]!.used).not.toBe(limits[1]!.used);
  expect(await owner("agents")).toMatch(/active\s+scout/);

  // In the terminal too, where the key form stays.
  const made = await sigil(["delegate", "--agent", "helper", "--budget", "0.5 usd", "--key-form"], {
    SIGIL_CREDENTIAL: key,
  });
  expect(made.stdout).toMatch(/^sk-sigil-/);
  expect(await status(made.stdout.trim())).toBe(200);

  // Another service of the gateway knows the key already, and its prefix has its own page.
  const other = async (sent: string) =>
    (await fetch(`${location}/other/a`, { headers: { authorization: `Bearer ${sent}` } })).status;
  expect(await other(await issuer.mint(location))).toBe(200);
  expect(await other(key)).toBe(403);
  expect(issuer.asked).toEqual([PAGE]);
  for (const prefix of ["/openai", "/other"]) {
    const page = await fetch(`${location}${prefix}/.well-known/l402`);
    expect(await page.json()).toMatchObject({ issuers: [issuer.issuer] });
    const refused = await fetch(`${location}${prefix}/v1/models`);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toContain(`issuers="${issuer.issuer}"`);
  }

  // The owner stops it at once, and for good.
  await owner("freeze");
  expect(await status(key)).toBe(403);
  await owner("thaw");
  await owner("revoke", "scout");
  expect(await status(child)).toBe(403);
  expect(await status(key)).toBe(200);

  // What names no ledger is counted nowhere.
  const uncounted = await issuer.mint(location, "--budget", "1 usd");
  const refused = await chat(at, uncounted);
  expect([refused.status, await refused.text()]).toEqual([
    402,
    expect.stringContaining("budget_exhausted"),
  ]);
  expect(await gateway.end("SIGTERM")).toBe(0);
  const spent = await sigil(["spend", "--by", "agent", "--config", file, "--json"]);
  expect(spent.stdout).toContain("scout");
  const shown = gateway.printed() + JSON.stringify(vendor.seen);
  for (const secret of [key, child, uncounted]) expect(shown).not.toContain(secret);

  // What was counted and revoked is so after a restart, before the page is read again.
  issuer.close();
  const again = await openGateway(["--config", file], env);
  expect(await status(key)).toBe(503);
  expect(await status(again.key)).toBe(200);
  await again.end("SIGTERM");
}, 120_000);

test("SIGHUP adds and removes an issuer at once, and keeps the keys of those that stay", async () => {
  const { folder, file, write, env, location } = await stage();
  const [first, second] = [await openIssuer(folder, "one"), await openIssuer(folder, "two")];
  await first.publish();
  await second.publish();
  write(first.issuer);
  const gateway = await openGateway(["--config", file], env);
  const at = { url: `${location}/openai` };
  const flags = ["--ledger", at.url, "--budget", "1 usd"];
  const [one, two] = [await first.mint(location, ...flags), await second.mint(location, ...flags)];
  const statuses = async () => [(await chat(at, one)).status, (await chat(at, two)).status];
  expect(await statuses()).toEqual([200, 401]);
  first.close();
  let turns = 0;
  const reload = async (...trust: readonly string[]) => {
    write(...trust);
    gateway.child.kill("SIGHUP");
    const reloaded = () => gateway.printed().split('read again"').length - 1;
    await expect.poll(reloaded, { timeout: 20_000 }).toBe(++turns);
  };
  await reload(first.issuer, second.issuer);
  expect(await statuses()).toEqual([200, 200]);
  await reload(second.issuer);
  expect(await statuses()).toEqual([401, 200]);
  await reload();
  expect(await statuses()).toEqual([401, 401]);
  expect((await chat(at, gateway.key)).status).toBe(200);
  expect(second.asked).toEqual([PAGE]);
  // A list that cannot be trusted changes nothing.
  write("http://treasury.example");
  gateway.child.kill("SIGHUP");
  await expect.poll(() => gateway.printed()).toContain("trust[0] must be the origin of an issuer");
  expect((await chat(at, gateway.key)).status).toBe(200);
}, 120_000);

test("--trust names issuers on the command line, and check shows them", async () => {
  const vendor = ["--preset", "openai", "--trust", "https://a.example"];
  const checked = await sigil(["gateway", "check", ...vendor, "--json"], { OPENAI_API_KEY: "x" });
  expect(JSON.parse(checked.stdout)).toMatchObject({ trust: ["https://a.example"] });
  const { code, stderr } = await refusedGateway([...vendor, "--trust", "http://b.example"]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("--trust must be the origin")]);
});

test("a decision service trusts an issuer, by SIGHUP too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sigil-trust-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const issuer = await openIssuer(folder, "one");
  await issuer.publish();
  const location = "https://api.example";
  const file = join(folder, "decide.yaml");
  const port = await freePort();
  const write = (...trust: readonly string[]) =>
    writeFileSync(
      file,
      `proxy: nginx
location: ${location}
listen: { port: ${port} }
trust: ${JSON.stringify(trust)}
routes:
  - { match: "GET /v1/**", access: credential }
`,
    );
  write();
  const child = spawned(["gateway", "decide", "--json", "--config", file], {});
  const end = ended(child);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await end;
  });
  let log = "";
  child.stderr.on("data", (part) => (log += part));
  for await (const line of createInterface({ input: child.stdout })) if (line === "}") break;
  const url = `http://127.0.0.1:${port}`;
  const counted = await issuer.mint(location, "--ledger", location, "--max-uses", "2");
  const ask = async (path: string, key = counted) => {
    const headers = {
      ...{ "x-original-method": "GET", "x-original-uri": "/v1/a" },
      authorization: `Bearer ${key}`,
    };
    return fetch(url + path, { headers });
  };
  const why = async (key = counted) => {
    const answer = await ask("/decide/why", key);
    return [answer.status, answer.headers.get("www-authenticate") ?? ""] as const;
  };
  const reload = async (turn: number, ...trust: readonly string[]) => {
    write(...trust);
    child.kill("SIGHUP");
    await expect.poll(() => log.split('read again"').length - 1, { timeout: 20_000 }).toBe(turn);
  };
  expect((await ask("/decide")).status).toBe(403);
  expect(await why()).toEqual([401, expect.not.stringContaining("issuers=")]);
  await reload(1, issuer.issuer);
  expect((await ask("/decide")).status).toBe(200);
  const page = await fetch(`${url}/.well-known/l402`);
  expect(await page.json()).toMatchObject({ issuers: [issuer.issuer] });
  expect(await why("sk-sigil-x")).toEqual([
    401,
    expect.stringContaining(`issuers="${issuer.issuer}"`),
  ]);
  // One of its two uses is left, and counted over a reload.
  issuer.close();
  await reload(2, issuer.issuer, "https://other.example");
  expect((await ask("/decide")).status).toBe(200);
  expect((await ask("/decide")).status).toBe(403);
  expect((await why())[0]).toBe(402);
  await reload(3);
  expect((await why())[0]).toBe(401);
  child.kill("SIGTERM");
  expect(await end).toMatchObject({ code: 0 });
}, 120_000);
