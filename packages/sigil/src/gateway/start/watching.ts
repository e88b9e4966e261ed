/** What watches the requests of a gateway or a decision service: books, log, metrics and traces. */
import type { Store } from "l8nt/ports";
import type { DestinationStream } from "pino";
import { plainLogger } from "../../treasury/log.ts";
import type { BooksDatabase } from "../books/database.ts";
import { openBooks } from "../books/open.ts";
import { recoverRows } from "../books/recover.ts";
import type { GatewayConfig } from "../config/config.ts";
import { GatheredLines } from "../gathered-lines.ts";
import type { GatewayMetrics } from "../metrics/metrics.ts";
import { requestTraces } from "../metrics/traces.ts";
import type { Observer } from "../observer.ts";
import { requestLog } from "../request-log.ts";

export interface WatchingContext {
  readonly store: Store;
  /** Of the books, which close it. */
  readonly database: BooksDatabase;
  /** Of a service, by its name. */
  readonly presetOf: (service: string) => string | undefined;
  readonly metrics: GatewayMetrics | undefined;
  /** Where the lines of requests go, together. */
  readonly stderr: DestinationStream;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly alarm: (what: string) => void;
}

export interface Watching {
  readonly observers: readonly Observer[];
  /** Ends the rows of requests that the ledger has charged for a gateway that died. */
  recover(): Promise<void>;
  /** Writes what is left to write: call it when no request is under way. */
  close(): Promise<void>;
}

/** Call it when the paywalls are ready. */
export async function openWatching(
  config: Pick<GatewayConfig, "books" | "logLevel">,
  { store, database, presetOf, metrics, stderr, clock, alarm }: WatchingContext,
): Promise<Watching> {
  const { keepDays, keepRows } = config.books;
  const books = await openBooks({
    ...{ database, journal: store, clock, alarm },
    retention: { days: keepDays, rows: keepRows },
  });
  const lines = new GatheredLines(stderr);
  process.on("exit", lines.flush);
  const observers: Observer[] = [books, requestLog(plainLogger(config.logLevel, lines))];
  if (metrics !== undefined) observers.push(metrics);
  const close = async (): Promise<void> => {
    process.off("exit", lines.flush);
    lines.flush();
    await books.close();
  };
  const recover = async (): Promise<void> => {
    await recoverRows({ database, journal: store, now: clock() });
  };
  try {
    const traces = await requestTraces(presetOf);
    if (traces !== undefined) observers.push(traces);
    return { observers, recover, close };
  } catch (error) {
    await close();
    throw error;
  }
}
