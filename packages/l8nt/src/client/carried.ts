/** The credentials that a client carries: which of them covers a request, and who pays for it. */
import { type Access, readOrigin, sameOrigin, type Target } from "../caveat/index.ts";
import { denied, PaymentError } from "../errors.ts";
import { Credential } from "../l402/index.ts";
import type { Treasurer } from "../ports/treasury.ts";

/** One of them, and the treasury that it is spent at. */
export interface Carried {
  readonly credential: Credential;
  /** Made when it is first needed: a credential that is only presented needs none. */
  readonly treasurer: () => Treasurer;
}

export type GivenCredentials = string | Credential | readonly (string | Credential)[];

export const WHAT_TO_SET =
  "Set SIGIL_CREDENTIAL to a credential that was delegated to this agent, or SIGIL_WALLET to the URL of a wallet.";

export class CarriedCredentials {
  readonly #all: readonly Carried[];

  /** @throws TokenError for a text that is none */
  constructor(given: GivenCredentials, treasurerAt: (location: string) => Treasurer) {
    this.#all = readCredentials(given).map((credential) => ({
      credential,
      treasurer: once(() => treasurerAt(credential.location)),
    }));
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** The first. @throws PaymentError `ERR_PAYMENT_REQUIRED` where there is none */
  get first(): Carried {
    const [first] = this.#all;
    if (first === undefined)
      throw new PaymentError(
        "ERR_PAYMENT_REQUIRED",
        "no",
        `This client has no credential. ${WHAT_TO_SET}`,
      );
    return first;
  }

  /**
   * The first that covers the access, one that is spent at its very origin before others; undefined
   * where there is none at all.
   *
   * @throws DeniedError where there are some, and all of them say no
   */
  choose(
    access: Access & { readonly target: Target },
    among = (_: Credential) => true,
  ): Carried | undefined {
    const judged = this.#all
      .filter(({ credential }) => among(credential))
      .map((carried) => ({ carried, refusals: carried.credential.certainRefusals(access) }));
    const willing = judged
      .filter(({ refusals }) => refusals.length === 0)
      .map(({ carried }) => carried);
    if (willing.length > 0)
      return willing.find(({ credential }) => isAtHome(credential, access.target)) ?? willing[0];
    const error = denied(judged[0]?.refusals ?? []);
    if (error !== undefined) throw error;
    return undefined;
  }

  /**
   * The one that `child` was derived from, and the caveats that lead from it to the child. @throws
   * TypeError where there is none
   */
  ancestorOf(child: Credential): {
    readonly carried: Carried;
    readonly caveats: readonly string[];
  } {
    for (const carried of this.#all) {
      const caveats = child.caveatsBelow(carried.credential);
      if (caveats !== undefined) return { carried, caveats };
    }
    throw new TypeError("this client can only revoke what was delegated from its own credential");
  }
}

/** Spent where it is: at the very origin that it names, a credential is presented as it stands. */
export function isAtHome(credential: Credential, target: Target): boolean {
  const home = readOrigin(credential.location);
  return home !== undefined && sameOrigin(home, target.origin);
}

// `Array.isArray` does not narrow a readonly array.
const isList = (given: GivenCredentials): given is readonly (string | Credential)[] =>
  Array.isArray(given);

function readCredentials(given: GivenCredentials): readonly Credential[] {
  const list = isList(given) ? given : [given];
  return list.flatMap((one) =>
    typeof one === "string" ? one.split(/\s+/).filter(Boolean).map(Credential.parse) : [one],
  );
}

const once = <Value>(make: () => Value): (() => Value) => {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};
