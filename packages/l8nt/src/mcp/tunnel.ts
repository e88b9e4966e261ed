/**
 * A `fetch` for one origin that is no HTTP server but an MCP client's pipe: a request goes out as a
 * tool call. spec/8-mcp.md §5.
 */
import { formatOrigin, readOrigin } from "../caveat/index.ts";
import { unlessAborted } from "../client/outgoing.ts";
import { AdapterError } from "../errors.ts";
import { checkTransport } from "../http/transport.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import {
  authorizationIn,
  CHALLENGE,
  CREDENTIAL,
  isToolName,
  type Members,
  members,
  PROBLEM,
  toolPath,
} from "./wire.ts";

export interface CallParams {
  readonly name: string;
  readonly _meta?: unknown;
}

export type CallTool = (params: CallParams, ...rest: unknown[]) => Promise<unknown>;

/** One call by the program that holds the MCP client, over everything that is sent for it. */
interface Open {
  readonly params: CallParams;
  readonly rest: readonly unknown[];
  /**
   * What each request brought, by number: what is paid for may have been asked for twice, and by a
   * treasury.
   */
  readonly results: unknown[];
}

/**
 * Goes with everything that is sent for one call, so that a treasury's requests are told from
 * another call's.
 */
const CALL_FIELD = "idempotency-key";
const RESULT_FIELD = "l8nt-result";

export class Tunnel {
  readonly #origin: string;
  readonly #callTool: CallTool;
  readonly #open = new Map<string, Open>();

  /**
   * @param location the origin that the server's credentials are for, as its operator says it
   * @throws TypeError for one that is no http(s) URL; AdapterError for plain HTTP beyond this
   * machine
   */
  constructor(location: string, callTool: CallTool) {
    const origin = readOrigin(location);
    if (origin === undefined)
      throw new TypeError(
        "location is the http(s) URL that the MCP server's operator gives for its paywall",
      );
    checkTransport(new URL(location));
    this.#origin = formatOrigin(origin);
    this.#callTool = callTool;
  }

  get origin(): string {
    return this.#origin;
  }

  /**
   * The call as a request, made by a client that pays. Gives what the server answered, as it was.
   */
  async call(paying: typeof fetch, params: CallParams, ...rest: unknown[]): Promise<unknown> {
    // One that brings a credential, and one that no paywall of ours could have named, go out as
    // they are.
    if (authorizationIn(params._meta) !== undefined || !isToolName(params.name))
      return this.#callTool(params, ...rest);
    const id = hexText(randomBytes(16));
    const open: Open = { params, rest, results: [] };
    const signal = rest.map((one) => members(one).signal).find((one) => one instanceof AbortSignal);
    this.#open.set(id, open);
    try {
      const response = await paying(this.#origin + toolPath(params.name), {
        method: "POST",
        headers: { [CALL_FIELD]: id },
        ...(signal !== undefined && { signal }),
      });
      return open.results[Number(response.headers.get(RESULT_FIELD) ?? Number.NaN)];
    } finally {
      this.#open.delete(id);
    }
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    const url = new URL(request.url);
    if (url.origin !== this.#origin) throw elsewhere(this.#origin);
    const open = this.#open.get(request.headers.get(CALL_FIELD) ?? "");
    if (open === undefined || url.pathname !== toolPath(open.params.name)) {
      // Whoever made the call has gone; what was bought for him stays, for the next one.
      if (url.pathname.startsWith(toolPath("")))
        throw new AdapterError(
          "ERR_SERVICE_UNREACHABLE",
          "The tool call that this was for has ended.",
        );
      return new Response(null, { status: 404 });
    }
    const credential = /^(?:L402|LSAT) (\S+)$/.exec(
      request.headers.get("authorization") ?? "",
    )?.[1];
    const { params, rest, results } = open;
    const sent =
      credential === undefined
        ? params
        : { ...params, _meta: { ...members(params._meta), [CREDENTIAL]: credential } };
    const called = this.#callTool(sent, ...rest).catch((error: unknown) => {
      throw withoutCredential(error, credential);
    });
    const result = await unlessAborted(called, request.signal);
    const response = responseOf(result);
    response.headers.set(
      RESULT_FIELD,
      String(results.push(withoutCredential(result, credential)) - 1),
    );
    return response;
  };
}

/**
 * As refused before anything was sent: a client takes it for that, and does not believe that a
 * payment is open.
 */
function elsewhere(origin: string): Error {
  return Object.assign(
    new Error(`A treasury elsewhere cannot fetch a challenge through the MCP client of ${origin}.`),
    { code: "ECONNREFUSED", cause: { code: "ECONNREFUSED" } },
  );
}

const MAX_LINES = 8;
const MAX_LINE_CHARACTERS = 16_384;

/**
 * What the result would have been over HTTP. A challenge that cannot be one is none, and so is not
 * paid.
 */
function responseOf(result: unknown): Response {
  const { isError, _meta } = members(result);
  const { [PROBLEM]: problem, [CHALLENGE]: challenge } = members(_meta);
  const { status } = members(problem);
  if (
    isError !== true ||
    !Number.isInteger(status) ||
    !(Number(status) >= 400 && Number(status) <= 599)
  )
    return new Response(null);
  const headers = new Headers();
  const { url, "www-authenticate": lines } = members(challenge);
  const isChallenge =
    status === 402 && typeof url === "string" && URL.canParse(url) && areLines(lines);
  if (isChallenge) for (const line of lines) headers.append("www-authenticate", line);
  const response = new Response(null, { status: Number(status), headers });
  // Where a challenge came from is what it says; whether that is who was asked is judged by whoever
  // pays.
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

/** A server that repeats what it was sent would put a credential before a model. */
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
 * In place: whoever catches it asks for its class. What a server says is in `message` and `data`,
 * and the message in `stack`.
 */
function errorWithout(error: Error, credential: string): Error {
  for (const name of Object.getOwnPropertyNames(error)) {
    const value: unknown = Reflect.get(error, name);
    const shown = withoutCredential(value, credential);
    if (shown !== value) Object.defineProperty(error, name, { value: shown });
  }
  return error;
}
