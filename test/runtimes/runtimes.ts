/**
 * Bundles the smoke suite once and runs it on every runtime that the library supports. A runtime
 * that cannot run on this machine has failed.
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
  readonly run: (binary: string) => Promise<string>;
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

/** Serves the Worker, asks it once, and stops it. */
async function askWorker(workerd: string): Promise<string> {
  const args = ["serve", "--control-fd=3", "shims/worker.capnp", "config"];
  const child = spawn(workerd, args, {
    cwd: here,
    timeout: timeoutMs,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const failed = new Promise<never>((_, fail) => {
    child.on("error", fail);
    child.on("close", (status) => fail(new Error(`exit ${status ?? child.signalCode}: ${said}`)));
  });
  let said = "";
  child.stderr!.on("data", (chunk) => {
    said += chunk;
  });
  const listening = (async () => {
    let events = "";
    for await (const chunk of child.stdio[3] as AsyncIterable<Buffer>) {
      events += chunk;
      const port = /"event":"listen","socket":"http","port":(\d+)/.exec(events)?.[1];
      if (port !== undefined) return port;
    }
    return failed;
  })();
  try {
    const port = await Promise.race([listening, failed]);
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = await response.text();
    if (response.status !== 200) throw new Error(body);
    return body;
  } finally {
    failed.catch(() => {});
    child.kill();
  }
}

const runtimes: Readonly<Record<string, Runtime>> = {
  "Node 20": { binary: node20Binary, run: (binary) => output(binary, ["shims/run.js"]) },
  "Node 24": { binary: () => process.execPath, run: (binary) => output(binary, ["shims/run.js"]) },
  Bun: { binary: () => binaryOf("bun"), run: (binary) => output(binary, ["run", "shims/run.js"]) },
  // Without a single permission: the library asks for none.
  Deno: {
    binary: () => binaryOf("deno"),
    run: (binary) =>
      output(binary, ["run", "--no-prompt", "--no-config", "--no-lock", "shims/run.js"]),
  },
  workerd: { binary: () => binaryOf("workerd"), run: askWorker },
};

export const runtimeNames: readonly string[] = Object.keys(runtimes);

/** One file for all, in plain ESM: nothing in it may be any runtime's own. */
export async function bundleSmoke(): Promise<void> {
  await build({
    absWorkingDir: here,
    entryPoints: ["smoke.ts"],
    outfile: "dist/smoke.js",
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    conditions: ["l8nt-source"],
    logLevel: "error",
  });
}

export async function runOn(runtime: string): Promise<Outcome> {
  const { binary, run } = runtimes[runtime]!;
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  let version = "?";
  try {
    const file = binary();
    version = /\d[\w.-]+/.exec(await output(file, ["--version"]))?.[0] ?? "?";
    const passed = (await run(file)).trim().split("\n");
    return { runtime, version, passed, seconds: seconds() };
  } catch (error) {
    return { runtime, version, passed: [], error: (error as Error).message, seconds: seconds() };
  }
}
