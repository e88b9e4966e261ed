/**
 * Mints and verifies, from a secret alone: no database, no look-up, no call home.
 * spec/1-credential.md §4-6.
 */
import {
  type Access,
  CaveatChain,
  checkCaveats,
  compileScope,
  readOrigin,
  type Scope,
  serviceVocabulary,
  treasuryVocabulary,
  type Vocabulary,
} from "../caveat/index.ts";
import { AdapterError, type DeniedError, denied, TokenError } from "../errors.ts";
import { type Bytes, concat, hexBytes, hexText, utf8 } from "../internal/bytes.ts";
import { equalBytes, randomBytes, sha256 } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import { readInvoice, type UnverifiedInvoice } from "../invoice/read.ts";
import { Macaroon, type UnverifiedMacaroon } from "../macaroon/index.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import type { Challenge } from "./challenge.ts";
import { Credential } from "./credential.ts";
import { Identifier, ROOT_ID_BYTES } from "./identifier.ts";
import { ProvenPrefixes } from "./prefixes.ts";
import { type Presented, readPresented } from "./presented.ts";
import { Revocations } from "./revocations.ts";
import { Roots, type Secret } from "./roots.ts";
import { placeId, SILENCE, Verified } from "./verified.ts";

export interface AuthorityOptions {
  /**
   * 32 random bytes or more, or their hex. Whoever has it can mint anything: it never leaves this
   * process.
   */
  readonly secret: Secret;
  /** Secrets used before: still verified, no longer minted under. */
  readonly previousSecrets?: readonly Secret[];
  /** The public URL where the credentials are spent. */
  readonly location: string;
  /** `"spending"` for a treasury: its credentials pay, so they need a budget. */
  readonly kind?: "access" | "spending";
  /** This service's L402 name, for `services` and `<service>_capabilities`. */
  readonly service?: string;
  /** Foreign conditions that are let pass. Every other unknown one denies. */
  readonly tolerate?: readonly string[];
  readonly clock?: Clock;
  /** How many verified credentials are kept. */
  readonly cacheSize?: number;
}

/**
 * The end of a credential's text is its signature and its preimage: as telling as the whole, and
 * far less to hash.
 */
const KEY_CHARACTERS = 43 + 1 + 64;

const PLAIN_SCHEME = "L402 ";

/** Yes with the proof, or no with the error to answer with. */
export type Verdict =
  | { readonly granted: true; readonly verified: Verified }
  | {
      readonly granted: false;
      readonly error: TokenError | DeniedError;
      readonly verified?: Verified;
    };

export class Authority {
  readonly location: string;
  readonly service: string | undefined;
  readonly kind: "access" | "spending";
  readonly vocabulary: Vocabulary;
  readonly #roots: Roots;
  readonly #clock: Clock;
  readonly #revoked = new Revocations();
  /** By root: how many nodes its holders revoked. */
  readonly #revokedBelow = new Lru<string, number>(MAX_ROOTS);
  /**
   * By the end of the presented text: what was proven about the whole of it. Never what it allows
   * now.
   */
  readonly #cache: Lru<string, { readonly text: string; readonly verified: Verified }>;
  readonly #prefixes: ProvenPrefixes;

  /** @throws TypeError for a secret that is short or made up, or a location that is no URL */
  constructor(options: AuthorityOptions) {
    const {
      secret,
      previousSecrets = [],
      location,
      kind = "access",
      service,
      tolerate = [],
    } = options;
    if (readOrigin(location) === undefined)
      throw new TypeError(
        "an authority's location is the public http(s) URL where its credentials are spent",
      );
    this.location = location;
    this.service = service;
    this.kind = kind;
    this.vocabulary = kind === "spending" ? treasuryVocabulary() : serviceVocabulary(tolerate);
    this.#roots = new Roots(secret, previousSecrets);
    this.#clock = options.clock ?? systemClock;
    this.#cache = new Lru(options.cacheSize ?? 4096);
    this.#prefixes = new ProvenPrefixes(options.cacheSize ?? 4096);
  }

