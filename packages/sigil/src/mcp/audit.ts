/**
 * The proxy's audit: a JSON line for each call. Sizes, and never what is in arguments or results.
 */
import { closeSync, constants, fsyncSync, openSync, writeSync } from "node:fs";
import { UsageError } from "../exit.ts";

export interface AuditEntry {
  readonly tool: string;
  readonly decision: "allowed" | "refused";
  readonly reason?: string;
  /** Of an allowed one: what came of it. */
  readonly outcome?: "result" | "tool-error" | "error" | "cancelled" | "unanswered";
  readonly durationMs?: number;
  readonly argumentBytes: number;
  readonly resultBytes?: number;
}

const MAX_NAME = 128;

export class Audit {
  readonly #file: number | undefined;
  #failed = false;

  /** Without a path nothing is written. @throws UsageError */
  constructor(path: string | undefined) {
    if (path === undefined) return;
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
    try {
      this.#file = openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
    } catch {
      throw new UsageError("The file of --audit cannot be written; it must be no link.");
    }
  }

  /** Once a line could not be written, nothing more is let through: an audit with holes is none. */
  get isBroken(): boolean {
    return this.#failed;
  }

  write({ tool, ...entry }: AuditEntry): void {
    if (this.#file === undefined || this.#failed) return;
    // A name comes from the model, and may be anything.
    const shown = tool.length <= MAX_NAME ? tool : "(too long)";
    try {
      writeSync(
        this.#file,
        `${JSON.stringify({ time: new Date().toISOString(), tool: shown, ...entry })}\n`,
      );
    } catch {
      this.#failed = true;
    }
  }

  close(): void {
    if (this.#file === undefined) return;
    try {
      fsyncSync(this.#file);
    } catch {
      // A pipe cannot be synced.
    }
    closeSync(this.#file);
  }
}
