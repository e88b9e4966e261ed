/**
 * The treasury: holds the wallet, and buys access for agents within their scope and their budgets.
 * spec/4-purchase.md.
 */
import { type Access, type Scope, targetOfUrl } from "../caveat/index.ts";
import { AdapterError, PaymentError } from "../errors.ts";
import { checkTransport } from "../http/transport.ts";
import { everyPage, WHOLE_PAGE_ROWS } from "../internal/pages.ts";
import { Shares, type Use } from "../internal/shares.ts";
import type { Authority, Credential, Verified } from "../l402/index.ts";
import type { Descent } from "../ports/descent.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import type {
  NodePage,
  NodeStanding,
  PageQuery,
  Purchase,
  PurchaseRequest,
  Treasurer,
} from "../ports/treasury.ts";
import type { KeyRing } from "../public-key/key-ring.ts";
import { checkGiven } from "../wire/message.ts";
import { ownTree } from "../wire/nodes.ts";
import { ownReceipts } from "../wire/receipts.ts";
import { assemble, type CoreOptions, type TreasuryParts } from "./assemble.ts";
import { checkOptions } from "./options.ts";
import { type Order, orderKey, orderOf } from "./order.ts";
import { Owner, ownersAuthority } from "./owner.ts";
import type { ReceiptMaker } from "./receipt-maker.ts";
import { type ArrivedMessage, Signers } from "./signers.ts";

/** Bytes in memory for requests. The part of a node far from the root has room for any body. */
const MAX_BYTES = 34 * 1024 * 1024;

/** The text of a credential, or what was proven of it with the signature of the request. */
export type Asker = string | Verified;

/** What {@link TreasuryCore.admit} let in. */
export interface AdmittedAgent {
  readonly asker: Asker;
  readonly bytes: Use;
  /** The request, if its body was read. */
  readonly whole?: Request | undefined;
}

/**
 * A treasury with the fetch that it is given: `l8nt/treasury` gives it a guarded one, and an
 * embedded treasury uses its own process's.
 */
export class TreasuryCore implements Treasurer {
  readonly authority: Authority;
  readonly location: string;
  /** The keys that it mints with; their page is part of its API. */
  readonly keys: KeyRing | undefined;
  /** What the owner sees and does. Not for agents. */
  readonly owner: Owner;
  readonly #parts: TreasuryParts;
  readonly #bytes = new Shares(MAX_BYTES, "bytes of requests under way");
  readonly #signers: Signers;

