/** Where a credential may travel: over TLS, or without leaving this machine. */
import { AdapterError } from "../errors.ts";

// Not `*.localhost`: Node asks a name server for those, which may answer any address.
const isLoopbackHost = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127(?:\.[0-9]{1,3}){3}$/.test(host);

/** Refuses plain HTTP to another machine. @throws AdapterError `ERR_REQUEST` */
export function checkTransport({ protocol, hostname, origin }: URL): void {
  if (protocol === "http:" && !isLoopbackHost(hostname))
    throw new AdapterError(
      "ERR_REQUEST",
      `${origin} is plain HTTP, where a credential would travel in the clear: none is sent there. Use https.`,
    );
}
