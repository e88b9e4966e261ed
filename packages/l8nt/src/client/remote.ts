/** A treasury across HTTP: the other half of `treasury/api.ts`. */
import { formatOrigin, readOrigin } from "../caveat/index.ts";
import { AdapterError, PaymentError } from "../errors.ts";
import { readJson } from "../http/body.ts";
import { checkTransport } from "../http/transport.ts";
import { base64Text } from "../internal/bytes.ts";
import { Credential } from "../l402/index.ts";
import {
  EMBEDDED_LOCATION,
  type NodeStanding,
  type Purchase,
  type PurchaseRequest,
  type Treasurer,
} from "../ports/treasury.ts";
import {
  PAYMENT_FIELD,
  type PurchaseBody,
  RELAYED_FIELD,
  readNodes,
  readPayment,
  readPaymentField,
} from "../wire/purchase.ts";
import { readProblem } from "./problem.ts";

const MAY_HAVE_PAID = true;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Speaks for credentials that name this location. Their text is sent there and nowhere else. */
export class RemoteTreasury implements Treasurer {
  readonly #origin: string;
  readonly #fetch: typeof fetch;

  /**
   * @throws AdapterError `ERR_REQUEST` for a location that is no URL, or plain HTTP beyond this
   * machine
   */
  constructor(location: string, fetcher: typeof fetch) {
    if (location === EMBEDDED_LOCATION)
      throw new AdapterError(
        "ERR_TREASURY",
        "The credential was made by a client with a wallet of its own, whose treasury no other process can reach. Give that client a treasury location, and serve client.treasury there.",
      );
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

  async buy({
    credential,
    method,
    url,
    headers,
    body,
    refused,
  }: PurchaseRequest): Promise<Purchase> {
    const order: PurchaseBody = {
      method,
      url,
      headers,
      ...(body !== undefined && { body: base64Text(body) }),
      ...(refused !== undefined && { refused }),
    };
    const response = await this.#send("POST", "/v1/purchases", credential, order);
    const { origin } = new URL(url);
    const isRelayed = response.headers.get(RELAYED_FIELD) !== null;
    return isRelayed
      ? this.#understand(async () => relayedPurchase(response, origin), MAY_HAVE_PAID)
      : this.#read(response, (answer) => handedPurchase(answer, origin), MAY_HAVE_PAID);
  }

  async revoke(credential: string, caveats: readonly string[]): Promise<string> {
    const response = await this.#send("POST", "/.well-known/l402/revocations", credential, {
      caveats,
    });
    return this.#read(response, (answer) => String((answer as Record<string, unknown>).node));
  }

  async standing(credential: string): Promise<readonly NodeStanding[]> {
    return this.#read(await this.#send("GET", "/v1/credential", credential), readNodes);
  }

  async tree(credential: string): Promise<readonly NodeStanding[]> {
    return this.#read(await this.#send("GET", "/v1/tree", credential), readNodes);
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

  /** @throws the treasury's own error, or that its answer is none */
  async #read<Answer>(
    response: Response,
    read: (answer: unknown) => Answer,
    mayHavePaid = false,
  ): Promise<Answer> {
    if (response.status !== 200)
      throw (
        (await readProblem(response)) ??
        // A gateway in front of it that gave up waiting knows nothing of what was paid.
        this.#unclear(
          `answered with HTTP ${response.status}`,
          mayHavePaid && response.status >= 500,
        )
      );
    return this.#understand(
      async () => read(await readJson(response, MAX_ANSWER_BYTES)),
      mayHavePaid,
    );
  }

  async #understand<Answer>(read: () => Promise<Answer>, mayHavePaid: boolean): Promise<Answer> {
    try {
      return await read();
    } catch (cause) {
      throw this.#unclear("gave an answer that cannot be understood", mayHavePaid, cause);
    }
  }

  #unreachable(cause: unknown, isPurchase: boolean): AdapterError | PaymentError {
    const code = (cause as { cause?: { code?: unknown } }).cause?.code;
    return isPurchase && code !== "ECONNREFUSED" && code !== "ENOTFOUND"
      ? this.#unclear("did not answer", MAY_HAVE_PAID, cause)
      : this.#unclear("cannot be reached. Is it running?", false, cause);
  }

  #unclear(what: string, mayHavePaid: boolean, cause?: unknown): AdapterError | PaymentError {
    const whole = `The treasury ${this.#origin} ${what}`;
    if (!mayHavePaid)
      return new AdapterError("ERR_TREASURY", whole.endsWith("?") ? whole : `${whole}.`, { cause });
    return new PaymentError(
      "ERR_PAYMENT_UNKNOWN",
      "unknown",
      `${whole}, and may have paid. Ask again: what was paid for is used without paying again.`,
      { cause },
    );
  }
}

/** @throws TypeError, SyntaxError or TokenError for what is none */
function handedPurchase(answer: unknown, origin: string): Purchase {
  const { credential, payment } = answer as Record<string, unknown>;
  return {
    kind: "credential",
    credential: Credential.parse(credential as string).toString(),
    ...(payment !== undefined && { payment: readPayment(payment, origin) }),
  };
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
