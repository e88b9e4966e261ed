/** `l8nt/owner`: the owner's side of a treasury, across HTTP. spec/4-purchase.md §7. */
import { checkKeys, type Keys } from "../internal/keys.ts";
import { everyPage, WHOLE_PAGE_ROWS } from "../internal/pages.ts";
import { Credential } from "../l402/credential.ts";
import type { JournalEntry } from "../ports/journal.ts";
import type {
  ClockView,
  Explanation,
  Health,
  NodeFilter,
  PaymentFilter,
  PaymentView,
  RecallView,
  RevenueTotal,
  TreasuryOwner,
  UnexplainedPayment,
} from "../ports/owner.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import type { NumberedSale } from "../ports/sales.ts";
import type { NodePage, NodeStanding } from "../ports/treasury.ts";
import { checkGiven, type Given, type Message } from "../wire/message.ts";
import {
  ownerAcceptClock,
  ownerAllowPayee,
  ownerClock,
  ownerConfirmBooks,
  ownerExplain,
  ownerFreeze,
  ownerGiveUp,
  ownerHealth,
  ownerJournal,
  ownerPayments,
  ownerRecalls,
  ownerReceipts,
  ownerReconcile,
  ownerReopen,
  ownerRevoke,
  ownerThaw,
  ownerTree,
  ownerUnexplained,
} from "../wire/owner.ts";
import { ownerRevenue, ownerSales } from "../wire/sales.ts";
import { TreasuryHttp } from "./treasury-http.ts";

export interface OwnerClientOptions {
  /** The owner's credential, as `treasury.owner.mint` or `sigil treasury init` made it. */
  readonly credential: Credential | string;
  /** The treasury's URL. @default the location that the credential names */
  readonly url?: string;
  /** @default the global `fetch` */
  readonly fetch?: typeof fetch;
}

const OPTIONS = { credential: true, url: true, fetch: true } satisfies Keys<OwnerClientOptions>;

/**
 * The owner's client of a treasury across HTTP. It has the methods of `treasury.owner`, with the
 * same results and the same errors. It runs on Node, Deno, Bun, Workers and in browsers; a treasury
 * itself answers no page of another origin.
 *
 * Every method throws a TokenError for a credential that is not the owner's, a DeniedError for one
 * that does not cover the request, and an AdapterError: `ERR_REQUEST` for an argument that the
 * treasury refuses, `ERR_TREASURY` if the treasury cannot be reached.
 *
 * @example
 * import { OwnerClient } from "l8nt/owner";
 *
 * const { SIGIL_OWNER_CREDENTIAL: credential = "" } = process.env;
 * const owner = new OwnerClient({ credential });
 * const { spending, reason } = await owner.health();
 * if (!spending) console.log(reason);
 * for (const { agent, id } of await owner.tree())
 *   if (agent === "scout") await owner.revoke(id, "no longer needed");
 */
export class OwnerClient implements TreasuryOwner {
  readonly #treasury: TreasuryHttp;
  readonly #credential: string;

