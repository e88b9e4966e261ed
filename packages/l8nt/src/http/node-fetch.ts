/** A `fetch` over Node's `http` and `https`, with options for addresses and certificates. */
import type { IncomingMessage, RequestOptions } from "node:http";
import type { LookupFunction } from "node:net";
import { AdapterError } from "../errors.ts";

export interface NodeFetchOptions {
  readonly lookup?: LookupFunction;
  /** The only certificates that are trusted, as PEM. */
  readonly ca?: string;
  /** A Unix socket to connect to, in place of the URL's host and port. */
  readonly socketPath?: string;
}

/** A built-in module of Node. @throws TypeError on a runtime without those */
export function builtin<Module>(name: string): Module {
  const module = globalThis.process?.getBuiltinModule?.(name);
  if (module === undefined)
    throw new TypeError(
      `This needs a runtime with Node's built-in modules (${name}); this one has none.`,
    );
  return module as Module;
}

// A Request that is garbage-collected no longer feeds its signal, and would never time out.
const underWay = new Set<Request>();

/** Redirects are not followed. With `ca`, connections are kept for the next request. */
export function nodeFetch({ lookup, ca, socketPath }: NodeFetchOptions): typeof fetch {
  const http = builtin<typeof import("node:http")>("node:http");
  const https = builtin<typeof import("node:https")>("node:https");
  const agent = ca === undefined ? undefined : new https.Agent({ ca, keepAlive: true });
  return async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const isPlain = url.protocol === "http:";
    const options: RequestOptions = {
      method: request.method,
      headers: { "accept-encoding": "identity", ...Object.fromEntries(request.headers) },
      signal: request.signal,
      ...(lookup !== undefined && { lookup }),
      ...(socketPath !== undefined && { socketPath }),
      ...(agent !== undefined && !isPlain && { agent }),
    };
    const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = (isPlain ? http : https).request(url, options, resolve);
      underWay.add(request);
      outgoing.once("close", () => underWay.delete(request));
      outgoing.once("error", reject);
      outgoing.end(body);
    });
    return responseOf(incoming, request.method);
  };
}

const BODILESS = new Set([101, 204, 205, 304]);

/** The response with its body decoded, as `fetch` returns it. An unknown encoding is refused. */
function responseOf(incoming: IncomingMessage, method: string): Response {
  const headers = new Headers();
  for (let at = 0; at < incoming.rawHeaders.length; at += 2)
    headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!);
  const { Readable } = builtin<typeof import("node:stream")>("node:stream");
  const status = incoming.statusCode ?? 502;
  const encoding = headers.get("content-encoding")?.toLowerCase() ?? "identity";
  const isEmpty = BODILESS.has(status) || method === "HEAD";
  if (isEmpty) {
    incoming.resume();
    return new Response(null, { status, headers });
  }
  const raw = Readable.toWeb(incoming) as ReadableStream<Uint8Array<ArrayBuffer>>;
  if (encoding === "identity" || encoding === "") return new Response(raw, { status, headers });
  if (encoding !== "gzip" && encoding !== "deflate") {
    incoming.destroy();
    throw new AdapterError(
      "ERR_SERVICE_UNREACHABLE",
      "The response has a content encoding that was not asked for.",
    );
  }
  return new Response(raw.pipeThrough(new DecompressionStream(encoding)), { status, headers });
}
