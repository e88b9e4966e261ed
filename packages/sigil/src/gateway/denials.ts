/** Why the gateway sends a request to no vendor, or what became of one that it sent. */
import { TokenError } from "l8nt";
import { type Amount, formatAmount, type Unit } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import { Denied, TAKES } from "./denied.ts";
import { amountOf, type Cost } from "./meter/cost.ts";
import type { DenialFacts } from "./presets/dialect.ts";

/** Why an answer was cut: its key was frozen, was revoked, or has ended. */
export const stoppedBy = (verified: Pick<Verified, "judge">, now: number): DenialFacts =>
  verified.judge({ now, target: "self" }).some(({ code }) => code === "ERR_FROZEN")
    ? {
        status: 403,
        code: "credential_frozen",
        title: "Credential frozen",
        detail: "Sigil: the owner of the gateway froze this key, so its answer was cut.",
      }
    : {
        status: 403,
        code: "credential_revoked",
        title: "Credential revoked",
        detail: "Sigil: this key was revoked, or has ended, so its answer was cut.",
      };

/** Why an answer was cut: it costs more than was reserved, and the owner has such ones cut. */
export const OVERRUN: DenialFacts = {
  status: 402,
  code: "answer_over_reservation",
  title: "Answer over its reservation",
  detail:
    "Sigil: the answer is longer than the request allowed, and would cost more than was reserved for it, so it was cut. What was reserved is charged.",
};

export const AGAIN = {
  status: 503,
  code: "budget_busy",
  title: "The budget was in use",
  detail: "Sigil: other requests held what is left of this credential. Send the request again.",
} as const;

/** Of a route that is sold, whose payments have a limit of their own. */
export const tooDear = (estimate: Amount, most: Amount): Denied =>
  new Denied({
    status: 402,
    code: "request_too_dear",
    title: "The request is too dear",
    detail: `Sigil: this request could cost ${formatAmount(estimate)}, and one payment here is at most ${formatAmount(most)}. Send a shorter one, or a lower output limit, such as max_tokens.`,
  });

export const missing = (): TokenError =>
  new TokenError("ERR_TOKEN_MISSING", `no API key was sent: ${TAKES}`);

/** Units are never converted, so a key needs a budget in the unit of the price. */
export const noBudget = (unit: Unit): Denied =>
  new Denied({
    status: 402,
    code: "budget_missing",
    title: `No budget in ${unit === "msat" ? "sat" : "US dollars"}`,
    detail:
      unit === "msat"
        ? 'Sigil: this key has no budget in sat, so it cannot pay for this request. Mint one with --budget-per-day "1000 sat".'
        : 'Sigil: this key has no budget in US dollars, so it cannot pay for this request. Mint one with --budget-per-day "1 usd".',
  });

/** What was bought opens what is for sale, whatever paths it is good for. */
export const notForSale = (): Denied =>
  new Denied({
    status: 403,
    code: "route_not_sold",
    title: "Not for sale",
    detail:
      "Sigil: this credential was bought, and what is asked for is not for sale here: it needs a key of the gateway's owner.",
  });

/** Of a client that has had its requests without a credential, or whose network has. */
export const noFreeRequest = (perDay: number): Denied =>
  new Denied({
    status: 401,
    code: "credential_missing",
    title: "No credential",
    detail: `Sigil: without a credential this address has ${perDay} ${perDay === 1 ? "request" : "requests"} a day here, which it or others of its network have made; with one, ${TAKES}`,
  });

export const noKey = (name: string): Denied =>
  new Denied({
    status: 503,
    code: "upstream_key_missing",
    title: "The gateway has no key",
    detail: `Sigil: the gateway has no key for ${name}.`,
  });

export const noFlatPrice = (capability: string): Denied =>
  new Denied({
    status: 403,
    code: "route_not_priced",
    title: "The route has no price",
    detail: `Sigil: requests for ${capability} need a flat price, and the owner of this gateway has set none.`,
  });

export const unpriced = (model: string): Denied =>
  new Denied({
    status: 403,
    code: "model_not_priced",
    title: "The model has no price",
    detail: `Sigil: the price list of this gateway has no model ${JSON.stringify(model)}, so nothing was sent. Ask for another model, or have the owner add its price.`,
  });

export const unbounded = (model: string): Denied =>
  new Denied({
    status: 403,
    code: "request_not_bounded",
    title: "The request has no bound",
    detail: `Sigil: nothing bounds what this request to ${JSON.stringify(model)} can cost: give it an output limit, such as max_tokens, or have the owner add the model's limits to the price list.`,
  });

export const unreached = (error: Error, cost: Cost | undefined): DenialFacts => {
  const isLate = /Timeout/.test(error.name);
  return {
    status: isLate ? 504 : 502,
    code: isLate ? "upstream_timeout" : "upstream_unreachable",
    title: "The vendor did not answer",
    detail:
      cost === undefined || cost.value === 0n
        ? "Sigil: the vendor did not answer. Nothing was charged."
        : `Sigil: the vendor's answer did not come to its end. The vendor may bill it, so ${formatAmount(amountOf(cost))} was charged.`,
  };
};
