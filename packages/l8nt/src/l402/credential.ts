/**
 * An L402 credential: `base64(macaroon) ":" hex(preimage)`. The one format, everywhere.
 * spec/1-credential.md §3.
 */
import {
  type Access,
  CaveatChain,
  type CaveatText,
  checkCaveats,
  compileScope,
  type Scope,
  treasuryVocabulary,
} from "../caveat/index.ts";
import { type ErrorCode, type Refusal, TokenError } from "../errors.ts";
import {
  type Bytes,
  base64Bytes,
  base64Text,
  hexBytes,
  hexText,
  utf8Text,
} from "../internal/bytes.ts";
import { sha256Hex } from "../internal/crypto.ts";
import { Macaroon, type UnverifiedMacaroon } from "../macaroon/index.ts";
import { systemClock } from "../ports/clock.ts";
import { Identifier } from "./identifier.ts";

export interface AttenuateOptions {
  /** Unix seconds; what `expiresIn` counts from. */
  readonly now?: number;
}

const MAX_CHARACTERS = 8192;
const VOCABULARY = treasuryVocabulary();
const JUDGED_ELSEWHERE = new Set<ErrorCode>([
  "ERR_CAVEAT_UNKNOWN",
  "ERR_SERVICE",
  "ERR_CAPABILITY",
]);

/**
 * What an agent carries. Not verified: only the authority that minted it can say whether it is
 * genuine. Whoever holds one can make weaker ones, offline.
 *
 * `toString()` gives the secret text, for the environment of a child process. Everything that logs
 * or serialises (`JSON.stringify`, `console.log`) gets a description without it.
 */
export class Credential {
  readonly macaroon: UnverifiedMacaroon;
  readonly identifier: Identifier;
  readonly #preimage: Bytes;

  constructor(macaroon: UnverifiedMacaroon, preimage: string) {
    const bytes = preimage.length === 64 ? hexBytes(preimage) : undefined;
    if (bytes === undefined)
      throw new TokenError(
        "ERR_TOKEN_MALFORMED",
        "The credential's preimage is not 64 hex digits.",
      );
    this.macaroon = macaroon;
    this.identifier = Identifier.decode(macaroon.identifier);
    this.#preimage = bytes;
  }

  /**
   * Reads the text of a credential: base64 in either alphabet, padded or not, and hex of either
   * case.
   *
   * @throws TokenError `ERR_TOKEN_MALFORMED`, `ERR_TOKEN_TOO_LARGE`, `ERR_TOKEN_THIRD_PARTY`
   */
  static parse(text: string): Credential {
    if (typeof text !== "string")
      throw new TokenError("ERR_TOKEN_MALFORMED", "The credential is not a text.");
    if (text.length > MAX_CHARACTERS)
      throw new TokenError(
        "ERR_TOKEN_TOO_LARGE",
        `A credential has at most ${MAX_CHARACTERS} characters.`,
      );
    const colon = text.lastIndexOf(":");
    const packet = colon === -1 ? undefined : base64Bytes(text.slice(0, colon));
    if (packet === undefined || packet.length === 0)
      throw new TokenError(
        "ERR_TOKEN_MALFORMED",
        "The credential is not base64(macaroon):hex(preimage).",
      );
    return new Credential(Macaroon.decode(packet), text.slice(colon + 1));
  }

  /** Where it is spent: a hint, which its authority did not sign. */
  get location(): string {
    return this.macaroon.location;
  }

  /** What its caveats say, unverified: for judging early and for showing. */
  get caveats(): readonly CaveatText[] {
    return this.chain.texts;
  }

  /** The caveats, read but not verified; nodes have no ids. */
  get chain(): CaveatChain {
    this.#chain ??= unverifiedChain(this.macaroon, this.identifier);
    return this.#chain;
  }
  #chain: CaveatChain | undefined;

  /**
   * Every reason against this access that is certain without the authority: what it says of itself
   * in conditions that are known here. A service of another make has conditions of its own, and
   * knows its name; it judges those.
   */
  refusals(access: Access): readonly Refusal[] {
    return certainRefusals(this.chain, access);
  }

  /** Whether the preimage is the one that the identifier commits to: the proof of payment. */
  get isPaid(): boolean {
    return sha256Hex(this.#preimage) === this.identifier.paymentHash;
  }

  /**
   * A weaker credential: this one and also `scope`. Offline; nobody is asked.
   *
   * @throws TypeError for a scope that cannot be read
   * @throws TokenError `ERR_TOKEN_TOO_LARGE`
   */
  attenuate(scope: Scope, { now = systemClock() }: AttenuateOptions = {}): Credential {
    const caveats = compileScope(scope, { now });
    checkCaveats(caveats, VOCABULARY);
    return this.append(caveats);
  }

  /** The same with caveats as they stand on the wire. */
  append(caveats: readonly string[]): Credential {
    return new Credential(Macaroon.attenuate(this.macaroon, ...caveats), hexText(this.#preimage));
  }

  /**
   * A weaker credential for another agent: opens a node of its own, which this holder can revoke.
   */
  delegate(scope: Scope & { readonly agent: string }, options?: AttenuateOptions): Credential {
    if (typeof scope.agent !== "string")
      throw new TypeError('a delegation names its agent: delegate({ agent: "flight-booker", … })');
    return this.attenuate(scope, options);
  }

  /** The secret text, as it is sent and stored. */
  toString(): string {
    this.#text ??= `${base64Text(Macaroon.encode(this.macaroon))}:${hexText(this.#preimage)}`;
    return this.#text;
  }
  #text: string | undefined;

  toJSON(): Record<string, unknown> {
    return {
      credential: "(not shown)",
      paymentHash: this.identifier.paymentHash,
      location: this.location,
      caveats: this.caveats.map(({ condition, value }) => `${condition}=${value}`),
    };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON();
  }
}

const unverifiedChain = (
  { caveats }: UnverifiedMacaroon,
  { paymentHash }: Identifier,
): CaveatChain => new CaveatChain({ caveats, vocabulary: VOCABULARY, paymentHash });

const certainRefusals = (chain: CaveatChain, access: Access): readonly Refusal[] =>
  chain.refusals(access).filter(({ code }) => !JUDGED_ELSEWHERE.has(code));

/**
 * What is certain against an access with the credential that a challenge sells, before it is paid
 * for.
 */
export const refusalsOnSale = (
  {
    macaroon,
    identifier,
  }: { readonly macaroon: UnverifiedMacaroon; readonly identifier: Identifier },
  access: Access,
): readonly Refusal[] => certainRefusals(unverifiedChain(macaroon, identifier), access);

/**
 * Whether it is good for one request and no more: then it is that request's own, and worth nothing
 * after it.
 */
export const isSingleUse = (macaroon: UnverifiedMacaroon): boolean =>
  macaroon.caveats.some((caveat) => utf8Text(caveat) === "max_uses=1");
