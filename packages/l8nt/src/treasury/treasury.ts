/** The treasury: holds the wallet, and buys access for agents within their scope and their budgets. spec/4-purchase.md. */
import { type Access, type Scope, targetOfUrl } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { checkKeys } from "../internal/keys.ts";
import { checkTransport } from "../internal/transport.ts";
import { Authority, type Credential, revokeAsAsked, type Secret, type Verified } from "../l402/index.ts";
import { budgetError } from "../ledger/index.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { NodeStanding, Purchase, PurchaseRequest, Treasurer } from "../ports/treasury.ts";
import type { Payer } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
import { Census } from "./census.ts";
import { type Errand, Errands } from "./errands.ts";
import { Handovers } from "./handovers.ts";
import { Purse } from "./purse.ts";

export interface TreasuryOptions {
  /** 32 random bytes or more, or their hex. */
  readonly secret: Secret;
  readonly previousSecrets?: readonly Secret[];
  /** The URL where agents reach this treasury: it goes into their credentials. */
  readonly location: string;
  /** Pays. A function where it is to be opened at the first payment. */
  readonly wallet: Payer | (() => Promise<Payer>);
  /** In memory where it is not given: then a restart forgets what was spent. */
  readonly store?: Store;
  /** How requests reach services. Public addresses only, where it is not given: see `guardedFetch`. */
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /** The most that routing one payment may cost. The larger of 3 sat and 1 % where it is not given. */
  readonly maxFeeMsat?: (amountMsat: bigint) => bigint;
  readonly paymentTimeoutSeconds?: number;
  readonly requestTimeoutSeconds?: number;
  /** How long a service that took a payment and did not deliver is paid nothing. */
  readonly quarantineSeconds?: number;
  /** Told what a person should look at. */
  readonly alarm?: (what: string) => void;
}

const OPTIONS = [
  "secret",
  "previousSecrets",
  "location",
  "wallet",
  "store",
  "fetch",
  "clock",
  "maxFeeMsat",
  "paymentTimeoutSeconds",
  "requestTimeoutSeconds",
  "quarantineSeconds",
  "alarm",
];

const defaultMaxFee = (amountMsat: bigint): bigint => (amountMsat / 100n > 3000n ? amountMsat / 100n : 3000n);

/** With the fetch that it is given: `l8nt/treasury` gives it a guarded one, an embedded one is its agent's own process. */
export class OpenTreasury implements Treasurer {
  readonly authority: Authority;
  readonly location: string;
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #purse: Purse;
  readonly #errands: Errands;
  readonly #handovers: Handovers;
  readonly #census: Census;

  constructor(options: TreasuryOptions & { readonly fetch: typeof fetch }) {
    checkKeys(options, OPTIONS, "a treasury");
    const { secret, previousSecrets = [], location, wallet, clock = systemClock, alarm = () => {} } = options;
    const { store = new MemoryStore(), fetch: fetcher } = options;
    this.location = location;
    this.authority = new Authority({ secret, previousSecrets, location, kind: "spending", clock });
    this.#clock = clock;
    this.#store = store;
    this.#handovers = new Handovers(fetcher);
    this.#census = new Census(store, this.authority);
    this.#purse = new Purse({
      wallet: typeof wallet === "function" ? wallet : async () => wallet,
      store,
      clock,
      alarm,
      maxFeeMsat: options.maxFeeMsat ?? defaultMaxFee,
      paymentTimeoutSeconds: options.paymentTimeoutSeconds ?? 60,
    });
    this.#errands = new Errands({
      store,
      clock,
      alarm,
      purse: this.#purse,
      handovers: this.#handovers,
      fetch: fetcher,
      requestTimeoutSeconds: options.requestTimeoutSeconds ?? 30,
      quarantineSeconds: options.quarantineSeconds ?? 600,
    });
  }

  /**
   * The credential of an agent at the top of a tree.
   *
   * @throws TypeError without endpoints, an end, or a budget: there is no god mode
   * @example
   * treasury.mint({ endpoints: ["GET https://api.weather.example/*"], budget: "1000 sat", expiresIn: "1h" });
   */
  mint(scope: Scope): Credential {
    return this.authority.mint(scope);
  }

  async buy(request: PurchaseRequest): Promise<Purchase> {
    const url = readUrl(request.url);
    const target = targetOfUrl(request.method, url);
    if (target === undefined)
      throw new AdapterError(
        "ERR_REQUEST",
        "The method or the URL cannot be requested: http(s), without credentials in it.",
      );
    const verified = this.#admit(request.credential, { now: this.#clock(), target });
    checkTransport(url);
    const errand: Errand = { verified, target, url, request };
    return verified.limits.some(({ kind }) => kind === "uses")
      ? this.#counted(errand)
      : this.#errands.run(errand);
  }

  #admit(credential: string, access: Access): Verified {
    const verified = this.authority.authenticate(credential);
    this.#census.meet(verified);
    verified.demand(access);
    return verified;
  }

  /** A scope with use counts: claimed before anything is asked of the service, given back where nothing was served. [case 88] */
  async #counted(errand: Errand): Promise<Purchase> {
    const { limits } = errand.verified;
    const id = hexText(randomBytes(16));
    const need = { amountMsat: 0n, uses: 1n };
    const answer = await this.#store.reserve({ id, at: this.#clock(), counted: limits, ...need });
    if (!answer.reserved) throw budgetError(limits, answer.refused, need);
    try {
      const purchase = await this.#errands.run(errand);
      const served = purchase.kind === "credential" || purchase.response.status < 500;
      await (served ? this.#store.commit(id, 0n, this.#clock()) : this.#store.release(id, this.#clock()));
      return purchase;
    } catch (error) {
      await this.#store.release(id, this.#clock());
      throw error;
    }
  }

  async revoke(credential: string, caveats: readonly string[]): Promise<string> {
    const ancestor = this.#admit(credential, { now: this.#clock(), target: "self" });
    const nodeId = revokeAsAsked(this.authority, ancestor, { caveats });
    await this.#handovers.recall(nodeId, this.#clock());
    return nodeId;
  }

  /** The owner's revocation: any node. What was handed over to it is revoked too, at the services that can. */
  async revokeNode(nodeId: string): Promise<void> {
    this.authority.revoke(nodeId);
    await this.#handovers.recall(nodeId, this.#clock());
  }

  async standing(credential: string): Promise<readonly NodeStanding[]> {
    const now = this.#clock();
    return this.#census.chain(this.#admit(credential, { now, target: "self" }), now);
  }

  async tree(credential: string): Promise<readonly NodeStanding[]> {
    const now = this.#clock();
    return this.#census.below(this.#admit(credential, { now, target: "self" }), now);
  }

  /** Asks the wallet about every payment whose outcome is not known: at start, before serving, and whenever a person wants to know. */
  async reconcile(): Promise<{ readonly stillOpen: number }> {
    for (const record of await this.#store.openPayments()) await this.#purse.follow(record).catch(() => {});
    return { stillOpen: (await this.#store.openPayments()).length };
  }
}

function readUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new AdapterError("ERR_REQUEST", "The URL cannot be read.");
  }
}