  /**
   * A credential that nobody had to pay for: its preimage is made here.
   *
   * @throws TypeError for a scope without endpoints (or services), without an end, or without a
   * budget where it can spend: there is no god mode
   * @example
   * authority.mint({ endpoints: ["GET https://api.example/**"], expiresIn: "1h" });
   */
  mint(scope: Scope): Credential {
    const preimage = randomBytes(32);
    return new Credential(this.#macaroon(sha256(preimage), scope), hexText(preimage));
  }

  /**
   * A challenge whose credential costs `invoice`, which must come from this service's own wallet:
   * its signature is not checked. Nothing is stored: paying it is what makes the credential.
   *
   * @throws ChallengeError `ERR_INVOICE_MALFORMED`
   */
  challenge(scope: Scope, invoice: string | UnverifiedInvoice): Challenge {
    const { text, paymentHash } =
      typeof invoice === "string" ? readInvoice(invoice).invoice : invoice;
    const macaroon = this.#macaroon(hexBytes(paymentHash)!, scope);
    return {
      macaroon,
      identifier: Identifier.decode(macaroon.identifier),
      invoice: text,
      enforced: this.vocabulary.names,
    };
  }

  #macaroon(paymentHash: Bytes, scope: Scope): UnverifiedMacaroon {
    if (scope.endpoints === undefined && scope.services === undefined)
      throw new TypeError(
        "a credential needs endpoints (or services): there is no credential for everything",
      );
    if (scope.expiresIn === undefined && scope.expiresAt === undefined)
      throw new TypeError('a credential needs an end: expiresIn: "1h", or expiresAt');
    if (this.kind === "spending" && !BUDGETS.some((key) => scope[key] !== undefined))
      throw new TypeError(
        'a credential that can spend needs a budget: budget: "500 sat", or budgetPerDay and the like',
      );
    const root = this.#roots.current;
    const identifier = Identifier.encode(
      paymentHash,
      concat(root.id, randomBytes(32 - ROOT_ID_BYTES)),
    );
    const caveats = compileScope(scope, { now: this.#clock() });
    checkCaveats(caveats, this.vocabulary);
    const minted = Macaroon.mint({
      rootKey: root.rootKey(identifier),
      identifier,
      location: this.location,
    });
    return Macaroon.attenuate(minted, ...caveats);
  }

  /** Signature, payment and caveats, in this order. Counted limits are left to a ledger. */
  verify(credential: Credential | string, access: Access): Verdict {
    let verified: Verified;
    try {
      verified = this.authenticate(credential);
    } catch (error) {
      if (error instanceof TokenError) return { granted: false, error };
      throw error;
    }
    const error = denied(verified.refusals(access));
    return error === undefined ? { granted: true, verified } : { granted: false, error, verified };
  }

  /**
   * Proves the signature and the payment. What is proven once is remembered by its text; time,
   * limits and revocation never are.
   *
   * @throws TokenError for anything that is malformed, forged, not paid for, or minted under a
   * secret that is not ours
   */
  authenticate(credential: Credential | string): Verified {
    const text = typeof credential === "string" ? credential : credential.toString();
    const known = this.#recall(text);
    if (known !== undefined) return known;
    const verified = this.#prove(
      typeof credential === "string" ? Credential.parse(credential) : credential,
    );
    this.#cache.set(text.slice(-KEY_CHARACTERS), { text, verified });
    return verified;
  }

  /**
   * The same for what a request presents; undefined where that is none of ours. An `Authorization`
   * field that carries what was proven before, as it stood then, is not read again.
   *
   * @throws TokenError as {@link authenticate}, and `ERR_TOKEN_AMBIGUOUS` for two different
   * credentials
   */
  authorize(fields: Presented): Verified | undefined {
    const { authorization, macaroon } = fields;
    const isAlone = macaroon === undefined || macaroon === null;
    const known =
      isAlone && authorization?.startsWith(PLAIN_SCHEME)
        ? this.#recall(authorization.slice(PLAIN_SCHEME.length))
        : undefined;
    if (known !== undefined) return known;
    const presented = readPresented({ authorization, macaroon });
    return presented === undefined ? undefined : this.authenticate(presented);
  }

  #recall(text: string): Verified | undefined {
    const known = this.#cache.get(text.slice(-KEY_CHARACTERS));
    return known?.text === text ? known.verified : undefined;
  }

