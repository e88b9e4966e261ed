/** `l8nt`: a credential for a software agent, and the client that uses it. */

import { openWallet } from "#open-wallet";
import type { Scope } from "./caveat/index.ts";
import { HttpClient, type HttpClientOptions } from "./client/index.ts";
import { hexText } from "./internal/bytes.ts";
import { randomBytes } from "./internal/crypto.ts";
import { checkKeys, type Keys } from "./internal/keys.ts";
import { EMBEDDED_LOCATION } from "./ports/treasury.ts";
import type { Payer } from "./ports/wallet.ts";
import type { TreasuryOptions } from "./treasury/options.ts";
import { TreasuryCore } from "./treasury/treasury.ts";

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
export { Credential } from "./l402/index.ts";
export type { NodeStanding, PaymentSummary, Standing } from "./ports/treasury.ts";
export type { PaymentOutcome, Wallet, WalletFacts } from "./ports/wallet.ts";

export interface ClientOptions extends Omit<HttpClientOptions, "treasury"> {
  /**
   * A wallet, or its URL: this process is then its own treasury. `SIGIL_WALLET` where neither this
   * nor a credential is given.
   */
  readonly wallet?: Payer | string | undefined;
  /** What a bare wallet may be used for; see {@link DEFAULT_LIMITS}. */
  readonly limits?: Scope;
  /**
   * More for the embedded treasury: its store, its fee cap, where sub-agents will reach it once it
   * is served.
   */
  readonly treasury?: Partial<Omit<TreasuryOptions, "wallet">>;
}

const OPTIONS = {
  credential: true,
  wallet: true,
  limits: true,
  treasury: true,
  onPayment: true,
  fetch: true,
  clock: true,
} satisfies Keys<ClientOptions>;

/**
 * What a client with a bare wallet and no limits may do: any https URL and this machine, 100 sat a
 * request, 1,000 sat a day, 10,000 sat in all, for 365 days. Counted in this process: a new one
 * begins anew.
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
 * The client of an agent. Its credential comes from `SIGIL_CREDENTIAL`, or it pays from the wallet
 * of `SIGIL_WALLET`; with neither, it fetches what is free.
 *
 * @throws TokenError for a credential that cannot be read
 * @throws TypeError for an option that a client has not
 * @example
 * const client = new Client();
 * const response = await client.get("https://api.weather.example/forecast?city=tokyo");
 */
export class Client extends HttpClient {
  /**
   * The embedded treasury, where this client has a wallet. Sub-agents in other processes reach it
   * once it has a location and is served there.
   *
   * @example
   * const client = new Client({ wallet, treasury: { location: "http://127.0.0.1:8409" } });
   * await serve(treasuryApi(client.treasury!), { port: 8409 }); // l8nt/node, l8nt/treasury
   */
  readonly treasury: TreasuryCore | undefined;

  constructor(options: ClientOptions = {}) {
    checkKeys(options, OPTIONS, "a client");
    const { wallet, limits = DEFAULT_LIMITS, treasury: treasuryOptions = {}, ...rest } = options;
    const credential =
      options.credential ?? (wallet === undefined ? environment("SIGIL_CREDENTIAL") : undefined);
    const payer = wallet ?? (credential === undefined ? environment("SIGIL_WALLET") : undefined);
    const treasury = payer === undefined ? undefined : embedded(payer, options, treasuryOptions);
    const own = credential ?? treasury?.mint(limits);
    super({
      ...rest,
      ...(own !== undefined && { credential: own }),
      ...(treasury !== undefined && { treasury }),
    });
    this.treasury = treasury;
  }
}

function embedded(
  wallet: Payer | string,
  { fetch, clock }: ClientOptions,
  options: Partial<TreasuryOptions>,
): TreasuryCore {
  return new TreasuryCore({
    secret: hexText(randomBytes(32)),
    location: EMBEDDED_LOCATION,
    // The agent's own process: what it may reach, it reaches without a treasury, too.
    fetch: fetch ?? ((input, init) => globalThis.fetch(input, init)),
    ...(clock !== undefined && { clock }),
    ...options,
    wallet: typeof wallet === "string" ? () => openWallet(wallet) : wallet,
  });
}

/** Absent in a browser, and where a runtime does not let it be read. */
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
