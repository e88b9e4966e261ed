/** What a treasury's owner sees and may do: everything, apart from the agents' API. */
import type { Scope, Target } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { hexBytes, utf8 } from "../internal/bytes.ts";
import { hkdfExpandUnder, hkdfExtract } from "../internal/crypto.ts";
import { Authority, type Credential, type Secret } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import { ALL_NODES } from "../ports/directives.ts";
import type { JournalEntry } from "../ports/journal.ts";
import type { Health, PaymentFilter, PaymentView, TreasuryOwner } from "../ports/owner.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import type { Store } from "../ports/store.ts";
import type { NodeStanding } from "../ports/treasury.ts";
import { OWNER_PATHS } from "../wire/owner.ts";
import { PAGE_ROWS } from "../wire/page.ts";
import type { Directives } from "./directives.ts";
import type { NodeDirectory } from "./nodes.ts";
import type { Reconciler } from "./reconciler.ts";

export interface OwnerOptions {
  readonly store: Store;
  readonly nodes: NodeDirectory;
  readonly directives: Directives;
  readonly reconciler: Reconciler;
  readonly clock: Clock;
  /** Of the owner's own credentials. */
  readonly authority: Authority;
  readonly revoke: (nodeId: string, reason: string) => Promise<void>;
  readonly start: () => Promise<void>;
  /** Whether a payment is being made by this process. */
  readonly isSending: (paymentHash: string) => boolean;
}

const STUCK_SECONDS = 3600;

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
    const { authority, clock } = this.#options;
    authority.verifier.authenticate(credential).demand({ now: clock(), target });
  }

  async tree(nodeId?: string): Promise<readonly NodeStanding[]> {
    await this.#options.start();
    return this.#options.nodes.below(nodeId, this.#options.clock());
  }

  async payments(filter: PaymentFilter = {}): Promise<readonly PaymentView[]> {
    return (await this.#options.store.payments({ limit: PAGE_ROWS, ...filter })).map(viewOf);
  }

  async journal(after = 0, limit = PAGE_ROWS): Promise<readonly JournalEntry[]> {
    return this.#options.store.journal(after, limit);
  }

  async receipts(after = 0, limit = PAGE_ROWS, nodeId?: string): Promise<readonly ReceiptRow[]> {
    return this.#options.store.receipts(after, limit, nodeId);
  }

  async revoke(nodeId: string, reason = "by its owner"): Promise<void> {
    await this.#options.start();
    await this.#options.revoke(checkedNode(nodeId), reason);
  }

  async freeze(nodeId: string = ALL_NODES, reason = "by its owner"): Promise<void> {
    await this.#stop("freeze", nodeId, reason);
  }

  async thaw(nodeId: string = ALL_NODES, reason = "by its owner"): Promise<void> {
    await this.#stop("thaw", nodeId, reason);
  }

  async #stop(kind: "freeze" | "thaw", nodeId: string, reason: string): Promise<void> {
    await this.#options.start();
    const checked = nodeId === ALL_NODES ? nodeId : checkedNode(nodeId);
    await this.#options.directives.issue({
      kind,
      nodeId: checked,
      at: this.#options.clock(),
      reason,
    });
  }

  async allowPayee(origin: string, payee: string): Promise<void> {
    if (!/^0[23][0-9a-f]{64}$/.test(payee))
      throw new AdapterError(
        "ERR_REQUEST",
        "A payee is a node's public key: 66 hex digits that begin with 02 or 03.",
      );
    await this.#options.store.allowPayee(origin, payee, this.#options.clock());
  }

  async giveUp(paymentHash: string, reason: string): Promise<void> {
    const { store, clock } = this.#options;
    const record = await store.payment(paymentHash);
    if (this.#options.isSending(paymentHash))
      throw new AdapterError(
        "ERR_REQUEST",
        "The payment is being made at this moment, so it cannot be given up.",
      );
    if (record?.status !== "open")
      throw new AdapterError(
        "ERR_REQUEST",
        "There is no open payment of this hash, so there is nothing to give up.",
      );
    await store.note(`override: payment ${paymentHash} was given up: ${reason}`, clock());
    await store.settle(paymentHash, { status: "failed", at: clock() });
  }

  async reconcile(): Promise<{ readonly stillOpen: number }> {
    await this.#options.start();
    return this.#options.reconciler.reconcile();
  }

  async health(): Promise<Health> {
    const { store, directives, reconciler, clock } = this.#options;
    const open = await store.openPayments();
    const reason = reconciler.doubts ?? directives.everything;
    return {
      spending: reason === undefined,
      ...(reason !== undefined && { reason }),
      openPayments: open.length,
      stuckPayments: open.filter(({ createdAt }) => createdAt < clock() - STUCK_SECONDS).length,
    };
  }
}

/**
 * Of a secret of its own, which follows from the treasury's: no credential of the one is one of the
 * other.
 */
export function ownersAuthority(secret: Secret, location: string, clock: Clock): Authority {
  const bytes = typeof secret === "string" ? (hexBytes(secret) ?? new Uint8Array()) : secret;
  const own = hkdfExpandUnder(hkdfExtract(bytes))(utf8("sigil owner"));
  return new Authority({ secret: own, location, kind: "access", clock });
}

function viewOf(record: PaymentRecord): PaymentView {
  const {
    preimage: _,
    macaroon: __,
    claim: ___,
    limitIds: ____,
    reservationId: _____,
    ...view
  } = record;
  return view;
}

function checkedNode(nodeId: string): string {
  if (!/^[0-9a-f]{32}$/.test(nodeId))
    throw new AdapterError("ERR_REQUEST", "A node id is 32 hex digits, in lower case.");
  return nodeId;
}
