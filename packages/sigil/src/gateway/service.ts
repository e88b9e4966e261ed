/** One vendor behind the gateway: its preset, its connections, its key, and who may use what. */
import type { Duration } from "l8nt";
import type { IssuerDirectory } from "l8nt/biscuit";
import { Authority } from "l8nt/l402";
import type { Store } from "l8nt/ports";
import { Paywall, type PaywallOptions, type Route } from "l8nt/service";
import type { Dispatcher } from "undici";
import { Slots } from "./core/slots.ts";
import { CONNECTIONS } from "./core/upstream.ts";
import type { CorsRule } from "./cors.ts";
import type { Allowances, Preset } from "./presets/preset.ts";
import type { PriceTable } from "./prices/table.ts";
import { freeQuotaOf, Routes, type RoutesOptions, type Rule, type ServedRoute } from "./routes.ts";
import { SatPrices, type SatPricesOptions } from "./selling/sat-prices.ts";
import { type SaleTerms, Seller } from "./selling/seller.ts";
import type { SocketRule } from "./socket/rule.ts";
import type { Vault } from "./vault/vault.ts";

/** A stream that turns out to cost more than was reserved is let finish, or cut with an error. */
export type MidStream = "finish" | "cut";

export interface ServiceOptions extends RoutesOptions {
  readonly name: string;
  /** Begins the paths of this vendor at the gateway: empty, or `/openai`. */
  readonly prefix: string;
  readonly preset: Preset;
  readonly allowances: Allowances;
  /** Of a metered request. @default that of `BodyLimits.each` */
  readonly maxBodyBytes?: number | undefined;
  /** What becomes of a stream that costs more than was reserved. @default "finish" */
  readonly midStream?: MidStream | undefined;
  readonly upstream: Dispatcher;
  /** Requests and WebSockets at one time. @default CONNECTIONS */
  readonly connections?: number;
  /** Whether the vendor takes a key. */
  readonly needsKey: boolean;
  /** Has the vendor's key under the name of the service. */
  readonly vault: Vault;
  readonly prices: PriceTable;
  /** Where agents reach the gateway, without the prefix. */
  readonly location: string;
  readonly secret: string | Uint8Array<ArrayBuffer>;
  readonly store: Store;
  /** Issuers whose credentials are taken beside those of the secret. @default none */
  readonly trust?: IssuerDirectory | undefined;
  /** @default none */
  readonly sockets?: readonly SocketRule[];
  /** Pages of other origins. @default none */
  readonly cors?: CorsRule | undefined;
  /**
   * How long keys are believed while the store cannot be asked which are revoked. @default "10s"
   */
  readonly maxSilence?: Duration | undefined;
  readonly clock: () => number;
  readonly alarm: (what: string, cause?: unknown) => void;
  /** The service of that name before the configuration was read again. */
  readonly replaces?: Service | undefined;
  /** What is sold for sat. */
  readonly selling?: SellingOptions | undefined;
}

/** What a service sells, and the wallet that makes its invoices. */
export interface SellingOptions {
  readonly invoicer: NonNullable<PaywallOptions["invoicer"]>;
  readonly terms: SaleTerms;
  readonly models: SatPricesOptions["models"];
  readonly msatPerUsd: bigint | undefined;
}

export class Service {
  readonly name: string;
  readonly prefix: string;
  readonly preset: Preset;
  readonly allowances: Allowances;
  readonly maxBodyBytes: number | undefined;
  readonly midStream: MidStream;
  readonly upstream: Dispatcher;
  readonly slots: Slots;
  /** The part of them that requests without a credential share, by address. */
  readonly strangersSlots: Slots;
  readonly vault: Vault;
  readonly needsKey: boolean;
  readonly prices: PriceTable;
  readonly sockets: readonly SocketRule[];
  readonly cors: CorsRule | undefined;
  readonly paywall: Paywall;
  readonly metered: Route;
  /** For what costs nothing. */
  readonly free: Route;
  /** For requests without a credential, a number of them a day for each address. */
  readonly freebies: ReadonlyMap<Rule, Route>;
  /** Undefined if nothing is sold. */
  readonly seller: Seller | undefined;
  readonly #routes: Routes;

  constructor(options: ServiceOptions) {
    const { name, prefix, secret, location, store, clock, alarm } = options;
    this.name = name;
    this.prefix = prefix;
    this.preset = options.preset;
    this.allowances = options.allowances;
    this.maxBodyBytes = options.maxBodyBytes;
    this.midStream = options.midStream ?? "finish";
    this.upstream = options.upstream;
    const connections = options.connections ?? CONNECTIONS;
    this.slots = new Slots(connections);
    this.strangersSlots = new Slots(Math.max(1, Math.floor(connections / 2)));
    this.vault = options.vault;
    this.needsKey = options.needsKey;
    this.prices = options.prices;
    this.sockets = options.sockets ?? [];
    this.cors = options.cors;
    const authority = new Authority({ secret, location: location + prefix, service: name, clock });
    const { selling, maxSilence, replaces, trust } = options;
    const silence = maxSilence !== undefined && { maxSilence };
    const revocations = { store, freezes: true, ...silence } as const;
    this.paywall = new Paywall({
      ...{ authority, store, revocations, clock, alarm },
      ...(trust !== undefined && { trust }),
      ...(replaces !== undefined && { replaces: replaces.paywall }),
      ...(selling !== undefined && { invoicer: selling.invoicer, invoiceDescription: name }),
    });
    this.metered = this.paywall.route({ metered: true });
    this.free = this.paywall.route();
    this.freebies = new Map(
      (options.rules ?? [])
        .filter(({ access }) => access === "freebie")
        .map((rule) => [rule, this.paywall.route({ free: freeQuotaOf(rule) })]),
    );
    this.seller =
      selling &&
      new Seller({
        ...selling,
        ...{ paywall: this.paywall, rules: options.rules ?? [], price: options.price },
        prices: new SatPrices({ ...selling, list: options.prices }),
      });
    this.#routes = new Routes(options.preset, options);
  }

  /** The route of a request; undefined for one that is not listed. */
  find(method: string, path: string): ServedRoute | undefined {
    return this.#routes.find(method, path);
  }

  close(): void {
    this.paywall.close();
  }
}
