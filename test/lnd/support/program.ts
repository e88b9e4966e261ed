/**
 * A program that runs beside a test: started, signalled, ended by its process id, and what it
 * printed last.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";

export class Program {
  readonly #name: string;
  readonly #log: string;
  #child: ChildProcess | undefined;

  constructor(name: string, log: string) {
    this.#name = name;
    this.#log = log;
  }

  start(file: string, args: readonly string[]): void {
    const log = openSync(this.#log, "a");
    this.#child = spawn(file, args, { stdio: ["ignore", log, log] });
    closeSync(log);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Asks it to end, and after a while makes it. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const force = setTimeout(() => child.kill("SIGKILL"), 20_000);
    child.kill("SIGCONT");
    child.kill(signal);
    await once(child, "close");
    clearTimeout(force);
  }

  /** @throws Error with the program's last words, where it has ended by itself */
  demandRunning(): void {
    if (
      this.#child !== undefined &&
      this.#child.exitCode === null &&
      this.#child.signalCode === null
    )
      return;
    const last = readFileSync(this.#log, "utf8").trim().split("\n").slice(-5).join("\n");
    throw new Error(`${this.#name} has ended:\n${last}`);
  }
}

/** Asks again until there is an answer. @throws Error after `seconds`, with what was waited for */
export async function until<Value>(
  what: string,
  look: () => Promise<Value | undefined | false>,
  seconds = 60,
): Promise<Value> {
  const end = performance.now() + seconds * 1000;
  let last: unknown;
  while (performance.now() < end) {
    const value = await look().catch((error: unknown) => {
      last = error;
      return undefined;
    });
    if (value !== undefined && value !== false) return value as Value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not come about in ${seconds} seconds`, { cause: last });
}
