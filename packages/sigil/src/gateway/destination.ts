/** What a request is for: a route, a WebSocket, or a page of the gateway's own. */
import { WELL_KNOWN_PATH } from "l8nt/service";
import type { Target } from "./core/request.ts";
import type { ServedRoute } from "./routes.ts";
import { isBelow, serviceAt } from "./service-at.ts";
import { matchSocket, type SocketMatch, type SocketRule } from "./socket/rule.ts";

/** What is left to the holder of a credential, below the prefix of a service. */
export const BUDGET_PATH = "/.well-known/sigil/budget";

export interface Serving {
  /** Begins the paths of the service. */
  readonly prefix: string;
  readonly sockets: readonly SocketRule[];
  find(method: string, path: string): ServedRoute | undefined;
}

/** Answered by the gateway itself: what is left of budgets; what is sold and what is revoked. */
export type Page = "budget" | "sale";

/** `unlisted`: it is denied. */
export type Destination<Served extends Serving> =
  | { readonly kind: "unlisted"; readonly service: Served | undefined }
  | { readonly kind: "page"; readonly service: Served; readonly page: Page }
  | { readonly kind: "webSocket"; readonly service: Served; readonly match: SocketMatch }
  | { readonly kind: "route"; readonly service: Served; readonly match: ServedRoute };

/** @param isUpgrade whether it asks for a WebSocket, and the gateway serves any */
export function destinationOf<Served extends Serving>(
  services: readonly Served[],
  method: string,
  target: Target,
  isUpgrade: boolean,
): Destination<Served> {
  const service = serviceAt(services, target.path);
  if (service === undefined) return { kind: "unlisted", service };
  const path = pathBelow(service, target);
  if (isUpgrade) {
    const match = matchSocket(service.sockets, { ...target, path });
    return match ? { kind: "webSocket", service, match } : { kind: "unlisted", service };
  }
  if (path === BUDGET_PATH) return { kind: "page", service, page: "budget" };
  if (isBelow(path, WELL_KNOWN_PATH)) return { kind: "page", service, page: "sale" };
  const match = service.find(method, path);
  return match ? { kind: "route", service, match } : { kind: "unlisted", service };
}

/** The path as the service's routes have it. */
export const pathBelow = ({ prefix }: Pick<Serving, "prefix">, { path }: Target): string =>
  path.slice(prefix.length);
