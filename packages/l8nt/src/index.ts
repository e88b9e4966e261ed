/** `l8nt`: a credential for a software agent, and the client that uses it. */

import "#form";
import type { Scope } from "./caveat/index.ts";
import { HttpClient, type HttpClientOptions } from "./client/client.ts";
import {
  type EmbeddedOptions,
  type EmbeddedTreasury,
  embeddedCredential,
  embeddedTreasury,
} from "./embedded.ts";
import { hexText } from "./internal/bytes.ts";
import { randomBytes } from "./internal/crypto.ts";
import { checkKeys, type Keys } from "./internal/keys.ts";
import { EMBEDDED_LOCATION } from "./ports/treasury.ts";
import type { Payer } from "./ports/wallet.ts";
import type { TreasuryOptions } from "./treasury/options.ts";

export { openWallet } from "#open-wallet";
export type { Duration, Scope } from "./caveat/index.ts";
export {
  AdapterError,
  BudgetError,
  ChallengeError,
  DeniedError,
  type ErrorCode,
  explain,
  PaymentError,
  type Refusal,
  SigilError,
  type Spent,
  TokenError,
} from "./errors.ts";
export type { AmountText } from "./invoice/index.ts";
export { Credential } from "./l402/credential.ts";
export type { NodeStanding, PaymentSummary, Standing } from "./ports/treasury.ts";
export type { PaymentOutcome, Wallet, WalletFacts } from "./ports/wallet.ts";

export interface ClientOptions extends Omit<HttpClientOptions, "treasury"> {
  /**
   * A wallet, or its URL. The client then embeds a treasury that pays from it.
   *
   * @default the URL in `SIGIL_WALLET`, unless the client has a credential
   */
  readonly wallet?: Payer | string | undefined;
  /**
   * The scope of the client's own credential, if it pays from a wallet.
   *
   * @default {@link DEFAULT_LIMITS}
   */
  readonly limits?: Scope;
  /**
   * Options of the embedded treasury, such as its store, its fee cap, or the location where
   * sub-agents reach it.
   */
  readonly treasury?: Partial<Omit<TreasuryOptions, "wallet">>;
}

const OPTIONS = {
  credential: true,
  wallet: true,
  limits: true,
  treasury: true,
  holderKey: true,
  onPayment: true,
  fetch: true,
  clock: true,
} satisfies Keys<ClientOptions>;

/**
 * Limits of a client that has a wallet and no `limits`: any https URL and this machine, 100 sat a
 * request, 1,000 sat a day, 10,000 sat in all, for 365 days. They are counted in this process, so a
 * new process starts at zero.
 */
export const DEFAULT_LIMITS: Scope = {
  endpoints: [
    "* https://*:*/**",
    "* http://127.0.0.1:*/**",
    "* http://localhost:*/**",
    "* http://[::1]:*/**",
  ],
  maxPrice: "100 sat",
  budgetPerDay: "1000 sat",
  budget: "10000 sat",
  expiresIn: "365d",
};

/**
 * The client of an agent. It takes its credential from `SIGIL_CREDENTIAL`, or pays from the wallet
 * of `SIGIL_WALLET`. With neither, it makes requests that are free.
 *
 * @throws TokenError for a credential that cannot be read
 * @throws TypeError for an unknown option
 * @example
 * const client = new Client();
 * const response = await client.get("https://api.weather.example/forecast?city=tokyo");
 */
export class Client extends HttpClient {
  /**
   * The embedded treasury; undefined if this client has no wallet. Sub-agents in other processes
   * reach it once it has a location and is served there.
   *
   * @example
   * const client = new Client({ wallet, treasury: { location: "http://127.0.0.1:8409" } });
   * await serve(treasuryApi(client.treasury!), { port: 8409 }); // l8nt/node, l8nt/treasury
   */
  readonly treasury: EmbeddedTreasury | undefined;

  constructor(options: ClientOptions = {}) {
    checkKeys(options, OPTIONS, "a client");
    const { wallet, limits = DEFAULT_LIMITS, treasury: treasuryOptions = {}, ...rest } = options;
    const credential =
      options.credential ?? (wallet === undefined ? environment("SIGIL_CREDENTIAL") : undefined);
    const payer = wallet ?? (credential === undefined ? environment("SIGIL_WALLET") : undefined);
    const embedded =
      payer === undefined ? undefined : embeddedOptions(payer, options, treasuryOptions);
    const treasury = embedded && embeddedTreasury(embedded);
    const own = credential ?? (embedded && embeddedCredential(embedded, limits, options.clock));
    super({
      holderKey: environment("SIGIL_HOLDER_KEY"),
      ...rest,
      ...(own !== undefined && { credential: own }),
      ...(treasury !== undefined && { treasury }),
    });
    this.treasury = treasury;
  }
}

function embeddedOptions(
  wallet: Payer | string,
  { fetch, clock }: ClientOptions,
  options: Partial<TreasuryOptions>,
): EmbeddedOptions {
  return {
    secret: hexText(randomBytes(32)),
    location: EMBEDDED_LOCATION,
    // Not a guarded fetch: this process can reach the same addresses without the treasury.
    fetch: fetch ?? ((input, init) => globalThis.fetch(input, init)),
    ...(clock !== undefined && { clock }),
    ...options,
    wallet,
  };
}

/** Undefined in a browser, or if the runtime refuses to read the environment. */
function environment(name: string): string | undefined {
  try {
    return (
      (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.[
        name
      ] || undefined
    );
  } catch {
    return undefined;
  }
}
