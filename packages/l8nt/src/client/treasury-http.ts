/** Sends messages to a treasury across HTTP, and says what a failure means for the money. */
import { formatOrigin, readOrigin } from "../caveat/index.ts";
import { AdapterError, PaymentError } from "../errors.ts";
import { checkTransport } from "../http/transport.ts";
import { type Given, type Message, readAnswer, writeRequest } from "../wire/message.ts";
import { readProblem } from "../wire/problem.ts";

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export class TreasuryHttp {
  /** The treasury's origin. */
  readonly origin: string;
  readonly #fetch: typeof fetch;

  /**
   * @throws AdapterError `ERR_REQUEST` for a location that is not a URL, or for plain HTTP to
   * another machine
   */
  constructor(location: string, fetcher: typeof fetch) {
    const origin = readOrigin(location);
    if (origin === undefined)
      throw new AdapterError("ERR_REQUEST", "The treasury's location is not an http(s) URL.");
    checkTransport(new URL(location));
    this.origin = formatOrigin(origin);
    this.#fetch = fetcher;
  }

  /** @throws the treasury's own error; AdapterError `ERR_TREASURY` */
  async ask<Path, Query, Body, Answer>(
    message: Message<Path, Query, Body, Answer>,
    credential: string,
    given: Given<Path, Query, Body>,
  ): Promise<Answer> {
    const response = await this.send(message, credential, given, false);
    if (response.status !== 200) throw await this.failure(response, false);
    return this.understand(() => readAnswer(message, response, MAX_ANSWER_BYTES), false);
  }

  /** @param mayPay whether the treasury may have paid although nothing comes back */
  async send<Path, Query, Body>(
    message: Message<Path, Query, Body>,
    credential: string,
    given: Given<Path, Query, Body>,
    mayPay: boolean,
  ): Promise<Response> {
    const fetcher = this.#fetch;
    const [url, init] = writeRequest(message, this.origin, credential, given);
    try {
      return await fetcher(url, init);
    } catch (cause) {
      const code = systemCodeOf(cause);
      throw mayPay && code !== "ECONNREFUSED" && code !== "ENOTFOUND"
        ? this.#unclear("did not answer.", true, cause)
        : this.#unclear("cannot be reached. Is it running?", false, cause);
    }
  }

  /** The treasury's own error, or an error that says which status it answered with. */
  async failure(response: Response, mayPay: boolean): Promise<Error> {
    return (
      (await readProblem(response)) ??
      // A proxy that gave up waiting does not know what was paid.
      this.#unclear(`answered with HTTP ${response.status}.`, mayPay && response.status >= 500)
    );
  }

  async understand<Answer>(read: () => Promise<Answer>, mayPay: boolean): Promise<Answer> {
    try {
      return await read();
    } catch (cause) {
      throw this.#unclear("answered with something that cannot be read.", mayPay, cause);
    }
  }

  #unclear(what: string, mayHavePaid: boolean, cause?: unknown): AdapterError | PaymentError {
    const whole = `The treasury ${this.origin} ${what}`;
    if (!mayHavePaid) return new AdapterError("ERR_TREASURY", whole, { cause });
    return new PaymentError(
      "ERR_PAYMENT_UNKNOWN",
      "unknown",
      `${whole.slice(0, -1)}, and may have paid. The next request uses what was paid for if it is still there, and may be paid for again if it was lost on its way.`,
      { cause },
    );
  }
}

/** The system's code for a failed connection. The global `fetch` keeps it in `cause`. */
function systemCodeOf(failure: unknown): unknown {
  const { code, cause } = failure as { code?: unknown; cause?: { code?: unknown } };
  return cause?.code ?? code;
}
