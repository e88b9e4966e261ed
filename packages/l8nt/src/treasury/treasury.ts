/**
 * The treasury: holds the wallet, and buys access for agents within their scope and their budgets.
 * spec/4-purchase.md.
 */
import { type Access, countersOf, type Scope, targetOfUrl } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { checkTransport } from "../http/transport.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { lazily } from "../internal/lazily.ts";
import { Authority, type Credential, type Verified } from "../l402/index.ts";
import { budgetError } from "../ledger/index.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { ALL_NODES } from "../ports/directives.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import type { Store } from "../ports/store.ts";
import type { NodeStanding, Purchase, PurchaseRequest, Treasurer } from "../ports/treasury.ts";
import { MemoryStore } from "../stores/memory.ts";
import { Bought } from "./bought.ts";
import { Delivery, type Order } from "./delivery.ts";
import { Directives } from "./directives.ts";
import { ForwardClock } from "./forward-clock.ts";
import { NodeDirectory } from "./nodes.ts";
import { checkOptions, outboundLimits, type TreasuryOptions } from "./options.ts";
import { Owner, ownersAuthority } from "./owner.ts";
import { OutgoingPayments } from "./payments.ts";
import { Purchases } from "./purchases.ts";
import { Recall } from "./recall.ts";
import { Reconciler } from "./reconciler.ts";
import { Settler } from "./settler.ts";

/** Before the id of a use that this treasury counts. */
const USE = "use.";

/**
 * With the fetch that it is given: `l8nt/treasury` gives it a guarded one, an embedded one is its
 * agent's own process.
 */
export class TreasuryCore implements Treasurer {
  readonly authority: Authority;
  readonly location: string;
  /** What its owner may do. Never an agent's. */
  readonly owner: Owner;
  readonly #clock: Clock;
  readonly #time: ForwardClock;
  readonly #store: Store;
  readonly #instance: string;
  readonly #reconciler: Reconciler;
  readonly #purchases: Purchases;
  readonly #bought: Bought;
  readonly #recall: Recall;
  readonly #nodes: NodeDirectory;
  readonly #directives: Directives;
  #started: Promise<void> | undefined;
  #unfollow: () => void = () => {};

