/**
 * Minting: for a service that trusts the treasury's issuer, an order is answered with a credential
 * that the treasury makes, and nothing is paid. spec/4-purchase.md §5.
 */
import {
  type Base,
  formatOrigin,
  nodesAt,
  serviceVocabulary,
  type Target,
} from "../caveat/index.ts";
import type { Credential } from "../credential/index.ts";
import { PaymentError, TokenError } from "../errors.ts";
import { discard } from "../http/discard.ts";
import { linesOf } from "../http/field-lines.ts";
import { keyOfUse } from "../http/idempotency.ts";
import { Lru } from "../internal/lru.ts";
import { issuersIn } from "../l402/issuers.ts";
import type { Clock } from "../ports/clock.ts";
import type { Journal } from "../ports/journal.ts";
import type { Purchase } from "../ports/treasury.ts";
import { asksForIssued, deniesCondition, isRefusal } from "../wire/service-refusal.ts";
import type { Delivery } from "./delivery.ts";
import type { Digest } from "./derived.ts";
import type { SpendingGate } from "./gate.ts";
import type { Grant, Grants } from "./grants.ts";
import { mintedLine } from "./minted-nodes.ts";
import { type HandedOut, handoverCaveats, mintedFor, openedBelow, sealed } from "./narrowing.ts";
import type { NodeDirectory } from "./nodes.ts";
import { givenKeyOf, type Order } from "./order.ts";
import { serviceTime } from "./paid-credential.ts";
import type { Recall } from "./recall.ts";
import type { ServiceRequests } from "./service-requests.ts";

export interface MintingOptions {
  readonly store: Pick<Journal, "note">;
  readonly clock: Clock;
  readonly gate: SpendingGate;
  readonly nodes: Pick<NodeDirectory, "spent">;
  readonly recall: Recall;
  readonly services: ServiceRequests;
  readonly delivery: Pick<Delivery, "ofFree">;
  /** Of the keys of relayed requests. */
  readonly digest: Digest;
  readonly grants: Grants;
  /** The services that the owner listed, by their origins. */
  readonly bases: ReadonlyMap<string, Base>;
  readonly payIfRefused: boolean;
}

/** How the answer of the service decides about an order. */
export interface Wanted {
  /** The service's clock minus ours, in seconds. */
  readonly skewSeconds: number;
  /** Whether the service has something to sell as well. */
  readonly mayPay: boolean;
}

/** Every verifier of the form judges all of them. spec/9-public-key.md §5 */
const ENFORCED = serviceVocabulary().names;
/** How many nodes of one grant are noted in the journal; the others are in the tree alone. */
const MAX_NOTED = 32;
const REMEMBERED = 10_000;

export class Minting {
  readonly #options: MintingOptions;
  /** The nodes that are noted, by the id of their grant. */
  readonly #noted = new Lru<string, Set<string>>(REMEMBERED);

  constructor(options: MintingOptions) {
    this.#options = options;
  }

  /**
   * Whether a credential is minted for the order: the owner listed the service, and its answer
   * names the issuer. Either alone is not enough.
   */
  async isWanted({ target }: Order, response: Response): Promise<boolean> {
    const { bases, grants } = this.#options;
    const base = bases.get(formatOrigin(target.origin));
    if (base === undefined || !isBelow(target, base)) return false;
    if (!issuersIn(linesOf(response, "www-authenticate")).includes(grants.issuer)) return false;
    return response.status === 402 || asksForIssued(response);
  }

  /**
   * Hands over what is minted, or relays the request with it. Undefined if the service refuses it
   * and is to be paid.
   *
   * @throws PaymentError `ERR_ISSUER_REFUSED`; DeniedError; TokenError `ERR_TOKEN_TOO_LARGE`
   */
  async deliver(order: Order, wanted: Wanted): Promise<Purchase | undefined> {
    const { verified, target, request } = order;
    const { grants, nodes } = this.#options;
    const origin = formatOrigin(target.origin);
    const rootId = verified.nodes[0]!.id;
    await nodes.spent(verified);
    // The agent's word is not believed: the treasury presents what it refused itself.
    let mayHandOver = request.refused === undefined;
    for (let grant = grants.of(rootId, origin); grant !== undefined; ) {
      const purchase =
        (mayHandOver ? await this.#handOver(order, grant, wanted) : undefined) ??
        (await this.#relay(order, grant, wanted));
      if (purchase !== undefined) return purchase;
      mayHandOver = false;
      if (!grants.renew(rootId, origin, grant))
        return this.#refused(
          wanted,
          `${origin} says that it trusts ${grants.issuer}, and refuses what was minted for it`,
        );
      grant = grants.of(rootId, origin);
    }
    return this.#refused(
      wanted,
      `Nothing was minted for ${origin}, because every key of ${grants.issuer} has ended`,
    );
  }

