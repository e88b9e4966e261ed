/**
 * The treasury: holds the wallet, and buys access for agents within their scope and their budgets.
 * spec/4-purchase.md.
 */
import { msat } from "../amount.ts";
import { type Access, type Scope, targetOfUrl } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { checkTransport } from "../http/transport.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { lazily } from "../internal/lazily.ts";
import { Authority, type Credential, type Verified } from "../l402/index.ts";
import { claimUse } from "../ledger/claim.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import type { Store } from "../ports/store.ts";
import type { NodeStanding, Purchase, PurchaseRequest, Treasurer } from "../ports/treasury.ts";
import { MemoryStore } from "../stores/memory.ts";
import { inJournal, safely } from "./alarm.ts";
import { Bought } from "./bought.ts";
import { Delivery } from "./delivery.ts";
import { Directives } from "./directives.ts";
import { ForwardClock } from "./forward-clock.ts";
import { SpendingGate } from "./gate.ts";
import { readLimits } from "./limits.ts";
import { NodeDirectory } from "./nodes.ts";
import { checkOptions, type TreasuryOptions } from "./options.ts";
import type { Order } from "./order.ts";
import { Owner, ownersAuthority } from "./owner.ts";
import { PaymentLookup, Sending } from "./payment-lookup.ts";
import { OutgoingPayments } from "./payments.ts";
import { Purchases } from "./purchases.ts";
import { Recall } from "./recall.ts";
import { ReceiptMaker } from "./receipt-maker.ts";
import { Reconciler } from "./reconciler.ts";
import { ServiceRequests } from "./service-requests.ts";
import { Settler } from "./settler.ts";
import { Startup } from "./startup.ts";

/**
 * A treasury with the fetch that it is given: `l8nt/treasury` gives it a guarded one, and an
 * embedded treasury uses its own process's.
 */
export class TreasuryCore implements Treasurer {
  readonly authority: Authority;
  readonly location: string;
  /** What the owner sees and does. Not for agents. */
  readonly owner: Owner;
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #receipts: ReceiptMaker;
  readonly #instance: string;
  readonly #gate: SpendingGate;
  readonly #directives: Directives;
  readonly #reconciler: Reconciler;
  readonly #bought: Bought;
  readonly #recall: Recall;
  readonly #nodes: NodeDirectory;
  readonly #purchases: Purchases;
  readonly #startup: Startup;

  /** @throws TypeError for an option that is unknown or cannot work */
  constructor(
    options: TreasuryOptions & Required<Pick<TreasuryOptions, "fetch">>,
    receipts?: ReceiptMaker,
  ) {
    checkOptions(options);
    const { secret, location, fetch, store = new MemoryStore(), onPaid = () => {} } = options;
    const opened = options.wallet;
    const wallet = lazily(typeof opened === "function" ? opened : async () => opened);
    const policy = readLimits(options, "a treasury");
    const raise = safely(options.alarm ?? (() => {}));
    const time = new ForwardClock(options.clock ?? systemClock, raise);
    const clock = time.now;
    const alarm = inJournal(raise, store, clock);
    const since = (options.clock ?? systemClock)();
    const { receiptSeed } = options;
    const maker = receipts ?? new ReceiptMaker({ store, secret, receiptSeed, alarm: raise });
    const instance = options.instance ?? hexText(randomBytes(8));
    const previousSecrets = options.previousSecrets ?? [];
    const kind = "spending";
    const authority = new Authority({ secret, previousSecrets, location, kind, clock });

    // From the bottom up: each part knows only parts above it here.
    const gate = new SpendingGate({ store, clock, alarm });
    const { maxSilence } = options;
    const directives = new Directives({ store, authority, gate, clock, alarm, maxSilence });
    const recall = new Recall({ fetch, store, directives, clock, since });
    const nodes = new NodeDirectory({ store, authority, gate });
    const settler = new Settler({ store, clock, alarm, gate, directives, onPaid });
    const sending = new Sending();
    const paying = { wallet, store, clock, settler, sending };
    const lookup = new PaymentLookup({ ...paying, ...policy });
    const payments = new OutgoingPayments({ ...paying, gate, policy });
    const reconciler = new Reconciler({ store, lookup, wallet, clock, gate, alarm });
    const bought = new Bought(store);
    const services = new ServiceRequests({ fetch, ...policy });
    const told = { store, clock, alarm };
    const delivery = new Delivery({ ...told, bought, recall, settler, services, ...policy });
    const purchasing = { store, clock, gate, payments, lookup, services, delivery };
    const startup = new Startup({ store, time, clock, instance, directives, reconciler });

    this.authority = authority;
    this.location = location;
    this.#clock = clock;
    this.#store = store;
    this.#receipts = maker;
    this.#instance = instance;
    this.#gate = gate;
    this.#directives = directives;
    this.#reconciler = reconciler;
    this.#bought = bought;
    this.#recall = recall;
    this.#nodes = nodes;
    this.#purchases = new Purchases(purchasing);
    this.#startup = startup;
    this.owner = new Owner({
      ...{ store, clock, startup, nodes, gate, directives, recall, reconciler, sending },
      receipts: maker,
      authority: ownersAuthority(secret, location, clock),
    });
  }

