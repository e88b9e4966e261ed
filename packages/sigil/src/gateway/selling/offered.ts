/** A 402 with a challenge: what a client is told that may pay. spec/3-challenge.md §5. */
import { DeniedError, type SigilError } from "l8nt";
import { formatAmount, msat } from "l8nt/invoice";
import type { Refused } from "l8nt/service";
import type { Json } from "../body/edit.ts";
import { Denied, denialOf } from "../denied.ts";
import { problemDialect } from "../presets/dialects/problem.ts";

/** What the gateway knows of the price of a request. */
export interface Told {
  /** The most that this request can cost, in msat; undefined if nothing of it is for sale. */
  readonly estimateMsat: bigint | undefined;
  /** Whether each request costs exactly that. */
  readonly isFlat: boolean;
}

/** Written by the gateway itself, or about the body of the library's own answer. */
const NOT_OURS: ReadonlySet<string> = new Set([
  ...["content-type", "content-length", "cache-control", "www-authenticate", "retry-after"],
]);

/** What the paywall refused, with its challenge if it sells and the client did not prefer none. */
export async function deniedBy(refused: Refused, told: Told): Promise<Denied> {
  const { error } = refused;
  // Of a repeated request. SDKs try these again, as they should.
  if (refused.status === 409 || refused.status === 422) {
    const { title, status, detail, code } = refused.problem;
    return new Denied({ title, status, detail, code }, error.retryAfterSeconds, [], problemDialect);
  }
  const denied = denialOf(error);
  if (refused.status !== 402) return denied;
  const { response, challengeLines } = refused;
  const body = (await response.json()) as Readonly<Record<string, Json | undefined>>;
  const { invoice, price, buys } = body;
  const { estimateMsat } = told;
  const members = {
    ...denied.facts.members,
    ...(estimateMsat !== undefined && { estimate: formatAmount(msat(estimateMsat)) }),
    ...(price !== undefined && { price }),
    ...(invoice !== undefined && { invoice }),
    ...(buys !== undefined && { buys }),
  };
  const isMissing = refused.error.code === "ERR_TOKEN_MISSING";
  const isUsedUp = !told.isFlat && isOfAmount(refused.error);
  const why = isMissing
    ? `Sigil: ${costOf(told)}`
    : isUsedUp
      ? `Sigil: ${costOf(told)} This credential has less left.`
      : denied.facts.detail;
  const how =
    price === undefined
      ? "It is sold by L402."
      : `Pay the invoice of this answer, ${price}, with any client for L402, and send the request again with what it buys.${told.isFlat ? "" : " What is not used stays on it."}`;
  return new Denied(
    {
      status: 402,
      code: isMissing ? "payment_required" : isUsedUp ? "budget_exhausted" : denied.facts.code,
      title: "Payment required",
      detail: `${why} ${how}`,
      members,
    },
    undefined,
    [
      ...challengeLines.flatMap((line) => ["www-authenticate", line]),
      ...[...response.headers].flatMap(([name, value]) =>
        NOT_OURS.has(name) ? [] : [name, value],
      ),
    ],
    denied.dialect,
    denied.refusals,
  );
}

/** Too little is left, or was prepaid at all, and nothing else speaks against the request. */
const isOfAmount = (error: SigilError): boolean =>
  error instanceof DeniedError &&
  error.refusals.every(({ code }) => code === "ERR_BUDGET" || code === "ERR_PRICE");

function costOf({ estimateMsat, isFlat }: Told): string {
  if (estimateMsat === undefined) return "this request is sold for its cost, in sat.";
  return `this request costs ${isFlat ? "" : "at most "}${formatAmount(msat(estimateMsat))}.`;
}
