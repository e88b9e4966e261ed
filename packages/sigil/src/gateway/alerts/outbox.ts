/**
 * Alerts that the webhook has not taken yet, one file for each, so that they outlive the process.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Reservation } from "l8nt/ports";
import type { Alert } from "./alert.ts";

export interface Pending {
  /** Of the alert, the same for each attempt. */
  readonly id: string;
  readonly alert: Alert;
  /** By which one process claims the alert. */
  readonly claim: Reservation;
}

export interface Outbox {
  put(pending: Pending): void;
  remove(id: string): void;
  all(): readonly Pending[];
}

/** Without a webhook, nothing waits. */
export const noOutbox: Outbox = { put() {}, remove() {}, all: () => [] };

export class FileOutbox implements Outbox {
  readonly #folder: string;

  /** @param folder made if it is missing, in a folder that only this user can read */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { mode: 0o700, recursive: true });
  }

  put(pending: Pending): void {
    const file = openSync(this.#fileOf(pending.id), "wx", 0o600);
    try {
      writeSync(file, textOf(pending));
      // On the disk before the books say that this gateway sends it.
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  remove(id: string): void {
    rmSync(this.#fileOf(id), { force: true });
  }

  /** A file that cannot be read was cut by a crash, before its alert was claimed. */
  all(): readonly Pending[] {
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith(".json"))
      .sort()
      .flatMap((name) => {
        const path = join(this.#folder, name);
        try {
          return [pendingOf(readFileSync(path, "utf8"))];
        } catch {
          rmSync(path, { force: true });
          return [];
        }
      });
  }

  #fileOf(id: string): string {
    return join(this.#folder, `${id}.json`);
  }
}

/** Counters have numbers that JSON has not. */
const textOf = (pending: Pending): string =>
  JSON.stringify(pending, (_key, value) =>
    typeof value === "bigint" ? { bigint: value.toString() } : value,
  );

const pendingOf = (text: string): Pending =>
  JSON.parse(text, (_key, value) =>
    typeof value?.bigint === "string" ? BigInt(value.bigint) : value,
  );
