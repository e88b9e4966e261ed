/** The parts of a request that may be sent more than once: without a credential, then with one. */
import { AdapterError } from "../errors.ts";
import { mayAddField } from "../http/added-field.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { presentsCredential } from "../l402/fields.ts";
import { StreamedBody } from "./streamed-body.ts";

export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** A body that is too large to be paid for. */
  readonly large?: Uint8Array<ArrayBuffer> | Blob;
  /** A body that comes by and by, and may prove to be too large. */
  readonly streamed?: StreamedBody;
  readonly redirect: RequestRedirect;
  /** The other options of the caller, for each `fetch`. */
  readonly options: RequestInit;
  /** Judged here, and not by `fetch`. Empty if there is none. */
  readonly integrity: string;
  /** The caller's own `Idempotency-Key`, which names the order. */
  readonly key: string | undefined;
  /** Whether the caller presents a credential of its own, so that nothing is added or paid. */
  readonly isOwn: boolean;
  /** Whether the field `Idempotency-Key` is the client's, and not the caller's. */
  readonly isKeyMade: boolean;
  /** Id of the order, if the caller made one. A redirect's target is another order. */
  readonly orderId: string | undefined;
  /** Only if the caller gave one: a `fetch` without a signal is a third faster. */
  readonly signal: AbortSignal | undefined;
  /** Whether it is not sent again by itself, however its connection ends. */
  readonly isOnce?: boolean;
  /** Whether a redirect led to another origin than the one asked for. Nothing is paid there. */
  readonly strayed: boolean;
}

/** The size of a body that is kept in memory, to be sent again or through a treasury. */
const MAX_BODY_BYTES = 1024 * 1024;
const IDEMPOTENT = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);

/** What a `Request` shows of its options, and what it shows if none was given. */
const SHOWN = {
  cache: "default",
  credentials: "same-origin",
  keepalive: false,
  mode: "cors",
  referrer: "about:client",
  referrerPolicy: "",
} as const satisfies Partial<{ [Name in keyof Request]: Request[Name] }>;

/**
 * The options of the request, whether they were given to it or beside it. What a `Request` does not
 * show, such as a dispatcher or a priority, is taken from `init` alone. A default is not passed on,
 * because some runtimes take no such option.
 */
function optionsOf(request: Request, init: RequestInit | undefined): RequestInit {
  const { integrity: _, ...given } = init ?? {};
  const shown = (Object.keys(SHOWN) as (keyof typeof SHOWN)[])
    .map((name) => [name, request[name]] as const)
    .filter(([name, value]) => value !== undefined && value !== SHOWN[name]);
  return { ...given, ...Object.fromEntries(shown) };
}

export interface OutgoingOptions extends Pick<Outgoing, "signal" | "orderId"> {
  /** Whether the request itself can be given to `fetch`, which knows the length of its body. */
  readonly takesRequests: boolean;
}

/** @param init what the caller gave beside it */
export async function outgoing(
  request: Request,
  init: RequestInit | undefined,
  { signal, orderId, takesRequests }: OutgoingOptions,
): Promise<Outgoing> {
  const headers = new Headers(request.headers);
  const given = headers.get("idempotency-key");
  const key = orderId === undefined ? (given ?? undefined) : undefined;
  // The request is sent before and after the payment: the service can tell that it is one request.
  // [case 83]
  const isOwn = presentsCredential(headers);
  const { method, redirect } = request;
  const url = new URL(request.url);
  const isKeyMade = !isOwn && !IDEMPOTENT.has(method) && given === null && mayAddField(url);
  if (isKeyMade) headers.set("idempotency-key", hexText(randomBytes(16)));
  const parts: Outgoing = {
    method,
    url,
    headers,
    redirect,
    options: optionsOf(request, init),
    integrity: request.integrity ?? "",
    key,
    isOwn,
    isKeyMade,
    orderId,
    signal,
    strayed: false,
  };
  if (request.body === null) return parts;
  return { ...parts, ...(await bodyOf(request, init?.body, takesRequests)) };
}

/**
 * What is in memory already, or in a file, is sent with its length, as `fetch` does. Anything else
 * is sent as it comes.
 *
 * @param given what the caller gave
 */
async function bodyOf(
  request: Request,
  given: BodyInit | null | undefined,
  takesRequests: boolean,
): Promise<Pick<Outgoing, "body" | "large" | "streamed">> {
  if (given instanceof Blob && given.size > MAX_BODY_BYTES) return { large: given };
  const isInMemory =
    typeof given === "string" ||
    given instanceof ArrayBuffer ||
    given instanceof URLSearchParams ||
    ArrayBuffer.isView(given);
  if (isInMemory) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    return bytes.length > MAX_BODY_BYTES ? { large: bytes } : { body: bytes };
  }
  if (isStream(given)) return { streamed: new StreamedBody(request.body!, MAX_BODY_BYTES) };
  // Only the runtime knows how long the body of a `Request` or of a form is, so it sends them.
  const streamed = takesRequests
    ? new StreamedBody(request.clone().body!, MAX_BODY_BYTES, request)
    : new StreamedBody(request.body!, MAX_BODY_BYTES);
  // A `Request` does not say what its body was made of.
  const isForm = /^multipart\/form-data/i.test(request.headers.get("content-type") ?? "");
  const isHere = given !== undefined || isForm;
  const body = await (isHere ? streamed.whole() : streamed.atOnce());
  return body === undefined ? { streamed } : { body };
}

/** Whether it may come by and by: a stream, or what some runtimes take for one. */
const isStream = (given: unknown): boolean =>
  given instanceof ReadableStream ||
  (typeof given === "object" &&
    given !== null &&
    Symbol.asyncIterator in given &&
    !(given instanceof Blob));

/**
 * The request with all of its body, as it can be sent again. It stays as it is if that is too
 * large.
 */
export async function whole(request: Outgoing): Promise<Outgoing> {
  const { streamed, ...rest } = request;
  if (streamed === undefined) return request;
  const body = await unlessAborted(streamed.whole(), request.signal);
  return body === undefined ? request : { ...rest, body };
}

/** The error for a 402 to a request whose body is too large to be paid for. */
export const tooLargeToBuy = ({ origin }: URL): AdapterError =>
  new AdapterError(
    "ERR_TOO_LARGE",
    `${origin} asks for payment, and a request is paid for only if its body has at most ${MAX_BODY_BYTES} bytes: it is sent again, and through a treasury. Nothing was paid. Send less, or buy a pass of the service with a smaller request first.`,
  );

/**
 * Settles as `promise` does, or rejects when the caller aborts. The work goes on: a payment cannot
 * be undone. [case 82]
 */
export function unlessAborted<Result>(
  promise: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (signal === undefined) return promise;
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Whether it has an `Authorization` that is the API's own. */
export const hasOwnAuthorization = ({ isOwn, headers }: Outgoing): boolean =>
  !isOwn && headers.has("authorization");