  #refused({ mayPay }: Wanted, why: string): undefined {
    if (this.#options.payIfRefused && mayPay) return undefined;
    throw new PaymentError(
      "ERR_ISSUER_REFUSED",
      "no",
      `${why}. Nothing was paid: the treasury's owner has to look at it.`,
    );
  }

  /** Undefined if the request must be relayed. */
  async #handOver(
    order: Order,
    grant: Grant,
    { skewSeconds }: Wanted,
  ): Promise<Purchase | undefined> {
    const { verified, target } = order;
    const { clock, recall } = this.#options;
    const origin = formatOrigin(target.origin);
    const line = mintedLine(verified.nodes.map(({ id }) => id));
    const out: HandedOut = {
      ...{ paymentHash: grant.id, origin, enforced: ENFORCED, skewSeconds },
      // The root of the tree stands for who pays: what is below it costs nothing, and is bounded.
      nodeIds: line.slice(0, 2),
    };
    const until = clock() + recall.lifeSeconds(out);
    const caveats = handoverCaveats(verified, line, target, out, serviceTime(out, until));
    const credential = caveats === undefined ? undefined : sealedBelow(grant.full, caveats);
    const access = { now: serviceTime(out, clock()), target };
    if (credential === undefined || credential.certainRefusals(access).length > 0) return undefined;
    // Durable before the credential leaves, so that a revocation from now on recalls it.
    if (!(await recall.handOver(line, out, until))) return undefined;
    await this.#note(order, grant);
    // Writing takes time, and the agent may have been revoked or frozen meanwhile. [case 111]
    this.#demand(order);
    return { kind: "credential", credential: credential.toString() };
  }

  /** Undefined if the service refuses it. @throws TokenError if it cannot be narrowed enough */
  async #relay(order: Order, grant: Grant, { skewSeconds }: Wanted): Promise<Purchase | undefined> {
    const { verified, target, key, priced } = order;
    const { clock, services, delivery, digest } = this.#options;
    const terms = { enforced: ENFORCED, now: clock(), skewSeconds };
    const shown = mintedFor(target, grant.full, verified, terms);
    await this.#note(order, grant);
    this.#demand(order);
    // All agents of the tree present the same one, and a service could not tell them apart.
    const given = givenKeyOf(order);
    const use = keyOfUse({ given, sharer: verified.node.id, use: ["minted", priced, key], digest });
    const { response } = await services.present(order, shown, use);
    // What the agent may not do is no refusal of the issuer, and is not paid for either.
    if ((await isRefusal(response)) && !(await deniesCondition(response))) {
      discard(response);
      return undefined;
    }
    return delivery.ofFree(order, response);
  }

  /** @throws DeniedError, AdapterError */
  #demand({ verified, target }: Order): void {
    const { clock, gate } = this.#options;
    verified.demand({ now: clock(), target });
    gate.demand(verified);
  }

  async #note({ verified, target }: Order, { id }: Grant): Promise<void> {
    const { store, clock } = this.#options;
    const noted = this.#noted.get(id) ?? new Set();
    const node = verified.node.id;
    if (noted.has(node) || noted.size >= MAX_NOTED) return;
    const origin = formatOrigin(target.origin);
    await store.note(`minted for ${origin}: node ${node}, grant ${id}, nothing paid`, clock());
    this.#noted.set(id, noted.add(node));
  }
}

const isBelow = ({ path }: Target, base: Base): boolean =>
  path === base.path || path.startsWith(`${base.path}/`);

/**
 * The credential as it leaves: each node in a block of its own, because the place after one depends
 * on all that its block says; then the rest. Undefined if it would be too large to send.
 */
function sealedBelow(full: Credential, caveats: readonly string[]): Credential | undefined {
  const nodes = nodesAt(caveats);
  const rest = caveats.filter((_, at) => !nodes.includes(at));
  try {
    const narrowed = openedBelow(
      full,
      nodes.map((at) => caveats[at]!),
    ).append(rest);
    return sealed(narrowed);
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}
