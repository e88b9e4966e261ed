/** A scope as people write it. It compiles to caveats. spec/2-caveats.md §1. */
import type { AmountText } from "../amount.ts";
import type { Duration } from "./duration.ts";

/** An amount, or one for each unit: `"500 sat"`, `["500 sat", "5 usd"]`. */
export type Amounts = AmountText | readonly AmountText[];

export interface Scope {
  /** The agent that this credential is for. Opens a node that is revoked and counted by itself. */
  readonly agent?: string;
  /** Such as `"GET https://api.example/search/*"`. An empty list allows no request. */
  readonly endpoints?: readonly string[];
  /** For L402 services that name themselves: `"lightning_loop"` or `"lightning_loop:0"`. */
  readonly services?: readonly string[];
  /** By the name of the service: what may be done there. */
  readonly capabilities?: Readonly<Record<string, readonly string[]>>;
  /** Models of an AI service, by name or, with a `*` at the end, by the beginning of the name. */
  readonly models?: readonly string[];
  readonly expiresIn?: Duration;
  /** Instead of `expiresIn`. */
  readonly expiresAt?: Date;
  readonly validFrom?: Date;
  /**
   * The origin of the only service that takes the credential and counts its limits, such as
   * `"https://api.example"`. A limit of the public-key form needs one.
   */
  readonly ledger?: string;
  /**
   * The thumbprint of the key that must sign each request, as `HolderKey` of `l8nt/holder` has it.
   * Without the key a copy of the credential is worthless. Paywalls verify it; a treasury and a
   * gateway deny such a credential.
   */
  readonly holder?: string;
  /** In all, routing fees included. What is spent in a unit needs a budget in that unit. */
  readonly budget?: Amounts;
  readonly budgetPerHour?: Amounts;
  readonly budgetPerDay?: Amounts;
  /** Within thirty days. */
  readonly budgetPerMonth?: Amounts;
  /** For one purchase, or one request. Says nothing about prices in another unit. */
  readonly maxPrice?: Amounts;
  readonly maxUses?: number;
  readonly maxUsesPerMinute?: number;
  readonly maxUsesPerHour?: number;
  readonly maxUsesPerDay?: number;
  /** Hex public keys of the only nodes that may be paid. */
  readonly payees?: readonly string[];
  /** How many delegations may follow. */
  readonly maxDepth?: number;
  /** For people and for the audit. */
  readonly purpose?: string;
}
