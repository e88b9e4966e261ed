/** A `fetch` over a Unix socket, for a treasury that listens on one. */
import { nodeFetch } from "../http/node-fetch.ts";

/**
 * Returns a `fetch` that connects to the Unix socket at `path`, whatever host a URL names.
 * Redirects are not followed.
 *
 * @example
 * const client = new Client({ fetch: socketFetch("/run/sigil/treasury.sock") });
 */
export const socketFetch = (path: string): typeof fetch => nodeFetch({ socketPath: path });
