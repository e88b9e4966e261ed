/** The key of a holder: signs the requests of credentials that are bound to it. */
import { holder } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import { base64Text, hexBytes, hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { KEY_BYTES, type Signer, signerOf } from "../internal/ed25519.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { Credential } from "../l402/credential.ts";
import { presentedIn, readPresented } from "../l402/presented.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { directoryResponse, type PublishedKey } from "./directory.ts";
import {
  API_KEY_FIELDS,
  base64Url,
  componentsOf,
  digestOf,
  KEY_FIELD,
  paramsText,
  requiredIn,
  signatureBase,
  TAG,
  thumbprintOf,
} from "./fields.ts";

export interface HolderKeyOptions {
  /** The origin that publishes {@link HolderKey.directory}, for `Signature-Agent`. @default none */
  readonly signatureAgent?: string;
  /** Sends the requests. @default the global `fetch` */
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

const OPTIONS = { signatureAgent: true, fetch: true, clock: true } satisfies Keys<HolderKeyOptions>;

const BEARER = /^bearer +(\S+) *$/i;
/** An order to a treasury has the body of a request in base64. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;
/** Half of it for a clock that is behind that of the verifier. */
const LIFE_SECONDS = 120;
const NONCE_BYTES = 64;
/** Of the signature, and of its member of `Signature-Agent`. */
const LABEL = "sig1";

/**
 * An Ed25519 key. Keep it where the credential is not: anyone who has both can use the credential.
 *
 * @example
 * const key = new HolderKey(process.env.SIGIL_HOLDER_KEY);
 * const child = client.delegate({ agent: "booker", holder: key.thumbprint });
 * const booker = new Client({ credential: child, holderKey: key });
 */
export class HolderKey {
  readonly #signer: Signer;
  readonly #options: HolderKeyOptions;
  /** What the scope field `holder` takes. */
  readonly thumbprint: string;
  /** 64 hex digits. */
  readonly publicKey: string;

  /**
   * @param privateKey 32 bytes, or 64 hex digits. @default a new key
   * @throws TypeError
   */
  constructor(privateKey?: string | Uint8Array, options: HolderKeyOptions = {}) {
    checkKeys(options, OPTIONS, "a holder key");
    const bytes = typeof privateKey === "string" ? hexBytes(privateKey) : privateKey;
    if (privateKey !== undefined && bytes?.length !== KEY_BYTES)
      throw new TypeError(
        "a holder's private key, as of `holderKey` or SIGIL_HOLDER_KEY, is 32 bytes, or 64 hex digits",
      );
    const { signatureAgent: agent } = options;
    if (agent !== undefined && !(URL.canParse(agent) && new URL(agent).origin === agent))
      throw new TypeError("signatureAgent must be an origin, such as https://agent.example");
    this.#signer = signerOf(bytes);
    this.#options = options;
    this.publicKey = hexText(this.#signer.publicKey);
    this.thumbprint = thumbprintOf(this.#signer.publicKey);
  }

  /**
   * The key that a client was given, which sends by the client's `fetch` if that is not the global
   * one.
   */
  static of(
    key: string | HolderKey,
    { fetch, clock }: { [Name in "fetch" | "clock"]?: HolderKeyOptions[Name] | undefined },
  ): HolderKey {
    const given = { ...(fetch !== undefined && { fetch }), ...(clock !== undefined && { clock }) };
    return typeof key === "string"
      ? new HolderKey(key, given)
      : new HolderKey(key.#signer.privateKey, { ...key.#options, ...given });
  }

  /** The private key, 64 hex digits: a secret. */
  exportPrivateKey(): string {
    return hexText(this.#signer.privateKey);
  }

  /**
   * The answer to `GET /.well-known/http-message-signatures-directory` at the `signatureAgent`,
   * signed by each key that is in it. It ends after a day.
   *
   * @param others keys that are published with it, such as the one before it, which still signs
   * @throws TypeError without a `signatureAgent`
   */
  directory(others: readonly HolderKey[] = []): Response {
    const { signatureAgent, clock = systemClock } = this.#options;
    if (signatureAgent === undefined)
      throw new TypeError(
        "a key directory is signed for one origin: give the key its signatureAgent, such as https://agent.example",
      );
    const keys = [this, ...others].map((key) => key.#published());
    return directoryResponse(keys, signatureAgent, Math.floor(clock()));
  }

  #published(): PublishedKey {
    const { thumbprint } = this;
    const sign = (base: Uint8Array) => this.#signer.sign(base);
    return { thumbprint, x: base64Url(this.#signer.publicKey), sign };
  }

  /**
   * `fetch` that signs each request which presents a credential bound to this key, and sends every
   * other one as it is. Give it to a `Client`, which then signs each try and each redirect anew.
   *
   * @throws AdapterError `ERR_TOO_LARGE` for a body over 2 MiB: its digest is signed before it is
   * sent, so it must be in memory
   */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const fetcher: typeof fetch = this.#options.fetch ?? ((...given) => fetch(...given));
    const fields = new Headers(init?.headers ?? (input instanceof Request ? input.headers : {}));
    if (!this.#isFor(fields)) return fetcher(input, init);
    const request = new Request(input, init);
    const body = await bodyOf(request);
    const headers = this.sign(request, body);
    const {
      body: _,
      duplex: _duplex,
      ...others
    } = (init ?? {}) as RequestInit & {
      duplex?: unknown;
    };
    return fetcher(request.url, {
      redirect: request.redirect,
      signal: request.signal,
      ...others,
      method: request.method,
      headers,
      ...(body !== undefined && { body }),
    });
  };

  /** The fields of a request with a new signature. */
  sign(
    { method, url, headers: given }: Pick<Request, "method" | "url" | "headers">,
    body?: Uint8Array,
  ): Headers {
    const { signatureAgent, clock = systemClock } = this.#options;
    const headers = new Headers(given);
    headers.set(KEY_FIELD, this.publicKey);
    headers.delete("content-digest");
    if (body !== undefined && body.length > 0) headers.set("content-digest", digestOf(body));
    // Any other text in these fields may be taken out on the way.
    const keys = API_KEY_FIELDS.filter((name) => this.#isHolderOf(headers.get(name)));
    const components = [...requiredIn(headers, keys)];
    if (signatureAgent !== undefined) {
      headers.set("signature-agent", `${LABEL}="${signatureAgent}"`);
      components.push(`"signature-agent";key="${LABEL}"`);
    }
    const { host: authority, pathname: path, search } = new URL(url);
    const created = Math.floor(clock());
    const nonce = base64Text(randomBytes(NONCE_BYTES));
    const expires = created + LIFE_SECONDS;
    const params = paramsText(components, {
      created,
      expires,
      nonce,
      keyid: this.thumbprint,
      alg: "ed25519",
      tag: TAG,
    });
    const values = componentsOf({ method, authority, path, query: search || "?", headers });
    const signature = this.#signer.sign(signatureBase(values, components, params)!);
    headers.set("signature-input", `${LABEL}=${params}`);
    headers.set("signature", `${LABEL}=:${base64Text(signature)}:`);
    return headers;
  }

  /** As clients of this library present a credential, or as an SDK its API key. */
  #isFor(fields: Headers): boolean {
    const [, token] = BEARER.exec(fields.get("authorization") ?? "") ?? [];
    const texts = [token, ...API_KEY_FIELDS.map((name) => fields.get(name))];
    return this.#presents(fields) || texts.some((text) => this.#isHolderOf(text));
  }

  #presents(fields: Headers): boolean {
    try {
      return this.#isHolderOf(readPresented(presentedIn(fields)));
    } catch {
      // What cannot be read is refused where it is sent.
      return false;
    }
  }

  #isHolderOf(text: string | null | undefined): boolean {
    if (text === null || text === undefined) return false;
    try {
      return Credential.parse(text).chain.valuesOf(holder).includes(this.thumbprint);
    } catch {
      return false;
    }
  }

  toJSON(): Record<string, string> {
    return { thumbprint: this.thumbprint, publicKey: this.publicKey };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON();
  }
}

/** @throws AdapterError `ERR_TOO_LARGE` */
async function bodyOf(request: Request): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (request.body === null) return undefined;
  try {
    return await readBody(request, MAX_BODY_BYTES);
  } catch (cause) {
    if (!(cause instanceof AdapterError)) throw cause;
    throw new AdapterError(
      "ERR_TOO_LARGE",
      `A request with a credential that is bound to a key is signed with its body, of at most ${MAX_BODY_BYTES} bytes. Nothing was sent. Send less.`,
      { cause },
    );
  }
}