  /**
   * Reads what was revoked and frozen, takes up what the process before this one left unfinished,
   * and asks the wallet about every payment whose outcome is unknown. The first request calls it if
   * nobody did. [cases 56, 105, 109]
   *
   * @throws AdapterError `ERR_STORE`
   */
  start(): Promise<void> {
    return this.#startup.done();
  }

  /** Stops following other processes. The store and the wallet stay open: their owner closes them. */
  async stop(): Promise<void> {
    this.#directives.stop();
    await this.#bought.flushHandedOver();
  }

  /**
   * Mints the credential of an agent at the top of a tree.
   *
   * @throws TypeError for a scope without endpoints, without an end, or without a budget
   * @example
   * treasury.mint({ endpoints: ["GET https://api.weather.example/*"], budget: "1000 sat", expiresIn: "1h" });
   */
  mint(scope: Scope): Credential {
    return this.authority.minter.mint(scope);
  }

  async buy(request: PurchaseRequest): Promise<Purchase> {
    await this.start();
    const url = readUrl(request.url);
    const target = targetOfUrl(request.method, url);
    if (target === undefined)
      throw new AdapterError(
        "ERR_REQUEST",
        "The method or the URL cannot be requested. The URL must be http or https, without a user name or a password.",
      );
    const verified = await this.#admit(request.credential, { now: this.#clock(), target });
    checkTransport(url);
    const order: Order = {
      verified,
      target,
      url,
      request,
      by: `${this.#instance}.${hexText(randomBytes(8))}`,
      progress: { unanswered: false },
    };
    try {
      return await (verified.limits.some(({ kind: counted }) => counted === "uses")
        ? this.#counted(order)
        : this.#purchases.run(order));
    } catch (error) {
      // A store that works again ends the doubt, so the books are compared in the background.
      if (error instanceof AdapterError && error.code === "ERR_TREASURY_STOPPED")
        void this.#reconciler.reconcile().catch(() => {});
      throw error;
    }
  }

  async #admit(credential: string, access: Access): Promise<Verified> {
    const verified = this.authority.verifier.authenticate(credential);
    verified.demand(access);
    // Only the tree needs it, and a node that is missing is recorded on its next request.
    await this.#nodes.meet(verified, access.now).catch(() => {});
    return verified;
  }

  /**
   * An order under a limited number of uses: the use is claimed before the service is asked, and
   * given back if nothing was served. [case 88]
   */
  async #counted(order: Order): Promise<Purchase> {
    const { limits } = order.verified;
    const claim = await claimUse(this.#store, { limits, amount: msat(0n), at: this.#clock() });
    let isServed = false;
    try {
      const purchase = await this.#purchases.run(order);
      isServed = purchase.kind === "credential" || purchase.response.status < 500;
      return purchase;
    } finally {
      // An order that broke off before its answer counts too: otherwise an agent that hangs up would
      // never use anything up. [case 89]
      const mayBeServed = isServed || order.progress.unanswered;
      const end = mayBeServed ? claim.commit(this.#clock()) : claim.release(this.#clock());
      // If the store fails, the use stays counted until the next start, and the agent keeps its
      // answer. [case 108]
      await end.catch(() => this.#gate.doubt("a use could not be written down"));
    }
  }

  async revoke(credential: string, caveats: readonly string[]): Promise<string> {
    await this.start();
    const ancestor = await this.#admit(credential, { now: this.#clock(), target: "self" });
    const nodeId = ancestor.revokeBelow(caveats);
    await this.#nodes.meetBelow(ancestor, caveats, this.#clock()).catch(() => {});
    const { lineage, validUntil } = ancestor;
    await this.#recall.revoke(nodeId, `by ${lineage.join(" > ") || "the root"}`, validUntil);
    return nodeId;
  }

  async standing(credential: string): Promise<readonly NodeStanding[]> {
    await this.start();
    const now = this.#clock();
    return this.#nodes.chain(await this.#admit(credential, { now, target: "self" }), now);
  }

  async tree(credential: string): Promise<readonly NodeStanding[]> {
    await this.start();
    const now = this.#clock();
    const { node } = await this.#admit(credential, { now, target: "self" });
    return this.#nodes.below(node.id, now);
  }

  /** The receipts of payments that this credential's node and the nodes below it made. */
  async receipts(credential: string, after: number, limit: number): Promise<readonly ReceiptRow[]> {
    await this.start();
    const { node } = await this.#admit(credential, { now: this.#clock(), target: "self" });
    return this.#receipts.receipts(after, limit, node.id);
  }

  /** The public key of this treasury's receipts, 64 hex. */
  async receiptKey(): Promise<string> {
    return (await this.#receipts.signer()).publicKey;
  }

  /** Asks the wallet about every payment whose outcome is unknown. */
  async reconcile(): Promise<{ readonly stillOpen: number }> {
    await this.start();
    return this.#reconciler.reconcile();
  }
}

function readUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new AdapterError("ERR_REQUEST", "url is not a URL.");
  }
}
