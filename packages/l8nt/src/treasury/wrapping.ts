/**
 * Wraps what can be presented before it goes into the books, so that a copy of them buys nothing
 * without the treasury's secret. spec/4-purchase.md §4.7.
 */
import { type Aead, aes256Gcm, type Soon, soon } from "../internal/aead.ts";
import { base64Bytes, base64Text, hexBytes, hexText, utf8, utf8Text } from "../internal/bytes.ts";
import { hkdfExpandUnder, hkdfExtract } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import type { Secret } from "../l402/index.ts";
import { MAX_PURCHASES } from "../ports/payments.ts";
import { derivedKey } from "./derived.ts";

/** A column of a payment that is wrapped. */
export type WrappedColumn = "token" | "preimage";

/** Begins every wrapped text; the number is the version. */
const PREFIX = "sigil:1:";

/** Both texts of as many purchases as an order reads at one node: a store may decode each anew. */
const REMEMBERED = 4 * MAX_PURCHASES;

export class Wrapping {
  /** The first one wraps. */
  readonly #keys: readonly [Aead, ...Aead[]];
  /** What was wrapped or unwrapped lately, by its row, column and wrapped text. */
  readonly #recent = new Lru<string, string>(REMEMBERED);
  /** Public: tells one first key from another. */
  readonly id: string;

  /** @param previous secrets whose wrapping is still read */
  constructor(secret: Secret, previous: readonly Secret[] = []) {
    const derived = (one: Secret) => derivedKey(one, "sigil purchases");
    const key = derived(secret);
    this.#keys = [aes256Gcm(key), ...previous.map((one) => aes256Gcm(derived(one)))];
    this.id = hexText(hkdfExpandUnder(hkdfExtract(key))(utf8("id"))).slice(0, 16);
  }

  /** @param paymentHash the row, so that no text is valid in another row or column */
  wrap(text: string, paymentHash: string, column: WrappedColumn): Soon<string> {
    const sealed = this.#keys[0].seal(packed(text), contextOf(paymentHash, column));
    return soon(sealed, (bytes) => {
      const wrapped = PREFIX + base64Text(bytes);
      this.#recent.set(keyOf(wrapped, paymentHash, column), text);
      return wrapped;
    });
  }

  /**
   * The text as it was wrapped; one that was written before there was a wrapping as it is.
   * Undefined if it was wrapped with another secret, for another row, or was changed.
   */
  unwrap(wrapped: string, paymentHash: string, column: WrappedColumn): Soon<string | undefined> {
    if (!wrapped.startsWith(PREFIX)) return wrapped;
    const known = keyOf(wrapped, paymentHash, column);
    const recent = this.#recent.get(known);
    if (recent !== undefined) return recent;
    const sealed = base64Bytes(wrapped.slice(PREFIX.length));
    if (sealed === undefined) return undefined;
    const context = contextOf(paymentHash, column);
    const tryFrom = (at: number): Soon<string | undefined> => {
      const key = this.#keys[at];
      if (key === undefined) return undefined;
      return soon(key.open(sealed, context), (plain) =>
        plain === undefined ? tryFrom(at + 1) : unpacked(plain),
      );
    };
    return soon(tryFrom(0), (text) => {
      if (text !== undefined) this.#recent.set(known, text);
      return text;
    });
  }
}

const keyOf = (wrapped: string, paymentHash: string, column: WrappedColumn): string =>
  `${paymentHash} ${column} ${wrapped}`;

const contextOf = (paymentHash: string, column: WrappedColumn): Uint8Array =>
  utf8(`${PREFIX}payment ${paymentHash} ${column}`);

/** What the bytes after the first one are: most tokens are base64, and every preimage is hex. */
const FORMS = [
  { read: hexBytes, write: hexText },
  { read: base64Bytes, write: base64Text },
  { read: utf8, write: utf8Text },
] as const;

/** In as few bytes as it can be: the encoding of a text takes a third or a half of its length. */
function packed(text: string): Uint8Array {
  for (const [form, { read, write }] of FORMS.entries()) {
    const bytes = read(text);
    if (bytes === undefined || write(bytes) !== text) continue;
    const all = new Uint8Array(bytes.length + 1);
    all[0] = form;
    all.set(bytes, 1);
    return all;
  }
  throw new TypeError("a text with half a surrogate pair cannot be written");
}

const unpacked = (bytes: Uint8Array): string | undefined =>
  FORMS[bytes[0]!]?.write(bytes.subarray(1));
