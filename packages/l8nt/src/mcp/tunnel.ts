/** A `fetch` that sends each request to one origin as an MCP tool call. spec/8-mcp.md §5. */
import { type Base, formatOrigin, readBase } from "../caveat/index.ts";
import { unlessAborted } from "../client/outgoing.ts";
import { AdapterError, PaymentError } from "../errors.ts";
import { PREFER_FIELD } from "../http/prefer.ts";
import { checkTransport } from "../http/transport.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { randomBytes, sha256Hex } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import { USE_FIELD } from "../wire/consumption.ts";
import {
  authorizationIn,
  CHALLENGE,
  CREDENTIAL,
  IDEMPOTENCY_KEY,
  isToolName,
  type Members,
  members,
  PREFER,
  PROBLEM,
  toolPath,
  USE,
} from "./wire.ts";

export interface CallParams {
  readonly name: string;
  readonly arguments?: unknown;
  readonly _meta?: unknown;
}

export type CallTool = (params: CallParams, ...rest: unknown[]) => Promise<unknown>;

/**
 * `fetch` of a client that pays.
 *
 * @param orderId undefined for a request whose `Idempotency-Key` names its order
 */
export type PayingFetch = (
  orderId: string | undefined,
  url: string,
  init: RequestInit,
) => Promise<Response>;

/** One tool call of the program, which may take several requests: unpaid, and paid. */
interface Open {
  readonly params: CallParams;
  readonly rest: readonly unknown[];
  /**
   * The `Idempotency-Key` of its requests, if the same call may be made again by a key of its own:
   * its treasury may keep the answer.
   */
  readonly key: string | undefined;
  /** Of its requests, in `#outcomes`: the unpaid one, the paid one, those of a treasury. */
  readonly numbers: string[];
  /** Whether this side has closed the connection meanwhile. */
  isClosing: boolean;
}

/** What the MCP client returned or threw. */
type Outcome = { readonly result: unknown } | { readonly error: unknown };

/** Goes with every request of one call, so that the requests of a treasury belong to it, too. */
const CALL_FIELD = "x-correlation-id";
const RESULT_FIELD = "l8nt-result";
/** Results that a treasury may give again to a call with the same key. */
const MAX_KEPT = 64;

export class Tunnel {
  readonly #base: Base;
  readonly #callTool: CallTool;
  readonly #open = new Map<string, Open>();
  /** What requests came to, by number, until their call has ended. */
  readonly #outcomes = new Map<string, Outcome>();
  /** The same, of calls that may be made again. */
  readonly #kept = new Lru<string, Outcome>(MAX_KEPT);
  #requests = 0;

  /**
   * @param location of the server's credentials, as the server's operator publishes it
   * @throws TypeError for a location that no paywall can have
   * @throws AdapterError for plain HTTP to another machine
   */
  constructor(location: string, callTool: CallTool) {
    const base = readBase(location);
    if (base === undefined)
      throw new TypeError(
        "location must be the http(s) URL that the MCP server's operator publishes for its paywall",
      );
    checkTransport(new URL(location));
    this.#base = base;
    this.#callTool = callTool;
  }

  get origin(): string {
    return formatOrigin(this.#base.origin);
  }

  #pathOf(name: string): string {
    return this.#base.path + toolPath(name);
  }

  /** Makes a call as a request of a client that pays. Returns the server's result unchanged. */
  async call(paying: PayingFetch, params: CallParams, ...rest: unknown[]): Promise<unknown> {
    // A call that has a credential already, or a name that no paywall accepts, is sent unchanged.
    if (authorizationIn(params._meta) !== undefined || !isToolName(params.name))
      return this.#callTool(params, ...rest);
    const id = hexText(randomBytes(16));
    const { [IDEMPOTENCY_KEY]: key } = members(params._meta);
    // The text itself may be none that a field can have.
    const named = typeof key === "string" ? sha256Hex(utf8(key)) : undefined;
    const open: Open = { params, rest, key: named, numbers: [], isClosing: false };
    const signal = rest.map((one) => members(one).signal).find((one) => one instanceof AbortSignal);
    this.#open.set(id, open);
    try {
      const response = await paying(
        named === undefined ? id : undefined,
        this.origin + this.#pathOf(params.name),
        {
          method: "POST",
          headers: {
            [CALL_FIELD]: id,
            ...(named !== undefined && { "idempotency-key": named }),
          },
          // The price may depend on the arguments: another call is another request.
          body: sha256Hex(utf8(JSON.stringify(params.arguments ?? {}))),
          ...(signal !== undefined && { signal }),
        },
      );
      // Read to its end: the agent has the answer.
      await response.body?.cancel();
      return this.#resultOf(response);
    } catch (error) {
      throw error instanceof EndedHere ? error.cause : error;
    } finally {
      this.#open.delete(id);
      for (const number of open.numbers) this.#outcomes.delete(number);
    }
  }

