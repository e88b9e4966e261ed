/**
 * The program `sigil` as a process of its own, and its treasury as one that runs until the test
 * ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { childEnv } from "./child-env.ts";

const MAIN = join(import.meta.dirname, "../../../packages/sigil/src/main.ts");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** With nothing in its environment but `PATH` and what is given. */
export const spawned = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  spawn(process.execPath, ["--conditions=l8nt-source", "--no-warnings", MAIN, ...args], {
    env: childEnv(env),
    stdio: ["ignore", "pipe", "pipe"],
  });

export async function sigil(
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<Ended> {
  return ended(spawned(args, env));
}

export async function ended(child: ReturnType<typeof spawned>): Promise<Ended> {
  const parts = { stdout: "", stderr: "" };
  child.stdout.on("data", (part) => (parts.stdout += part));
  child.stderr.on("data", (part) => (parts.stderr += part));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...parts };
}

export interface Daemon {
  readonly child: ChildProcess;
  readonly printed: () => string;
  readonly ready: { readonly receiptKey: string; readonly listening: string };
  stop(): Promise<number | null>;
}

/** Resolves once it listens. @throws Error with what it printed, where it does not start */
export async function daemon(
  dir: string,
  wallet: string,
  more: readonly string[] = [],
): Promise<Daemon> {
  const child = spawned(
    ["treasury", "start", "--dir", dir, "--allow-loopback", "--json", ...more],
    {
      SIGIL_WALLET: wallet,
    },
  );
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "close");
  });
  let printed = "";
  child.stderr.on("data", (part) => (printed += part));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    printed += `${line}\n`;
    lines.push(line);
    if (line === "}") break;
  }
  if (lines.length === 0) throw new Error(`the treasury did not start: ${printed}`);
  return {
    child,
    printed: () => printed,
    ready: JSON.parse(lines.join("\n")),
    async stop() {
      child.kill("SIGTERM");
      const [code] = (await once(child, "close")) as [number | null];
      return code;
    },
  };
}
