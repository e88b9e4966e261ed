/** A credential whose signature and payment are proven. Only a verifier makes one. */
import {
  type Access,
  CaveatChain,
  type CaveatText,
  type ChainLimit,
  checkCaveats,
  holder,
  ledger,
  type Vocabulary,
} from "../caveat/index.ts";
import { AdapterError, denied, type Refusal } from "../errors.ts";
import type { Binary } from "../internal/bytes.ts";
import type { Descent } from "../ports/descent.ts";
import type { Places } from "./body.ts";
import type { Credential } from "./credential.ts";
import type { ProvenNode, Revocation, RevocationList } from "./revocations.ts";

/** What every credential of one verifier shares. */
export interface VerifierFacts {
  readonly vocabulary: Vocabulary;
  readonly revocations: RevocationList;
  /** The location by which `ledger` caveats name the verifier. @default it counts no limits */
  readonly ledger?: string | undefined;
  /** Reads the text of a credential. */
  parse(text: string): Credential;
}

export interface Proof {
  readonly text: string;
  readonly caveats: readonly Binary[];
  /** Hex. */
  readonly paymentHash: string;
  readonly places: Places;
  /** The reasons against every access that its verifier has beside the caveats. @default none */
  readonly always?: (chain: CaveatChain) => readonly Refusal[];
  /** Asked last, about an access that nothing else speaks against. @default nothing */
  readonly beyond?: (access: Access) => readonly Refusal[];
}

const NO_HOLDERS: readonly string[] = Object.freeze([]);
const NONE: readonly Refusal[] = Object.freeze([]);

/** Keeps the text of the credential and reads it again when more is asked for than a verdict. */
export class Verified {
  readonly chain: CaveatChain;
  /** Hex. */
  readonly paymentHash: string;
  readonly #text: string;
  readonly #places: Places;
  readonly #facts: VerifierFacts;
  readonly #always: readonly Refusal[];
  readonly #beyond: Proof["beyond"];
  readonly #namesLedger: boolean;
  readonly #namesHolder: boolean;
  /** The key that signed the request that it stands for; null for none, and for any request. */
  readonly #signer: string | null;

  /** For verifiers, which have checked the signature and the payment before. */
  constructor(proof: Proof | Verified, facts: VerifierFacts, signer: string | null = null) {
    this.paymentHash = proof.paymentHash;
    this.#facts = facts;
    this.#signer = signer;
    if (proof instanceof Verified) {
      this.chain = proof.chain;
      this.#text = proof.#text;
      this.#places = proof.#places;
      this.#always = proof.#always;
      this.#beyond = proof.#beyond;
    } else {
      const { text, caveats, paymentHash, places, always } = proof;
      this.chain = new CaveatChain({ caveats, vocabulary: facts.vocabulary, paymentHash, places });
      this.#text = text;
      this.#places = places;
      this.#always = always?.(this.chain) ?? NONE;
      this.#beyond = proof.beyond;
    }
    this.#namesLedger = this.chain.has(ledger);
    this.#namesHolder = this.chain.has(holder);
  }

  /** Read from its text at each use. */
  get credential(): Credential {
    return this.#facts.parse(this.#text);
  }

  /** The thumbprints of the keys that must sign its requests; mostly none. */
  get holders(): readonly string[] {
    return this.#namesHolder ? this.chain.valuesOf(holder) : NO_HOLDERS;
  }

