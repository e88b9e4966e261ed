/**
 * A wallet's URL: where its backend is, and what it is asked with. What is secret may stand in a
 * file or the environment.
 */
import { AdapterError } from "../errors.ts";
import { builtin } from "../http/node-fetch.ts";
import { checkTransport } from "../http/transport.ts";
import { ownBytes, utf8Text } from "../internal/bytes.ts";

export interface WalletUrlForm {
  /** What the wallet is called in messages. */
  readonly name: string;
  /** What stands before `+http://` or `+https://`. */
  readonly scheme: string;
  /** How its URL looks, for whoever wrote another one. */
  readonly form: string;
  /** The parameters it takes; those with `true` it cannot do without. */
  readonly params: Readonly<Record<string, boolean>>;
}

export interface WalletUrl {
  /** Scheme, host, port and path, without a slash at its end. */
  readonly base: string;
  /** A parameter as text; of a file, what is in it, without the white space around it. */
  text(param: string): string | undefined;
  /**
   * A secret that is to stand in a header: what `fetch` would refuse, it would repeat in its error.
   */
  header(param: string): string;
  /** A parameter that may be a file of any bytes. */
  value(param: string): string | Uint8Array | undefined;
}

/** The URL holds the power to pay: no message repeats it. */
const fault = (message: string, cause?: unknown) =>
  new AdapterError("ERR_WALLET", message, { cause });

/**
 * Reads `NAME+http(s)://HOST:PORT/PATH?PARAM=VALUE&…`, where a value may also be `env:NAME`,
 * `file:PATH`, or a path that begins with `/`, `./` or `../`.
 *
 * @throws AdapterError `ERR_WALLET` for another form, for plain HTTP beyond this machine, for a
 * file or name that is not there
 */
export function readWalletUrl(
  url: string,
  { name, scheme, form, params }: WalletUrlForm,
): WalletUrl {
  const inner = url.startsWith(`${scheme}+http`) ? url.slice(scheme.length + 1) : "";
  const parsed = /^https?:\/\//.test(inner) && URL.canParse(inner) ? new URL(inner) : undefined;
  if (
    parsed === undefined ||
    parsed.username !== "" ||
    parsed.password !== "" ||
    parsed.hash !== ""
  )
    throw fault(`This is no URL of ${name}: it is ${form}.`);
  checkPlainHttp(parsed, name);
  const given = parsed.searchParams;
  for (const param of given.keys())
    if (!Object.hasOwn(params, param) || given.getAll(param).length > 1)
      throw fault(
        `The URL of ${name} has a parameter that is not known or given twice: it is ${form}.`,
      );
  for (const [param, needed] of Object.entries(params))
    if (needed && !given.get(param))
      throw fault(`The URL of ${name} lacks ${param}=…: it is ${form}.`);
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
        throw fault(
          `What the URL of ${name} gives as ${param}= is none: there are characters in it that cannot be.`,
        );
      return secret;
    },
  };
}

/**
 * What a parameter of the URL of `name` says, or what stands where it points. @throws AdapterError
 * `ERR_WALLET`
 */
export function readSecret(written: string, param: string, name: string): string {
  const found = resolved(written, param, name);
  const text = found instanceof Uint8Array ? utf8Text(ownBytes(found))?.trim() : found;
  if (!text) throw fault(`What the URL of ${name} names as ${param}= is empty, or no text.`);
  return text;
}

function checkPlainHttp(url: URL, name: string): void {
  try {
    checkTransport(url);
  } catch (cause) {
    throw fault(
      `The URL of ${name} is plain HTTP beyond this machine: whoever listens on the way could pay from it. Use https, or a tunnel to 127.0.0.1.`,
      cause,
    );
  }
}

function resolved(written: string, param: string, name: string): string | Uint8Array {
  if (written.startsWith("env:")) {
    const found = globalThis.process?.env[written.slice(4)];
    if (!found)
      throw fault(`The URL of ${name} takes ${param} from the environment, where it is not set.`);
    return found;
  }
  const path = /^(?:file:|(?=\.{0,2}\/))(.+)$/s.exec(written)?.[1];
  if (path === undefined) return written;
  try {
    return builtin<typeof import("node:fs")>("node:fs").readFileSync(path);
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    const why =
      code === "ENOENT" ? "is not there" : code === "EACCES" ? "may not be read" : "cannot be read";
    // Without its cause, which repeats the path: a secret may begin like one.
    throw fault(`The file that the URL of ${name} names as ${param}= ${why}.`);
  }
}
