/**
 * The time line of one order inside of a treasury: ports are wrapped, and each call of one is an
 * entry. A function of Node that many modules call is replaced by one that counts.
 */
import type { DatabaseSync } from "node:sqlite";

/** One entry of a time line; times in ms, from the arrival of the order. */
export interface Entry {
  readonly what: string;
  readonly at: number;
  readonly ms: number;
  /** Entries inside of another one are further in. */
  readonly depth: number;
}

/** What was counted in one order. */
export interface Traced {
  readonly ms: number;
  readonly entries: readonly Entry[];
  readonly exchanges: number;
  readonly signatures: number;
  readonly syncs: number;
  readonly pages: number;
  readonly statements: number;
}

const LOG_HEADER = 32;
const FRAME_HEADER = 24;
const FRAME = FRAME_HEADER + 4096;

/**
 * Counts the pages that were added to a log. A frame is of the present log if it has the salts of
 * the log's header: SQLite changes them when it begins the log anew, and leaves what is behind.
 */
function pagesOf(path: string): () => number {
  const fs = process.getBuiltinModule("node:fs");
  let salts = "";
  let known = 0;
  return () => {
    const file = fs.openSync(path, "r");
    const read = (at: number, length: number) => {
      const bytes = Buffer.alloc(length);
      return fs.readSync(file, bytes, 0, length, at) === length ? bytes.toString("hex") : "";
    };
    const now = read(16, 8);
    const before = now === salts ? known : 0;
    salts = now;
    known = before;
    while (read(LOG_HEADER + known * FRAME + 8, 8) === salts) known++;
    fs.closeSync(file);
    return known - before;
  };
}

export class Recorder {
  #entries: { what: string; at: number; ms: number }[] = [];
  #began: number | undefined;
  #statements = 0;
  #syncs = 0;
  #pages = 0;

  begin(): void {
    this.#entries = [];
    this.#statements = this.#syncs = this.#pages = 0;
    this.#began = performance.now();
  }

  end(): Traced {
    const ms = performance.now() - this.#began!;
    this.#began = undefined;
    const entries = this.#entries
      .sort((a, b) => a.at - b.at || b.ms - a.ms)
      .map((entry, nth, all) => ({
        ...entry,
        depth: all
          .slice(0, nth)
          .filter(({ at, ms: length }) => entry.at >= at && entry.at + entry.ms <= at + length)
          .length,
      }));
    const count = (of: RegExp) => entries.filter(({ what }) => of.test(what)).length;
    return {
      ms,
      entries,
      exchanges: count(/^exchange/) + 1,
      signatures: count(/^signature/),
      syncs: this.#syncs,
      pages: this.#pages,
      statements: this.#statements,
    };
  }

  /** Adds an entry for what `work` does, also if it is a promise. */
  measure<Value>(what: string, work: () => Value): Value {
    if (this.#began === undefined) return work();
    const since = performance.now();
    const began = this.#began;
    const note = () => {
      // What ends after its order belongs to no order.
      if (began === this.#began)
        this.#entries.push({ what, at: since - began, ms: performance.now() - since });
    };
    const value = work();
    if (!(value instanceof Promise)) {
      note();
      return value;
    }
    return value.finally(note) as Value;
  }

  /** The same port; each call of one of its methods is an entry. */
  wrap<Port extends object>(name: string, port: Port): Port {
    return new Proxy(port, {
      get: (target, member) => {
        const value: unknown = Reflect.get(target, member);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) =>
          this.measure(`${name}${String(member)}`, () => Reflect.apply(value, target, args));
      },
    });
  }

  /** Counts what SQLite does: statements, syncs of the log, and pages that were added to it. */
  watchSqlite(path: string): void {
    const sqlite = process.getBuiltinModule("node:sqlite");
    const count = () => {
      this.#statements++;
    };
    for (const method of ["run", "get", "all"] as const)
      counted(sqlite.StatementSync.prototype, method, count);
    counted(sqlite.DatabaseSync.prototype as DatabaseSync, "exec", count);
    const fs = process.getBuiltinModule("node:fs");
    const { fdatasync } = fs;
    const added = pagesOf(`${path}-wal`);
    fs.fdatasync = ((fd: number, end: (error: NodeJS.ErrnoException | null) => void) => {
      const pages = added();
      this.#syncs++;
      this.#pages += pages;
      void this.measure(
        `sync of the log, ${pages} pages`,
        () =>
          new Promise<void>((resolve) => {
            fdatasync(fd, (error) => {
              resolve();
              end(error);
            });
          }),
      );
    }) as typeof fs.fdatasync;
  }

  /** Adds an entry for each signature by Node's own Ed25519, which receipts have. */
  watchSignatures(): void {
    const crypto = process.getBuiltinModule("node:crypto");
    const { sign } = crypto;
    crypto.sign = ((...args: Parameters<typeof sign>) =>
      this.measure("signature of a receipt, made", () => sign(...args))) as typeof sign;
  }
}

function counted<Target extends object>(
  target: Target,
  method: keyof Target,
  count: () => void,
): void {
  const value = target[method] as (...args: unknown[]) => unknown;
  target[method] = function (this: unknown, ...args: unknown[]) {
    count();
    return Reflect.apply(value, this, args);
  } as Target[keyof Target];
}

/** The order that took the median time, as a table, and the medians of what was counted. */
export function tableOf(traced: readonly Traced[]): { order: Traced; lines: readonly string[] } {
  const order = [...traced].sort((a, b) => a.ms - b.ms)[traced.length >> 1]!;
  const { ms, exchanges, signatures, syncs, pages, statements, entries } = order;
  const row = (at: number, length: number, what: string) =>
    `${at.toFixed(2).padStart(8)} ${length.toFixed(2).padStart(8)}  ${what}`;
  return {
    order,
    lines: [
      `${"at (ms)".padStart(8)} ${"ms".padStart(8)}  one order inside of the treasury`,
      row(0, ms, "exchange: the agent's order"),
      ...entries.map((entry) => row(entry.at, entry.ms, "  ".repeat(entry.depth + 1) + entry.what)),
      `${exchanges} exchanges, ${signatures} signatures, ${syncs} syncs of the log, ${pages} pages written, ${statements} statements`,
    ],
  };
}
