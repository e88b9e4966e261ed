/**
 * A process of the demo, from the outside: started, told things and heard line by line, and ended
 * by its handle.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Line } from "./stage.ts";

export type Role = "network" | "weather" | "treasury" | "orchestrator" | "agent";

export interface PlayerOptions {
  /** The whole of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Node's own flags, which say where the library is found. */
  readonly execArgv?: readonly string[];
}

const GRACE_MS = 2000;

export class Player {
  readonly role: Role;
  readonly #child: ChildProcess & { readonly stdin: Writable; readonly stdout: Readable };
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  constructor(role: Role, { env, execArgv = process.execArgv }: PlayerOptions) {
    this.role = role;
    // TypeScript in the repository, JavaScript where it was built.
    const file = fileURLToPath(new URL(`./${role}${extname(import.meta.url)}`, import.meta.url));
    this.#child = spawn(process.execPath, [...execArgv, file], {
      env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#ended = once(this.#child, "close").catch(() => {});
    // A process that is gone is noticed where it is listened to.
    this.#child.stdin.on("error", () => {});
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  tell(line: object): void {
    this.#child.stdin.write(`${JSON.stringify(line)}\n`);
  }

  async hear<Said = Line>(): Promise<Said> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the process "${this.role}" ended too soon`);
    return JSON.parse(value) as Said;
  }

  async ask<Said = Line>(line: object): Promise<Said> {
    this.tell(line);
    return this.hear<Said>();
  }

  /** Ends it, and waits until it is gone. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), GRACE_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}
