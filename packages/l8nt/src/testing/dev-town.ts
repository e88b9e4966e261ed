/**
 * A shop, a wallet, a treasury and a client on one development network, for tests of paid services.
 */
import { type AmountText, readMsatOption } from "../amount.ts";
import type { Scope } from "../caveat/index.ts";
import { Client } from "../index.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Credential } from "../l402/index.ts";
import { listener } from "../node/index.ts";
import type { Wallet } from "../ports/wallet.ts";
import {
  guardedFetch,
  type ServeTreasuryOptions,
  serveTreasury,
  type Treasury,
} from "../treasury/index.ts";
import { devWallet } from "../wallets/dev.ts";
import { type DevClock, devClock } from "./dev-clock.ts";
import { DevNetwork } from "./dev-network.ts";
import {
  type DevShop,
  type DevShopOptions,
  listening,
  openDevShop,
  SHOP_KEYS,
} from "./dev-shop.ts";

export interface DevTownOptions extends DevShopOptions {
  /**
   * What the wallet holds.
   *
   * @default "1000000 sat"
   */
  readonly balance?: AmountText;
  /** The scope of `town.client`, over {@link DEV_SCOPE}. */
  readonly scope?: Scope;
  /** Further options of the treasury. */
  readonly treasury?: Partial<ServeTreasuryOptions>;
  /**
   * The clock of everything in the town.
   *
   * @default a clock that starts at the present time and stands still until it is advanced
   */
  readonly clock?: DevClock;
}

const OPTIONS = {
  balance: true,
  scope: true,
  treasury: true,
  clock: true,
  ...SHOP_KEYS,
} satisfies Keys<DevTownOptions>;

export interface DevTown {
  /** Moves the payments: its books say what was paid, and it fails on request. */
  readonly network: DevNetwork;
  readonly clock: DevClock;
  readonly shop: DevShop;
  /** Pays for the treasury; the network's account `treasury`. */
  readonly wallet: Wallet;
  /** Reached at `treasury.location`, which answers agents and the owner. */
  readonly treasury: Treasury;
  /** An agent's client, which pays through the treasury. */
  readonly client: Client;
  /** A new credential at the top of a tree: {@link DEV_SCOPE}, and over it what is given. */
  mint(scope?: Scope): Credential;
  /** A client with another credential, such as one from `mint` or from `client.delegate`. */
  connect(credential: Credential | string): Client;
  /** Opens another shop, with an account of its own. */
  openShop(options?: DevShopOptions): Promise<DevShop>;
  /** Stops everything. `await using` calls it too. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Everything on this machine, 10,000 sat, one hour. */
export const DEV_SCOPE: Scope = {
  endpoints: ["* http://127.0.0.1:*/**"],
  budget: "10000 sat",
  expiresIn: "1h",
};

/**
 * Starts a development network on loopback and, on it, a shop with a paywall, a wallet, a treasury
 * that pays from it, and a client of that treasury. The money is play money; the invoices,
 * credentials and HTTP requests are real.
 *
 * Without `service`, a shop is opened that sells at `price`. With `service`, the shop is the
 * service that you test: give its paywall the location, invoicer, clock and secret of the place.
 *
 * @throws TypeError for an option that is unknown or cannot work
 * @example
 * await using town = await devTown({ price: "10 sat" });
 * const response = await town.client.get(`${town.shop.url}/forecast`);
 * response.status; // 200
 * town.network.payments().length; // 1
 */
export async function devTown(options: DevTownOptions = {}): Promise<DevTown> {
  checkKeys(options, OPTIONS, "a dev town");
  const {
    balance = "1000000 sat",
    scope = {},
    treasury: treasuryOptions = {},
    clock = devClock(),
    ...shopOptions
  } = options;
  const balanceMsat = readMsatOption(balance, "balance");
  const network = await DevNetwork.start({ clock });
  const closers: (() => Promise<void>)[] = [() => network.stop()];
  const close = async () => {
    for (const end of closers.splice(0).reverse()) await end();
  };
  let shops = 0;
  const openShop = async (more?: DevShopOptions): Promise<DevShop> => {
    const account = ++shops === 1 ? "shop" : `shop-${shops}`;
    const shop = await openDevShop({ network, clock, account }, more);
    closers.push(() => shop.close());
    return shop;
  };

  try {
    const wallet = devWallet(network.account("treasury", { balanceMsat }).url);
    const server = await listening();
    closers.push(() => server.close());
    const served = await serveTreasury({
      secret: hexText(randomBytes(32)),
      location: server.url,
      wallet,
      fetch: guardedFetch({ allowLoopback: true }),
      clock,
      ...treasuryOptions,
    });
    closers.push(() => served.stop());
    const { treasury } = served;
    server.handle(listener(served.handler, { origin: server.url }));
    const mint = (more: Scope = {}) => treasury.mint({ ...DEV_SCOPE, ...more });
    const connect = (credential: Credential | string) => new Client({ credential, clock });
    return {
      network,
      clock,
      shop: await openShop(shopOptions),
      wallet,
      treasury,
      client: connect(mint(scope)),
      mint,
      connect,
      openShop,
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
