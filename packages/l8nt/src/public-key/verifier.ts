/** Verifies credentials with the public keys of trusted issuers. spec/9-public-key.md §6. */
import { type Claim, claimsOf, hasItsKey } from "../biscuit/signatures.ts";
import { encodeToken, type Token } from "../biscuit/token.ts";
import type { Access } from "../caveat/access.ts";
import { type CaveatChain, serviceVocabulary, type Vocabulary } from "../caveat/index.ts";
import { Credential as AnyCredential } from "../credential/credential.ts";
import {
  ProvenTexts,
  type RevocationList,
  SeenOnce,
  Verified,
  type Verifier,
  type VerifierFacts,
} from "../credential/index.ts";
import { readText } from "../credential/text.ts";
import { type Refusal, TokenError } from "../errors.ts";
import { type Binary, type Bytes, binaryOf, ownBytes, utf8OfBinary } from "../internal/bytes.ts";
import { type Verify, verifyLater, verifyWith } from "../internal/ed25519.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { Lru } from "../internal/lru.ts";
import { Credential } from "../l402/credential.ts";
import { type BiscuitBody, readBody } from "./body.ts";
import { type Datalog, factsOf } from "./datalog.ts";
import "./form.ts";
import { uncountedLimits } from "./uncounted.ts";

/** The public keys of the issuers that a verifier trusts. */
export interface IssuerKeys {
  /**
   * The 32 bytes of the issuer's key.
   *
   * @throws TokenError `ERR_TOKEN_ISSUER` for an issuer that is not trusted, `ERR_TOKEN_KEY` for a
   * key that it does not have, or that ended; AdapterError `ERR_KEYS_UNREACHABLE` while none of the
   * issuer's keys can be had
   */
  find(issuer: string, keyId: number): Uint8Array;
  /** Resolves when `find` knows what can be known; undefined if it knows it now. */
  load?(issuer: string, keyId: number): Promise<void> | undefined;
}

export interface BiscuitVerifierOptions {
  readonly keys: IssuerKeys;
  /** What proven credentials are judged by. */
  readonly revocations: RevocationList;
  /** The location of the ledger that counts their limits. @default none: every limit is refused */
  readonly ledger?: string | undefined;
  /** Judges blocks of other makers. @default nobody: they are refused */
  readonly datalog?: Datalog | undefined;
  /** Unknown conditions that pass. Every other unknown condition denies. */
  readonly tolerate?: readonly string[];
  /**
   * How many proven credentials are kept.
   *
   * @default 4096
   */
  readonly cacheSize?: number;
}

const OPTIONS = {
  keys: true,
  revocations: true,
  ledger: true,
  datalog: true,
  tolerate: true,
  cacheSize: true,
} satisfies Keys<BiscuitVerifierOptions>;

interface Root {
  readonly issuer: string;
  readonly keyId: number;
  readonly root: Uint8Array;
}

/** Between the moment that a signature is verified and the one that its credential is judged. */
const WAITED_KEPT = 256;

/** Most verifiers trust a few. */
const ISSUERS_KEPT = 64;

/** The blocks of a chain that was proven, as one text. */
type Prefix = string;

export class BiscuitVerifier implements Verifier {
  readonly vocabulary: Vocabulary;
  readonly #facts: VerifierFacts;
  readonly #keys: IssuerKeys;
  readonly #datalog: Datalog | undefined;
  readonly #texts: ProvenTexts;
  readonly #seen: SeenOnce;
  /** The key that proved each. */
  readonly #roots = new WeakMap<Verified, Root>();
  /** Chains, with their seals, whose signatures were found right while somebody waited. */
  readonly #verified: Lru<string, true>;
  /** Keys of issuers, by their bytes, read for their signatures. */
  readonly #issuers = new Lru<Binary, Verify>(ISSUERS_KEPT);
  /** By the last signature of a proven chain of blocks: the chain, and the key of its root. */
  readonly #chains: Lru<Binary, Prefix>;

  constructor(options: BiscuitVerifierOptions) {
    checkKeys(options, OPTIONS, "a verifier");
    const { keys, revocations, ledger, datalog, tolerate = [], cacheSize = 4096 } = options;
    this.vocabulary = serviceVocabulary(tolerate);
    this.#datalog = datalog;
    const parse = (text: string) =>
      datalog === undefined ? Credential.parse(text) : new AnyCredential(this.#read(text));
    this.#facts = { vocabulary: this.vocabulary, revocations, ledger, parse };
    this.#keys = keys;
    this.#texts = new ProvenTexts(cacheSize);
    this.#seen = new SeenOnce(cacheSize);
    this.#chains = new Lru(cacheSize);
    this.#verified = new Lru(WAITED_KEPT);
  }

  authenticate(credential: Credential | string): Verified {
    const text = typeof credential === "string" ? credential : credential.toString();
    return this.known(text) ?? this.#prove(text);
  }

  prepare(text: string): Promise<void> | undefined {
    if (!mayBePublicKeyForm(text)) return undefined;
    const known = this.#texts.get(text);
    if (known !== undefined) {
      const { issuer, keyId } = this.#roots.get(known)!;
      return this.#keys.load?.(issuer, keyId);
    }
    let body: BiscuitBody;
    try {
      body = this.#read(text);
    } catch {
      return undefined;
    }
    const loading = this.#keys.load?.(body.issuer, body.token.rootKeyId ?? 0);
    if (verifyLater === undefined) return loading;
    const later = () => this.#verifyLater(body);
    return loading === undefined ? later() : loading.then(later);
  }

  /** Leaves the signatures that are right where {@link authenticate} looks for them. */
  async #verifyLater({ issuer, token }: BiscuitBody): Promise<void> {
    try {
      const root = this.#keys.find(issuer, token.rootKeyId ?? 0);
      const claims = claimsOf(token, root);
      const right = await Promise.all(
        claims.map(({ key, message, signature }) => verifyLater!(key, message, signature)),
      );
      if (!right.every(Boolean)) return;
      this.#verified.set(chainsOf(token, root).at(-1)!.prefix + sealOf(token), true);
    } catch {
      // What is wrong, authenticate says.
    }
  }

