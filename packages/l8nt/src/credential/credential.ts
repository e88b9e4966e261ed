/** The credential that an agent holds, in whichever form. spec/1-credential.md §3. */
import type { Access } from "../caveat/access.ts";
import { CaveatChain, type CaveatText } from "../caveat/chain.ts";
import { checkCaveats, compileScope } from "../caveat/compile.ts";
import type { Scope } from "../caveat/scope.ts";
import { treasuryVocabulary } from "../caveat/vocabulary.ts";
import type { Refusal } from "../errors.ts";
import { binaryOf, utf8OfBinary } from "../internal/bytes.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { systemClock } from "../ports/clock.ts";
import type { Body } from "./body.ts";

export interface AttenuateOptions {
  /**
   * Unix seconds that `expiresIn` counts from.
   *
   * @default the system's clock
   */
  readonly now?: number;
}

const OPTIONS = { now: true } satisfies Keys<AttenuateOptions>;

const VOCABULARY = treasuryVocabulary();

/**
 * A credential as its holder has it, not verified: only its issuer can say whether it is genuine.
 * Any holder can make weaker ones from it, offline.
 *
 * `toString()` returns the secret text, for the environment of a child process. `JSON.stringify`
 * and `console.log` show a description without any secret.
 */
export class Credential {
  readonly body: Body;

  constructor(body: Body) {
    this.body = body;
  }

  /** The URL where it is spent: a hint that no signature covers. */
  get location(): string {
    return this.body.location;
  }

  /** Hex. The hash of the payment that it commits to. */
  get paymentHash(): string {
    return this.body.paymentHash;
  }

  /** Whether it carries the preimage of the payment that it commits to. */
  get isPaid(): boolean {
    return this.body.isPaid;
  }

  /** Its caveats as text, not verified: for early checks and for display. */
  get caveats(): readonly CaveatText[] {
    return this.chain.texts;
  }

  /** Its caveats, parsed and not verified; the nodes have no ids. */
  get chain(): CaveatChain {
    this.#chain ??= new CaveatChain({
      caveats: this.body.caveats,
      vocabulary: VOCABULARY,
      paymentHash: this.paymentHash,
    });
    return this.#chain;
  }
  #chain: CaveatChain | undefined;

  /**
   * The reasons against `access` that are certain without the issuer. Leaves out conditions that
   * this library does not know and those that depend on the service's name: the service judges
   * them.
   */
  certainRefusals(access: Access): readonly Refusal[] {
    return this.chain.certainRefusals(access);
  }

  /**
   * A weaker credential: this one, limited by `scope` too. Works offline.
   *
   * @throws TypeError for a scope that cannot be read
   * @throws TokenError `ERR_TOKEN_TOO_LARGE`
   */
  attenuate(scope: Scope, options: AttenuateOptions = {}): Credential {
    checkKeys(options, OPTIONS, "attenuate");
    const { now = systemClock() } = options;
    const caveats = compileScope(scope, { now });
    checkCaveats(caveats, VOCABULARY);
    return this.append(caveats);
  }

  /**
   * A weaker credential: this one with `caveats`, written as they stand on the wire.
   *
   * @throws TokenError `ERR_TOKEN_TOO_LARGE`
   */
  append(caveats: readonly string[]): Credential {
    return new Credential(this.body.append(caveats));
  }

  /**
   * A weaker credential for another agent. It opens a node of its own, which this credential's
   * holder can revoke.
   *
   * @throws TypeError for a scope that cannot be read, or that names no agent
   * @throws TokenError `ERR_TOKEN_TOO_LARGE`
   * @example
   * const child = credential.delegate({ agent: "flight-booker", budget: "50 sat" });
   */
  delegate(scope: Scope & { readonly agent: string }, options?: AttenuateOptions): Credential {
    if (typeof scope.agent !== "string")
      throw new TypeError('a delegation names its agent: delegate({ agent: "flight-booker", … })');
    return this.attenuate(scope, options);
  }

  /**
   * The caveats that lead from `ancestor` to this credential; undefined if this credential was not
   * narrowed from it. Compares what both credentials say and verifies neither.
   */
  caveatsBelow(ancestor: Credential): readonly string[] | undefined {
    const inherited = ancestor.body.caveats;
    const own = this.body.caveats;
    const descends =
      own.length > inherited.length &&
      this.body.rootId === ancestor.body.rootId &&
      inherited.every((caveat, at) => caveat === own[at]);
    return descends
      ? own.slice(inherited.length).map((caveat) => utf8OfBinary(caveat)!)
      : undefined;
  }

  /** The secret text, as it is sent and stored. */
  toString(): string {
    this.#text ??= this.body.toText();
    return this.#text;
  }
  #text: string | undefined;

  /**
   * The same secret text as an API key, `sk-sigil-…`, of letters, digits, `-` and `_`: for SDKs
   * that take nothing else. It is read wherever a credential is.
   */
  toKey(): string {
    return this.body.toKey();
  }

  toJSON(): Record<string, unknown> {
    return {
      credential: "(not shown)",
      paymentHash: this.paymentHash,
      location: this.location,
      caveats: this.caveats.map(({ condition, value }) => `${condition}=${value}`),
    };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON();
  }
}

/** The caveats of a macaroon, parsed and not verified. */
export const unverifiedChain = (caveats: readonly Uint8Array[], paymentHash: string): CaveatChain =>
  new CaveatChain({ caveats: caveats.map(binaryOf), vocabulary: VOCABULARY, paymentHash });