  #prove(credential: Credential): Verified {
    const { macaroon, identifier } = credential;
    const root = this.#roots.find(identifier.tokenId);
    if (root === undefined)
      throw new TokenError(
        "ERR_TOKEN_ROOT",
        "The credential was not minted here, or under a secret that is no longer used.",
      );
    const prefixes = this.#prefixes.along(root, macaroon);
    const signature = prefixes.at(-1)!;
    if (!equalBytes(signature, macaroon.signature))
      throw new TokenError(
        "ERR_TOKEN_FORGED",
        "The credential's signature is wrong: it was altered, or minted elsewhere.",
      );
    // A preimage alone grants nothing, and neither does a signature alone. [cases 73, 90]
    if (!credential.isPaid)
      throw new TokenError(
        "ERR_TOKEN_PREIMAGE",
        "The credential's preimage does not prove its payment.",
      );
    this.#prefixes.remember(macaroon, prefixes);
    const chain = new CaveatChain({
      caveats: macaroon.caveats,
      vocabulary: this.vocabulary,
      paymentHash: identifier.paymentHash,
      placeId: (count) => placeId(prefixes[count]!),
    });
    return new Verified(credential, chain, signature, this.#revoked);
  }

  /**
   * The id of the node that `caveats` open below this credential, for revoking a child without
   * having its credential.
   *
   * @throws TypeError where the caveats cannot be read, or name no agent
   */
  descendant(ancestor: Verified, caveats: readonly string[]): string {
    checkCaveats(caveats, this.vocabulary);
    const agentAt = caveats.findLastIndex((caveat) => caveat.startsWith("agent="));
    if (agentAt === -1) throw new TypeError("the caveats open no node: none of them is an agent");
    return placeId(ancestor.signatureAfter(caveats.slice(0, agentAt + 1).map(utf8)));
  }

  /**
   * What a holder may do: kills the node that `caveats` open below his credential, and everything
   * below that. Gives its id.
   *
   * @throws TypeError as {@link descendant}; AdapterError `ERR_RATE_LIMITED` past a thousand for
   * one root, because each has to be remembered
   */
  revokeBelow(ancestor: Verified, caveats: readonly string[]): string {
    const nodeId = this.descendant(ancestor, caveats);
    const [root] = ancestor.nodes;
    const count = this.#revokedBelow.get(root!.id) ?? 0;
    if (!this.#revoked.has(nodeId)) {
      if (count >= MAX_REVOKED_BELOW)
        throw new AdapterError(
          "ERR_RATE_LIMITED",
          "Too many nodes of this tree were revoked. Revoke a node above them.",
        );
      this.#revokedBelow.set(root!.id, count + 1);
    }
    this.revoke(nodeId, ancestor.validUntil);
    return nodeId;
  }

  /**
   * The owner's: kills a node and everything below it, also children nobody listed; never its
   * parent.
   *
   * @param endsAt Unix seconds after which nothing below it can be valid; without it, it is
   * remembered for good
   * @throws TypeError for what is no node id
   */
  revoke(nodeId: string, endsAt: number = Number.POSITIVE_INFINITY): void {
    // A mistyped id would revoke nobody, and nobody would be told.
    if (!/^[0-9a-f]{32}$/.test(nodeId))
      throw new TypeError("a node id is 32 hex digits, in lower case");
    this.#revoked.add(nodeId, endsAt, this.#clock());
    this.#forget();
  }

  #forget(): void {
    this.#cache.clear();
    this.#prefixes.clear();
  }

  isRevoked(nodeId: string): boolean {
    return this.#revoked.has(nodeId);
  }

  /**
   * For who follows what is revoked elsewhere: at Unix second `at` all of it was known; after the
   * silence nothing is granted.
   */
  heardOfRevocations(at: number, maxSilenceSeconds: number): void {
    this.#revoked.heard(at, maxSilenceSeconds);
  }

  /** Why nothing is granted at Unix second `now`; undefined where it is known what was revoked. */
  silence(now: number): DeniedError | undefined {
    return this.#revoked.isKnownAt(now) ? undefined : denied([SILENCE]);
  }

  /**
   * Mints under `secret` from now on; credentials of the secrets before it stay valid until they
   * end.
   */
  rotate(secret: Secret): void {
    this.#roots.rotate(secret);
    this.#forget();
  }
}

/**
 * An orchestrator that needs more has a tree of a shape that one revocation higher up serves
 * better.
 */
const MAX_REVOKED_BELOW = 1000;
const MAX_ROOTS = 100_000;

const BUDGETS = ["budget", "budgetPerHour", "budgetPerDay", "budgetPerMonth"] as const;