  known(text: string): Verified | undefined {
    const verified = this.#texts.get(text);
    return verified !== undefined && this.#isTrusted(verified) ? verified : undefined;
  }

  /** Whether the key that proved it is still the issuer's. */
  #isTrusted(verified: Verified): boolean {
    const { issuer, keyId, root } = this.#roots.get(verified)!;
    try {
      return isSameKey(this.#keys.find(issuer, keyId), root);
    } catch {
      return false;
    }
  }

  proved(verified: Verified): boolean {
    return verified.isBy(this.#facts);
  }

  #read(text: string): BiscuitBody {
    return readBody(readText(text), this.#datalog !== undefined);
  }

  #prove(text: string): Verified {
    const body = this.#read(text);
    const { token } = body;
    const keyId = token.rootKeyId ?? 0;
    const root = this.#keys.find(body.issuer, keyId);
    const chain = chainsOf(token, root);
    const proven = chain.findLastIndex(({ last, prefix }) => this.#chains.get(last) === prefix) + 1;
    const waited = chain.at(-1)!.prefix + sealOf(token);
    const isProven = this.#verified.get(waited) === true;
    if (!isProven && !claimsOf(token, root, proven).every((one) => this.#isRight(one, root)))
      throw forged();
    if (!hasItsKey(token)) throw forged();
    if (!body.isPaid)
      throw new TokenError(
        "ERR_TOKEN_PREIMAGE",
        "The credential's preimage does not prove its payment.",
      );
    const { caveats, paymentHash } = body;
    const places = body.placesOf(text);
    const always = (chain: CaveatChain) => uncountedLimits(body, chain, this.vocabulary);
    const proof = { text, caveats, paymentHash, places, always };
    const beyond = body.isForeign && foreignJudge(this.#datalog!, body, ownBytes(root));
    const verified = new Verified({ ...proof, ...(beyond && { beyond }) }, this.#facts);
    for (const { last, prefix } of chain.slice(proven)) this.#chains.set(last, prefix);
    if (!verified.chain.isSingleUse && this.#seen.before(chain.at(-1)!.last))
      this.#texts.set(text, verified);
    // The caller may write another key into the same array.
    this.#roots.set(verified, { issuer: body.issuer, keyId, root: ownBytes(root) });
    return verified;
  }

  #isRight({ key, message, signature }: Claim, root: Uint8Array): boolean {
    return (key === root ? this.#verifyOf(root) : verifyWith(key))(message, signature);
  }

  #verifyOf(root: Uint8Array): Verify {
    const bytes = binaryOf(root);
    const known = this.#issuers.get(bytes);
    if (known !== undefined) return known;
    const verify = verifyWith(root);
    this.#issuers.set(bytes, verify);
    return verify;
  }
}

/** Judges what blocks of other makers say of an access. */
function foreignJudge(datalog: Datalog, { token, caveats, paymentHash }: BiscuitBody, root: Bytes) {
  const bytes = encodeToken(token);
  const texts = caveats.map((caveat) => utf8OfBinary(caveat)!);
  return (access: Access): readonly Refusal[] => {
    const facts = factsOf({ access, paymentHash, caveats: texts });
    let isAllowed = false;
    try {
      isAllowed = datalog.allows(bytes, root, facts) === true;
    } catch {
      // What cannot be judged denies.
    }
    return isAllowed ? NONE : UNMET;
  };
}

const NONE: readonly Refusal[] = [];
const UNMET: readonly Refusal[] = [
  {
    code: "ERR_CHECK",
    condition: "datalog",
    have: "checks of another maker, of which one does not hold or cannot be judged",
    need: "checks that hold for this request",
  },
];

/** Keys are public, so the time that this takes tells nothing. */
const isSameKey = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at]);

const forged = (): TokenError =>
  new TokenError(
    "ERR_TOKEN_FORGED",
    "The credential's signatures are wrong: it was altered, or minted elsewhere.",
  );

/** Every beginning of a chain of blocks: what it is known by, and all that its proof rests on. */
function chainsOf({ blocks }: Token, root: Uint8Array) {
  let prefix = binaryOf(root) as string;
  return blocks.map(({ data, nextKey, signature, version }) => {
    const last = binaryOf(signature);
    prefix += `${version}${data.length}:${binaryOf(data)}${binaryOf(nextKey)}${last}`;
    return { last, prefix };
  });
}

const sealOf = ({ proof }: Token): string =>
  proof.kind === "sealed" ? binaryOf(proof.signature) : "";

/** By the first characters of its base64, which are those of the first byte. */
const mayBePublicKeyForm = (text: string): boolean => /^(?:sk-sigil-)?(?:C[A-P]|E[g-v])/.test(text);
