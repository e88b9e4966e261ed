/**
 * A `fetch` that sends a GET or a HEAD again whose connection was closed before an answer: a server
 * closes kept connections when it likes, also while a request is on its way. RFC 9110 §9.2.2.
 */
import { Lru } from "../internal/lru.ts";
import { noteRepeated } from "./repeated.ts";

const MAX_ORIGINS = 1000;
const CLOSED: ReadonlySet<unknown> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

/** @returns a `fetch` with the errors and the answers of `fetcher` */
export function resending(fetcher: typeof fetch): typeof fetch {
  /** Origins that have answered, to which there may be a kept connection. */
  const answered = new Lru<string, true>(MAX_ORIGINS);
  return async (input, init) => {
    const isRequest = input instanceof Request;
    const method = (init?.method ?? (isRequest ? input.method : "GET")).toUpperCase();
    const mayRepeat = (method === "GET" || method === "HEAD") && !(isRequest && input.bodyUsed);
    const { origin } = new URL(isRequest ? input.url : input, globalThis.location?.href);
    const ask = async (): Promise<Response> => {
      const response = await fetcher(input, init);
      answered.set(origin, true);
      return response;
    };
    try {
      return await ask();
    } catch (error) {
      if (!mayRepeat || answered.get(origin) === undefined || !wasClosed(error)) throw error;
      const response = await ask();
      noteRepeated(response);
      return response;
    }
  };
}

/** Whether a connection was closed before an answer, and had been answered on if that is known. */
function wasClosed(error: unknown): boolean {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
  const { socket, ...inner } = Object(cause) as {
    code?: unknown;
    socket?: { bytesRead?: number };
  };
  return CLOSED.has(inner.code ?? code) && socket?.bytesRead !== 0;
}
