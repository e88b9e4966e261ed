/**
 * A treasury that pays from one LDK node, and a shop whose paywall takes payment on another, over
 * loopback TCP and the machine's own clock. What really moved is read from the nodes. Everything
 * closes when its test ends.
 */

import type { Scope } from "l8nt";
import { Client } from "l8nt";
import type { Credential } from "l8nt/l402";
import { listener, paid } from "l8nt/node";
import { Paywall, type Terms } from "l8nt/service";
import { MemoryStore } from "l8nt/stores/memory";
import { DEV_SCOPE } from "l8nt/testing";
import { guardedFetch, Treasury, type TreasuryOptions, treasuryApi } from "l8nt/treasury";
import { onTestFinished } from "vitest";
import type { Payer } from "../../../../packages/l8nt/src/ports/wallet.ts";
import { listen, secretOf } from "../../../../packages/l8nt/src/testing/fixtures/town.ts";
import { LdkInvoicer } from "./invoicer.ts";
import type { Ending } from "./node.ts";
import { LdkPayer } from "./payer.ts";
import { Road } from "./road.ts";

export interface Market {
  readonly road: Road;
  readonly treasury: Treasury;
  readonly store: MemoryStore;
  readonly alarms: readonly string[];
  readonly shop: {
    readonly url: string;
    /** What was served, in order. */
    readonly served: readonly string[];
  };
  /** A credential at the top of a tree. */
  root(scope?: Scope): Credential;
  client(credential: Credential): Client;
  /** What the treasury says that a credential's node has spent. */
  spent(credential: Credential): Promise<bigint>;
  /** What is missing on the paying node since the market opened, to the msat. */
  gone(): Promise<bigint>;
  /** What LDK says that it sent, in order. */
  sent(): readonly Extract<Ending, { kind: "sent" }>[];
}

export interface MarketOptions {
  readonly terms?: Terms;
  readonly treasury?: Partial<TreasuryOptions>;
  /** The treasury's wallet, in place of the payer's own. */
  readonly payer?: (own: Payer, road: Road) => Payer;
  /** Unix seconds of the chain's blocks, and so of the invoices. */
  readonly time?: number;
}

export async function market(options: MarketOptions = {}): Promise<Market> {
  const { terms = { price: "10 sat" }, payer = (own) => own } = options;
  const road = await Road.open(options.time);
  onTestFinished(() => road.close());
  const store = new MemoryStore({ journal: true });
  const alarms: string[] = [];
  let treasury!: Treasury;
  await listen((location) => {
    treasury = new Treasury({
      secret: secretOf("the treasury"),
      location,
      wallet: payer(new LdkPayer(road), road),
      store,
      fetch: guardedFetch({ allowLoopback: true }),
      alarm: (what) => alarms.push(what),
      ...options.treasury,
    });
    return listener(treasuryApi(treasury), { origin: location });
  });

  const served: string[] = [];
  const url = await listen((location) => {
    const paywall = new Paywall({
      secret: secretOf("the shop"),
      location,
      invoicer: new LdkInvoicer(road.payee),
      // Each purchase asks twice: the agent, and its treasury.
      challengesPerMinute: { perClient: 1000, total: 1000 },
    });
    return paid(paywall, terms, ({ url: target = "" }, response) => {
      served.push(target);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ served: served.length }));
    });
  });

  const before = road.payer.balanceMsat();
  return {
    road,
    treasury,
    store,
    alarms,
    shop: { url, served },
    root: (scope = {}) => treasury.mint({ ...DEV_SCOPE, ...scope }),
    client: (credential) => new Client({ credential }),
    spent: async (credential) =>
      (await treasury.standing(credential.toString())).at(-1)!.spent[0]!.value,
    gone: async () => {
      await road.rest();
      return before - road.payer.balanceMsat();
    },
    sent: () => road.payer.endings.filter((ending) => ending.kind === "sent"),
  };
}
