/** The credentials of a client, and the treasury of each. */
import { PaymentError } from "../errors.ts";
import { Credential } from "../l402/credential.ts";
import type { Treasurer } from "../ports/treasury.ts";

/** A credential, and the treasury at which it is spent. */
export interface Carried {
  readonly credential: Credential;
  /** Created at its first use: a credential that is only presented needs no treasury. */
  readonly treasurer: () => Treasurer;
}

export type GivenCredentials = string | Credential | readonly (string | Credential)[];

export const WHAT_TO_SET =
  "Set SIGIL_CREDENTIAL to a credential that was delegated to this agent, or SIGIL_WALLET to the URL of a wallet.";

export class CarriedCredentials {
  readonly #all: readonly Carried[];

  /** @throws TokenError for a text that is not a credential */
  constructor(given: GivenCredentials, treasurerAt: (location: string) => Treasurer) {
    this.#all = readCredentials(given).map((credential) => ({
      credential,
      treasurer: once(() => treasurerAt(credential.location)),
    }));
  }

  get all(): readonly Carried[] {
    return this.#all;
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** The first credential. @throws PaymentError `ERR_PAYMENT_REQUIRED` without one */
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
