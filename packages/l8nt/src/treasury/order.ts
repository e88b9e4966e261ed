/** An order: one request of an agent that was admitted and may cost money. */
import type { Target } from "../caveat/index.ts";
import { fingerprintOf, pricedFingerprintOf } from "../http/fingerprint.ts";
import { requestFields } from "../http/hop.ts";
import { IDEMPOTENCY_FIELD } from "../http/idempotency.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { timedId } from "../internal/timed-id.ts";
import { withoutOurs } from "../l402/authorization.ts";
import type { Verified } from "../l402/index.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { PurchaseRequest } from "../ports/treasury.ts";
import type { Digest } from "./derived.ts";
import type { OrderEnd } from "./order-ends.ts";

export interface Order {
  readonly verified: Verified;
  readonly target: Target;
  readonly url: URL;
  readonly request: PurchaseRequest;
  /** The payer's node id and the order's id. */
  readonly key: string;
  /** Of the very request: an answer that is kept is given to no other one. */
  readonly fingerprint: string;
  /** Of what is priced. */
  readonly priced: string;
  /** Orders of the same node that their client has under way. */
  readonly underWay: ReadonlySet<string>;
  /** Payment hashes of what was found to be of no use for this order. */
  readonly unfit: Set<string>;
  /** What became of it at the service so far. */
  readonly progress: OrderProgress;
  readonly end: OrderEnd;
}

export interface OrderProgress {
  /** Whether a paid request was sent and no answer came: the service may have served it. */
  unanswered: boolean;
  /** Whether its answer left for the agent whole. */
  reached: boolean;
  /** Resolves when its answer has left, or was cut. */
  left: Promise<void>;
  /** Resolves when its answer was read, or broke off. */
  ended: Promise<void>;
  /** Resolves when nothing of its answer, whatever its status, is in this process any more. */
  away: Promise<void>;
}

export function orderOf(
  verified: Verified,
  target: Target,
  url: URL,
  given: PurchaseRequest,
  { hide, end }: { readonly hide: Digest; readonly end: OrderEnd },
): Order {
  const { signal } = end;
  const request = { ...given, headers: given.headers.flatMap(ownOf), signal };
  // The books have the fingerprint, and a password is short enough to be guessed by a plain hash.
  const hidden = requestFields(request.headers).map(
    ([name, value]) => [name, isAuthorization(name) ? hexText(hide(utf8(value))) : value] as const,
  );
  const sent = { ...request, headers: hidden };
  const fingerprint = fingerprintOf(sent, url);
  return {
    verified,
    target,
    url,
    request,
    key: orderKey(verified, request.id),
    fingerprint,
    priced: pricedFingerprintOf(sent, url, fingerprint),
    underWay: new Set(request.underWay?.map((id) => orderKey(verified, id))),
    unfit: new Set(),
    progress: { unanswered: false, reached: false, left: NOW, ended: NOW, away: NOW },
    end,
  };
}

const NOW = Promise.resolve();

type Field = readonly [name: string, value: string];

const isAuthorization = (name: string): boolean => name.toLowerCase() === "authorization";

/** The field without a credential of ours; nothing if it has nothing else. */
function ownOf([name, value]: Field): readonly Field[] {
  if (!isAuthorization(name)) return [[name, value]];
  const own = withoutOurs(value);
  return own === undefined || own === "" ? [] : [[name, own]];
}

/** The `Authorization` of the API's own that the request has; undefined without one. */
export function ownAuthorization({ request: { headers } }: Order): string | undefined {
  const own = headers.filter(([name]) => isAuthorization(name)).map(([, value]) => value);
  return own.length === 0 ? undefined : own.join(", ");
}

/** Begins with the node, so that no other node can name it. */
export const orderKey = ({ node }: Verified, id: string): string => `${node.id} ${id}`;

/** The agent's own `Idempotency-Key`: one that its client made is none. */
export const givenKeyOf = ({ request: { headers, madeKey = false } }: Order): string | undefined =>
  madeKey ? undefined : headers.find(([name]) => name.toLowerCase() === IDEMPOTENCY_FIELD)?.[1];

/** Whether the agent has gone, so that nobody waits for an answer. */
export const hasGone = ({ request }: Order): boolean => request.signal?.aborted ?? false;

/**
 * Ends with the order that pays, so that the books tell which one it was.
 *
 * @param now Unix seconds
 */
export const newAttemptId = (order: string, now: number): string =>
  `${timedId(now)}.${tagOf(order)}`;

/** Whether the order paid for it, and did not take it from another one. */
export const isPaidBy = ({ attemptId }: PaymentRecord, order: string): boolean =>
  attemptId.endsWith(`.${tagOf(order)}`);

const tagOf = (order: string): string => hexText(sha256(utf8(order))).slice(0, 16);
