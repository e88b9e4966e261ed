/** What watches requests: the log, the books, metrics and alerts, each behind one interface. */
import type { Unit } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import type { Outcome } from "./core/forward.ts";
import type { Denied } from "./denied.ts";
import type { Usage } from "./usage.ts";

/** What is written down of one request. Nothing of it is a credential or a key. */
export interface Row {
  /** 28 hex digits that begin with the time. */
  readonly id: string;
  /** When it arrived, in Unix milliseconds. */
  readonly at: number;
  readonly method: string;
  /** As it was sent, without the query and the prefix of the service. */
  readonly path: string;
  /** Undefined of a path that is of no service. */
  readonly service: string | undefined;
  /** The path of the preset's route; undefined if it lists none for the request. */
  readonly route: string | undefined;
  readonly capability: string | undefined;
  /** The agents' names, from the root on. Empty before the credential is proven. */
  readonly lineage: readonly string[];
  readonly nodeId: string | undefined;
  readonly model: string | undefined;
  /** What the client was answered; undefined if that was nothing, or not yet. */
  readonly status: number | undefined;
  /**
   * `open`: it is under way. `denied`: it was not sent. `recovered`: its process died, and the next
   * one read in the ledger what it was charged. `passed`: a proxy was told to serve it. Else how it
   * ended.
   */
  readonly end: Outcome["kind"] | "open" | "denied" | "recovered" | "passed";
  /** The code of the denial, or of the error that the gateway answered with. */
  readonly code: string | undefined;
  /** With `--shadow`: why it would not have been let through as it is. */
  readonly wouldDeny: string | undefined;
  /** What the amounts are counted in. */
  readonly unit: Unit | undefined;
  /** Undefined of a route that costs nothing. */
  readonly reserved: bigint | undefined;
  readonly spent: bigint | undefined;
  readonly isEstimated: boolean;
  readonly usage: Usage | undefined;
  /** The line of the price file. */
  readonly price: string | undefined;
  /** Milliseconds from its arrival to its end, and to the head of the vendor's answer. */
  readonly durationMs: number | undefined;
  readonly firstByteMs: number | undefined;
}

/**
 * Told of every request while it is served, so it must return at once. What it throws reaches the
 * operator and not the request.
 */
export interface Observer {
  /**
   * The most that a request can cost is about to be reserved. Called again if that is made less,
   * and not at all for what is not metered.
   */
  opened?(row: Row, verified: Verified): void;
  /**
   * A request that was let through has ended, and what it cost is counted.
   *
   * @param verified undefined of one that needed no credential
   */
  settled?(row: Row, verified: Verified | undefined): void;
  /** A request was refused here, and nothing was sent. */
  denied?(row: Row, denial: Denied, verified: Verified | undefined): void;
}

/** One observer of several. */
export const observers = (
  all: readonly Observer[],
  alarm: (what: string, cause?: unknown) => void,
): Required<Observer> => {
  const tell = (call: (observer: Observer) => void): void => {
    for (const observer of all) {
      try {
        call(observer);
      } catch (error) {
        alarm("a bug in sigil gateway: an observer of requests failed", error);
      }
    }
  };
  return {
    opened: (row, verified) => tell((observer) => observer.opened?.(row, verified)),
    settled: (row, verified) => tell((observer) => observer.settled?.(row, verified)),
    denied: (row, denial, verified) => tell((observer) => observer.denied?.(row, denial, verified)),
  };
};
