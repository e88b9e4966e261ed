/** What all routes of one paywall share. */
import type { Base } from "../caveat/index.ts";
import type { Verifier } from "../credential/index.ts";
import type { HolderProofs } from "../holder/proofs.ts";
import type { Authority } from "../l402/index.ts";
import type { Keeper } from "../ledger/index.ts";
import type { TopUps } from "../ledger/top-ups.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ledger } from "../ports/ledger.ts";
import type { SalesBook } from "../ports/sales.ts";
import type { Invoicer } from "../ports/wallet.ts";
import type { IssuerDirectory } from "../public-key/directory.ts";
import type { RefusedOptions } from "../wire/problem.ts";
import type { AbandonedUses } from "./abandoned.ts";
import type { ChallengeLimits } from "./challenge-limits.ts";
import type { ProxyWatch } from "./proxied.ts";
import type { Repeats } from "./repeats.ts";
import type { Sold } from "./sold.ts";

export interface PaywallContext {
  readonly authority: Authority;
  /** Of the credentials that are presented, of every form that is taken. */
  readonly verifier: Verifier;
  /** The keys of the issuers that are trusted; undefined if none are. */
  readonly issuers: IssuerDirectory | undefined;
  /** What a challenge says of the credentials that are taken. */
  readonly stated: Pick<RefusedOptions, "issuers"> & { readonly enforced: readonly string[] };
  /** What the path of each request is put behind, to be judged and sold. */
  readonly base: Base;
  readonly holders: HolderProofs;
  readonly ledger: Ledger & Partial<SalesBook>;
  readonly topUps: TopUps;
  readonly abandoned: AbandonedUses;
  /** Undefined for a ledger that cannot be folded. */
  readonly keeper: Keeper | undefined;
  readonly repeats: Repeats;
  readonly sold: Sold;
  readonly invoicer: Invoicer | undefined;
  readonly clock: Clock;
  readonly challenges: ChallengeLimits;
  readonly proxies: ProxyWatch;
  readonly invoiceExpirySeconds: number;
  readonly invoiceDescription: string;
  readonly alarm: (what: string, cause: unknown) => void;
}
