/** A decision about one request: granted with a duty to settle, or refused with the reason. */
import type { Amount, AmountText } from "../amount.ts";
import type { Target } from "../caveat/index.ts";
import type { Verified } from "../l402/index.ts";
import type { Declared } from "../wire/consumption.ts";
import type { Refused } from "../wire/problem.ts";
import type { Answered } from "./answered.ts";
import type { Decoded } from "./body-coding.ts";
import type { Answer } from "./repeats.ts";

/** The facts of a request, as they were sent. */
export interface RequestFacts {
  readonly method: string;
  /**
   * An object that stands for this request, the same one at each guard that the request passes, by
   * which a request that is guarded twice is known.
   */
  readonly request?: object | undefined;
  /** The raw request target: path and query, before any framework decoded it. */
  readonly target: string;
  /** Whether there are several `Host` lines, of which two parties may believe different ones. */
  readonly hasSeveralHosts?: boolean | undefined;
  /**
   * Every `Authorization` line, joined by commas. A framework that keeps only the first line hides
   * a second credential.
   */
  readonly authorization: string | null | undefined;
  /** Every `Grpc-Metadata-Macaroon` and `Macaroon` line, joined by commas. */
  readonly macaroon?: string | null | undefined;
  /**
   * The credential that the request presents, if the caller has proven it with the verifier of
   * this paywall, as a gateway does: the fields are then not read. Another verifier's is a
   * `TypeError`.
   *
   * @default proven from `authorization` and `macaroon`
   */
  readonly verified?: Verified | undefined;
  /**
   * The peer's address, from the socket or from a trusted proxy; never from a header that anyone
   * can write.
   */
  readonly clientAddress?: string | undefined;
  /** Whether `clientAddress` is that of the socket: behind a proxy, the address of the proxy. */
  readonly isPeerAddress?: boolean | undefined;
  /**
   * What the request does, if the request itself says so, as an MCP call names its tool.
   *
   * @default the capability of the route
   */
  readonly capability?: string | undefined;
  /**
   * The model that the request uses, read from what is served; null for a request that uses none.
   *
   * @default not known, which denies credentials that name models
   */
  readonly model?: string | null | undefined;
  /**
   * What the request costs, if the caller has read it and knows, as a gateway does.
   *
   * @default the price of the route
   */
  readonly price?: Amount | undefined;
  /**
   * Names the use in the ledger, where the caller keeps books of its own: the id of the
   * reservation ends with a dot and this. Letters and digits, never the same in one process twice.
   *
   * @default a number
   */
  readonly useId?: string | undefined;
  /**
   * Every `Idempotency-Key` line, joined by commas. A request that is repeated with the same
   * credential and the same key is the same use.
   */
  readonly idempotencyKey?: string | null | undefined;
  /**
   * The media type of the body. A gRPC call is refused in gRPC's terms, and its use is consumed by
   * its status.
   */
  readonly contentType?: string | null | undefined;
  /**
   * Every `Prefer` line, joined by commas. A request that prefers `no-invoice` is answered 402
   * without an invoice.
   */
  readonly prefer?: string | null | undefined;
  /**
   * A `Forwarded` or `X-Forwarded-For` line, by which a proxy is noticed. Its text is not believed.
   */
  readonly forwarded?: string | null | undefined;
  /** All fields, for a price function, and to tell a repeated request from another one. */
  headers(): Headers;
  /**
   * Whether a field that a request has once, by its name in lower case, came on several lines.
   * Undefined if the platform does not keep lines.
   */
  readonly isRepeated?: ((name: string) => boolean) | undefined;
  /**
   * The body, for a price function, and to tell a repeated request from another one under the same
   * key: the handler must be able to read it again. Undefined if the framework cannot give it
   * twice.
   */
  readonly body?: (() => Promise<Uint8Array>) | undefined;
  /** What of the body's encoding was undone before `body` gives it. */
  readonly decoded?: Decoded | undefined;
  /** The body as JSON, if it was parsed already. */
  readonly json?: (() => Promise<unknown>) | undefined;
  /**
   * Whether the path has the case and the slashes of the route that a router found for it, if the
   * router ignores them. Undefined if the framework does not tell.
   */
  readonly isSpelledAsRouted?: (() => boolean) | undefined;
  /**
   * Whether the client has hung up, if the framework can tell. An answer that is ready only after
   * that is not sent, and gives the use back.
   */
  readonly isGone?: (() => boolean) | undefined;
}