  #resultOf({ headers }: Response): unknown {
    const number = headers.get(RESULT_FIELD) ?? "";
    const outcome = this.#outcomes.get(number) ?? this.#kept.get(number);
    if (outcome === undefined)
      throw new PaymentError(
        "ERR_ANSWER_LOST",
        "yes",
        "The tool was called and paid for before, and its result is not kept any more.",
      );
    if ("error" in outcome) throw outcome.error;
    return outcome.result;
  }

  /** Closes the connection of the MCP client, at the wish of this side. */
  closing<Result>(close: () => Result): Result {
    for (const open of this.#open.values()) open.isClosing = true;
    return close();
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    const url = new URL(request.url);
    if (url.origin !== this.origin) throw elsewhere(this.origin);
    const open = this.#open.get(request.headers.get(CALL_FIELD) ?? "");
    if (open === undefined || url.pathname !== this.#pathOf(open.params.name)) {
      // The call has ended. What was bought for it stays with the treasury, for the next call.
      if (url.pathname.startsWith(this.#pathOf("")))
        throw new AdapterError(
          "ERR_SERVICE_UNREACHABLE",
          "The tool call that this request was for has ended. Call the tool again.",
        );
      return new Response(null, { status: 404 });
    }
    const credential = /^(?:L402|LSAT) (\S+)$/.exec(
      request.headers.get("authorization") ?? "",
    )?.[1];
    const paid = credential === undefined ? {} : { [CREDENTIAL]: credential };
    const key = request.headers.get("idempotency-key");
    // A treasury that relays for one of several agents sends another key than the call's own.
    const isOwnKey = credential === undefined || open.key === undefined || key === open.key;
    const keyed = isOwnKey ? {} : { [IDEMPOTENCY_KEY]: key };
    const prefer = request.headers.get(PREFER_FIELD);
    const preferred = prefer === null ? {} : { [PREFER]: prefer };
    const outcome = await unlessAborted(
      this.#ask(open, credential, { ...paid, ...keyed, ...preferred }),
      request.signal,
    );
    const response = responseOf(outcome);
    const number = String(++this.#requests);
    if (open.key !== undefined) this.#kept.set(number, outcome);
    else {
      open.numbers.push(number);
      this.#outcomes.set(number, outcome);
    }
    response.headers.set(RESULT_FIELD, number);
    return response;
  };

  /** @throws what the MCP client threw if no answer came; EndedHere if this side ended the call */
  async #ask(open: Open, credential: string | undefined, meta: object): Promise<Outcome> {
    const { params, rest } = open;
    const sent =
      Object.keys(meta).length === 0
        ? params
        : { ...params, _meta: { ...members(params._meta), ...meta } };
    const startedAt = performance.now();
    try {
      const result = await this.#callTool(sent, ...rest);
      return { result: withoutCredential(result, credential) };
    } catch (thrown) {
      const error = withoutCredential(thrown, credential);
      if (open.isClosing && isClosed(error)) throw new EndedHere(error);
      if (isTimeOut(error) && performance.now() - startedAt >= shortestTimeOut(rest))
        throw new EndedHere(error);
      if (isClosed(error) || !isAnswer(error)) throw error;
      return { error };
    }
  }
}

/** A call that this side ended, by a time-out or by closing the connection. */
class EndedHere extends Error {
  override readonly name = "AbortError";

  constructor(cause: unknown) {
    super("This side ended the call.", { cause });
  }
}

/** `ErrorCode` of 1.x of the SDK, and `SdkErrorCode` of 2.x. */
const CLOSED: ReadonlySet<unknown> = new Set([-32_000, "CONNECTION_CLOSED"]);
const TIMED_OUT: ReadonlySet<unknown> = new Set([-32_001, "REQUEST_TIMEOUT"]);
/** A result arrived, and the SDK refused it: in 1.x with codes that a server may answer, too. */
const REFUSED: ReadonlySet<unknown> = new Set([-32_600, -32_602, "INVALID_RESULT"]);
/** An error of the transport in 1.x, whose code is a status of HTTP. */
const HTTP_ERROR = /^Streamable HTTP error/;
const DEFAULT_TIMEOUT_MS = 60_000;
/** A timer may fire early by as much. */
const TIMER_MS = 2;

const codeOf = (error: unknown): unknown => members(error).code;
const isClosed = (error: unknown): boolean => CLOSED.has(codeOf(error));
const isTimeOut = (error: unknown): boolean => TIMED_OUT.has(codeOf(error));

/** Whether the server answered: with an error of JSON-RPC, or with a result that is none. */
const isAnswer = (error: unknown): boolean =>
  (typeof codeOf(error) === "number" && !HTTP_ERROR.test(String(members(error).message))) ||
  REFUSED.has(codeOf(error)) ||
  /^\$?ZodError$/.test(String(members(error).name));

/**
 * The earliest moment at which a time-out of this side can fire. An error with its code that comes
 * earlier is the server's, which could otherwise be paid and say that this side gave up.
 */
function shortestTimeOut(rest: readonly unknown[]): number {
  const options = members(rest.findLast((one) => typeof one === "object" && one !== null));
  const given = [options.timeout ?? DEFAULT_TIMEOUT_MS, options.maxTotalTimeout];
  return Math.min(...given.filter((one) => typeof one === "number")) - TIMER_MS;
}

/** The same code as a refused connection, so that a client knows that nothing was paid. */
function elsewhere(origin: string): Error {
  return Object.assign(
    new Error(`A treasury elsewhere cannot fetch a challenge through the MCP client of ${origin}.`),
    { code: "ECONNREFUSED", cause: { code: "ECONNREFUSED" } },
  );
}

const MAX_LINES = 8;
const MAX_LINE_CHARACTERS = 16_384;

/**
 * What came back as an HTTP response. A malformed challenge is left out, and so is not paid. An
 * error of JSON-RPC is a failure of the server, unless the error is about a result.
 */
function responseOf(outcome: Outcome): Response {
  if ("error" in outcome)
    return new Response(null, { status: REFUSED.has(codeOf(outcome.error)) ? 200 : 500 });
  const { isError, _meta } = members(outcome.result);
  const { [PROBLEM]: problem, [CHALLENGE]: challenge, [USE]: use } = members(_meta);
  const { status } = members(problem);
  const useField: Record<string, string> =
    use === "consumed" || use === "released" ? { [USE_FIELD]: use } : {};
  if (
    isError !== true ||
    !Number.isInteger(status) ||
    !(Number(status) >= 400 && Number(status) <= 599)
  )
    return new Response(null, { headers: useField });
  const headers = new Headers(useField);
  const { url, "www-authenticate": lines, date } = members(challenge);
  const isPriced = status === 402 && typeof url === "string" && URL.canParse(url);
  const isChallenge = isPriced && areLines(lines);
  if (isChallenge) for (const line of lines) headers.append("www-authenticate", line);
  // The clock that judges what is sold: a treasury compares it with its own.
  if (isPriced && typeof date === "string" && !Number.isNaN(Date.parse(date)))
    headers.set("date", new Date(date).toUTCString());
  const response = new Response(null, { status: Number(status), headers });
  // The challenge names its own URL. The client that pays checks that it is the URL it asked for.
  if (isChallenge) Object.defineProperty(response, "url", { value: url });
  return response;
}

const areLines = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length <= MAX_LINES &&
  value.every(
    (line) => typeof line === "string" && LINE.test(line) && line.length <= MAX_LINE_CHARACTERS,
  );

const LINE = /^[\x20-\x7e]+$/;

/** A server may repeat what it was sent, which would show the credential to a model. */
function withoutCredential(result: unknown, credential: string | undefined): unknown {
  if (credential === undefined) return result;
  if (result instanceof Error) return errorWithout(result, credential);
  const [macaroon = "", preimage = ""] = credential.split(":");
  const text = JSON.stringify(result) ?? "";
  const hidden = [macaroon, preimage].reduce(
    (shown, secret) => shown.replaceAll(secret, "[credential]"),
    text,
  );
  return hidden === text ? result : (JSON.parse(hidden) as Members);
}

/**
 * Changes the error in place, because its class must stay. The server's text is in `message`,
 * `data` and `stack`.
 */
function errorWithout(error: Error, credential: string): Error {
  for (const name of Object.getOwnPropertyNames(error)) {
    const value: unknown = Reflect.get(error, name);
    const shown = withoutCredential(value, credential);
    if (shown !== value) Object.defineProperty(error, name, { value: shown });
  }
  return error;
}
