/** Sends messages to a treasury across HTTP. */
import { formatOrigin, type Origin, readBase, readOrigin } from "../caveat/index.ts";
import { type Credential as AnyCredential, presentedAt } from "../credential/index.ts";
import { AdapterError } from "../errors.ts";
import { checkTransport } from "../http/transport.ts";
import { Lru } from "../internal/lru.ts";
import { Credential } from "../l402/credential.ts";
import { type Given, type Message, readAnswer, writeRequest } from "../wire/message.ts";
import { readProblem } from "../wire/problem.ts";

/** Credentials that are read, and narrowed, once. */
const MAX_READ = 64;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export class TreasuryHttp {
  /** The treasury's origin. */
  readonly origin: string;
  readonly #at: Origin;
  /** The origin, and the path of a location that has one: a proxy removes it. */
  readonly #base: string;
  readonly #fetch: typeof fetch;
  /** By its text. */
  readonly #read = new Lru<string, AnyCredential>(MAX_READ);

  /**
   * @throws AdapterError `ERR_REQUEST` for a location that is not a URL, or for plain HTTP to
   * another machine
   */
  constructor(location: string, fetcher: typeof fetch) {
    const origin = readOrigin(location);
    if (origin === undefined)
      throw new AdapterError("ERR_REQUEST", "The treasury's location is not an http(s) URL.");
    checkTransport(new URL(location));
    this.#at = origin;
    this.origin = formatOrigin(origin);
    this.#base = readBase(location)?.text ?? this.origin;
    this.#fetch = fetcher;
  }

  /** @throws the treasury's own error; AdapterError `ERR_TREASURY` */
  async ask<Path, Query, Body, Answer>(
    message: Message<Path, Query, Body, Answer>,
    credential: string,
    given: Given<Path, Query, Body>,
    signal?: AbortSignal,
  ): Promise<Answer> {
    let response: Response;
    try {
      response = await this.send(message, credential, given, signal);
    } catch (cause) {
      throw this.failed(UNREACHABLE, cause);
    }
    if (response.status !== 200)
      throw (await readProblem(response)) ?? this.failed(answeredWith(response));
    try {
      return await readAnswer(message, response, MAX_ANSWER_BYTES);
    } catch (cause) {
      throw this.failed(UNREADABLE, cause);
    }
  }

  /**
   * Sends a message once.
   *
   * @param signal ends the request, and the reading of its answer
   * @throws what `fetch` throws
   */
  send<Path, Query, Body>(
    message: Message<Path, Query, Body>,
    credential: string,
    given: Given<Path, Query, Body>,
    signal?: AbortSignal,
  ): Promise<Response> {
    const fetcher = this.#fetch;
    const [url, init] = writeRequest(message, this.#base, this.#shown(credential), given);
    return fetcher(url, signal === undefined ? init : { ...init, signal });
  }

  /**
   * A macaroon as it is, because a treasury judges the endpoints of what it buys. The public-key
   * form as to any service: its open text has a key. spec/9-public-key.md §10.
   */
  #shown(text: string): string {
    const credential = this.#read.get(text) ?? Credential.parse(text);
    this.#read.set(text, credential);
    return credential.body.sealed === undefined
      ? text
      : presentedAt(credential, this.#at).toString();
  }

  /** @param what the end of a sentence that begins with the treasury */
  failed(what: string, cause?: unknown): AdapterError {
    return new AdapterError("ERR_TREASURY", `The treasury ${this.origin} ${what}.`, { cause });
  }
}

export const UNREACHABLE = "cannot be reached (is it running?)";
export const UNREADABLE = "answered with something that cannot be read";
export const answeredWith = ({ status }: Response): string => `answered with HTTP ${status}`;
