/** Reads the URL of a service, and explains why a service cannot be reached. */
import { AdapterError } from "l8nt";
import { UsageError } from "./exit.ts";
import { isTlsFault } from "./tls.ts";

/** Reads a URL. @throws UsageError without the text, which may be a misplaced credential */
export function readHttpUrl(text: string): URL {
  try {
    const url = new URL(text);
    if (/^https?:$/.test(url.protocol) && url.username === "" && url.password === "") return url;
  } catch {
    // Reported below.
  }
  throw new UsageError(
    "The URL must begin with http:// or https://, and may not contain a user or password.",
  );
}

/** Turns the TypeError of `fetch`, or of reading its body, into an error that names the reason. */
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
  if (code === "ENOTFOUND") return `The host ${hostname} does not exist. Check the URL.`;
  if (code === "EAI_AGAIN")
    return `The name ${hostname} cannot be resolved now. Check the network connection.`;
  if (code === "ECONNREFUSED")
    return `Nothing listens on ${host}. Check the port, and that the service is running.`;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG")
    return `${host} does not use TLS. Try http:// instead of https://.`;
  if (isTlsFault(code))
    return `The TLS connection to ${host} failed (${code}). Check that its certificate is trusted.`;
  if (message === "bad port") return `HTTP clients may not use the port of ${host}.`;
  return `${host} cannot be reached, or closed the connection. Check the URL, and that the service is running.`;
}
