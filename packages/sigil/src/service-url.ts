/** The URL of a service that somebody named, and why it could not be asked. */
import { AdapterError } from "l8nt";
import { UsageError } from "./exit.ts";
import { isTlsFault } from "./tls.ts";

/** @throws UsageError, without the text: it may be a credential that was put in the wrong place */
export function readHttpUrl(text: string): URL {
  try {
    const url = new URL(text);
    if (/^https?:$/.test(url.protocol) && url.username === "" && url.password === "") return url;
  } catch {
    // Said below.
  }
  throw new UsageError(
    "The URL must begin with http:// or https://, and have no user or password in it.",
  );
}

/** `fetch`, and the body that it gives, reject with a TypeError, the reason in its cause. */
export function unreachable(error: unknown, url: URL): unknown {
  if (!(error instanceof TypeError) || error.cause === undefined) return error;
  return new AdapterError("ERR_SERVICE_UNREACHABLE", whyUnreachable(error.cause, url), {
    cause: error,
  });
}

function whyUnreachable(cause: unknown, { host, hostname }: URL): string {
  const { code = "", message = "" } = cause as {
    readonly code?: string;
    readonly message?: string;
  };
  if (code === "ENOTFOUND") return `There is no such host: ${hostname}. Is the address right?`;
  if (code === "EAI_AGAIN")
    return `The name ${hostname} cannot be looked up now. Is there a network?`;
  if (code === "ECONNREFUSED")
    return `Nothing listens at ${host}. Is the port right, and the service running?`;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG")
    return `${host} does not speak TLS. Is it http:// instead of https://?`;
  if (isTlsFault(code))
    return `The TLS connection to ${host} failed (${code}). Its certificate is not trusted?`;
  if (message === "bad port") return `No HTTP client may use the port of ${host}.`;
  return `${host} cannot be reached, or broke off. Is the address right, and the service running?`;
}
