/** The treasury of a cell, in this process or in one that is killed. */
import { openWallet } from "l8nt";
import { serve } from "l8nt/node";
import type { Store } from "l8nt/ports";
import { auditLedger, guardedFetch, serveTreasury, type Treasury } from "l8nt/treasury";
import { mined, type Pass } from "./mine.ts";

/** How the URL ends at which a service hears of revocations. */
export const REVOCATIONS = "/revocations";

export interface TreasuryOrders {
  readonly secret: string;
  readonly location: string;
  readonly wallet: string;
  /** How long a service may take to begin its answer. */
  readonly requestTimeout: `${number}s`;
  /** Whether it writes no recall for a revocation: it dies before they reach the disk. */
  readonly losesRecalls?: boolean;
}

/** What the books say at the end. */
export interface Books {
  /** Payments whose outcome is not known, after the wallet was asked. */
  readonly open: number;
  /** Of the tree: what is spent and reserved. */
  readonly spentMsat: bigint;
  readonly undelivered: readonly string[];
  /** Uses that are counted at each limit on uses. */
  readonly uses: readonly bigint[];
  readonly faults: readonly string[];
}

export interface RunningTreasury {
  readonly url: string;
  /** Revokes a node, as the owner. */
  revoke(nodeId: string): Promise<void>;
  books(root: string): Promise<Books>;
  close(): Promise<void>;
}

export async function openTreasury(
  orders: TreasuryOrders,
  store: Store,
  { alarm, pass }: { readonly alarm: (what: string) => void; readonly pass: Pass },
): Promise<RunningTreasury> {
  const { secret, location, wallet, requestTimeout, losesRecalls = false } = orders;
  if (losesRecalls) Object.assign(store, { recall: () => new Promise(() => {}) });
  const reach = guardedFetch({ allowLoopback: true });
  const served = await serveTreasury({
    secret,
    location,
    wallet: mined("wallet", { ...(await openWallet(wallet)) }, pass),
    store: mined("store", store, pass),
    requestTimeout,
    async fetch(input, init) {
      const request = new Request(input, init);
      const isPaid = request.headers.has("authorization");
      if (isPaid) pass(request.url.endsWith(REVOCATIONS) ? "recall before" : "service before");
      const response = await reach(request);
      if (isPaid) pass("service after");
      return response;
    },
    alarm,
  });
  const listening = await serve(
    async (request) => {
      const response = await served.handler(request);
      if (new URL(request.url).pathname === "/v1/purchases") pass("answer before");
      return response;
    },
    { origin: location },
  );
  return {
    url: listening.url,
    revoke: (nodeId) => served.treasury.owner.revoke(nodeId),
    books: (root) => booksOf(served.treasury, store, root),
    async close() {
      await served.stop();
      await listening.close();
    },
  };
}

export async function booksOf(
  treasury: Pick<Treasury, "owner" | "tree">,
  store: Store,
  root: string,
): Promise<Books> {
  const { stillOpen } = await treasury.owner.reconcile();
  const nodes = await treasury.tree(root);
  const payments = await treasury.owner.payments({ limit: 1000 });
  const { faults } = await auditLedger(store);
  return {
    open: stillOpen,
    spentMsat: nodes[0]?.spent.find(({ unit }) => unit === "msat")?.value ?? 0n,
    undelivered: payments
      .filter(({ status }) => status === "undelivered")
      .map(({ paymentHash }) => paymentHash),
    uses: nodes.flatMap(({ limits }) =>
      limits.filter(({ unit }) => unit === undefined).map(({ used }) => used),
    ),
    faults: faults.map(({ what, id }) => `${what} (${id})`),
  };
}
