/** The treasury inside a client that has a wallet. Its code is loaded at its first use. */
import { checkTreasury } from "#check-treasury";
import { openWallet } from "#open-wallet";
import type { Scope } from "./caveat/index.ts";
import { lazyTreasurer } from "./client/treasurer.ts";
import { lazily } from "./internal/lazily.ts";
import type { Credential } from "./l402/credential.ts";
import { CredentialMinter } from "./l402/credential-minter.ts";
import type { Clock } from "./ports/clock.ts";
import type { Treasurer } from "./ports/treasury.ts";
import type { Payer } from "./ports/wallet.ts";
import type { TreasuryOptions } from "./treasury/options.ts";
import type { TreasuryCore } from "./treasury/treasury.ts";

export interface EmbeddedOptions extends Omit<TreasuryOptions, "wallet" | "fetch"> {
  /** A wallet, or its URL, which is opened at the first payment. */
  readonly wallet: Payer | string;
  readonly fetch: typeof fetch;
}

/** A treasury that is created when it is first needed: a page that pays nothing never loads it. */
export interface EmbeddedTreasury extends Treasurer {
  readonly location: string;
  /** Creates the treasury at the first call, and returns the same one from then on. */
  open(): Promise<TreasuryCore>;
}

/** @throws TypeError for an option that is unknown or cannot work */
export function embeddedTreasury({ wallet, ...options }: EmbeddedOptions): EmbeddedTreasury {
  const whole = {
    // Several clients may pay from one wallet, each with books in its own memory.
    unexplainedPayments: "alarm" as const,
    ...options,
    wallet: typeof wallet === "string" ? () => openWallet(wallet) : wallet,
  };
  // A mistake is reported when the client is made, not at its first payment.
  checkTreasury(whole);
  const open = lazily(async () => {
    const { TreasuryCore } = await import("./treasury/treasury.ts");
    const { resending } = await import("./http/resending.ts");
    return new TreasuryCore({ ...whole, fetch: resending(whole.fetch) });
  });
  return { ...lazyTreasurer(open), location: options.location, open };
}

/** The credential at the top of the tree of an embedded treasury. @throws TypeError as `mint` */
export function embeddedCredential(
  { secret, location }: Pick<EmbeddedOptions, "secret" | "location">,
  limits: Scope,
  clock: Clock | undefined,
): Credential {
  const given = clock === undefined ? {} : { clock };
  return new CredentialMinter({ secret, location, kind: "spending", ...given }).mint(limits);
}
