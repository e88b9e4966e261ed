/** The tool `fetch`: sends one request, pays if the service asks, and returns the body as text. */
import type { CallToolResult } from "@modelcontextprotocol/server";
import { AdapterError, type PaymentSummary } from "l8nt";
import { formatAmount } from "l8nt/invoice";
import { CREDENTIAL_FIELDS, withoutCredentials } from "l8nt/l402";
import { UsageError } from "../exit.ts";
import { readHttpUrl, unreachable } from "../service-url.ts";
import type { Agents } from "./agents.ts";
import { refused, said } from "./answer.ts";

export interface FetchOrder {
  readonly url: string;
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  readonly as?: string | undefined;
}

/** The most bytes of a body that the model gets. */
export const MAX_SHOWN_BYTES = 65_536;
const TIMEOUT_MS = 300_000;

export async function fetchTool(
  agents: Agents,
  { as, ...order }: FetchOrder,
  cancelled: AbortSignal,
): Promise<CallToolResult> {
  return agents.payments.during(async (paid) => {
    const clock = new AbortController();
    const abort = () => clock.abort(cancelled.reason);
    if (cancelled.aborted) abort();
    cancelled.addEventListener("abort", abort, { once: true });
    const timer = setTimeout(() => clock.abort(tooSlow()), TIMEOUT_MS);
    try {
      const { client } = agents.find(as);
      const request = requestOf(order, clock.signal);
      try {
        return await shown(await client.fetch(request), request.url, paid);
      } catch (error) {
        throw unreachable(error, new URL(request.url));
      }
    } catch (error) {
      return refused(clock.signal.aborted ? clock.signal.reason : error, paid);
    } finally {
      clearTimeout(timer);
      cancelled.removeEventListener("abort", abort);
    }
  });
}

const tooSlow = (): AdapterError =>
  new AdapterError(
    "ERR_SERVICE_UNREACHABLE",
    `The service did not finish its answer within ${TIMEOUT_MS / 1000} seconds. Send the same request again: what was paid for is kept.`,
  );

/** @throws UsageError */
function requestOf(
  { url, method, headers, body }: Omit<FetchOrder, "as">,
  signal: AbortSignal,
): Request {
  const target = readHttpUrl(url);
  const fields = fieldsOf(headers ?? {});
  // A request with a credential field of its own would bypass the credential's scope.
  if (CREDENTIAL_FIELDS.some((name) => fields.has(name)))
    throw new UsageError(
      `headers may not contain ${CREDENTIAL_FIELDS.join(" or ")}: this server adds its own credential.`,
    );
  if (body !== undefined && !fields.has("content-type"))
    fields.set("content-type", isJson(body) ? "application/json" : "text/plain;charset=utf-8");
  try {
    return new Request(target, {
      method: (method ?? (body === undefined ? "GET" : "POST")).toUpperCase(),
      headers: fields,
      signal,
      ...(body !== undefined && { body }),
    });
  } catch {
    throw new UsageError("method is not an HTTP method that can be requested with this body.");
  }
}

function fieldsOf(headers: Readonly<Record<string, string>>): Headers {
  try {
    return new Headers(headers);
  } catch {
    throw new UsageError("headers has a name or a value that HTTP does not allow.");
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function shown(
  response: Response,
  asked: string,
  paid: readonly PaymentSummary[],
): Promise<CallToolResult> {
  const { bytes, isWhole } = await firstBytes(response);
  const text = textOf(bytes, isWhole);
  const facts = {
    status: response.status,
    contentType: response.headers.get("content-type"),
    // A relayed response has no URL.
    ...(response.url !== "" && response.url !== asked && { url: response.url }),
    ...(paid.length > 0 && { paid: paid.map(paidFact) }),
    ...(paid.length > 0 &&
      response.status >= 500 && {
        note: "Paid, but nothing was delivered. The purchase is kept: the same request again does not pay again.",
      }),
    ...(text === undefined && {
      note: "The body is binary and is not shown.",
      ...lengthOf(response),
    }),
    ...(text !== undefined &&
      !isWhole && {
        note: `Only the first ${bytes.length} bytes are shown.`,
        ...lengthOf(response),
      }),
  };
  const head = withoutCredentials(JSON.stringify(facts));
  return text === undefined || text === "" ? said(head) : said(head, withoutCredentials(text));
}

const paidFact = ({ origin, amount, fee, earlier }: PaymentSummary) => ({
  origin,
  amount: formatAmount(amount),
  routingFee: formatAmount(fee),
  ...(earlier === true && { earlier }),
});

function lengthOf({ headers }: Response): object {
  const length = headers.get("content-length");
  return length === null ? {} : { bytes: Number(length) };
}

/** Reads the first `MAX_SHOWN_BYTES` and cancels the rest, because a stream may never end. */
async function firstBytes(
  response: Response,
): Promise<{ readonly bytes: Buffer; readonly isWhole: boolean }> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined && length <= MAX_SHOWN_BYTES) {
    const { done, value } = await reader.read();
    if (done) return { bytes: Buffer.concat(parts), isWhole: true };
    parts.push(value);
    length += value.length;
  }
  await reader?.cancel().catch(() => {});
  const isWhole = reader === undefined;
  return { bytes: Buffer.concat(parts).subarray(0, MAX_SHOWN_BYTES), isWhole };
}

/** Decodes UTF-8; undefined for binary data. */
function textOf(bytes: Buffer, isWhole: boolean): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    // `stream` leaves out a character that the limit cut in two.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !isWhole });
  } catch {
    return undefined;
  }
}