  /** @throws TypeError for an option that is unknown or cannot work */
  constructor(options: CoreOptions, receipts?: ReceiptMaker) {
    checkOptions(options);
    const { secret, location } = options;
    this.#parts = assemble(options, receipts);
    const { authority, clock } = this.#parts;
    this.authority = authority;
    this.location = location;
    this.keys = options.mints?.keys;
    this.#signers = new Signers(location, clock);
    this.owner = new Owner({
      ...this.#parts,
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
  async start(): Promise<void> {
    const { startup, keeper, clock } = this.#parts;
    await startup.done();
    keeper.wake(clock());
  }

  /** Breaks off the relayed answers that are on their way. Orders without an answer go on. */
  cutAnswers(): void {
    this.#parts.ends.cutAnswers();
  }

  /** Resolves when no order is under way, and no connection is held for one. */
  ordersEnded(): Promise<void> {
    return this.#parts.ends.none();
  }

  /**
   * Stops following other processes, and writes down what is known of deliveries. The store and the
   * wallet stay open: their owner closes them.
   */
  async stop(): Promise<void> {
    this.#parts.directives.stop();
    this.#parts.recall.stop();
    await this.#parts.keeper.stop();
    await this.#parts.bought.written();
    await this.#parts.uses.written();
    await this.#parts.restored.stop();
    await this.#parts.rewrapping.stop();
  }

  /**
   * Mints the credential of an agent at the top of a tree.
   *
   * @throws TypeError for a scope without endpoints, without an end, or without a budget
   * @example
   * treasury.mint({ endpoints: ["GET https://api.weather.example/*"], budget: "1000 sat",
   * expiresIn: "1h" });
   */
  mint(scope: Scope): Credential {
    return this.authority.minter.mint(scope);
  }

  buy(request: PurchaseRequest): Promise<Purchase> {
    return this.#order(request, request.credential, false);
  }

  /**
   * The same for an agent across HTTP: its order is under way until its answer has left, or its
   * connection has closed.
   */
  buyRemotely(request: PurchaseRequest, asker: Asker = request.credential): Promise<Purchase> {
    return this.#order(request, asker, true);
  }

  async #order(request: PurchaseRequest, asker: Asker, isRemote: boolean): Promise<Purchase> {
    await this.start();
    const url = readUrl(request.url);
    const target = targetOfUrl(request.method, url);
    if (target === undefined)
      throw new AdapterError(
        "ERR_REQUEST",
        "The method or the URL cannot be requested. The URL must be http or https, without a user name or a password; its path and query have at most 8,192 characters, and its path no encoded slash, dot segment, backslash or control, because it could be read in more than one way.",
      );
    const verified = this.#admit(asker, { now: this.#parts.clock(), target });
    this.#parts.time.demand();
    checkTransport(url);
    const { ends, digests } = this.#parts;
    const nodeIds = verified.nodes.map(({ id }) => id);
    const end = ends.begin(nodeIds, request.signal);
    try {
      const order = orderOf(verified, target, url, request, { hide: digests.ofField, end });
      const purchase = await this.#run(order);
      // Nobody tells whether a program has read the answer that it was returned.
      end.answered(isRemote ? order.progress.away : Promise.resolve());
      return purchase;
    } catch (error) {
      end.failed();
      // What the abort broke says nothing of the reason, but whether money has moved.
      if (end.isRevoked && !(error instanceof PaymentError))
        verified.demand({ now: this.#parts.clock(), target });
      throw error;
    }
  }

  async #run(order: Order): Promise<Purchase> {
    const { running, reconciler } = this.#parts;
    try {
      await this.#noteAnswered(order.verified, order.request.answered ?? []);
      return await running.run(order, async () => ({
        result: await this.#pass(order),
        ended: order.progress.ended,
      }));
    } catch (error) {
      // A store that works again ends the doubt, so the books are compared in the background.
      if (error instanceof AdapterError && error.code === "ERR_TREASURY_STOPPED")
        void reconciler.reconcile().catch(() => {});
      throw error;
    }
  }

  async answered(asker: Asker, orders: readonly string[]): Promise<void> {
    await this.start();
    const verified = this.#admit(asker, { now: this.#parts.clock(), target: "self" });
    await this.#noteAnswered(verified, orders);
    await this.#parts.bought.written();
  }

  /** An order does not wait for what is written of others. */
  async #noteAnswered(verified: Verified, ids: readonly string[]): Promise<void> {
    const { delivery, uses } = this.#parts;
    if (ids.length > 0) await delivery.answered(verified, ids);
    for (const id of ids) await uses.answered(orderKey(verified, id));
  }

  /**
   * Judges the credential of a request before anything else of it is read, and bounds what is in
   * memory for it. If it is bound to a key, the signature of the request is verified, once.
   *
   * @param size how many bytes its answer takes
   * @throws TokenError for a credential that was not minted here, DeniedError for one that has
   * ended or was revoked; AdapterError `ERR_RATE_LIMITED`
   */
  async admit(credential: string, size: number, arrived: ArrivedMessage): Promise<AdmittedAgent> {
    await this.start();
    const verified = this.authority.verifier.authenticate(credential);
    const [holder] = verified.holders;
    const access = { now: this.#parts.clock(), target: "self" } as const;
    // Everything but the signature is judged first, so that nothing is read in vain.
    const { nodes } = this.#admit(
      holder === undefined ? verified : verified.signedBy(holder),
      access,
    );
    const bytes = this.#bytes.begin(nodes.map(({ id }) => id));
    bytes.more(size);
    if (holder === undefined) return { asker: credential, bytes };
    try {
      const { signer, whole } = await this.#signers.of(arrived, verified, bytes);
      const asker = signer === null ? verified : verified.signedBy(signer);
      this.#admit(asker, { now: this.#parts.clock(), target: "self" });
      return { asker, bytes, whole };
    } catch (error) {
      bytes.end();
      throw error;
    }
  }

  #admit(asker: Asker, access: Access): Verified {
    const verified =
      typeof asker === "string" ? this.authority.verifier.authenticate(asker) : asker;
    try {
      verified.demand(access);
    } catch (error) {
      // By a clock that is wrong, the credential may have ended.
      this.#parts.time.demand();
      throw error;
    }
    return verified;
  }

  /** Another pass of the order may have ended just now, so everything is asked anew. */
  async #pass(order: Order): Promise<Purchase> {
    const { verified, target } = order;
    verified.demand({ now: this.#parts.clock(), target });
    const { delivery, uses, purchases } = this.#parts;
    const kept = delivery.ofKept(order);
    if (kept !== undefined) {
      await uses.answered(order.key);
      return kept;
    }
    const isLimited = verified.limits.some(({ kind: counted }) => counted === "uses");
    return isLimited ? this.#counted(order) : purchases.run(order);
  }

  /**
   * An order under a limited number of uses: the use is claimed before the service is asked, once
   * for all passes of the order, and given back if nothing was served. [case 88]
   */
  async #counted(order: Order): Promise<Purchase> {
    const use = await this.#parts.uses.claim(order);
    let isServed = false;
    try {
      const purchase = await this.#parts.purchases.run(order);
      isServed = purchase.kind === "credential" || purchase.response.status < 500;
      return purchase;
    } finally {
      // An order that broke off before its answer counts too: otherwise an agent that hangs up
      // would never use anything up. [case 89]
      await use.end(isServed || order.progress.unanswered);
    }
  }

  async revoke(asker: Asker, descent: Descent): Promise<string> {
    await this.start();
    const ancestor = this.#admit(asker, { now: this.#parts.clock(), target: "self" });
    const revocation = ancestor.revokeBelow(descent);
    if (!("blocks" in descent)) await this.#parts.nodes.revoked(ancestor, descent).catch(() => {});
    await this.#parts.recall.revoke(revocation, `by ${ancestor.lineage.join(" > ") || "the root"}`);
    return revocation.nodeId;
  }

  async standing(asker: Asker): Promise<readonly NodeStanding[]> {
    await this.start();
    const now = this.#parts.clock();
    return this.#parts.nodes.chain(this.#admit(asker, { now, target: "self" }), now);
  }

  tree(credential: string): Promise<readonly NodeStanding[]> {
    return everyPage(async (after) => {
      const query = { limit: WHOLE_PAGE_ROWS, ...(after !== undefined && { after }) };
      const { nodes, next } = await this.treePage(credential, query);
      return { items: nodes, next };
    });
  }

  /** One page of {@link tree}. */
  async treePage(asker: Asker, query: PageQuery = {}): Promise<NodePage> {
    checkGiven(ownTree, { query });
    await this.start();
    const now = this.#parts.clock();
    return this.#parts.nodes.belowOf(this.#admit(asker, { now, target: "self" }), query, now);
  }

  /** The receipts of payments that this credential's node and the nodes below it made. */
  async receipts(asker: Asker, after: number, limit: number): Promise<readonly ReceiptRow[]> {
    checkGiven(ownReceipts, { query: { after, limit } });
    await this.start();
    const { node } = this.#admit(asker, { now: this.#parts.clock(), target: "self" });
    return this.#parts.receipts.receipts(after, limit, node.id);
  }

  /** Writes down, outside the books, how far they have come. @see TreasuryOptions.witness */
  keepMark(): Promise<void> {
    return this.#parts.restored.keep();
  }

  /** The public key of this treasury's receipts, 64 hex. */
  async receiptKey(): Promise<string> {
    return (await this.#parts.receipts.signer()).publicKey;
  }

  /** Asks the wallet about every payment whose outcome is unknown. */
  async reconcile(): Promise<{ readonly stillOpen: number }> {
    await this.start();
    return this.#parts.reconciler.reconcile();
  }
}

function readUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new AdapterError("ERR_REQUEST", "url is not a URL.");
  }
}
