/** Finds out whose signature a request has, once for each signature. spec/9-public-key.md §9. */
import { hexBytes } from "../internal/bytes.ts";
import { KEY_BYTES, verify, verifyLater } from "../internal/ed25519.ts";
import type { Clock } from "../ports/clock.ts";
import {
  CREDENTIAL_FIELDS,
  digestOf,
  KEY_FIELD,
  REQUIRED,
  readSignature,
  type SignedRequest,
  signatureBase,
  thumbprintOf,
} from "./fields.ts";

const MAX_AHEAD_SECONDS = 60;
const MAX_AGE_SECONDS = 300;
const MAX_NONCE_CHARACTERS = 128;
/** Of one key, and of all. When they are full, signatures are refused: no nonce is forgotten. */
const MAX_NONCES = { perKey: 20_000, inAll: 200_000 };

export interface ProofRequest extends SignedRequest {
  /** The content as it was sent; undefined if it cannot be had. Asked for last. */
  readonly body: () => Promise<Uint8Array | undefined>;
}

export class HolderProofs {
  readonly #clock: Clock;
  readonly #limits: typeof MAX_NONCES;
  /** By key: when each nonce may be forgotten, in the order in which they came. */
  readonly #seen = new Map<string, Map<string, number>>();
  #count = 0;
  /** What was proven of a request, for a second guard that it passes. */
  readonly #proven = new WeakMap<object, { readonly text: string; readonly keyid: string }>();

  constructor(clock: Clock, limits = MAX_NONCES) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /**
   * The thumbprint of the key that signed the request; null if the signature proves nothing.
   *
   * @param holders the keys that are asked for: no other one is looked at
   * @param of stands for the request, if it may be asked about again
   * @throws AdapterError for a body that is too large to be read
   */
  async prove(
    request: ProofRequest,
    holders: readonly string[],
    of?: object,
  ): Promise<string | null> {
    const about = `${request.method} ${request.path}${request.query}`;
    const before = of && this.#proven.get(of);
    if (before?.text === about) return before.keyid;
    const keyid = await this.#prove(request, holders);
    if (keyid !== null && of !== undefined) this.#proven.set(of, { text: about, keyid });
    return keyid;
  }

  async #prove(request: ProofRequest, holders: readonly string[]): Promise<string | null> {
    const { headers } = request;
    const read = readSignature(headers);
    if (read === undefined) return null;
    const { components, params, text, signature } = read;
    const { keyid, created, expires, nonce } = params;
    if (!holders.every((one) => one === keyid)) return null;
    const key = hexBytes(headers.get(KEY_FIELD) ?? "");
    if (key?.length !== KEY_BYTES || thumbprintOf(key) !== keyid) return null;
    if (!this.#isFresh(params) || nonce.length === 0 || nonce.length > MAX_NONCE_CHARACTERS)
      return null;
    const needed = [...REQUIRED, ...CREDENTIAL_FIELDS.filter((name) => headers.has(name))];
    if (headers.has("content-digest")) needed.push("content-digest" as never);
    if (!needed.every((name) => components.includes(name))) return null;
    const base = signatureBase(request, components, text);
    if (base === undefined) return null;
    if (!(await (verifyLater ?? verify)(key, base, signature))) return null;
    // Only what a key has signed takes room.
    if (!this.#isNew(keyid, nonce, Math.min(expires, created + MAX_AGE_SECONDS))) return null;
    const body = await request.body();
    if (body === undefined) return null;
    const digest = headers.get("content-digest");
    const isRight = digest === null ? body.length === 0 : digest === digestOf(body);
    return isRight && this.#isFresh(params) ? keyid : null;
  }

  #isFresh({ created, expires }: { readonly created: number; readonly expires: number }): boolean {
    const now = this.#clock();
    return created <= now + MAX_AHEAD_SECONDS && created >= now - MAX_AGE_SECONDS && expires > now;
  }

  /** @param until when the signature ends; a clock may go back by a minute after that */
  #isNew(key: string, nonce: string, until: number): boolean {
    this.#sweep();
    const seen = this.#seen.get(key) ?? new Map<string, number>();
    const { perKey, inAll } = this.#limits;
    if (seen.has(nonce) || seen.size >= perKey || this.#count >= inAll) return false;
    this.#seen.set(key, seen.set(nonce, until + MAX_AHEAD_SECONDS));
    this.#count++;
    return true;
  }

  /** Forgets nonces from the oldest on, up to the first that counts. */
  #sweep(): void {
    const now = this.#clock();
    for (const [key, seen] of this.#seen) {
      for (const [nonce, until] of seen) {
        if (until > now) break;
        seen.delete(nonce);
        this.#count--;
      }
      if (seen.size === 0) this.#seen.delete(key);
    }
  }
}