  /**
   * @throws TypeError for an unknown option
   * @throws TokenError for a credential that cannot be read
   * @throws AdapterError `ERR_REQUEST` for a URL that is none, or plain HTTP beyond this machine
   */
  constructor(options: OwnerClientOptions) {
    checkKeys(options, OPTIONS, "an owner's client");
    const { credential: given, url, fetch: fetcher } = options;
    const credential = typeof given === "string" ? Credential.parse(given) : given;
    this.#credential = credential.toString();
    this.#treasury = new TreasuryHttp(
      url ?? credential.location,
      fetcher ?? ((input, init) => globalThis.fetch(input, init)),
    );
  }

  health(): Promise<Health> {
    return this.#ask(ownerHealth, {});
  }

  tree(nodeId?: string): Promise<readonly NodeStanding[]> {
    return everyPage(async (after) => {
      const { nodes, next } = await this.treePage({
        limit: WHOLE_PAGE_ROWS,
        ...given({ nodeId, after }),
      });
      return { items: nodes, next };
    });
  }

  treePage({ nodeId, ...page }: NodeFilter = {}): Promise<NodePage> {
    return this.#ask(ownerTree, { query: { ...page, ...given({ node: nodeId }) } });
  }

  async payments({ nodeId, ...filter }: PaymentFilter = {}): Promise<readonly PaymentView[]> {
    const query = { ...filter, ...given({ node: nodeId }) };
    return (await this.#ask(ownerPayments, { query })).payments;
  }

  async journal(after?: number, limit?: number): Promise<readonly JournalEntry[]> {
    return (await this.#ask(ownerJournal, { query: given({ after, limit }) })).entries;
  }

  async receipts(after?: number, limit?: number, nodeId?: string): Promise<readonly ReceiptRow[]> {
    const query = given({ after, limit, node: nodeId });
    return (await this.#ask(ownerReceipts, { query })).receipts;
  }

  async sales(after?: number, limit?: number): Promise<readonly NumberedSale[]> {
    return (await this.#ask(ownerSales, { query: given({ after, limit }) })).sales;
  }

  async revenue(by: "day" | "route"): Promise<readonly RevenueTotal[]> {
    return (await this.#ask(ownerRevenue, { query: { by } })).totals;
  }

  async revoke(nodeId: string, reason?: string): Promise<void> {
    await this.#ask(ownerRevoke, { body: { node: nodeId, ...given({ reason }) } });
  }

  async recalls(nodeId?: string, limit?: number): Promise<readonly RecallView[]> {
    const query = given({ node: nodeId, limit });
    return (await this.#ask(ownerRecalls, { query })).recalls;
  }

  async freeze(nodeId?: string, reason?: string): Promise<void> {
    await this.#ask(ownerFreeze, { body: given({ node: nodeId, reason }) });
  }

  async thaw(nodeId?: string, reason?: string): Promise<void> {
    await this.#ask(ownerThaw, { body: given({ node: nodeId, reason }) });
  }

  reconcile(): Promise<{ readonly stillOpen: number }> {
    return this.#ask(ownerReconcile, { body: {} });
  }

  async unexplained(): Promise<readonly UnexplainedPayment[]> {
    return (await this.#ask(ownerUnexplained, {})).payments;
  }

  async explain(paymentHash: string, explanation: Explanation, reason?: string): Promise<void> {
    const { as } = explanation;
    const node = as === "node" ? explanation.nodeId : undefined;
    await this.#ask(ownerExplain, {
      parameters: { hash: paymentHash },
      body: { as, ...given({ node, reason }) },
    });
  }

  async confirmBooks(reason?: string): Promise<void> {
    await this.#ask(ownerConfirmBooks, { body: given({ reason }) });
  }

  clock(): Promise<ClockView> {
    return this.#ask(ownerClock, {});
  }

  async acceptClock(reason?: string): Promise<void> {
    await this.#ask(ownerAcceptClock, { body: given({ reason }) });
  }

  async allowPayee(origin: string, payee: string): Promise<void> {
    await this.#ask(ownerAllowPayee, { body: { origin, payee } });
  }

  async reopen(origin: string): Promise<void> {
    await this.#ask(ownerReopen, { body: { origin } });
  }

  async giveUp(paymentHash: string, reason: string): Promise<void> {
    await this.#ask(ownerGiveUp, { parameters: { hash: paymentHash }, body: { reason } });
  }

  async #ask<Path, Query, Body, Answer>(
    message: Message<Path, Query, Body, Answer>,
    asked: Given<Path, Query, Body>,
  ): Promise<Answer> {
    // The writer leaves out what a message does not list: a misspelt filter would filter nothing.
    checkGiven(message, asked as Parameters<typeof checkGiven>[1]);
    return this.#treasury.ask(message, this.#credential, asked);
  }
}

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what is undefined. */
const given = <T extends object>(members: T): Present<T> =>
  Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as Present<T>;
