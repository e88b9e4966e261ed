/** The macaroon form of a credential: a macaroon and a preimage. spec/1-credential.md §1-3. */

import type { Body } from "../credential/index.ts";
import { keyOf } from "../credential/key-form.ts";
import { malformedText } from "../credential/text.ts";
import { type Binary, type Bytes, binaryOfUtf8, bytesOf, hexOfBinary } from "../internal/bytes.ts";
import { hmacBinary, sha256OfHex } from "../internal/crypto.ts";
import type { UnverifiedMacaroon } from "../macaroon/index.ts";
import { type Packet, writePacket } from "../macaroon/packet.ts";
import { appendCaveats, macaroonOfPacket } from "../macaroon/unverified.ts";
import { paymentHashIn } from "./identifier.ts";

// No caveat that a verifier could read: a derived key continues no chain that is granted anything.
const DERIVE = "sigil derive" as Binary;

const PREIMAGE = /^[0-9a-fA-F]{64}$/;

/** The parts of a credential's text, decoded and not verified. */
export interface Parts {
  readonly packet: Packet;
  /** Hex, lower case. */
  readonly preimage: string;
  /** 32 bytes. */
  readonly paymentHash: Binary;
}

/** @throws TokenError `ERR_TOKEN_MALFORMED` */
export function partsOf(packet: Packet, preimage: string): Parts {
  if (!PREIMAGE.test(preimage)) throw malformedText();
  const paymentHash = paymentHashIn(packet.identifier);
  return { packet, preimage: preimage.toLowerCase(), paymentHash };
}

/** Whether the preimage proves the payment that the macaroon's identifier commits to. */
export const isPaid = ({ preimage, paymentHash }: Parts): boolean =>
  sha256OfHex(preimage) === paymentHash;

export class MacaroonBody implements Body {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A copy, whose bytes nothing here reads. */
  get macaroon(): UnverifiedMacaroon {
    return macaroonOfPacket(this.#parts.packet);
  }

  get location(): string {
    return this.#parts.packet.location;
  }

  get rootId(): string {
    return hexOfBinary(this.#parts.packet.identifier);
  }

  get caveats(): readonly Binary[] {
    return this.#parts.packet.caveats;
  }

  get paymentHash(): string {
    return hexOfBinary(this.#parts.paymentHash);
  }

  get isPaid(): boolean {
    return isPaid(this.#parts);
  }

  /** Hex. Half of the credential: it never goes into a log or a message. */
  get preimage(): string {
    return this.#parts.preimage;
  }

  append(caveats: readonly string[]): MacaroonBody {
    const packet = appendCaveats(this.#parts.packet, caveats.map(binaryOfUtf8));
    return new MacaroonBody({ ...this.#parts, packet });
  }

  derive(message: string): Bytes {
    const { signature } = this.#parts.packet;
    return bytesOf(hmacBinary(hmacBinary(signature, DERIVE), binaryOfUtf8(message)));
  }

  toText(): string {
    return `${btoa(writePacket(this.#parts.packet))}:${this.preimage}`;
  }

  toKey(): string {
    return keyOf(this.toText());
  }

  toJSON(): Record<string, unknown> {
    return { form: "macaroon", location: this.location, paymentHash: this.paymentHash };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON();
  }
}
