/**
 * Wraps what can be presented before it goes into the books, so that a copy of them buys nothing
 * without the treasury's secret. spec/4-purchase.md §4.7.
 */
import { type Aead, aes256Gcm, type Soon, soon } from "../internal/aead.ts";
import { base64Bytes, base64Text, hexBytes, hexText, utf8, utf8Text } from "../internal/bytes.ts";
import { hkdfExpandUnder, hkdfExtract } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import type { Secret } from "../l402/index.ts";
import { MAX_PURCHASES, type PaymentRecord } from "../ports/payments.ts";
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
  /** What was wrapped or unwrapped lately, by its place and wrapped text. */
  readonly #recent = new Lru<string, string>(REMEMBERED);
  /** Public: tells the keys apart, in the order of the secrets. */
  readonly ids: readonly [string, ...string[]];

  /** @param previous secrets whose wrapping is still read */
  constructor(secret: Secret, previous: readonly Secret[] = []) {
    const derived = (one: Secret) => derivedKey(one, "sigil purchases");
    const [key, keys] = [derived(secret), previous.map(derived)];
    this.#keys = [aes256Gcm(key), ...keys.map(aes256Gcm)];
    this.ids = [idOf(key), ...keys.map(idOf)];
  }

  /** @param place where it is kept: it is valid nowhere else */
  wrap(text: string, place: string): Soon<string> {
    const sealed = this.#keys[0].seal(packed(text), contextOf(place));
    return soon(sealed, (bytes) => {
      const wrapped = PREFIX + base64Text(bytes);
      this.#recent.set(keyOf(wrapped, place), text);
      return wrapped;
    });
  }

  /**
   * The text as it was wrapped. Undefined if it is not wrapped, was wrapped with another secret or
   * for another place, or was changed.
   */
  unwrap(wrapped: string, place: string): Soon<string | undefined> {
    const known = keyOf(wrapped, place);
    const recent = this.#recent.get(known);
    if (recent !== undefined) return recent;
    return soon(this.#open(wrapped, place), (opened) => {
      if (opened !== undefined) this.#recent.set(known, opened.text);
      return opened?.text;
    });
  }

  /** The same text wrapped by the first key, if one of the previous ones wrapped it. */
  rewrapped(wrapped: string, place: string): Soon<string> {
    return soon(this.#open(wrapped, place), (opened) =>
      opened === undefined || opened.by === 0 ? wrapped : this.wrap(opened.text, place),
    );
  }

  #open(wrapped: string, place: string): Soon<Opened | undefined> {
    const sealed = wrapped.startsWith(PREFIX)
      ? base64Bytes(wrapped.slice(PREFIX.length))
      : undefined;
    if (sealed === undefined) return undefined;
    const context = contextOf(place);
    const tryFrom = (by: number): Soon<Opened | undefined> => {
      const key = this.#keys[by];
      if (key === undefined) return undefined;
      return soon(key.open(sealed, context), (plain) => {
        if (plain === undefined) return tryFrom(by + 1);
        const text = unpacked(plain);
        return text === undefined ? undefined : { text, by };
      });
    };
    return tryFrom(0);
  }
}

interface Opened {
  readonly text: string;
  /** Which key wrapped it. */
  readonly by: number;
}

/** What decides where a purchase is presented, and for whom. No settlement changes it. */
export type Bound = Pick<PaymentRecord, "paymentHash" | "nodeIds" | "method" | "origin" | "path">;

/** Of a text of a payment: who can write to the books cannot have it presented elsewhere. */
export const placeOf = (bound: Bound, column: WrappedColumn): string => {
  const { paymentHash, nodeIds, method, origin, path } = bound;
  return `payment ${JSON.stringify([paymentHash, column, nodeIds, method, origin, path])}`;
};

const idOf = (key: Uint8Array): string =>
  hexText(hkdfExpandUnder(hkdfExtract(key))(utf8("id"))).slice(0, 16);

const keyOf = (wrapped: string, place: string): string => `${place} ${wrapped}`;

const contextOf = (place: string): Uint8Array => utf8(PREFIX + place);

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
