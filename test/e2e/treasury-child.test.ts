/** `sigil treasury child`: the treasury of a program in another language, which ends with it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { Client, Credential, DEFAULT_LIMITS } from "l8nt";
import { socketFetch } from "l8nt/node";
import { devTown } from "l8nt/testing";
import { expect, onTestFinished, test } from "vitest";
import { answerTo } from "../../packages/sigil/src/treasury/child.ts";
import { childEnv } from "./support/child-env.ts";
import { sigil } from "./support/sigil.ts";

const MAIN = join(import.meta.dirname, "../../packages/sigil/src/main.ts");

interface Line {
  readonly socket: string;
  readonly location: string;
  readonly credential: string;
  readonly error: string;
}

/** Starts one with a folder for its temporary files, and a function that asks it. */
async function childOf(wallet: string, env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "child-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const program = [process.execPath, "--conditions=l8nt-source", "--no-warnings", MAIN];
  // What it answers are credentials, which the canary must not find on stdout.
  const process_ = spawn(
    "/bin/sh",
    ["-c", 'exec "$@" >&3', "sh", ...program, "treasury", "child"],
    {
      env: childEnv({ SIGIL_WALLET: wallet, TMPDIR: folder, ...env }),
      stdio: ["pipe", "ignore", "inherit", "pipe"],
    },
  );
  onTestFinished(() => void process_.kill("SIGKILL"));
  const lines = createInterface({ input: process_.stdio[3] as Readable })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value as string) as Line;
  const ask = (text: string) => {
    process_.stdin!.write(`${text}\n`);
    return next();
  };
  return { process: process_, folder, opened: await next(), ask };
}

test.each([
  ["too long for a socket", "x".repeat(120)],
  ["not there", "missing"],
])("it takes another folder for its socket if TMPDIR is %s", async (_what, name) => {
  await using town = await devTown();
  const above = mkdtempSync(join(tmpdir(), "child-"));
  onTestFinished(() => rmSync(above, { recursive: true }));
  const runtime = join(above, "run");
  mkdirSync(runtime);
  if (name !== "missing") mkdirSync(join(above, name));
  const wallet = town.network.account("program", { balanceMsat: 100_000n }).url;
  const env = { TMPDIR: join(above, name), XDG_RUNTIME_DIR: runtime };
  const { process: child, opened, ask } = await childOf(wallet, env);
  expect(dirname(dirname(opened.socket))).toBe(runtime);
  expect(statSync(dirname(opened.socket)).mode & 0o777).toBe(0o700);
  expect((await ask("{}")).credential).toMatch(/:/);
  child.stdin!.end();
  await once(child, "exit");
  expect(readdirSync(runtime)).toEqual([]);
});

test("it pays for a program over a private socket, and ends and cleans up when stdin ends", async () => {
  await using town = await devTown({ price: "10 sat" });
  const wallet = town.network.account("program", { balanceMsat: 100_000n }).url;
  const { process: child, folder, opened, ask } = await childOf(wallet);
  const { socket, location } = opened;
  expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
  const { credential } = await ask(
    JSON.stringify({
      scope: { endpoints: [`GET ${town.shop.url}/**`], budget: "100 sat", expiresIn: "1h" },
    }),
  );
  expect(Credential.parse(credential).location).toBe(location);

  const order = { id: crypto.randomUUID(), method: "GET", url: `${town.shop.url}/forecast` };
  const bought = await socketFetch(socket)("http://embedded.invalid/v1/purchases", {
    method: "POST",
    headers: { authorization: `L402 ${credential}` },
    body: JSON.stringify(order),
  });
  const handed = (await bought.json()) as Line;
  const headers = { authorization: `L402 ${handed.credential}` };
  const response = await fetch(order.url, { headers });
  expect(await response.json()).toEqual({ served: 1 });
  expect(town.network.payments().map(({ payer, status }) => [payer, status])).toEqual([
    ["program", "paid"],
  ]);

  const ended = once(child, "exit");
  child.stdin!.end();
  expect(await ended).toEqual([0, null]);
  expect(existsSync(socket)).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
});

test("an order that waits does not keep it after its program", async () => {
  const { process: child, opened } = await childOf("dev+http://127.0.0.1:1/program?key=k");
  const connection = (await import("node:net")).connect(opened.socket);
  await once(connection, "connect");
  connection.on("error", () => {});
  connection.write("POST /v1/purchases HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n");
  const ended = once(child, "exit");
  child.stdin!.end();
  expect((await ended)[0]).toBe(0);
});

test("without a wallet it says what to set", async () => {
  const { code, stderr } = await sigil(["treasury", "child"]);
  expect(code).toBe(2);
  expect(stderr).toBe("sigil: Missing wallet. Set SIGIL_WALLET to its URL.\n");
});

test("a line without a scope has the default limits, and times are Unix seconds", () => {
  const minted: unknown[] = [];
  const treasury = { mint: (scope: unknown) => `credential ${minted.push(scope)}` };
  expect(answerTo("{}", treasury)).toEqual({ credential: "credential 1" });
  const line = '{"scope":{"agent":"a","expiresAt":2000000000,"validFrom":1999999999.5}}';
  expect(answerTo(line, treasury)).toEqual({ credential: "credential 2" });
  expect(minted).toEqual([
    DEFAULT_LIMITS,
    {
      agent: "a",
      expiresAt: new Date("2033-05-18T03:33:20Z"),
      validFrom: new Date("2033-05-18T03:33:19.500Z"),
    },
  ]);
});

test.each(["", "null", "[", '{"scope":{"budget":5}}', '{"scope":{"unknown":1}}'])(
  "a line that cannot be minted from is answered with an error: %s",
  (line) => {
    const treasury = new Client({ wallet: "dev+http://127.0.0.1:1/a?key=k" }).treasury!;
    return treasury.open().then((core) => {
      expect(answerTo(line, core)).toEqual({ error: expect.any(String) });
    });
  },
);
