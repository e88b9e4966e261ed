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
import { ended, spawned } from "./support/sigil.ts";

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
  return { folder, listening: listening as string, key, child, end };
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