  /**
   * The same for one request, whose signature by this key was verified: every later verdict on the
   * request knows it.
   */
  signedBy(thumbprint: string): Verified {
    return new Verified(this, this.#facts, thumbprint);
  }

  /** Whether it stands for one request, by {@link signedBy}. */
  get isSigned(): boolean {
    return this.#signer !== null;
  }

  /** Whether this was proven about exactly this text. */
  isOf(text: string): boolean {
    return this.#text === text;
  }

  /** Whether the verifier proved this that gives these facts. */
  isBy(facts: VerifierFacts): boolean {
    return this.#facts === facts;
  }

  /** The credential's own node. */
  get node(): ProvenNode {
    return this.chain.node as ProvenNode;
  }

  /** Root first. */
  get nodes(): readonly ProvenNode[] {
    return this.chain.nodes as readonly ProvenNode[];
  }

  /** The agent names from the root to the credential's own node. */
  get lineage(): readonly string[] {
    return this.chain.lineage;
  }

  /** Every counted limit on the chain. A spend or a use counts against all of them, or none. */
  get limits(): readonly ChainLimit[] {
    return this.chain.limits;
  }

  get caveats(): readonly CaveatText[] {
    return this.chain.texts;
  }

  /** Unix seconds; undefined for a credential without an end, which this library never mints. */
  get validUntil(): number | undefined {
    return this.chain.validUntil;
  }

  /**
   * Every reason against `access`, with revocations and freezes. An empty list allows it, up to
   * the counted limits, which a ledger judges.
   */
  judge(access: Access): readonly Refusal[] {
    let known = access;
    if (this.#namesLedger) known = { ...known, ledger: this.#facts.ledger ?? null };
    // Who verified no signature denies.
    if (this.#namesHolder) known = { ...known, holder: access.holder ?? this.#signer };
    const ofChain = this.chain.refusals(known);
    const refusals = this.#always.length === 0 ? ofChain : [...this.#always, ...ofChain];
    const revoked = this.#facts.revocations.refusalOf(() => this.nodes, access.now);
    if (revoked !== undefined) return [revoked, ...refusals];
    if (this.#beyond === undefined || refusals.length > 0) return refusals;
    return this.#beyond({ ...known, ledger: this.#facts.ledger ?? null });
  }

  /**
   * Throws if anything speaks against `access`.
   *
   * @throws DeniedError
   */
  demand(access: Access): void {
    const error = denied(this.judge(access));
    if (error !== undefined) throw error;
  }

  /**
   * Calls `end` once, when the credential is revoked or frozen or ends; at once, if it is
   * already. What a feed or a log tells counts too.
   *
   * @returns what stops watching
   */
  watch(end: () => void): () => void {
    const { revocations } = this.#facts;
    const ids = this.nodes.map(({ id }) => id);
    const stop = revocations.watch(ids, end, this.validUntil);
    if (revocations.stops(ids)) {
      stop();
      end();
    }
    return stop;
  }

  /**
   * The id of the node that `descent` opens below this credential. Its child's credential is not
   * needed.
   *
   * @throws TypeError, TokenError if it cannot be read, does not follow or names no agent
   */
  nodeBelow(descent: Descent): string {
    return this.#nodesBelow(descent).at(-1)!;
  }

  /** The ids of the nodes that `descent` opens, one below the other. @throws as `nodeBelow` */
  #nodesBelow(descent: Descent): readonly string[] {
    if (!("blocks" in descent)) checkCaveats(descent, this.#facts.vocabulary);
    const opened = this.#places.below(descent, this.#facts.ledger);
    if (opened.length === 0) throw new TypeError("it opens no node: no caveat of it is an agent");
    return opened;
  }

  /**
   * Revokes the node that `descent` opens below this credential, and everything below that node:
   * the right of every holder. Returns what was revoked.
   *
   * @throws AdapterError `ERR_REQUEST` if it cannot be read, does not follow, names no agent or
   * is more than a credential can have;
   * `ERR_RATE_LIMITED` after a thousand nodes that this credential's node revoked
   */
  revokeBelow(descent: Descent): Revocation {
    let opened: readonly string[];
    try {
      opened = this.#nodesBelow(descent);
    } catch (cause) {
      throw new AdapterError(
        "ERR_REQUEST",
        'A revocation is {"caveats": […]}: the caveats that lead from your credential to the child, an agent among them; or {"blocks": […]}, its blocks, for the public-key form.',
        { cause },
      );
    }
    const { validUntil } = this;
    const revocation: Revocation = {
      nodeId: opened.at(-1)!,
      above: [...this.nodes.map(({ id }) => id), ...opened.slice(0, -1)],
      by: this.node.id,
      ...(validUntil !== undefined && { endsAt: validUntil }),
    };
    this.#facts.revocations.revokeBelow(revocation);
    return revocation;
  }

  /** The credential's description, without secrets, and its nodes. */
  toJSON(): Record<string, unknown> {
    return {
      ...this.credential.toJSON(),
      nodes: this.nodes.map(({ id, agent }) => ({ id, agent })),
    };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON();
  }
}
