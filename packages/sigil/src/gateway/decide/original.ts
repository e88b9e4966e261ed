/** The request that is asked about, read from what the one who asks writes, and no client. */
import type { IncomingMessage } from "node:http";
import type { ClientAddresses } from "../core/client-address.ts";
import { valuesOf } from "../core/fields.ts";

export const PROXIES = ["nginx", "caddy", "traefik", "envoy"] as const;
export type ProxyName = (typeof PROXIES)[number];

/** `application`: a program that asks about what it has received itself. */
export const ASKERS = [...PROXIES, "application"] as const;
export type Asker = (typeof ASKERS)[number];

/** Where a proxy asks. Envoy puts the path that it asks about behind it. */
export const DECIDE_PATH = "/decide";
/** Where nginx fetches the answer to a request that was denied. */
export const WHY_PATH = "/decide/why";

/** A request as its client sent it, and as the upstream would be served it. */
export interface Original {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly clientAddress: string | undefined;
}

/**
 * The fields with the method and the target. Each proxy overwrites its own two and no others, so no
 * field of another proxy is read: it would be the client's.
 */
const FIELDS: Readonly<Record<Exclude<Asker, "envoy">, readonly [method: string, target: string]>> =
  {
    nginx: ["x-original-method", "x-original-uri"],
    caddy: ["x-forwarded-method", "x-forwarded-uri"],
    traefik: ["x-forwarded-method", "x-forwarded-uri"],
    application: ["x-original-method", "x-original-uri"],
  };

/** Undefined if it cannot be told what is asked about, which denies the request. */
export function originalOf(
  proxy: Asker,
  incoming: IncomingMessage,
  clients: Pick<ClientAddresses, "behind">,
): Original | undefined {
  const { method = "", url = "", rawHeaders } = incoming;
  // Envoy adds its own address to X-Forwarded-For when it asks.
  const field = proxy === "envoy" ? "x-real-ip" : "x-forwarded-for";
  const clientAddress = clients.behind(undefined, valuesOf(rawHeaders, field));
  if (proxy === "envoy") {
    const target = url.slice(DECIDE_PATH.length);
    return url.startsWith(DECIDE_PATH) && target.startsWith("/")
      ? { method, target, clientAddress }
      : undefined;
  }
  const [methods, targets] = FIELDS[proxy].map((name) => valuesOf(rawHeaders, name));
  if (methods?.length !== 1 || targets?.length !== 1) return undefined;
  return { method: methods[0]!, target: targets[0]!, clientAddress };
}
