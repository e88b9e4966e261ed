/** Finds out whose signature a request has, once for each signature. spec/9-public-key.md §9. */
import type { Verified } from "../credential/index.ts";
import { hexBytes } from "../internal/bytes.ts";
import { KEY_BYTES, verify, verifyLater } from "../internal/ed25519.ts";
import type { Clock } from "../ports/clock.ts";
import {
  componentsOf,
  digestOf,
  KEY_FIELD,
  readSignature,
  requiredIn,
  type SignedRequest,
  signatureBase,
  thumbprintOf,
} from "./fields.ts";
import { Nonces } from "./nonces.ts";

const MAX_AHEAD_SECONDS = 60;
const MAX_AGE_SECONDS = 300;
const MAX_NONCE_CHARACTERS = 128;

export interface ProofRequest extends SignedRequest {
  /** The path in another spelling, if a proxy removed a part of it that has two. */
  readonly otherPath?: string | undefined;
  /** The content as it was sent; undefined if it cannot be had. Asked for last. */
  readonly body: () => Promise<Uint8Array | undefined>;
  /** Fields that the credential was read from beside those of L402. @default none */
  readonly credentialFields?: readonly string[];
  /** Whether nobody is let through by the answer, so that its nonce counts for nothing. */
  readonly isOnlyAsked?: boolean;
}

/**
 * The path that a client signed, if a proxy removes the path of the verifier's location: a client
 * signs what it sends, which may have the octets of that path in the spelling of the location, or
 * in the canonical one.
 *
 * @param path what arrived
 */
export function signedPaths(
  location: string,
  base: { readonly path: string },
  path: string,
): Pick<ProofRequest, "path" | "otherPath"> {
  const written = new URL(location).pathname.replace(/\/$/, "");
  const canonical = base.path + path;
  return { path: written + path, otherPath: base.path === written ? undefined : canonical };
}

/** The credential that a request presents. */
export type BoundCredential = Pick<Verified, "holders" | "nodes">;

export class HolderProofs {
  readonly #clock: Clock;
  readonly #nonces: Nonces;
  /** What was proven of a request, for a second guard that it passes. */
  readonly #proven = new WeakMap<object, { readonly text: string; readonly keyid: string }>();

  constructor(clock: Clock, nonces = new Nonces(clock)) {
    this.#clock = clock;
    this.#nonces = nonces;
  }

  /**
   * The thumbprint of the key that signed the request; null if the signature proves nothing.
   *
   * @param credential what the request presents: no key but its holder's is looked at
   * @param of stands for the request, if it may be asked about again
   * @throws AdapterError for a body that is too large to be read; `ERR_RATE_LIMITED` for more
   * signatures than there is room for
   */
  async prove(
    request: ProofRequest,
    credential: BoundCredential,
    of?: object,
  ): Promise<string | null> {
    const about = `${request.method} ${request.path}${request.query}`;
    const before = of && this.#proven.get(of);
    if (before?.text === about) return before.keyid;
    const keyid = await this.#prove(request, credential);
    if (keyid !== null && of !== undefined) this.#proven.set(of, { text: about, keyid });
    return keyid;
  }

  async #prove(request: ProofRequest, credential: BoundCredential): Promise<string | null> {
    const { headers } = request;
    const read = readSignature(headers);
    if (read === undefined) return null;
    const { components, params, text, signature } = read;
    const { keyid, created, expires, nonce } = params;
    if (!credential.holders.every((one) => one === keyid)) return null;
    const digits = headers.get(KEY_FIELD) ?? "";
    const key = /^[0-9a-f]*$/.test(digits) ? hexBytes(digits) : undefined;
    if (key?.length !== KEY_BYTES || thumbprintOf(key) !== keyid) return null;
    if (!this.#isFresh(params) || nonce.length === 0 || nonce.length > MAX_NONCE_CHARACTERS)
      return null;
    if (!requiredIn(headers, request.credentialFields).every((one) => components.includes(one)))
      return null;
    const isOver = async (path: string | undefined) => {
      if (path === undefined) return false;
      const base = signatureBase(componentsOf({ ...request, path }), components, text);
      return base !== undefined && (await (verifyLater ?? verify)(key, base, signature));
    };
    if (!(await isOver(request.path)) && !(await isOver(request.otherPath))) return null;
    // Only what a key has signed takes room.
    // A clock may go back by a minute.
    const until = Math.min(expires, created + MAX_AGE_SECONDS) + MAX_AHEAD_SECONDS;
    if (
      request.isOnlyAsked !== true &&
      !this.#nonces.isNew({ keyid, nonce, until }, credential.nodes)
    )
      return null;
    const body = await request.body();
    if (body === undefined) return null;
    const digest = headers.get("content-digest");
    const isRight = digest === null ? body.length === 0 : digest === digestOf(body);
    // It may have taken long. A copy of the request is judged by when it came, too.
    return isRight ? keyid : null;
  }

  #isFresh({ created, expires }: { readonly created: number; readonly expires: number }): boolean {
    const now = this.#clock();
    return created <= now + MAX_AHEAD_SECONDS && created >= now - MAX_AGE_SECONDS && expires > now;
  }
}