/** Which credential is served, and what for. */
export interface Grant {
  /** Undefined for a request that was free. */
  readonly nodeId: string | undefined;
  /** The agent names from the root to the caller; for the log, not for authorization. */
  readonly lineage: readonly string[];
  /** 64 hex digits. */
  readonly paymentHash: string | undefined;
  readonly price: Amount;
  /**
   * Names the use that this request is, for `paywall.refund` later; undefined if nothing was
   * counted.
   */
  readonly useId: string | undefined;
  /**
   * Aborts when the credential is revoked, here or by the feed that the paywall follows, or ends,
   * while the request is served. On Node a response that is under way and an upgraded connection
   * are then broken off by themselves; of a handler that returns a `Response`, the response is if
   * the handler has asked for the signal before it returns. It costs nothing until it is asked for.
   *
   * @example
   * const upstream = await fetch(model, { method: "POST", body, signal: grant.signal });
   * return new Response(upstream.body, { headers: { "content-type": "text/event-stream" } });
   */
  readonly signal: AbortSignal;
  /**
   * Declares that this request uses up what was claimed for it, whatever the status of the
   * response. Call it before the head of the response is sent; of several declarations the last one
   * holds.
   *
   * @default a 2xx response consumes the use, except to a HEAD request
   * @example
   * grant.consume();
   * return Response.json({ found: false }, { status: 404 });
   */
  consume(): void;
  /**
   * Declares that this request was not served, so that the use is given back, whatever the status
   * of the response. Call it before the head of the response is sent.
   */
  release(): void;
  /**
   * Declares what this request came to, and that it is spent, whatever the status of the response.
   * On a route that is `metered` call it before the response ends, elsewhere before its head is
   * sent. More than the price is spent as it is, because it was used; only of a credential that was
   * sold for this very request no more is taken than it was sold for.
   *
   * @throws TypeError for what is no amount, or is in another unit than the price
   * @example
   * grant.settle("0.0042 usd");
   */
  settle(amount: AmountText | Amount): void;
  /**
   * Gives back what this request has used, once its response was sent: the use and its price, or,
   * with `amount`, a part of the price. Only once, and never more than was counted. Before the
   * response is sent, declare `release` or `settle` instead. The journal notes it.
   *
   * @returns whether anything was given back: not a second time, nor of a use that is not counted,
   * or so old that the journal was folded over it (`keep`)
   * @throws TypeError for an amount of more than was spent, or in another unit
   * @throws AdapterError `ERR_STORE`
   * @example
   * queue.add(job).catch(() => grant.refund());
   * return Response.json({ accepted: true }, { status: 202 });
   */
  refund(amount?: AmountText | Amount): Promise<boolean>;
  /**
   * Declares that the answer of this request may be given to anybody, also to those who have not
   * paid, so that its `Cache-Control` and its `Vary` are sent as the handler sets them. Call it
   * before the head of the response is sent.
   *
   * @default a paid answer is `private`, and no shared cache stores it
   */
  allowSharedCaching(): void;
}

/** A request with its price: what is judged, claimed and sold. */
export interface PricedRequest {
  readonly facts: RequestFacts;
  readonly target: Target;
  readonly price: Amount;
  /** Hash of what was priced; undefined if it cannot be told apart. spec/2-caveats.md §6. */
  readonly hash: () => string | undefined;
}

export interface Granted {
  readonly granted: true;
  readonly grant: Grant;
  /** `false` if nothing was counted: `finish` then does nothing and need not be called. */
  readonly claimed: boolean;
  /**
   * What ends the claim: the head of the response; of a gRPC call, its first message or the status
   * in its trailers; on a metered route the end of the response.
   */
  readonly endsBy: "head" | "trailers" | "end";
  /** What the handler declared until now; undefined if the status decides. */
  declared(): Declared | undefined;
  /** Whether caches may give the answer to anybody: it was free, or the handler declared it. */
  isForAll(): boolean;
  /**
   * Ends the claim; must be called once, when `endsBy` is known.
   *
   * @param status of the response; undefined if the exchange ended before its head was sent, which
   * gives the use back
   * @returns what the ledger counts as spent, which is more than was declared if another process
   * took this one for dead; undefined if nothing was counted
   */
  finish(status: number | undefined): Promise<Amount | undefined>;
  /**
   * Takes the duty to hand in the answer, for the same request when it is repeated: called before
   * `finish`, and only by who sees the whole answer. The function that it returns must be called
   * once: with the answer when it is complete, or with undefined if it is large or breaks off.
   * Undefined if nothing is to be kept.
   */
  keeper(): ((answer: Answer | undefined) => void) | undefined;
  /**
   * Ends the claim by the status of a response, or by its end on a metered route, and returns the
   * response, which is kept for a repeated request while it is sent. What the handler declared is
   * added to it as the field `Sigil-Use`, and caches are told that the answer is for one client.
   */
  settle(response: Response): Promise<Response>;
}

/** Not granted is a request that was refused, or that is answered without its handler. */
export type Decision = Granted | Refused | Answered;
