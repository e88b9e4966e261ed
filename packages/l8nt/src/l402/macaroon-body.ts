/** The macaroon form of a credential: a macaroon and a preimage. spec/1-credential.md §1-3. */
import type { Body } from "../credential/index.ts";
import { TokenError } from "../errors.ts";
import { type Bytes, base64Text, hexBytes, hexText, utf8 } from "../internal/bytes.ts";
import { hmacChain, sha256Hex } from "../internal/crypto.ts";
import { Macaroon, type UnverifiedMacaroon } from "../macaroon/index.ts";
import { Identifier } from "./identifier.ts";

// No caveat that a verifier could read: a derived key continues no chain that is granted anything.
const DERIVE = utf8("sigil derive");

export class MacaroonBody implements Body {
  readonly macaroon: UnverifiedMacaroon;
  readonly identifier: Identifier;
  readonly #preimage: Bytes;

  /**
   * @param preimage 64 hex digits
   * @throws TokenError `ERR_TOKEN_MALFORMED`
   */
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

  get location(): string {
    return this.macaroon.location;
  }

  get rootId(): string {
    return hexText(this.macaroon.identifier);
  }

  get caveats(): readonly Bytes[] {
    return this.macaroon.caveats;
  }

  get paymentHash(): string {
    return this.identifier.paymentHash;
  }

  get isPaid(): boolean {
    return sha256Hex(this.#preimage) === this.paymentHash;
  }

  /** Hex. Half of the credential: it never goes into a log or a message. */
  get preimage(): string {
    return hexText(this.#preimage);
  }

  append(caveats: readonly string[]): MacaroonBody {
    return new MacaroonBody(Macaroon.attenuate(this.macaroon, ...caveats), this.preimage);
  }

  derive(message: string): Bytes {
    return hmacChain(this.macaroon.signature, [DERIVE, utf8(message)])[1]!;
  }

  toText(): string {
    return `${base64Text(Macaroon.encode(this.macaroon))}:${this.preimage}`;
  }

  toJSON(): Record<string, unknown> {
    return { form: "macaroon", location: this.location, paymentHash: this.paymentHash };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON();
  }
}
