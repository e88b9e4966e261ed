/** What the gateway does with a request, by its configuration alone. */
import { type GatewayConfig, prefixOf } from "../config/config.ts";
import { targetIn } from "../core/request.ts";
import { PRESETS } from "../presets/index.ts";
import { Routes, type ServedRoute } from "../routes.ts";
import { serviceAt } from "../service-at.ts";

export interface ConfiguredService {
  readonly name: string;
  readonly prefix: string;
  readonly routes: Routes;
}

/** `denied`: whatever the request presents. */
export type Explained =
  | {
      readonly kind: "denied";
      readonly status: number;
      readonly code: string;
      readonly service: string | undefined;
    }
  | { readonly kind: "served"; readonly service: string; readonly route: ServedRoute };

export const servicesOf = (config: GatewayConfig): readonly ConfiguredService[] =>
  Object.entries(config.services).map(([name, { preset, routes, price }]) => ({
    name,
    prefix: prefixOf(name, config),
    routes: new Routes(PRESETS.get(preset)!, { rules: routes, price }),
  }));

/** @param path as clients send it, with the prefix of the service */
export function explain(
  services: readonly ConfiguredService[],
  method: string,
  path: string,
): Explained {
  const target = targetIn(path);
  if (target === undefined)
    return { kind: "denied", status: 400, code: "bad_request", service: undefined };
  const service = serviceAt(services, target.path);
  const unlisted = { kind: "denied", status: 403, code: "route_not_listed" } as const;
  if (service === undefined) return { ...unlisted, service: undefined };
  const { name, prefix, routes } = service;
  const route = routes.find(method, target.path.slice(prefix.length));
  if (route === undefined) return { ...unlisted, service: name };
  // A request that presents nothing hears first that it must.
  return { kind: "served", service: name, route };
}
