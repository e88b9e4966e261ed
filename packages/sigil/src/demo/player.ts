/** Starts a process of the demo, exchanges JSON lines with it, and stops it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Line } from "./stage.ts";

/** The file in this folder that the process runs. */
export type Role = "network" | "weather" | "treasury" | "orchestrator" | "agent";

export interface PlayerOptions {
  /** All environment variables of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Node's own flags, such as conditions that resolve the library. @default process.execArgv */
  readonly execArgv?: readonly string[];
}

const GRACE_MS = 2000;

/** One process of the demo. */
export class Player {
  readonly role: Role;
  readonly #child: ChildProcess & { readonly stdin: Writable; readonly stdout: Readable };
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  constructor(role: Role, { env, execArgv = process.execArgv }: PlayerOptions) {
    this.role = role;
    // TypeScript in the repository, JavaScript in the package.
    const file = fileURLToPath(new URL(`./${role}${extname(import.meta.url)}`, import.meta.url));
    this.#child = spawn(process.execPath, [...execArgv, file], {
      env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#ended = once(this.#child, "close").catch(() => {});
    // A write to a dead process fails; `hear` reports that it ended.
    this.#child.stdin.on("error", () => {});
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends a line. */
  tell(line: object): void {
    this.#child.stdin.write(`${JSON.stringify(line)}\n`);
  }

  /** Reads the next line. */
  async hear<Said = Line>(): Promise<Said> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the process "${this.role}" ended too early`);
    return JSON.parse(value) as Said;
  }

  /** Sends a line, and reads the next one. */
  async ask<Said = Line>(line: object): Promise<Said> {
    this.tell(line);
    return this.hear<Said>();
  }

  /** Stops the process, and waits for its end. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), GRACE_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}
