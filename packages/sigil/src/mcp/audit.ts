/** Audit file of the proxy: one JSON line for each call, with sizes but no contents. */
import { closeSync, constants, fsyncSync, openSync, writeSync } from "node:fs";
import { UsageError } from "../exit.ts";

export interface AuditEntry {
  readonly tool: string;
  readonly decision: "allowed" | "refused";
  readonly reason?: string;
  /** How an allowed call ended. */
  readonly outcome?: "result" | "tool-error" | "error" | "cancelled" | "unanswered";
  readonly durationMs?: number;
  readonly argumentBytes: number;
  readonly resultBytes?: number;
}

const MAX_NAME = 128;

export class Audit {
  readonly #file: number | undefined;
  #failed = false;

  /** Opens the file at `path`; writes nothing without a path. @throws UsageError */
  constructor(path: string | undefined) {
    if (path === undefined) return;
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
    try {
      this.#file = openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
    } catch {
      throw new UsageError("The file of --audit cannot be written; it may not be a symbolic link.");
    }
  }

  /** Whether a line could not be written. The gate then refuses all calls. */
  get isBroken(): boolean {
    return this.#failed;
  }

  write({ tool, ...entry }: AuditEntry): void {
    if (this.#file === undefined || this.#failed) return;
    // The model chooses the name, so it may be of any length.
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
