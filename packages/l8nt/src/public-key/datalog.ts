/** The port of a judge of Datalog, and the facts that it is given. spec/9-public-key.md §5. */
import type { Access } from "../caveat/access.ts";
import { isCounted } from "../caveat/conditions/checks.ts";

/** A fact as Datalog writes it, with `{name}` for each of the texts. */
export interface DatalogFact {
  readonly code: string;
  readonly texts: Readonly<Record<string, string>>;
}

/** Judges blocks of other makers. Nothing is asked about a token without them. */
export interface Datalog {
  /**
   * Whether every check of the token holds with these facts. `false`, an error, and everything but
   * `true` deny.
   *
   * @param token the bytes of a token whose signatures are right
   * @param publicKey the 32 bytes of its issuer's Ed25519 key
   */
  allows(token: Uint8Array, publicKey: Uint8Array, facts: readonly DatalogFact[]): boolean;
}

export interface StatedFacts {
  readonly access: Access;
  /** Hex. */
  readonly paymentHash: string;
  /** Those of the blocks of the profile, which hold. */
  readonly caveats: readonly string[];
}

/** What a verifier states of an access to a credential that nothing else speaks against. */
export function factsOf({ access, paymentHash, caveats }: StatedFacts): readonly DatalogFact[] {
  const { now, target, service = "", capability, model, price, holder, ledger } = access;
  const facts: DatalogFact[] = [];
  const state = (code: string) => facts.push({ code, texts: {} });
  const stateText = (name: string, text: string | null | undefined) => {
    if (typeof text === "string") facts.push({ code: `${name}({text})`, texts: { text } });
  };
  state(`paid(hex:${paymentHash})`);
  state(`time(${new Date(Math.floor(now) * 1000).toISOString().replace(".000", "")})`);
  if (target === "self") state("own_affairs(true)");
  else {
    const { scheme, host, port } = target.origin;
    stateText("access", `${target.method} ${scheme}://${host}:${port}${target.path}`);
  }
  stateText("service", service);
  stateText("capability", capability);
  stateText("model", model);
  if (model === null) state("uses_no_model(true)");
  state(price === undefined ? 'price("none", 0)' : `price("${price.unit}", ${price.value})`);
  stateText("priced_request", access.pricedRequest?.());
  stateText("holder", holder);
  stateText("ledger", ledger);
  for (const caveat of new Set(caveats.filter(isCounted))) stateText("counted", caveat);
  return facts;
}
