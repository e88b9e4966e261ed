/** Mints credentials and challenges from a secret alone. spec/1-credential.md §4-5. */
import type { Scope } from "../caveat/index.ts";
import { type Bytes, hexBytes } from "../internal/bytes.ts";
import { readInvoice, type UnverifiedInvoice } from "../invoice/read.ts";
import { macaroonOfPacket } from "../macaroon/unverified.ts";
import type { Challenge } from "./challenge.ts";
import { CredentialMinter } from "./credential-minter.ts";
import { Identifier } from "./identifier.ts";

export class Minter extends CredentialMinter {
  /**
   * A challenge whose credential costs `invoice`. The invoice must come from this service's own
   * wallet: its signature is not checked. Nothing is stored; the payment completes the credential.
   *
   * @param terms more caveats, as `condition=value`, for what no key of a scope says
   * @param mark the 28 bytes of the token id that are otherwise random
   * @throws TypeError as `mint`, and for a caveat that no verifier here could read
   * @throws ChallengeError `ERR_INVOICE_MALFORMED`
   */
  challenge(
    scope: Scope,
    invoice: string | UnverifiedInvoice,
    terms: readonly string[] = [],
    mark?: Bytes,
  ): Challenge {
    const { text, paymentHash } =
      typeof invoice === "string" ? readInvoice(invoice).invoice : invoice;
    const macaroon = macaroonOfPacket(this.packet(hexBytes(paymentHash)!, scope, terms, mark));
    return {
      macaroon,
      identifier: Identifier.decode(macaroon.identifier),
      invoice: text,
      enforced: this.vocabulary.names,
    };
  }
}
