/** What one request costs: the price function, and the facts that it is given. */
import { type Amount, type AmountText, parseAmount } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import { utf8Text } from "../internal/bytes.ts";
import { checkAscii, checkCoding, checkIsJson } from "./body-coding.ts";
import type { RequestFacts } from "./decision.ts";
import { headersWithoutCredential } from "./forwarded.ts";
import { pricedUrls } from "./query.ts";
import { Readings } from "./readings.ts";
import { checkOnce } from "./singletons.ts";

/**
 * The price of one request. It is called for every request, also without a credential and before
 * anything about the caller is known: it must be cheap, and must not trust what it reads. If it
 * throws, or returns a number without a unit, NaN or a negative amount, the answer is 503. `"0
 * sat"` is free. A price in US dollars sells no credential: it is taken from credentials that were
 * minted with a budget in US dollars.
 */
export type PriceFunction = (request: PriceFacts) => AmountText | Promise<AmountText>;

/** The facts of a request that is being priced. Nothing in them is verified. */
export interface PriceFacts {
  readonly method: string;
  /**
   * The paywall's location, the path exactly as scope and sale judge it, and the query as it was
   * sent. `searchParams` refuses the request with 400 if a key that is read stands there twice or
   * in brackets (`n[]`, `[n]`), which a handler may read as another value; `getAll` reads one that
   * may stand there twice.
   */
  readonly url: URL;
  /**
   * The fields without the credential. The answer is 400 if a field is read that a request has once
   * and that came twice, such as `Host`: a handler may read the other value.
   */
  readonly headers: Headers;
  /**
   * The body, read at the first call; the handler can still read it. At most 1 MiB, otherwise the
   * answer is 413. It is 415 for a body with a `Content-Encoding` or a charset other than UTF-8,
   * which a body parser would read as another text. If something before the paywall has read it,
   * the answer is 503, except behind Express's own parsers of JSON, URL-encoded forms, text and raw
   * bytes: a form or JSON then is the JSON text of its value.
   */
  body(): Promise<Uint8Array>;
  /** The body as UTF-8 text; the answer is 400 if it is not. */
  text(): Promise<string>;
  /**
   * The body as JSON; the answer is 400 if it is not, and 415 if `Content-Type` says that it is
   * something else, such as a form.
   */
  json(): Promise<unknown>;
}

/** Reads a price. @throws AdapterError `ERR_PRICE_FUNCTION` */
export function readPrice(price: unknown): Amount {
  const amount = parseAmount(price);
  if (amount === undefined)
    throw new AdapterError(
      "ERR_PRICE_FUNCTION",
      'A price is an amount with its unit, such as "10 sat" or "0.02 usd".',
    );
  return amount;
}

const MAX_BODY_BYTES = 1024 * 1024;

/** The body of a request whose handler reads it too. @throws AdapterError `ERR_TOO_LARGE` */
export async function copyOfBody(request: Request): Promise<Uint8Array> {
  const copy = request.clone();
  try {
    return await readBody(copy, MAX_BODY_BYTES);
  } catch (error) {
    // A copy that is left open would keep in memory whatever the handler reads.
    void copy.body?.cancel().catch(() => {});
    throw error;
  }
}

const UNREADABLE =
  "The body cannot be read before the handler here. Price by method, URL and headers.";

/** {@link PriceFacts} of a request; each member is computed, and recorded, when it is asked for. */
export class FactsOfRequest implements PriceFacts {
  readonly method: string;
  readonly readings: Readings;
  readonly #facts: RequestFacts;
  readonly #urls: () => URL;
  #headers: Headers | undefined;
  #body: Promise<Uint8Array> | undefined;

  /** @param url the paywall's origin, the canonical path and the query */
  constructor(facts: RequestFacts, url: string) {
    this.method = facts.method;
    this.#facts = facts;
    this.#urls = pricedUrls(url);
    this.readings = new Readings(facts.method, url);
  }

  get url(): URL {
    return this.#urls();
  }

  get headers(): Headers {
    if (this.#headers === undefined) {
      const headers = headersWithoutCredential(this.#facts.headers());
      this.#headers = this.readings.fields(headers, (name) => this.#checkOnce(headers, name));
    }
    return this.#headers;
  }

  readonly body = (): Promise<Uint8Array> => {
    this.#body ??= this.#read();
    return this.#body;
  };

  readonly text = async (): Promise<string> => {
    const text = utf8Text(await this.body());
    if (text === undefined) throw new AdapterError("ERR_REQUEST", "The body is not UTF-8.");
    return text;
  };

  readonly json = async (): Promise<unknown> => {
    if (this.#facts.json !== undefined) {
      const value = await this.#facts.json();
      this.readings.value(value);
      return value;
    }
    if (this.#facts.decoded !== "charset") checkIsJson(this.#facts.headers());
    const text = await this.text();
    try {
      return JSON.parse(text);
    } catch {
      // The parser's own error quotes the text, which may hold a secret.
      throw new AdapterError("ERR_REQUEST", "The body is not JSON.");
    }
  };

  async #read(): Promise<Uint8Array> {
    this.readings.reading();
    const { body, decoded } = this.#facts;
    if (body === undefined) throw new AdapterError("ERR_PRICE_FUNCTION", UNREADABLE);
    const headers = this.#facts.headers();
    this.#checkOnce(headers, "content-type");
    checkCoding(headers, decoded);
    const bytes = await body.call(this.#facts);
    if (decoded !== "charset") checkAscii(headers, bytes);
    // A body parser of a framework has a limit of its own.
    if (bytes.length > MAX_BODY_BYTES)
      throw new AdapterError("ERR_TOO_LARGE", `The body is larger than ${MAX_BODY_BYTES} bytes.`);
    this.readings.body(bytes);
    return bytes;
  }

  #checkOnce(headers: Headers, name: string): void {
    checkOnce(headers, name, (lower) => this.#facts.isRepeated?.(lower) ?? false);
  }
}