  constructor(options: TreasuryOptions & { readonly fetch: typeof fetch }) {
    checkOptions(options);
    const { secret, previousSecrets = [], location, wallet, fetch: fetcher } = options;
    const { store = new MemoryStore(), clock = systemClock, alarm = () => {} } = options;
    const openWallet = lazily(typeof wallet === "function" ? wallet : async () => wallet);
    this.location = location;
    this.#store = store;
    this.#instance = options.instance ?? hexText(randomBytes(8));
    const raise = (what: string) => {
      try {
        alarm(what);
      } catch {
        // Whoever raised it has work to finish: a payment is not lost because nobody could be told
        // of it.
      }
    };
    this.#time = new ForwardClock(clock, raise);
    this.#clock = this.#time.now;
    const tell = (what: string) => {
      raise(what);
      // In the journal too, where it can be; an alarm that cannot be written down was still raised.
      void store.note(what, this.#clock()).catch(() => {});
    };
    this.authority = new Authority({
      secret,
      previousSecrets,
      location,
      kind: "spending",
      clock: this.#clock,
    });
    const { authority } = this;
    this.#directives = new Directives({ store, authority, clock: this.#clock });
    this.#recall = new Recall(fetcher, store, clock());
    this.#nodes = new NodeDirectory({ store, authority, directives: this.#directives });
    const settler = new Settler({
      store,
      clock: this.#clock,
      alarm: tell,
      paid: options.onPaid ?? (() => {}),
      freeze: (reason) =>
        this.#directives.issue({ kind: "freeze", nodeId: ALL_NODES, at: this.#clock(), reason }),
      doubt: (why) => this.#reconciler.doubt(why),
    });
    const payments = new OutgoingPayments({
      wallet: openWallet,
      store,
      clock: this.#clock,
      settler,
      maxFeeMsat: options.maxFeeMsat ?? defaultMaxFee,
      paymentTimeoutSeconds: options.paymentTimeoutSeconds ?? 60,
      maxInFlight: options.maxInFlight ?? {},
      pinsPayees: options.pinsPayees ?? true,
      maxFirstPaymentMsat: options.maxFirstPaymentMsat,
    });
    this.#reconciler = new Reconciler({
      store,
      payments,
      wallet: openWallet,
      clock: this.#clock,
      alarm: tell,
    });
    this.#bought = new Bought(store);
    this.#purchases = new Purchases({
      store,
      clock: this.#clock,
      payments,
      settler,
      bought: this.#bought,
      recall: this.#recall,
      instance: this.#instance,
      delivery: new Delivery({
        bought: this.#bought,
        fetch: fetcher,
        clock: this.#clock,
        alarm: tell,
        quarantineSeconds: options.quarantineSeconds ?? 600,
        outbound: outboundLimits(options),
      }),
    });
    this.owner = new Owner({
      authority: ownersAuthority(options.secret, location, this.#clock),
      store,
      nodes: this.#nodes,
      directives: this.#directives,
      reconciler: this.#reconciler,
      clock: this.#clock,
      revoke: (nodeId, reason) => this.#revoke(nodeId, undefined, reason),
      start: () => this.start(),
      isSending: (paymentHash) => payments.isSending(paymentHash),
    });
  }

  /**
   * Reads what was revoked, takes up what a process before this one left behind, and asks the
   * wallet about every payment whose outcome is not known. Called by the first request where nobody
   * did. [cases 56, 105, 109]
   *
   * @throws AdapterError `ERR_STORE`
   */
  start(): Promise<void> {
    this.#started ??= this.#start().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  async #start(): Promise<void> {
    const began = this.#clock();
    const latest = await this.#store.latest();
    this.#time.atLeast(latest);
    this.#reconciler.lookFrom(latest);
    await this.#directives.read();
    // Whoever else writes to these books is at work on what seems to lie about.
    await this.#store.unclaimAll(this.#store.shared ? `${this.#instance}.` : "");
    if (!this.#store.shared) await this.#endAbandoned(began);
    await this.#reconciler.reconcile();
    if (this.#store.shared) this.#unfollow = this.#directives.follow();
  }

  /** A use that was under way when the process died may have been served: it counts. [case 89] */
  async #endAbandoned(before: number): Promise<void> {
    for (const id of await this.#store.abandoned(before))
      if (id.startsWith(USE)) await this.#store.commit(id, 0n, this.#clock());
  }

  /** Ends what follows other processes. The store and the wallet are their owner's to close. */
  async stop(): Promise<void> {
    this.#unfollow();
    await this.#bought.flushHandedOver();
  }

  /**
   * The credential of an agent at the top of a tree.
   *
   * @throws TypeError without endpoints, an end, or a budget: there is no god mode
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
        "The method or the URL cannot be requested: http(s), without credentials in it.",
      );
    const verified = await this.#admit(request.credential, { now: this.#clock(), target });
    checkTransport(url);
    const order: Order = {
      verified,
      target,
      url,
      request,
      demandSpending: () => {
        this.#directives.demandSpending(verified);
        this.#reconciler.demandCertainty();
      },
    };
    return verified.limits.some(({ kind }) => kind === "uses")
      ? this.#counted(order)
      : this.#purchases.run(order);
  }

  async #admit(credential: string, access: Access): Promise<Verified> {
    const verified = this.authority.verifier.authenticate(credential);
    verified.demand(access);
    // For the tree alone: whoever is not written down now turns up again.
    await this.#nodes.meet(verified, access.now).catch(() => {});
    return verified;
  }

  /**
   * A scope with use counts: claimed before anything is asked of the service, given back where
   * nothing was served. [case 88]
   */
  async #counted(order: Order): Promise<Purchase> {
    const { limits } = order.verified;
    const id = `${USE}${hexText(randomBytes(16))}`;
    const need = { amountMsat: 0n, uses: 1n };
    const answer = await this.#store.reserve({
      id,
      at: this.#clock(),
      counted: countersOf(limits),
      ...need,
    });
    if (!answer.reserved) throw budgetError(limits, answer.refused, need);
    let mayBeServed = false;
    // Otherwise whoever hangs up before the answer comes would never use anything up. [case 89]
    const onUnanswered = () => {
      mayBeServed = true;
    };
    try {
      const purchase = await this.#purchases.run({ ...order, onUnanswered });
      mayBeServed ||= purchase.kind === "credential" || purchase.response.status < 500;
      return purchase;
    } finally {
      const end = mayBeServed
        ? this.#store.commit(id, 0n, this.#clock())
        : this.#store.release(id, this.#clock());
      // It stays counted until the next start; what was bought is not taken away for that. [case
      // 108]
      await end.catch(() => this.#reconciler.doubt("a use could not be written down"));
    }
  }

  async revoke(credential: string, caveats: readonly string[]): Promise<string> {
    await this.start();
    const ancestor = await this.#admit(credential, { now: this.#clock(), target: "self" });
    const nodeId = ancestor.revokeBelow(caveats);
    await this.#nodes.meetBelow(ancestor, caveats, this.#clock()).catch(() => {});
    await this.#revoke(
      nodeId,
      ancestor.validUntil,
      `by ${ancestor.lineage.join(" > ") || "the root"}`,
    );
    return nodeId;
  }

  /**
   * Where the store fails it holds in this process all the same, and the caller is told that it may
   * not last.
   */
  async #revoke(nodeId: string, endsAt: number | undefined, reason: string): Promise<void> {
    const end = endsAt === undefined ? {} : { endsAt };
    await this.#directives.issue({ kind: "revoke", nodeId, at: this.#clock(), reason, ...end });
    await this.#recall.recall(nodeId, this.#clock());
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

  /** Those of payments that this credential's node and those below it made. */
  async receipts(credential: string, after: number, limit: number): Promise<readonly ReceiptRow[]> {
    await this.start();
    const { node } = await this.#admit(credential, { now: this.#clock(), target: "self" });
    return this.#store.receipts(after, limit, node.id);
  }

  /**
   * Asks the wallet about every payment whose outcome is not known: whenever a person wants to
   * know.
   */
  async reconcile(): Promise<{ readonly stillOpen: number }> {
    await this.start();
    return this.#reconciler.reconcile();
  }
}

const defaultMaxFee = (amountMsat: bigint): bigint =>
  amountMsat / 100n > 3000n ? amountMsat / 100n : 3000n;

function readUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new AdapterError("ERR_REQUEST", "The URL cannot be read.");
  }
}
