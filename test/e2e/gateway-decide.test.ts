/** `sigil gateway decide` as a process: what it starts with, who may ask, and what it answers. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Minter } from "l8nt/l402";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "./support/free-port.ts";
import { ended, sigil, spawned } from "./support/sigil.ts";

const EXAMPLE = readFileSync(
  join(import.meta.dirname, "../../examples/decide/decide.yaml"),
  "utf8",
);

function written(config: string): { readonly file: string; readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "sigil-decide-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "decide.yaml");
  writeFileSync(file, config);
  return { file, folder };
}

async function started(config: string, env: Readonly<Record<string, string>> = {}) {
  const { file, folder } = written(config);
  const child = spawned(["gateway", "decide", "--json", "--config", file], env);
  const end = ended(child);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await end;
  });
  let document = "";
  for await (const line of createInterface({ input: child.stdout })) {
    document += `${line}\n`;
    if (line === "}") break;
  }
  if (document === "") throw new Error(`it did not start: ${(await end).stderr}`);
  const { location, listening } = JSON.parse(document);
  const secret = readFileSync(join(folder, "sigil-decide/secret"), "utf8").trim();
  const key = (path: string) =>
    new Minter({ secret, location, kind: "access" })
      .mint({ endpoints: [`* ${location}${path}`], expiresIn: "1h", budget: ["0.01 usd"] })
      .toKey();
  return { folder, file, listening: listening as string, key, child, end };
}

const refused = async (config: string) => {
  const { file } = written(config);
  const { code, stderr } = await ended(spawned(["gateway", "decide", "--config", file], {}));
  expect(code).toBe(2);
  return stderr;
};

const asking = (target: string, key?: string): Record<string, string> => ({
  "x-original-method": "GET",
  "x-original-uri": target,
  ...(key !== undefined && { authorization: `Bearer ${key}` }),
});

test("the example decides, and counts a price once over two starts", async () => {
  const config = EXAMPLE.replace("8411", String(await freePort()));
  const { listening, key, child, end } = await started(config);
  const credential = key("/v1/**");
  const status = async (target: string, sent?: string) =>
    (await fetch(`${listening}/decide`, { headers: asking(target, sent) })).status;
  expect(await status("/status")).toBe(200);
  expect(await status("/v1/a")).toBe(403);
  expect(await status("/v1/a", credential)).toBe(200);
  expect(await status("/v1/a", credential)).toBe(403);
  expect(await status("/v1/reports/a", credential)).toBe(200);
  const why = await fetch(`${listening}/decide/why`, { headers: asking("/v1/a", credential) });
  expect([why.status, await why.json()]).toMatchObject([402, { code: "budget_exhausted" }]);
  child.kill("SIGTERM");
  expect(await end).toMatchObject({ code: 0 });
});

test("a socket of Unix is for its user and group, and is gone at the end", async () => {
  const config = EXAMPLE.replace("{ host: 127.0.0.1, port: 8411 }", "{ socket: decide.sock }");
  const { folder, child, end } = await started(config);
  const socketPath = join(folder, "decide.sock");
  expect(statSync(socketPath).mode & 0o777).toBe(0o660);
  const asked = request({ socketPath, path: "/decide", headers: asking("/status") }).end();
  const [response] = await once(asked, "response");
  expect(response.statusCode).toBe(200);
  response.resume();
  child.kill("SIGTERM");
  expect(await end).toMatchObject({ code: 0 });
  expect(statSync(socketPath, { throwIfNoEntry: false })).toBeUndefined();
});

test("with proxyKey, only who sends it is answered", async () => {
  const config = `${EXAMPLE.replace("8411", String(await freePort()))}proxyKey: env:PROXY_KEY\n`;
  const { listening } = await started(config, { PROXY_KEY: "a-long-key-of-the-proxy" });
  const status = async (...keys: readonly string[]) => {
    const headers = new Headers(asking("/status"));
    for (const one of keys) headers.append("sigil-proxy-key", one);
    return (await fetch(`${listening}/decide`, { headers })).status;
  };
  expect(await status("a-long-key-of-the-proxy")).toBe(200);
  expect([await status(), await status("another"), await status("")]).toEqual([403, 403, 403]);
});

test("its owner sees what it decides, and stops and tops up agents, as at a gateway", async () => {
  const [port, metrics] = [await freePort(), await freePort()];
  const config = `${EXAMPLE.replace("8411", String(port))}metrics: { port: ${metrics} }\n`;
  const { file, listening, key, child, end } = await started(config);
  const credential = key("/v1/**");
  const status = async (sent?: string) =>
    (await fetch(`${listening}/decide/why`, { headers: asking("/v1/a", sent) })).status;
  const passes = async () =>
    (await fetch(`${listening}/decide`, { headers: asking("/v1/a", credential) })).status === 200;
  const owner = async (...args: readonly string[]) => {
    const done = await sigil(["gateway", ...args, "--config", file, "--json"]);
    expect(done, done.stderr).toMatchObject({ code: 0 });
    return JSON.parse(done.stdout);
  };
  expect([await passes(), await passes(), await status(credential)]).toEqual([true, false, 402]);
  const { agents } = await owner("agents");
  const [{ node }] = agents;
  expect(agents).toMatchObject([
    { state: "active", limits: [{ limit: "0.01 usd", left: "0 usd" }] },
  ]);
  await owner("topup", node, "0.01 usd", "--until", "1h");
  expect([await passes(), await passes()]).toEqual([true, false]);
  await owner("freeze");
  expect(await status(credential)).toBe(403);
  await owner("thaw");
  await owner("revoke", node);
  expect(await status(credential)).toBe(403);
  expect(await status()).toBe(401);
  const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
  expect(text).toContain(
    'sigil_gateway_requests_total{service="decide",route="/v1/**",status="none",end="passed"} 2',
  );
  expect(text).toContain('sigil_gateway_denials_total{service="decide",code="budget_exhausted"} 1');
  child.kill("SIGTERM");
  expect(await end).toMatchObject({ code: 0 });
  const spend = await sigil(["spend", "--by", "route", "--config", file, "--json"]);
  // Denied: once too little left, once frozen, once revoked, once without a credential.
  expect(JSON.parse(spend.stdout)).toMatchObject({
    spend: [{ route: "/v1/**", spentUsdMicro: "20000", requests: "2", denied: "4" }],
  });
});

test("SIGHUP reads the routes again under eight clients, and no request is dropped", async () => {
  const config = EXAMPLE.replace("8411", String(await freePort()));
  const { file, listening, key, child } = await started(config);
  const credential = key("/v1/**");
  const ask = async (target: string, sent?: string) =>
    (await fetch(`${listening}/decide`, { headers: asking(target, sent) })).status;
  let isOver = false;
  const seen: number[] = [];
  const clients = Array.from({ length: 8 }, async () => {
    while (!isOver) seen.push(await ask("/v1/reports/a", credential));
  });
  let stderr = "";
  child.stderr.on("data", (part) => (stderr += part));
  const reloaded = async (text: string, said: string) => {
    const before = stderr.split(said).length;
    writeFileSync(file, text);
    child.kill("SIGHUP");
    await expect.poll(() => stderr.split(said).length, { timeout: 20_000 }).toBe(before + 1);
  };
  const more = `${config}  - { match: "GET /more", access: free }\n`;
  for (let round = 0; round < 3; round++) {
    expect(await ask("/more")).toBe(403);
    await reloaded(more, "the last request of the configuration before has ended");
    expect(await ask("/more")).toBe(200);
    await reloaded(config, "the last request of the configuration before has ended");
  }
  await reloaded(more.replace("free }", "nobody }"), "the one before stays");
  await reloaded(more.replace("api.example", "b.example"), "location: start it again");
  await reloaded(more.replace("access: free", "access: paid, price: 1 sat"), "SIGIL_WALLET");
  expect(await ask("/more")).toBe(403);
  isOver = true;
  await Promise.all(clients);
  expect(new Set(seen)).toEqual(new Set([200]));
});

const route = (text: string) => EXAMPLE.replace("access: free }", `${text} }`);

test.each([
  ["a metered route", route("access: credential, price: meter"), "routes[0].price is metered"],
  [
    "a free one with a price",
    route('access: free, price: "1 sat"'),
    "routes[0].price is for routes that need a credential",
  ],
  [
    "a paid one in dollars",
    route('access: paid, price: "1 usd"'),
    "routes[0].price must be in sat",
  ],
  ["a paid one without a wallet", route('access: paid, price: "1 sat"'), "SIGIL_WALLET"],
  ["another access", route("access: anybody"), "routes[0].access must be one of"],
  ["a freebie without a number", route("access: freebie, price: free"), "freePerDay is missing"],
  ["the vendor's key", route("access: free, withKey: true"), "withKey is not a key"],
  ["no proxy", EXAMPLE.replace("proxy: nginx", "# "), "proxy is missing"],
  ["an unknown key", `${EXAMPLE}upstream: https://a.example\n`, "upstream is not a key"],
  [
    "an address of others without a key",
    EXAMPLE.replace("127.0.0.1", "0.0.0.0"),
    "proxyKey is missing: others than the proxy can reach this address",
  ],
  ["no route", EXAMPLE.replace(/routes:[\s\S]*/, "routes: []\n"), "routes needs at least one"],
])("%s is refused at the start", async (_, config, message) => {
  expect(await refused(config)).toContain(message);
});
