/** A `fetch` that sends each request to one origin as an MCP tool call. spec/8-mcp.md §5. */
import { formatOrigin, readOrigin } from "../caveat/index.ts";
import { unlessAborted } from "../client/outgoing.ts";
import { AdapterError } from "../errors.ts";
import { checkTransport } from "../http/transport.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { USE_FIELD } from "../wire/consumption.ts";
import {
  authorizationIn,
  CHALLENGE,
  CREDENTIAL,
  isToolName,
  type Members,
  members,
  PROBLEM,
  toolPath,
  USE,
} from "./wire.ts";

export interface CallParams {
  readonly name: string;
  readonly _meta?: unknown;
}

export type CallTool = (params: CallParams, ...rest: unknown[]) => Promise<unknown>;

/** One tool call of the program, which may take several requests: unpaid, and paid. */
interface Open {
  readonly params: CallParams;
  readonly rest: readonly unknown[];
  /** Result of each request, by number: the unpaid one, the paid one, and those of a treasury. */
  readonly results: unknown[];
}

/** Goes with every request of one call, so that the requests of a treasury belong to it, too. */
const CALL_FIELD = "idempotency-key";
const RESULT_FIELD = "l8nt-result";

export class Tunnel {
  readonly #origin: string;
  readonly #callTool: CallTool;
  readonly #open = new Map<string, Open>();

  /**
   * @param location origin of the server's credentials, as the server's operator publishes it
   * @throws TypeError for a location that is not an http(s) URL
   * @throws AdapterError for plain HTTP to another machine
   */
  constructor(location: string, callTool: CallTool) {
    const origin = readOrigin(location);
    if (origin === undefined)
      throw new TypeError(
        "location must be the http(s) URL that the MCP server's operator publishes for its paywall",
      );
    checkTransport(new URL(location));
    this.#origin = formatOrigin(origin);
    this.#callTool = callTool;
  }

  get origin(): string {
    return this.#origin;
  }

  /** Makes a call as a request of a client that pays. Returns the server's result unchanged. */
  async call(paying: typeof fetch, params: CallParams, ...rest: unknown[]): Promise<unknown> {
    // A call that has a credential already, or a name that no paywall accepts, is sent unchanged.
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
      // The call has ended. What was bought for it stays with the treasury, for the next call.
      if (url.pathname.startsWith(toolPath("")))
        throw new AdapterError(
          "ERR_SERVICE_UNREACHABLE",
          "The tool call that this request was for has ended. Call the tool again.",
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

/** The same code as a refused connection, so that a client knows that nothing was paid. */
function elsewhere(origin: string): Error {
  return Object.assign(
    new Error(`A treasury elsewhere cannot fetch a challenge through the MCP client of ${origin}.`),
    { code: "ECONNREFUSED", cause: { code: "ECONNREFUSED" } },
  );
}

const MAX_LINES = 8;
const MAX_LINE_CHARACTERS = 16_384;

/** The result as an HTTP response. A malformed challenge is left out, and so is not paid. */
function responseOf(result: unknown): Response {
  const { isError, _meta } = members(result);
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
  const { url, "www-authenticate": lines } = members(challenge);
  const isChallenge =
    status === 402 && typeof url === "string" && URL.canParse(url) && areLines(lines);
  if (isChallenge) for (const line of lines) headers.append("www-authenticate", line);
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
