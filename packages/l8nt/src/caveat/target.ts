/**
 * Method, origin and path of one request, judged as the very bytes that go on the wire.
 * spec/2-caveats.md §3.
 */

export interface Origin {
  readonly scheme: "http" | "https";
  /** Lower case; IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
}

export interface Target {
  readonly method: string;
  readonly origin: Origin;
  /**
   * The raw path without the query, percent-triplets of unreserved characters decoded, the others
   * in upper case.
   */
  readonly path: string;
  readonly segments: readonly string[];
}

/**
 * The most characters of a target, with its query. RFC 9112 §3 asks for request lines of 8,000
 * octets to be taken, and servers take few longer ones.
 */
const MAX_TARGET_CHARACTERS = 8192;
/** How often a path may be encoded: one more would be decoded by no chain of proxies. */
const MAX_LAYERS = 3;

const METHOD = /^[A-Z][A-Z-]{0,31}$/;
// CONNECT has no path, TRACE echoes the credential, and a browser's fetch sends neither.
const REFUSED_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

export const defaultPort = (scheme: Origin["scheme"]): number => (scheme === "https" ? 443 : 80);

/**
 * The origin of an absolute `http` or `https` URL; undefined with credentials in it, with a host
 * that ends in a dot, or for another scheme.
 */
export function readOrigin(url: URL | string): Origin | undefined {
  const parsed = typeof url === "string" ? (URL.parse?.(url) ?? tryParse(url)) : url;
  if (parsed === undefined || parsed === null) return undefined;
  const scheme = parsed.protocol.slice(0, -1);
  if (scheme !== "http" && scheme !== "https") return undefined;
  if (parsed.username !== "" || parsed.password !== "") return undefined;
  if (parsed.hostname === "" || parsed.hostname.endsWith(".")) return undefined;
  return {
    scheme,
    host: parsed.hostname,
    port: parsed.port === "" ? defaultPort(scheme) : Number(parsed.port),
  };
}

function tryParse(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}

export function formatOrigin({ scheme, host, port }: Origin): string {
  return `${scheme}://${host}${port === defaultPort(scheme) ? "" : `:${port}`}`;
}

/** Where a service is reached from outside. */
export interface Base {
  readonly origin: Origin;
  /**
   * What a proxy in front of the service removes from each path: `/api`, without a slash at its
   * end. Empty where nothing is removed.
   */
  readonly path: string;
  /** Both, as text without a slash at its end. */
  readonly text: string;
}

const MAX_BASE_PATH = 256;

/**
 * The base that a location names; undefined for one that no request can have: with a query, a
 * fragment, or a path that no endpoint can hold.
 */
export function readBase(location: string): Base | undefined {
  const origin = readOrigin(location);
  if (origin === undefined || /[?#]/.test(location)) return undefined;
  const given = new URL(location).pathname.replace(/\/$/, "");
  const path = given === "" ? "" : readPath(given);
  if (path === undefined || path.length > MAX_BASE_PATH || /[*;]|\/(?:\/|$)/.test(path))
    return undefined;
  return { origin, path, text: formatOrigin(origin) + path };
}

export const sameOrigin = (a: Origin, b: Origin): boolean =>
  a.scheme === b.scheme && a.host === b.host && a.port === b.port;

/**
 * A request as a client will send it. `URL` has resolved dot segments already, and what it resolved
 * to is what is sent.
 */
export function targetOfUrl(method: string, url: URL): Target | undefined {
  const origin = readOrigin(url);
  return origin === undefined ? undefined : targetAt(method, origin, url.pathname + url.search);
}

/**
 * A request as a server received it: its own public origin and the raw request target. Undefined
 * where a proxy, a framework or a file system behind us might read another path than we do: dot
 * segments, encoded slashes, backslashes, NUL and controls, encoded once or more, and a path that
 * is encoded more than three times; and for a target of more than 8,192 characters. [case 30]
 */
export function targetAt(method: string, origin: Origin, rawTarget: string): Target | undefined {
  if (rawTarget.length > MAX_TARGET_CHARACTERS) return undefined;
  if (!METHOD.test(method) || REFUSED_METHODS.has(method)) return undefined;
  const path = readPath(encoded(pathOf(rawTarget)));
  return path === undefined
    ? undefined
    : { method, origin, path, segments: path.slice(1).split("/") };
}

/** `URL` leaves these as they are, and they mean the same as their triplets. */
const encoded = (path: string): string =>
  path.replace(/[|[\]^]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

function pathOf(rawTarget: string): string {
  const end = rawTarget.search(/[?#]/);
  return end === -1 ? rawTarget : rawTarget.slice(0, end);
}

const PLAIN_PATH = /^(?:\/[A-Za-z0-9_~!$&'()*+,=:@-]+(?:\.[A-Za-z0-9_~!$&'()*+,=:@-]+)*)+$/;
const PATH = /^\/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*$/;

/** A path in the one form that two spellings of it share; undefined if it is ambiguous. */
export function readPath(path: string): string | undefined {
  if (path.length > MAX_TARGET_CHARACTERS) return undefined;
  if (PLAIN_PATH.test(path)) return path;
  if (!PATH.test(path) || isAmbiguous(path)) return undefined;
  return path.replace(/%[0-9A-Fa-f]{2}/g, (triplet) => {
    const char = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(char) ? char : triplet.toUpperCase();
  });
}

/**
 * Decodes until nothing changes, as a careless chain of proxies would, and looks for a second
 * meaning at every step. Each step goes through the whole path, so their number is bounded.
 */
function isAmbiguous(path: string): boolean {
  let text = path;
  for (let layer = 0; layer <= MAX_LAYERS; layer++) {
    // `..;x` is a dot segment to a servlet container.
    if (/(?:^|\/)\.{1,2}(?:;[^/]*)?(?=\/|$)/.test(text)) return true;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
    if (/[\\\u0000-\u001f\u007f]|%2f/i.test(text)) return true;
    // Overlong UTF-8 (`%c0%ae`, `%e0%80%af`) is a dot or a slash to a lenient decoder, and valid
    // nowhere.
    if (/[\u00c0\u00c1]|\u00e0[\u0080-\u009f]|\u00f0[\u0080-\u008f]/.test(text)) return true;
    const next = text.replace(/%[0-9A-Fa-f]{2}/g, (triplet) =>
      String.fromCharCode(Number.parseInt(triplet.slice(1), 16)),
    );
    if (next === text) return false;
    text = next;
  }
  return true;
}
