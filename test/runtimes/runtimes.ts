/**
 * Bundles a suite once and runs it on every runtime that the library supports. A runtime that
 * cannot run on this machine has failed.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { build } from "esbuild";
import { node20Binary } from "../../scripts/node20.ts";

const here = import.meta.dirname;
const timeoutMs = 60_000;

export interface Outcome {
  readonly runtime: string;
  readonly version: string;
  /** The names of the checks that passed; empty where one did not. */
  readonly passed: readonly string[];
  readonly error?: string;
  readonly seconds: number;
}

interface Runtime {
  readonly binary: () => string;
  readonly run: (binary: string, given: string) => Promise<string>;
}

/**
 * The binary that an npm package brings, without the launcher that would look for a Node on the
 * path.
 */
function binaryOf(name: string): string {
  const manifest = createRequire(join(here, "package.json")).resolve(`${name}/package.json`);
  const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as {
    bin: string | Record<string, string>;
  };
  return join(manifest, "..", typeof bin === "string" ? bin : bin[name]!);
}

/** Stdout of a command that ends well; throws with what it said otherwise. */
async function output(file: string, args: readonly string[]): Promise<string> {
  const child = spawn(file, args, {
    cwd: here,
    timeout: timeoutMs,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((done, fail) =>
    child.on("error", fail).on("close", done),
  );
  const [out, err, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (status !== 0) throw new Error(`exit ${status ?? child.signalCode}: ${(err || out).trim()}`);
  return out;
}

export interface Worker extends Disposable {
  /** Asks it at a socket of its configuration. @throws Error for another answer than 200 */
  ask(socket: string, path?: string, init?: RequestInit): Promise<string>;
}

/** Serves the Workers of a configuration, until it is disposed of. */
export async function serveWorker(config: string, sockets: readonly string[]): Promise<Worker> {
  const args = ["serve", "--control-fd=3", `shims/${config}`, "config"];
  const child = spawn(workerd(), args, {
    cwd: here,
    timeout: timeoutMs,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const failed = new Promise<never>((_, fail) => {
    child.on("error", fail);
    child.on("close", (status) => fail(new Error(`exit ${status ?? child.signalCode}: ${said}`)));
  });
  failed.catch(() => {});
  let said = "";
  child.stderr!.on("data", (chunk) => {
    said += chunk;
  });
  const listening = (async () => {
    let events = "";
    for await (const chunk of child.stdio[3] as AsyncIterable<Buffer>) {
      events += chunk;
      const found = events.matchAll(/"event":"listen","socket":"(\w+)","port":(\d+)/g);
      const ports = new Map([...found].map(([, socket, port]) => [socket!, port!]));
      if (sockets.every((socket) => ports.has(socket))) return ports;
    }
    return failed;
  })();
  const ports = await Promise.race([listening, failed]);
  return {
    async ask(socket, path = "/", init = {}) {
      const signal = init.signal ?? AbortSignal.timeout(timeoutMs);
      const url = `http://127.0.0.1:${ports.get(socket)}${path}`;
      const response = await Promise.race([fetch(url, { ...init, signal }), failed]);
      const body = await response.text();
      if (response.status !== 200) throw new Error(body);
      return body;
    },
    [Symbol.dispose]: () => void child.kill(),
  };
}

async function askWorker(config: string, socket: string, init?: RequestInit): Promise<string> {
  using worker = await serveWorker(config, [socket]);
  return await worker.ask(socket, "/", init);
}

const node24 = () => process.execPath;
const bun = () => binaryOf("bun");
const deno = () => binaryOf("deno");
const workerd = () => binaryOf("workerd");
const DENO = ["run", "--no-prompt", "--no-config", "--no-lock"];
const SMOKE = "shims/run.js";
const ONLINE = "shims/public-key.js";

const runtimes: Readonly<Record<string, Runtime>> = {
  "Node 20": { binary: node20Binary, run: (binary) => output(binary, [SMOKE]) },
  "Node 24": { binary: node24, run: (binary) => output(binary, [SMOKE]) },
  Bun: { binary: bun, run: (binary) => output(binary, ["run", SMOKE]) },
  // Without a single permission: the library asks for none.
  Deno: { binary: deno, run: (binary) => output(binary, [...DENO, SMOKE]) },
  workerd: { binary: workerd, run: () => askWorker("worker.capnp", "http") },
};

const askAt = (socket: string) => (_: string, town: string) =>
  askWorker("public-key.capnp", socket, { method: "POST", body: town });

/** The same, for checks that request what is on loopback. */
const online: Readonly<Record<string, Runtime>> = {
  "Node 20": { binary: node20Binary, run: (binary, town) => output(binary, [ONLINE, town]) },
  "Node 24": { binary: node24, run: (binary, town) => output(binary, [ONLINE, town]) },
  Bun: { binary: bun, run: (binary, town) => output(binary, ["run", ONLINE, town]) },
  Deno: {
    binary: deno,
    run: (binary, town) => output(binary, [...DENO, "--allow-net=127.0.0.1", ONLINE, town]),
  },
  workerd: { binary: workerd, run: askAt("plain") },
  "workerd with the modules of Node": { binary: workerd, run: askAt("node") },
};

export const runtimeNames: readonly string[] = Object.keys(runtimes);
export const onlineNames: readonly string[] = Object.keys(online);

/** One file of each for all, in plain ESM: nothing in it may be any runtime's own. */
export async function bundle(...names: readonly string[]): Promise<void> {
  await build({
    absWorkingDir: here,
    entryPoints: names.map((name) => `${name}.ts`),
    outdir: "dist",
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    conditions: ["l8nt-source"],
    logLevel: "error",
  });
}

export const runOn = (runtime: string): Promise<Outcome> =>
  outcomeOf(runtime, runtimes[runtime]!, "");

/** @param town what `publicKeys` is told */
export const runOnline = (runtime: string, town: object): Promise<Outcome> =>
  outcomeOf(runtime, online[runtime]!, JSON.stringify(town));

async function outcomeOf(
  runtime: string,
  { binary, run }: Runtime,
  given: string,
): Promise<Outcome> {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  let version = "?";
  try {
    const file = binary();
    version = /\d[\w.-]+/.exec(await output(file, ["--version"]))?.[0] ?? "?";
    const passed = (await run(file, given)).trim().split("\n");
    return { runtime, version, passed, seconds: seconds() };
  } catch (error) {
    return { runtime, version, passed: [], error: (error as Error).message, seconds: seconds() };
  }
}
