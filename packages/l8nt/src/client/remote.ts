/** A treasury across HTTP: the other half of `treasury/api.ts`. */
import { formatOrigin, readOrigin } from "../caveat/index.ts";
import { AdapterError, PaymentError } from "../errors.ts";
import { base64Text } from "../internal/bytes.ts";
import { readJson } from "../internal/json.ts";
import { checkTransport } from "../internal/transport.ts";
import type { NodeStanding, Purchase, PurchaseRequest, Treasurer } from "../ports/treasury.ts";
import {
  PAYMENT_FIELD,
  type PurchaseBody,
  RELAYED_FIELD,
  readNodes,
  readPayment,
  readPaymentField,
} from "../ports/treasury-wire.ts";
import { readProblem } from "./problem.ts";

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Speaks for credentials that name this location. Their text is sent there and nowhere else. */
export class RemoteTreasury implements Treasurer {
  readonly #origin: string;
  readonly #fetch: typeof fetch;

  /** @throws AdapterError `ERR_REQUEST` for a location that is no URL, or plain HTTP beyond this machine */
  constructor(location: string, fetcher: typeof fetch) {
    const origin = readOrigin(location);
    if (origin === undefined)
      throw new AdapterError(
        "ERR_REQUEST",
        "The credential does not say where its treasury is: its location is no http(s) URL.",
      );
    checkTransport(new URL(location));
    this.#origin = formatOrigin(origin);
    this.#fetch = fetcher;
  }

  async buy({ credential, method, url, headers, body, refused }: PurchaseRequest): Promise<Purchase> {
    const order: PurchaseBody = {
      method,
      url,
      headers,
      ...(body !== undefined && { body: base64Text(body) }),
      ...(refused !== undefined && { refused }),
    };
    const response = await this.#send("POST", "/v1/purchases", credential, order);
    const origin = new URL(url).origin;
    if (response.headers.get(RELAYED_FIELD) !== null) return relayedPurchase(response, origin);
    const answer = (await this.#read(response)) as Record<string, unknown>;
    return this.#understand(() => ({
      kind: "credential",
      credential: String(answer.credential),
      ...(answer.payment !== undefined && { payment: readPayment(answer.payment, origin) }),
    }));
  }

  async revoke(credential: string, caveats: readonly string[]): Promise<string> {
    const answer = await this.#read(
      await this.#send("POST", "/.well-known/l402/revocations", credential, { caveats }),
    );
    return String((answer as Record<string, unknown>).node);
  }

  async standing(credential: string): Promise<readonly NodeStanding[]> {
    const answer = await this.#read(await this.#send("GET", "/v1/credential", credential));
    return this.#understand(() => readNodes(answer));
  }

  async tree(credential: string): Promise<readonly NodeStanding[]> {
    const answer = await this.#read(await this.#send("GET", "/v1/tree", credential));
    return this.#understand(() => readNodes(answer));
  }

  async #send(method: string, path: string, credential: string, body?: object): Promise<Response> {
    try {
      return await this.#fetch(this.#origin + path, {
        method,
        headers: {
          authorization: `L402 ${credential}`,
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        redirect: "manual",
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      throw this.#unreachable(cause, path === "/v1/purchases");
    }
  }

  /** @throws the treasury's own error */
  async #read(response: Response): Promise<unknown> {
    if (response.status !== 200) throw await readProblem(response, `The treasury ${this.#origin}`);
    return readJson(response, MAX_ANSWER_BYTES);
  }

  #understand<Answer>(read: () => Answer): Answer {
    try {
      return read();
    } catch (cause) {
      throw new AdapterError(
        "ERR_TREASURY",
        `The answer of the treasury ${this.#origin} cannot be understood.`,
        { cause },
      );
    }
  }

  #unreachable(cause: unknown, mayHavePaid: boolean): AdapterError | PaymentError {
    const code = (cause as { cause?: { code?: unknown } }).cause?.code;
    if (mayHavePaid && code !== "ECONNREFUSED" && code !== "ENOTFOUND")
      return new PaymentError(
        "ERR_PAYMENT_UNKNOWN",
        "unknown",
        `The treasury ${this.#origin} did not answer, and may have paid. Ask again: what was paid for is used without paying again.`,
        { cause },
      );
    return new AdapterError("ERR_TREASURY", `The treasury ${this.#origin} cannot be reached. Is it running?`, {
      cause,
    });
  }
}

function relayedPurchase(response: Response, origin: string): Purchase {
  const payment = response.headers.get(PAYMENT_FIELD);
  const headers = new Headers(response.headers);
  headers.delete(RELAYED_FIELD);
  headers.delete(PAYMENT_FIELD);
  return {
    kind: "response",
    response: new Response(response.body, {
      status: response.status,
      statusText: response.statusText,
      headers,
    }),
    ...(payment !== null && { payment: readPaymentField(payment, origin) }),
  };
}
