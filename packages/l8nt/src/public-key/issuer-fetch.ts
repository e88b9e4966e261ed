/**
 * The `fetch` that keys are fetched with. A name that an operator wrote down may be led to another
 * address later, so names lead to public addresses alone where sockets can be judged.
 */
import { AdapterError } from "../errors.ts";
import { pageError } from "./key-page.ts";

/** Connections to issuers at one time. */
const MAX_SOCKETS = 64;
const ADDRESS = /^(?:\d+(?:\.\d+){3}|\[.*\])$/;

/**
 * An issuer that is written as an address, or as `localhost`, is reached at that address: no
 * resolver has a word in it. In a browser and in Workers it is the platform's own.
 *
 * @param allowPrivate whether names may lead to private networks
 */
export function issuerFetch(allowPrivate: boolean): typeof fetch {
  if (!hasSockets()) return (input, init) => globalThis.fetch(input, init);
  // Loaded with the first page: most programs that load this file trust nobody.
  const byName = once(async () => {
    const { guardedFetch } = await import("../http/guarded-fetch.ts");
    return guardedFetch({ allowPrivate, maxSockets: MAX_SOCKETS });
  });
  const connecting = (isAllowed: (address: string) => boolean) =>
    once(async () => {
      const { nodeFetch } = await import("../http/node-fetch.ts");
      return nodeFetch({ isAllowed, maxSockets: MAX_SOCKETS });
    });
  const here = connecting(isLoopback);
  const byAddress = connecting(() => true);
  return async (input, init) => {
    const { hostname, origin } = new URL(input instanceof Request ? input.url : input);
    const isHere = hostname === "localhost";
    const fetcher = isHere ? here : ADDRESS.test(hostname) ? byAddress : byName;
    try {
      return await (await fetcher())(input, init);
    } catch (cause) {
      // Only the judge of addresses throws these, because a directory opens few sockets.
      throw cause instanceof AdapterError
        ? pageError("ADDRESS", origin, isHere ? ELSEWHERE : NOT_PUBLIC, cause)
        : cause;
    }
  };
}

const NOT_PUBLIC =
  "is at an address that is not public. If the issuer is in your own network, set `allowPrivateIssuers: true`. List one on this machine as `localhost` or by its address";
const ELSEWHERE = "is not on this machine, though its name says so";

const isLoopback = (address: string): boolean => /^(?:::ffff:)?127\.|^::1$/.test(address);

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Node, Bun and Deno. Workers have modules of those names, and no sockets behind them to judge. */
const hasSockets = (): boolean =>
  globalThis.process?.getBuiltinModule?.("node:https") !== undefined &&
  globalThis.navigator?.userAgent !== "Cloudflare-Workers";
