/**
 * A credential whose signature and payment are proven. Only an authority makes one; the compiler
 * keeps the order.
 */
import {
  type Access,
  type CaveatChain,
  type CaveatText,
  type ChainLimit,
  type Denial,
  type Node,
  refusal,
} from "../caveat/index.ts";
import { denied, type Refusal } from "../errors.ts";
import { type Bytes, hexText, utf8 } from "../internal/bytes.ts";
import { hmacSha256 } from "../internal/crypto.ts";
import { signCaveats } from "../macaroon/chain.ts";
import type { Credential } from "./credential.ts";
import type { Revocations } from "./revocations.ts";

const PLACE_LABEL = utf8("sigil place");

/**
 * The id of a place in the chain. One way: whoever learns an id can neither continue the chain from
 * there nor recognise a credential. spec/1-credential.md §6.
 */
export const placeId = (signature: Uint8Array): string =>
  hexText(hmacSha256(signature, PLACE_LABEL).subarray(0, 16));

export class Verified {
  /** Hex. */
  readonly paymentHash: string;
  readonly credential: Credential;
  readonly chain: CaveatChain;
  /** The macaroon's own signature: what the next caveat is keyed with. Never shown. */
  readonly #signature: Bytes;
  readonly #revoked: Revocations;

  constructor(credential: Credential, chain: CaveatChain, signature: Bytes, revoked: Revocations) {
    this.paymentHash = credential.identifier.paymentHash;
    this.credential = credential;
    this.chain = chain;
    this.#signature = signature;
    this.#revoked = revoked;
  }

  /** This credential's own node. */
  get node(): Node & { readonly id: string } {
    return this.chain.node as Node & { readonly id: string };
  }

  /** Root first. */
  get nodes(): readonly (Node & { readonly id: string })[] {
    return this.chain.nodes as readonly (Node & { readonly id: string })[];
  }

  get lineage(): readonly string[] {
    return this.chain.lineage;
  }

  /** Every counted limit on the chain: a spend or a use counts against all of them, or none. */
  get limits(): readonly ChainLimit[] {
    return this.chain.limits;
  }

  get caveats(): readonly CaveatText[] {
    return this.chain.texts;
  }

  /** Unix seconds; undefined for a credential without end, which this library does not mint. */
  get validUntil(): number | undefined {
    return this.chain.validUntil;
  }

  /**
   * Every reason against this access, revocation among them. Empty is yes, up to the counted
   * limits.
   */
  refusals(access: Access): readonly Refusal[] {
    const refusals = this.chain.refusals(access);
    if (!this.#revoked.isKnownAt(access.now)) return [SILENCE, ...refusals];
    if (access.now < this.#revoked.certainFrom)
      return [refusal(this.node, "revocation", FORGOTTEN), ...refusals];
    // Ids are derived only where there is something to look for.
    const revoked =
      this.#revoked.size === 0 ? undefined : this.nodes.find(({ id }) => this.#revoked.has(id));
    return revoked === undefined ? refusals : [revocation(revoked), ...refusals];
  }

  /** The same for whoever cannot go on without a yes. @throws DeniedError */
  demand(access: Access): void {
    const error = denied(this.refusals(access));
    if (error !== undefined) throw error;
  }

  /** For logs: as the credential is shown, and with its nodes. */
  toJSON(): Record<string, unknown> {
    return {
      ...this.credential.toJSON(),
      nodes: this.nodes.map(({ id, agent }) => ({ id, agent })),
    };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON();
  }

  /** The signature after `caveats` were appended to this one. */
  signatureAfter(caveats: readonly Uint8Array[]): Bytes {
    return signCaveats(this.#signature, caveats);
  }
}

/** Nobody can tell what was revoked meanwhile, so that nothing is granted. [case 111] */
export const SILENCE: Refusal = {
  code: "ERR_REVOCATION_UNKNOWN",
  condition: "revocation",
  have: "a verifier that has not heard for a while what was revoked",
  need: "one that has: try again in a moment",
};

const FORGOTTEN: Denial = {
  code: "ERR_REVOKED",
  have: "a clock that went back behind what was revoked and forgotten",
  need: "one that goes forward",
};

const revocation = (node: Node): Refusal =>
  refusal(node, "revocation", {
    code: "ERR_REVOKED",
    have:
      node.agent === undefined
        ? "a credential that was revoked"
        : `a credential whose agent ${node.agent} was revoked`,
    need: "one that was not",
  });
