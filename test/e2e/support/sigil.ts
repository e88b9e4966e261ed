/**
 * Runs the program `sigil` as a function or as a process, and its treasury as a process that runs
 * until the test ends.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable, Writable } from "node:stream";
import { onTestFinished } from "vitest";
import { main, terminalOf } from "../../../packages/sigil/src/cli.ts";
import { childEnv } from "./child-env.ts";

const MAIN = join(import.meta.dirname, "../../../packages/sigil/src/main.ts");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  /** What stdin holds; empty if it is left out. */
  readonly input?: string;
  /** Whether stdout says that it is a terminal. */
  readonly isTerminal?: boolean;
  /** Sends SIGTERM at the first output on stdout, for a command that serves until it is stopped. */
  readonly stopsAtOutput?: boolean;
}

/** Runs a command in this process, with nothing in its environment but what is given. */
export async function sigil(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { input, isTerminal = false, stopsAtOutput = false }: CallOptions = {},
): Promise<Ended> {
  const [stdout, stderr, signals] = [new Written(), new Written(), new EventEmitter()];
  if (stopsAtOutput) stdout.once("output", () => signals.emit("SIGTERM"));
  const terminal = terminalOf(args, {
    stdin: Readable.from(input === undefined ? [] : [Buffer.from(input)]),
    stdout: Object.assign(stdout, { isTTY: isTerminal }),
    stderr,
    env,
    signals,
  });
  const code = await main(args, terminal);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

class Written extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    this.emit("output");
    done();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}

/**
 * A process with nothing in its environment but `PATH` and what is given.
 *
 * @param before the program that becomes it, and its arguments
 */
export function spawned(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  before: readonly string[] = [],
) {
  const node = [process.execPath, "--conditions=l8nt-source", "--no-warnings", MAIN];
  const [command, ...more] = [...before, ...node, ...args];
  return spawn(command!, more, { env: childEnv(env), stdio: ["ignore", "pipe", "pipe"] });
}

export async function ended(
  child: ChildProcessByStdio<Writable | null, Readable, Readable>,
): Promise<Ended> {
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

/** Resolves once the treasury listens. @throws Error with its output if it does not start */
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
