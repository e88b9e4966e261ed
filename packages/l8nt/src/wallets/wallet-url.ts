/**
 * Reads the URL of a wallet: the address of its backend, and its credential, which may be in a file
 * or an environment variable.
 */
import { AdapterError } from "../errors.ts";
import { builtin } from "../http/builtin.ts";
import { checkTransport } from "../http/transport.ts";
import { ownBytes, utf8Text } from "../internal/bytes.ts";

export interface WalletUrlForm {
  /** The wallet's name in messages. */
  readonly name: string;
  /** The part before `+http://` or `+https://`. */
  readonly scheme: string;
  /** The form of the URL, for messages. */
  readonly form: string;
  /** The parameters of the URL; `true` for a required one. */
  readonly params: Readonly<Record<string, boolean>>;
}

export interface WalletUrl {
  /** Scheme, host, port and path, without a trailing slash. */
  readonly base: string;
  /** A parameter as text, or the content of the file that it names, trimmed. */
  text(param: string): string | undefined;
  /**
   * A secret for a header, checked here: `fetch` repeats a value that it refuses in its error.
   */
  header(param: string): string;
  /** A parameter as text, or the bytes of the file that it names. */
  value(param: string): string | Uint8Array | undefined;
}

/** The URL contains a credential: no message repeats it. */
const fault = (message: string, cause?: unknown) =>
  new AdapterError("ERR_WALLET", message, { cause });

/**
 * The URL as it was meant: without the white space of a copy or a file around it, and with its
 * scheme in lower case.
 */
export const tidied = (url: string): string =>
  url.trim().replace(/^[a-z][a-z0-9+.-]*:/i, (scheme) => scheme.toLowerCase());

/**
 * Reads `NAME+http(s)://HOST:PORT/PATH?PARAM=VALUE&…`, where a value may also be `env:NAME`,
 * `file:PATH`, or a path that begins with `/`, `./` or `../`.
 *
 * @throws AdapterError `ERR_WALLET` for another form, for plain HTTP to another machine, or for a
 * file or variable that does not exist
 */
export function readWalletUrl(
  url: string,
  { name, scheme, form, params }: WalletUrlForm,
): WalletUrl {
  const written = tidied(url);
  const inner = written.startsWith(`${scheme}+http`) ? written.slice(scheme.length + 1) : "";
  const parsed = /^https?:\/\//.test(inner) && URL.canParse(inner) ? new URL(inner) : undefined;
  if (
    parsed === undefined ||
    parsed.username !== "" ||
    parsed.password !== "" ||
    parsed.hash !== ""
  )
    throw fault(`This is not a URL of ${name}, which has the form ${form}.`);
  checkPlainHttp(parsed, name);
  const given = parsed.searchParams;
  for (const param of given.keys())
    if (!Object.hasOwn(params, param) || given.getAll(param).length > 1)
      throw fault(
        `The URL of ${name} has an unknown parameter, or one given twice. Its form is ${form}.`,
      );
  for (const [param, needed] of Object.entries(params))
    if (needed && !given.get(param))
      throw fault(`The URL of ${name} lacks ${param}=…. Its form is ${form}.`);
  const value = (param: string) => {
    const written = given.get(param);
    return written === null ? undefined : resolved(written, param, name);
  };
  return {
    base: parsed.origin + parsed.pathname.replace(/\/$/, ""),
    value,
    text(param) {
      const written = given.get(param);
      return written === null ? undefined : readSecret(written, param, name);
    },
    header(param) {
      const secret = readSecret(given.get(param) ?? "", param, name);
      if (!/^[\x21-\x7e]+$/.test(secret))
        throw fault(`${param}= in the URL of ${name} has characters that a header cannot carry.`);
      return secret;
    },
  };
}

/**
 * Returns a parameter of the URL of `name` as text, or the content of the file or variable that it
 * names.
 *
 * @throws AdapterError `ERR_WALLET`
 */
export function readSecret(written: string, param: string, name: string): string {
  const found = resolved(written, param, name);
  const text = found instanceof Uint8Array ? utf8Text(ownBytes(found))?.trim() : found;
  if (!text) throw fault(`${param}= in the URL of ${name} is empty, or names a file without text.`);
  return text;
}

function checkPlainHttp(url: URL, name: string): void {
  try {
    checkTransport(url);
  } catch (cause) {
    throw fault(
      `The URL of ${name} is plain HTTP to another machine, where anybody on the network could read the credential and pay. Use https, or a tunnel to 127.0.0.1.`,
      cause,
    );
  }
}

function resolved(written: string, param: string, name: string): string | Uint8Array {
  if (written.startsWith("env:")) {
    const found = globalThis.process?.env[written.slice(4)];
    if (!found)
      throw fault(`${param}= in the URL of ${name} names an environment variable that is not set.`);
    return found;
  }
  const path = /^(?:file:|(?=\.{0,2}\/))(.+)$/s.exec(written)?.[1];
  if (path === undefined) return written;
  try {
    return builtin<typeof import("node:fs")>("node:fs").readFileSync(path);
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    const why =
      code === "ENOENT"
        ? "does not exist"
        : code === "EACCES"
          ? "cannot be read: permission denied"
          : "cannot be read";
    // Without the cause, which repeats the path: a secret may look like a path.
    throw fault(`The file that ${param}= in the URL of ${name} names ${why}.`);
  }
}
