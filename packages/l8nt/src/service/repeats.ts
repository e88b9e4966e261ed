/**
 * Answers that are kept for a request that is repeated: with the same credential and the same
 * `Idempotency-Key` it is the same use. spec/5-ledger.md §5.
 */
import { AdapterError } from "../errors.ts";
import { utf8 } from "../internal/bytes.ts";
import { sha256Hex } from "../internal/crypto.ts";
import { FairShares } from "../internal/fair-shares.ts";

/** A complete answer, as it can be sent again. */
export interface Answer {
  readonly status: number;
  /** Without the fields of one connection, and without the length. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A larger answer is not kept. */
export const MAX_ANSWER_BYTES = 65_536;
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** What is left when there are more: the holders of all credentials are compared once for many. */
const LEFT_BYTES = (MAX_KEPT_BYTES * 31) / 32;
/** What an answer takes beside its bytes, so that there are 10,000 of them at most. */
const OVERHEAD_BYTES = MAX_KEPT_BYTES / 10_000;

/** The fields of one connection, and those that are made anew for every answer. */
const OF_ONE_ANSWER =
  /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|date)$/i;

/** An answer of these parts; undefined if it is too large to be kept. */
export function answerOf(
  status: number,
  headers: Iterable<readonly [name: string, value: string]>,
  body: Uint8Array<ArrayBuffer>,
): Answer | undefined {
  const fields = [...headers].filter(([name]) => !OF_ONE_ANSWER.test(name));
  const size = fields.reduce((sum, [name, value]) => sum + name.length + value.length, body.length);
  return size > MAX_ANSWER_BYTES ? undefined : { status, headers: fields, body };
}

/** A request that is, or was, served under a key. */
export interface KeyedRequest {
  /** The node that asks, after those above it. Nobody else sees what is kept for it. */
  readonly nodeIds: readonly string[];
  /** The value of `Idempotency-Key`. */
  readonly key: string;
  /** What tells this request from another one; undefined if its body could not be read. */
  readonly fingerprint: string | undefined;
  /** Unix seconds. */
  readonly at: number;
  /** When the credential ends; nothing is kept for longer. */
  readonly endsAt: number | undefined;
}

/** The use of a request that runs under a key. */
export interface KeyedUse {
  /** Says how the claim ended: a use that was given back is free for the same key. */
  end(consumed: boolean): void;
  /**
   * Takes the duty to hand in the answer. If nobody takes it before the claim ends, nothing is
   * kept. Undefined if the answer could be given to nobody.
   */
  keeper(): ((answer: Answer | undefined) => void) | undefined;
}

/** What is known of a request: it is new, it runs, it has an answer, or its answer is gone. */
export type Begun =
  | { readonly kind: "new"; readonly use: KeyedUse }
  | { readonly kind: "answered"; readonly answer: Answer }
  | { readonly kind: "running" | "other" | "gone" };

interface Entry {
  readonly nodeIds: readonly string[];
  /** Undefined: its answer is for nobody, and another use under its key is for nobody either. */
  readonly fingerprint: string | undefined;
  readonly endsAt: number;
  state: "running" | "gone" | Answer;
}

/** Kept in memory: another process, and this one after a restart, does not know the answers. */
export class Repeats {
  readonly #entries = new Map<string, Entry>();
  /** Of what does not run any more. */
  readonly #shares = new FairShares();

  begin({ nodeIds, key, fingerprint, at, endsAt }: KeyedRequest): Begun {
    const id = sha256Hex(utf8(JSON.stringify([nodeIds.at(-1), key])));
    const known = this.#entries.get(id);
    if (known !== undefined && known.endsAt > at) {
      // Also requests that cannot be compared: they are not known to be the same.
      if (fingerprint === undefined || known.fingerprint !== fingerprint) return { kind: "other" };
      const { state } = known;
      return typeof state === "string" ? { kind: state } : { kind: "answered", answer: state };
    }
    this.#drop(id);
    const entry: Entry = {
      nodeIds,
      fingerprint,
      endsAt: endsAt ?? Number.POSITIVE_INFINITY,
      state: "running",
    };
    this.#entries.set(id, entry);
    return { kind: "new", use: this.#use(id, entry) };
  }

  #use(id: string, entry: Entry): KeyedUse {
    let isTaken = false;
    const set = (state: Entry["state"]): void => {
      if (this.#entries.get(id) !== entry || entry.state !== "running") return;
      entry.state = state;
      const bytes = typeof state === "string" ? 0 : sizeOf(state);
      this.#shares.add(id, entry.nodeIds, bytes + OVERHEAD_BYTES);
      if (this.#shares.weight > MAX_KEPT_BYTES)
        this.#shares.reduce(LEFT_BYTES, (oldest) => this.#drop(oldest));
    };
    return {
      end: (consumed) => {
        if (!consumed && this.#entries.get(id) === entry) this.#drop(id);
        else if (!isTaken) set("gone");
      },
      keeper: () => {
        if (entry.fingerprint === undefined) return undefined;
        isTaken = true;
        return (answer) => set(answer ?? "gone");
      },
    };
  }

  #drop(id: string): void {
    this.#entries.delete(id);
    this.#shares.remove(id);
  }
}

const sizeOf = ({ headers, body }: Answer): number =>
  headers.reduce((sum, [name, value]) => sum + name.length + value.length, body.length);

/** The error of a request that cannot be answered under its key. */
export const repeatError = (kind: "running" | "other" | "gone"): AdapterError =>
  kind === "running"
    ? new AdapterError(
        "ERR_REQUEST_RUNNING",
        "A request with this Idempotency-Key is still being answered. Send it again later, with the same key.",
        { retryAfterSeconds: 1 },
      )
    : new AdapterError(
        "ERR_IDEMPOTENCY_KEY",
        kind === "other"
          ? "This Idempotency-Key was used for a request with another method, URL, header field or body, or with a body that cannot be compared. Send another key."
          : "The request with this Idempotency-Key was answered, and the answer is not kept. Send another key to make a new request.",
      );
