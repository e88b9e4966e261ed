/**
 * What was paid for a credential, sealed into its token id when it is sold: a challenge that nobody
 * pays leaves nothing to keep. spec/1-credential.md §2.
 */
import { type Bytes, hexBytes, hexText } from "../internal/bytes.ts";
import { hmacUnder, nonceBytes } from "../internal/crypto.ts";
import { Identifier, isIdentifier, ROOT_ID_BYTES } from "../l402/identifier.ts";

export interface Sold {
  readonly amountMsat: bigint;
  /** Unix seconds at which the credential ends. */
  readonly endsAt: number;
}

type Mask = (message: Uint8Array) => Uint8Array;

const NONCE_BYTES = 10;
/** Zeros, which tell a mark from the random bytes of a credential that was not sold. */
const ZERO_BYTES = 6;
const SEALED_BYTES = ZERO_BYTES + 8 + 4;

/** @param keys of the present secret first, then those of the secrets before it */
export class SoldMarks {
  readonly #keys: () => readonly Uint8Array[];
  /** By the root id, which names the secret, in hex. */
  readonly #masks = new Map<string, readonly Mask[]>();

  constructor(keys: () => readonly Uint8Array[]) {
    this.#keys = keys;
  }

  /** The last 28 bytes of the token id of a credential that is sold for this. */
  write(paymentHash: string, { amountMsat, endsAt }: Sold): Bytes {
    const bytes = new Uint8Array(NONCE_BYTES + SEALED_BYTES);
    bytes.set(nonceBytes(NONCE_BYTES));
    const view = new DataView(bytes.buffer, NONCE_BYTES);
    view.setBigUint64(ZERO_BYTES, amountMsat);
    view.setUint32(ZERO_BYTES + 8, Math.min(Math.ceil(endsAt), 0xffff_ffff));
    apply(hmacUnder(this.#keys()[0]!), paymentHash, bytes);
    return bytes;
  }

  /**
   * Reads the identifier of a credential that was proven. Undefined for one that was not sold, or
   * under a secret that is gone.
   *
   * @param identifier hex
   */
  read(identifier: string): Sold | undefined {
    const presented = hexBytes(identifier)!;
    // Nothing of another form is sold.
    if (!isIdentifier(presented)) return undefined;
    const { paymentHash, tokenId } = Identifier.decode(presented);
    const rootId = hexText(tokenId.subarray(0, ROOT_ID_BYTES));
    let masks = this.#masks.get(rootId);
    if (masks === undefined) {
      masks = this.#keys().map((key) => hmacUnder(key));
      this.#masks.set(rootId, masks);
    }
    for (const mask of masks) {
      const bytes = tokenId.slice(ROOT_ID_BYTES);
      apply(mask, paymentHash, bytes);
      const sealed = bytes.subarray(NONCE_BYTES);
      if (sealed.subarray(0, ZERO_BYTES).some((byte) => byte !== 0)) continue;
      const view = new DataView(sealed.buffer, sealed.byteOffset);
      return { amountMsat: view.getBigUint64(ZERO_BYTES), endsAt: view.getUint32(ZERO_BYTES + 8) };
    }
    return undefined;
  }
}

/** Masks or unmasks what follows the nonce. */
function apply(mask: Mask, paymentHash: string, bytes: Uint8Array): void {
  const message = new Uint8Array(NONCE_BYTES + 32);
  message.set(bytes.subarray(0, NONCE_BYTES));
  message.set(hexBytes(paymentHash)!, NONCE_BYTES);
  const stream = mask(message);
  for (let at = 0; at < SEALED_BYTES; at++) bytes[NONCE_BYTES + at]! ^= stream[at]!;
}
