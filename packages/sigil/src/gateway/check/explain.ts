/** What the gateway does with a request, by its configuration alone. */
import { type GatewayConfig, prefixOf } from "../config/config.ts";
import { lineFault, targetIn } from "../core/request.ts";
import { destinationOf, type Page, type Serving } from "../destination.ts";
import { PRESETS } from "../presets/index.ts";
import { Routes, type ServedRoute } from "../routes.ts";
import type { SocketMatch } from "../socket/rule.ts";

export interface ConfiguredService extends Serving {
  readonly name: string;
}

/**
 * `denied`: whatever the request presents. `page`: the gateway answers it, and the vendor never
 * sees it.
 */
export type Explained =
  | {
      readonly kind: "denied";
      readonly status: number;
      readonly code: string;
      readonly service: string | undefined;
      readonly detail: string;
    }
  | { readonly kind: "page"; readonly service: string; readonly page: Page }
  | { readonly kind: "webSocket"; readonly service: string; readonly match: SocketMatch }
  | { readonly kind: "served"; readonly service: string; readonly route: ServedRoute };

export const servicesOf = (config: GatewayConfig): readonly ConfiguredService[] =>
  Object.entries(config.services).map(([name, one]) => {
    const { preset, routes: rules, price, webSockets: sockets = [] } = one;
    const routes = new Routes(PRESETS.get(preset)!, { rules, price });
    const find: Serving["find"] = (method, path) => routes.find(method, path);
    return { name, prefix: prefixOf(name, config), sockets, find };
  });

/**
 * @param path as clients send it, with the prefix of the service
 * @param isUpgrade whether it asks for a WebSocket
 */
export function explain(
  services: readonly ConfiguredService[],
  method: string,
  path: string,
  isUpgrade = false,
): Explained {
  const target = targetIn(path);
  const fault = lineFault(method, path, target);
  if (target === undefined || fault !== undefined) {
    const detail = fault ?? "The path cannot be read.";
    return { kind: "denied", status: 400, code: "bad_request", service: undefined, detail };
  }
  const destination = destinationOf(services, method, target, isUpgrade);
  const { kind, service } = destination;
  if (kind === "unlisted") {
    const name = service?.name;
    const detail =
      name === undefined ? "The path is of no service." : `No route of ${name} lists it.`;
    return { kind: "denied", status: 403, code: "route_not_listed", service: name, detail };
  }
  const { name } = destination.service;
  if (kind === "webSocket") return { kind, service: name, match: destination.match };
  if (kind === "route") return { kind: "served", service: name, route: destination.match };
  return { kind, service: name, page: destination.page };
}
