/** The services that a configuration comes to, with the vendors' keys and what models cost. */
import { readFileSync } from "node:fs";
import { IssuerDirectory } from "l8nt/biscuit";
import type { Store } from "l8nt/ports";
import { UsageError } from "../../exit.ts";
import { warningsOf } from "../check/unreached.ts";
import { type GatewayConfig, prefixOf } from "../config/config.ts";
import { locationOf } from "../config/listen.ts";
import { isMetered, type ServiceConfig } from "../config/service.ts";
import { openUpstream } from "../core/upstream.ts";
import { PRESETS } from "../presets/index.ts";
import type { Preset } from "../presets/preset.ts";
import { PriceTable } from "../prices/table.ts";
import { sellingOf } from "../selling/open.ts";
import { type SellingOptions, Service } from "../service.ts";
import { type References, Vault } from "../vault/vault.ts";
import { USUAL } from "./usual.ts";

const PRICES = new URL("../../../prices.yaml", import.meta.url);

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ServingContext {
  readonly secret: string;
  readonly store: Store;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly alarm: (what: string) => void;
}

/** One version of a configuration at work. */
export interface Serving {
  readonly services: readonly Service[];
  /** The keys of the issuers that all of them trust. */
  readonly trust: IssuerDirectory;
  /** Ends the connections to the vendors: call it when no request uses them. */
  close(): Promise<void>;
}

/** What a configuration leads to outside of the gateway: keys, prices, vendors, the wallet. */
export interface Found {
  readonly prices: PriceTable;
  readonly keys: ReadonlyMap<string, readonly string[]>;
  readonly upstreams: ReadonlyMap<string, string>;
  readonly vault: Vault;
  readonly selling: SellingOptions | undefined;
}

/** Makes nothing. @throws UsageError for a key or a file that cannot be read */
export async function find(config: GatewayConfig, env: Environment): Promise<Found> {
  const services = Object.entries(config.services);
  const prices = pricesOf(config);
  const keys = new Map(services.map(([name, one]) => [name, keysOf(name, one, env)]));
  const upstreams = new Map(services.map(([name, one]) => [name, upstreamOf(name, one)]));
  const vault = await Vault.open(referencesOf(keys), { env });
  const selling = config.selling && (await sellingOf(config.selling, env));
  return { prices, keys, upstreams, vault, selling };
}

/** @param before what served until now, if the configuration was read again */
export async function openServing(
  config: GatewayConfig,
  { prices, keys, upstreams, vault, selling }: Found,
  { secret, store, clock, alarm }: ServingContext,
  before?: Serving,
): Promise<Serving> {
  for (const warning of prices.warnings(meteredIn(config), clock() * 1000)) alarm(warning);
  for (const [name, { routes = [] }] of Object.entries(config.services))
    for (const warning of warningsOf(routes)) alarm(`${name}: ${warning}`);
  const location = locationOf(config.listen);
  const { trust: issuers, allowPrivateIssuers } = config;
  const trust = new IssuerDirectory({
    ...{ issuers, allowPrivateIssuers, before: before?.trust, clock, alarm },
  });
  const services = Object.entries(config.services).map(
    ([name, { preset, allow, routes, price, webSockets, cors, maxBody, midStream }]) =>
      new Service({
        name,
        replaces: before?.services.find((one) => one.name === name),
        prefix: prefixOf(name, config),
        preset: PRESETS.get(preset)!,
        needsKey: keys.get(name)!.length > 0,
        allowances: allow,
        maxBodyBytes: maxBody,
        midStream,
        rules: routes,
        price,
        ...(webSockets && { sockets: webSockets }),
        cors,
        selling: routes?.some(({ access }) => access === "paid") ? selling : undefined,
        upstream: openUpstream(upstreams.get(name)!),
        vault,
        prices,
        location,
        secret,
        store,
        trust,
        maxSilence: config.maxSilence as `${number}s`,
        clock,
        alarm,
      }),
  );
  const close = async (): Promise<void> => {
    for (const service of services) {
      service.close();
      await service.upstream.destroy();
    }
  };
  try {
    for (const { paywall } of services) await paywall.ready();
  } catch (error) {
    await close();
    throw error;
  }
  return { services, trust, close };
}

/** The first key of a service has its name, and is used. The others are read, so that they work. */
const referencesOf = (keys: ReadonlyMap<string, readonly string[]>): References =>
  Object.fromEntries(
    [...keys].flatMap(([name, references]) =>
      references.map((reference, index) => [
        index === 0 ? name : `${name}, key ${index + 1}`,
        reference,
      ]),
    ),
  );

/** @throws UsageError if the vendor takes a key and there is none */
export function keysOf(
  name: string,
  { preset, keys }: Pick<ServiceConfig, "preset" | "keys">,
  env: Environment,
): readonly string[] {
  if (keys !== undefined) return keys;
  const usual = USUAL[preset]!.keys;
  const found = usual.find((variable) => env[variable]);
  if (found !== undefined) return [`env:${found}`];
  if (usual.length === 0) return [];
  throw new UsageError(
    `Missing the key of ${name}: set ${usual.join(" or ")}, or give --key file:/path or --key "cmd:program"; in a configuration, services.${name}.keys.`,
  );
}

/** @throws UsageError for a preset that has no origin of its own */
export function upstreamOf(
  name: string,
  { preset, upstream }: Pick<ServiceConfig, "preset" | "upstream">,
): string {
  const { origin }: Preset = PRESETS.get(preset)!;
  const found = upstream ?? origin;
  if (found !== undefined) return found;
  throw new UsageError(
    `The preset ${preset} needs --upstream URL, the origin of the API; in a configuration, services.${name}.upstream.`,
  );
}

/** The vendors whose prices matter. */
export const meteredIn = ({ services }: Pick<GatewayConfig, "services">): ReadonlySet<string> =>
  new Set(
    Object.values(services)
      .filter(isMetered)
      .map(({ preset }) => preset),
  );

export function pricesOf({ prices: { file, margin } }: Pick<GatewayConfig, "prices">): PriceTable {
  const options = margin === undefined ? {} : { margin };
  const pinned = PriceTable.read(readFileSync(PRICES, "utf8"), options);
  if (file === undefined) return pinned;
  return PriceTable.read(textOf(file, "prices"), { ...options, name: file }).over(pinned);
}

/** @throws UsageError */
function textOf(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new UsageError(`The file of --${what} cannot be read.`);
  }
}
