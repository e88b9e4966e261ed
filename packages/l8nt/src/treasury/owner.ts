/** What the owner of a treasury sees and does, apart from the agents' API. */
import { formatOrigin, readOrigin, type Scope, type Target } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { everyPage, WHOLE_PAGE_ROWS } from "../internal/pages.ts";
import { Authority, type Credential, type Secret } from "../l402/index.ts";
import { dated } from "../ledger/index.ts";
import type { Clock } from "../ports/clock.ts";
import { ALL_NODES } from "../ports/directives.ts";
import type { JournalEntry } from "../ports/journal.ts";
import {
  type ClockView,
  type Explanation,
  type Health,
  type NodeFilter,
  PAGE_ROWS,
  type PaymentFilter,
  type PaymentView,
  type RecallView,
  type RevenueTotal,
  type TreasuryOwner,
  type UnexplainedPayment,
} from "../ports/owner.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import type { NumberedSale } from "../ports/sales.ts";
import type { Store } from "../ports/store.ts";
import type { NodePage, NodeStanding } from "../ports/treasury.ts";
import { checkGiven } from "../wire/message.ts";
import {
  ownerAcceptClock,
  ownerAllowPayee,
  ownerConfirmBooks,
  ownerExplain,
  ownerFreeze,
  ownerGiveUp,
  ownerJournal,
  ownerPayments,
  ownerRecalls,
  ownerReceipts,
  ownerReopen,
  ownerRevoke,
  ownerThaw,
  ownerTree,
} from "../wire/owner.ts";
import { OWNER_PATHS } from "../wire/paths.ts";
import { ownerRevenue, ownerSales } from "../wire/sales.ts";
import type { Blame } from "./blame.ts";
import type { BooksClock } from "./books-clock.ts";
import { derivedKey } from "./derived.ts";
import type { Directives } from "./directives.ts";
import type { Explanations } from "./explanations.ts";
import type { ForwardClock } from "./forward-clock.ts";
import type { SpendingGate } from "./gate.ts";
import { addGivenUp } from "./given-up.ts";
import type { NodeDirectory } from "./nodes.ts";
import type { Sending } from "./payment-lookup.ts";
import type { Recall } from "./recall.ts";
import type { ReceiptMaker } from "./receipt-maker.ts";
import type { Reconciler } from "./reconciler.ts";
import type { RestoredBooks } from "./restored-books.ts";
import type { Rewrapping } from "./rewrapping.ts";
import { sliced } from "./slices.ts";
import type { Startup } from "./startup.ts";

export interface OwnerOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Verifies the owner's own credentials. */
  readonly authority: Authority;
  readonly time: ForwardClock;
  readonly booksClock: BooksClock;
  readonly startup: Startup;
  readonly nodes: NodeDirectory;
  readonly gate: SpendingGate;
  readonly directives: Directives;
  readonly recall: Recall;
  readonly reconciler: Reconciler;
  readonly explanations: Explanations;
  readonly restored: RestoredBooks;
  readonly sending: Sending;
  readonly blame: Blame;
  readonly receipts: ReceiptMaker;
  readonly rewrapping: Rewrapping;
}

/** Stands for this many pending recalls, or more. */
const MOST_COUNTED = 10_000;
const STUCK_SECONDS = 3600;

/**
 * The owner in this process. Its arguments are checked as those of a request across HTTP are: each
 * method throws an AdapterError `ERR_REQUEST` that names what cannot be read.
 */
export class Owner implements TreasuryOwner {
  readonly #options: OwnerOptions;

  constructor(options: OwnerOptions) {
    this.#options = options;
  }

  /**
   * Mints a credential of the owner, for the owner's part of the HTTP API. It cannot pay, and no
   * agent's credential can become one.
   *
   * @param scope `expiresIn` and the like; with `readOnly`, the credential sees everything and
   * changes nothing
   */
  mint({
    readOnly = false,
    ...scope
  }: Omit<Scope, "endpoints"> & { readonly readOnly?: boolean }): Credential {
    const { authority } = this.#options;
    const { origin } = new URL(authority.location);
    return authority.minter.mint({
      ...scope,
      endpoints: [`${readOnly ? "GET" : "*"} ${origin}${OWNER_PATHS}`],
    });
  }

  /**
   * @throws TokenError for a credential that is not an owner's, DeniedError for one that does not
   * cover this
   */
  admit(credential: string, target: Target): void {
    const { authority, time } = this.#options;
    // By this machine's clock: the owner gets in while the time of the books stands still.
    authority.verifier.authenticate(credential).demand({ now: time.machine(), target });
  }

  tree(nodeId?: string): Promise<readonly NodeStanding[]> {
    return everyPage(async (after) => {
      const { nodes, next } = await this.treePage({
        limit: WHOLE_PAGE_ROWS,
        ...(nodeId !== undefined && { nodeId }),
        ...(after !== undefined && { after }),
      });
      return { items: nodes, next };
    });
  }

  async treePage(filter: NodeFilter = {}): Promise<NodePage> {
    const { nodeId: node, ...page } = filter;
    checkGiven(ownerTree, { query: { ...page, node } });
    await this.#options.startup.done();
    return this.#options.nodes.below(filter, this.#options.clock());
  }

  async payments(filter: PaymentFilter = {}): Promise<readonly PaymentView[]> {
    const { nodeId: node, ...rest } = filter;
    checkGiven(ownerPayments, { query: { ...rest, node } });
    const { limit = PAGE_ROWS, ...query } = filter;
    const found = await sliced<PaymentRecord>(limit, (last, many) =>
      this.#options.store.payments({
        ...query,
        limit: many,
        ...(last !== undefined && { before: last.paymentHash }),
      }),
    );
    return found.map(viewOf);
  }

  async journal(after = 0, limit = PAGE_ROWS): Promise<readonly JournalEntry[]> {
    checkGiven(ownerJournal, { query: { after, limit } });
    return sliced<JournalEntry>(limit, (last, many) =>
      this.#options.store.journal(last?.seq ?? after, many),
    );
  }

  async receipts(after = 0, limit = PAGE_ROWS, nodeId?: string): Promise<readonly ReceiptRow[]> {
    checkGiven(ownerReceipts, { query: { after, limit, node: nodeId } });
    return this.#options.receipts.receipts(after, limit, nodeId);
  }

  async sales(after = 0, limit = PAGE_ROWS): Promise<readonly NumberedSale[]> {
    checkGiven(ownerSales, { query: { after, limit } });
    return sliced<NumberedSale>(limit, (last, many) =>
      this.#options.store.sales({ after: last?.seq ?? after, limit: many }),
    );
  }

  async revenue(by: "day" | "route"): Promise<readonly RevenueTotal[]> {
    checkGiven(ownerRevenue, { query: { by } });
    return dated(await this.#options.store.saleTotals({ by }));
  }

  async revoke(nodeId: string, reason = "by its owner"): Promise<void> {
    checkGiven(ownerRevoke, { body: { node: nodeId, reason } });
    await this.#options.startup.done();
    await this.#options.recall.revoke({ nodeId }, reason);
  }

  async recalls(nodeId?: string, limit = PAGE_ROWS): Promise<readonly RecallView[]> {
    checkGiven(ownerRecalls, { query: { node: nodeId, limit } });
    await this.#options.startup.done();
    return this.#options.recall.views(nodeId, limit);
  }

  async freeze(nodeId?: string, reason = "by its owner"): Promise<void> {
    checkGiven(ownerFreeze, { body: { node: nodeId, reason } });
    const { startup, recall } = this.#options;
    await startup.done();
    await recall.freeze(nodeId ?? ALL_NODES, reason);
    await recall.told();
  }

  /** Ends a freeze of the same node, or of all nodes. */
  async thaw(nodeId?: string, reason = "by its owner"): Promise<void> {
    checkGiven(ownerThaw, { body: { node: nodeId, reason } });
    const { startup, directives, clock } = this.#options;
    await startup.done();
    await directives.issue({ kind: "thaw", nodeId: nodeId ?? ALL_NODES, at: clock(), reason });
  }

  async unexplained(): Promise<readonly UnexplainedPayment[]> {
    await this.#options.startup.done();
    return this.#options.gate.unexplained.list;
  }

  async explain(
    paymentHash: string,
    explanation: Explanation,
    reason = "by its owner",
  ): Promise<void> {
    const { as } = explanation;
    const node = as === "node" ? explanation.nodeId : undefined;
    checkGiven(ownerExplain, { parameters: { hash: paymentHash }, body: { as, node, reason } });
    await this.#options.startup.done();
    await this.#options.explanations.explain(paymentHash, explanation, reason);
  }

  async confirmBooks(reason = "by its owner"): Promise<void> {
    checkGiven(ownerConfirmBooks, { body: { reason } });
    await this.#options.startup.done();
    await this.#options.restored.confirm(reason);
  }

  async allowPayee(origin: string, payee: string): Promise<void> {
    checkGiven(ownerAllowPayee, { body: { origin, payee } });
    if (!/^0[23][0-9a-f]{64}$/.test(payee))
      throw new AdapterError(
        "ERR_REQUEST",
        "payee must be the public key of a Lightning node: 66 hex digits that begin with 02 or 03.",
      );
    const at = originGiven(origin);
    await this.#options.startup.done();
    await this.#options.store.allowPayee(at, payee, this.#options.clock());
  }

  async reopen(origin: string): Promise<void> {
    checkGiven(ownerReopen, { body: { origin } });
    const { store, clock, blame, startup } = this.#options;
    const at = originGiven(origin);
    await startup.done();
    // Only what was paid can be closed.
    if ((await store.payees(at)).length === 0)
      throw new AdapterError(
        "ERR_REQUEST",
        `This treasury has never paid ${at}, so it is not closed to anybody. Compare the URL with those of \`sigil payments\`: scheme, host and port count.`,
      );
    blame.forget(at);
    await store.reopen(at, clock());
  }

  async giveUp(paymentHash: string, reason: string): Promise<void> {
    checkGiven(ownerGiveUp, { parameters: { hash: paymentHash }, body: { reason } });
    const { store, clock } = this.#options;
    await this.#options.startup.done();
    const record = await store.payment(paymentHash);
    if (this.#options.sending.has(paymentHash))
      throw new AdapterError(
        "ERR_REQUEST",
        "The payment is being made at this moment, so it cannot be given up. Try again later.",
      );
    if (record?.status !== "open")
      throw new AdapterError(
        "ERR_REQUEST",
        "No open payment has this hash, so there is nothing to give up.",
      );
    await store.note(`override: payment ${paymentHash} was given up: ${reason}`, clock());
    await addGivenUp(store, paymentHash);
    await store.settle(paymentHash, record.attemptId, { status: "failed", at: clock() });
  }

  async clock(): Promise<ClockView> {
    await this.#options.startup.done();
    return this.#options.booksClock.view();
  }

  async acceptClock(reason = "by the owner"): Promise<void> {
    checkGiven(ownerAcceptClock, { body: { reason } });
    await this.#options.startup.done();
    await this.#options.booksClock.accept(reason);
  }

  /** Asks the wallet about every payment whose outcome is unknown. */
  async reconcile(): Promise<{ readonly stillOpen: number }> {
    await this.#options.startup.done();
    return this.#options.reconciler.reconcile();
  }

  async health(): Promise<Health> {
    const { store, gate, clock, time, startup, rewrapping } = this.#options;
    // A freeze of the process before this one is read at the start.
    await startup.done();
    const open = await store.openPayments();
    const reason = time.reason ?? gate.reason;
    return {
      spending: reason === undefined,
      ...(reason !== undefined && { reason }),
      openPayments: open.length,
      stuckPayments: open.filter(({ createdAt }) => createdAt < clock() - STUCK_SECONDS).length,
      unexplainedPayments: gate.unexplained.count,
      pendingRecalls: await store.countPendingRecalls(clock(), MOST_COUNTED),
      previousSecretsNeeded: !rewrapping.isDone,
    };
  }
}

/** @throws AdapterError `ERR_REQUEST` */
function originGiven(text: string): string {
  const origin = readOrigin(text);
  if (origin !== undefined) return formatOrigin(origin);
  throw new AdapterError(
    "ERR_REQUEST",
    'origin must be the URL of a service, such as "https://api.example".',
  );
}

/**
 * The authority of the owner's credentials. Its secret is derived with HKDF from the treasury's
 * secret, so credentials of the owner and of agents never verify as each other.
 */
export function ownersAuthority(secret: Secret, location: string, clock: Clock): Authority {
  return new Authority({
    secret: derivedKey(secret, "sigil owner"),
    location,
    kind: "access",
    clock,
  });
}

function viewOf(record: PaymentRecord): PaymentView {
  const {
    preimage: _,
    token: __,
    limitIds: ___,
    attemptId: ____,
    order: _____,
    request: ______,
    anyPath: _______,
    skewSeconds: ________,
    ...view
  } = record;
  return view;
}
