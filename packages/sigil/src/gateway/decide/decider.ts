/**
 * Decides about requests that something else serves. It sees no body and no answer, so a use is
 * used up once its request is let through, and nothing can be metered.
 */
import { type AmountText, TokenError } from "l8nt";
import { type Amount, formatAmount } from "l8nt/invoice";
import { authenticateFields, type Presented, prepareFields, type Verified } from "l8nt/l402";
import type { Granted, Paywall, RequestFacts, Route, Terms } from "l8nt/service";
import { hasBudget } from "../admission.ts";
import { type Lines, valuesOf } from "../core/fields.ts";
import { targetIn } from "../core/request.ts";
import { isOurs, keysIn } from "../credential/place.ts";
import { type Presenting, signed } from "../credential/prove.ts";
import { noBudget, noFreeRequest, notForSale } from "../denials.ts";
import { Denied, denialOf } from "../denied.ts";
import type { Entry } from "../entry.ts";
import { freeQuotaOf, Routes, type Rule, type ServedRoute } from "../routes.ts";
import { deniedBy } from "../selling/offered.ts";
import type { Original } from "./original.ts";

/** A route as its owner writes it. */
export interface DecidedRule extends Rule {
  /** What one payment buys. */
  readonly grants?: Terms["grants"] & object;
}

/** What the upstream is told of a request that passes. */
export interface Facts {
  readonly access: Rule["access"];
  /** Empty for a request that was free. */
  readonly node: string;
  /** The agents' names, from the root on. */
  readonly lineage: readonly string[];
}

export type Decision =
  | { readonly kind: "allowed"; readonly facts: Facts }
  | { readonly kind: "denied"; readonly denied: Denied };

/**
 * `settled`: it passes, and what it uses is used. `asked`: nobody is let through by the answer, so
 * nothing is used. `announced`: as `settled`, and a denial makes no invoice yet.
 */
export type Purpose = "settled" | "asked" | "announced";

interface Open {
  /** Undefined if the route is free. */
  readonly route: Route | undefined;
  /** For requests without a credential. */
  readonly freebie: Route | undefined;
}

/** One request as it is decided. */
interface Asking {
  readonly original: Original;
  readonly lines: Lines;
  readonly purpose: Purpose;
  readonly entry: Entry;
  readonly match: ServedRoute;
}

export class Decider {
  readonly paywall: Paywall;
  readonly #routes: Routes;
  readonly #open: ReadonlyMap<Rule, Open>;

  /** @throws TypeError for terms that cannot be decided alone, or never be minted */
  constructor(paywall: Paywall, rules: readonly DecidedRule[]) {
    this.paywall = paywall;
    this.#routes = new Routes({ routes: [] }, { rules, price: "free" });
    if (rules.some(({ price }) => price === "meter"))
      throw new TypeError("a metered route is settled by its answer, which a decision never sees");
    this.#open = new Map(rules.map((rule) => [rule, openedAt(paywall, rule)]));
  }

  /** @throws what is a fault of the service */
  async decide(
    original: Original,
    lines: Lines,
    purpose: Purpose,
    entry: Entry,
  ): Promise<Decision> {
    try {
      const read = targetIn(original.target);
      if (read === undefined || original.target.includes("#")) throw misspelt();
      checkFields(lines);
      const match = this.#routes.find(original.method, read.path);
      if (match === undefined) throw unlisted(original.method, read.path);
      const { rule, capability } = match;
      entry.know({ route: rule.path, ...(rule.capability && { capability }) });
      const facts = await this.#passing({ original, lines, purpose, entry, match });
      return { kind: "allowed", facts };
    } catch (error) {
      return { kind: "denied", denied: denialOf(error) };
    }
  }

  /** @throws the denial, and every error that `denialOf` reads */
  async #passing(asking: Asking): Promise<Facts> {
    const { match, entry } = asking;
    const { rule, charge } = match;
    const { access } = rule;
    const { route, freebie } = this.#open.get(rule)!;
    if (route === undefined) return { access, node: "", lineage: [] };
    const fields = presentedIn(asking.lines);
    const { verifier } = this.paywall;
    await prepareFields(verifier, fields);
    const verified = provenBy(() => authenticateFields(verifier, fields));
    if (verified !== undefined) entry.proven(verified);
    const isSold = verified !== undefined && this.paywall.isSold(verified);
    if (isSold && access !== "paid") throw notForSale();
    const price = charge.kind === "flat" ? charge.price : undefined;
    // A purchase of one request, or for a time, has no budget.
    if (
      price !== undefined &&
      verified !== undefined &&
      !isSold &&
      !hasBudget(verified, price.unit)
    )
      throw noBudget(price.unit);
    const isNobody = fields.authorization === undefined && fields.macaroon === undefined;
    if (freebie !== undefined && isNobody) return this.#free(freebie, asking);
    const decision = await route.authorize({
      ...factsOf(asking),
      ...(verified === undefined
        ? { authorization: null, ...fields }
        : {
            authorization: null,
            verified: await signed(this.paywall, verified, presentingOf(asking)),
          }),
      ...(price !== undefined && access !== "paid" && { price }),
    });
    if (decision.granted) return this.#granted(decision, asking);
    if (decision.error === undefined) throw new TypeError("a request was answered, not decided");
    throw await deniedBy(decision, {
      estimateMsat: access === "paid" ? price?.value : undefined,
      isFlat: true,
    });
  }

  /** @throws Denied if the address has had its free requests */
  async #free(route: Route, asking: Asking): Promise<Facts> {
    const decision = await route.authorize({ ...factsOf(asking), authorization: null });
    if (decision.granted) return this.#granted(decision, asking);
    if (decision.error instanceof TokenError) throw noFreeRequest(asking.match.rule.freePerDay!);
    throw decision.error;
  }

  async #granted(granted: Granted, { match, purpose, entry }: Asking): Promise<Facts> {
    const { nodeId = "", lineage, price } = granted.grant;
    // The upstream will serve it, for all that is known here.
    const spent = await granted.finish(purpose === "asked" ? undefined : 200);
    if (purpose !== "asked" && price.value > 0n)
      entry.know({
        ...{ unit: price.unit, reserved: price.value, price: "flat" },
        spent: spent?.value ?? 0n,
      });
    return { access: match.rule.access, node: nodeId, lineage };
  }

  close(): void {
    this.paywall.close();
  }
}

function openedAt(paywall: Paywall, rule: DecidedRule): Open {
  const { access, price, capability, grants } = rule;
  if (access === "free") return { route: undefined, freebie: undefined };
  const terms: Terms = {
    ...(capability !== undefined && { capability }),
    // At any other route a price is of the request, so that nothing is sold.
    ...(access === "paid" && typeof price === "object" && { price: amountText(price) }),
    ...(grants !== undefined && { grants }),
  };
  return {
    route: paywall.route(terms),
    freebie: access === "freebie" ? paywall.route({ free: freeQuotaOf(rule) }) : undefined,
  };
}

/** Without commas, which are for people. */
const amountText = (amount: Amount): AmountText =>
  formatAmount(amount).replaceAll(",", "") as AmountText;

/** Undefined for what proves nothing: the paywall reads it again, and says why. */
function provenBy(prove: () => Verified | undefined): Verified | undefined {
  try {
    return prove();
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}

/**
 * What a signature can be compared with. Content is not seen, so a request proves nothing if it may
 * have some: if its method gives content a meaning (RFC 9110 §9.3.1), or a digest was signed.
 */
function presentingOf({ original, lines, purpose }: Asking): Presenting {
  const { method, target } = original;
  const isRead = method === "GET" || method === "HEAD";
  const isEmpty = isRead && valuesOf(lines, "content-digest").length === 0;
  const body = async () => (isEmpty ? new Uint8Array() : undefined);
  return { method, target, lines, body, isOnlyAsked: purpose === "asked" };
}

function factsOf({
  original,
  lines,
  purpose,
  entry,
  match,
}: Asking): Omit<RequestFacts, "authorization"> {
  const { method, target, clientAddress } = original;
  const { rule, capability, model } = match;
  return {
    ...{ method, target, clientAddress, model },
    ...(rule.capability !== undefined && { capability }),
    prefer: purpose === "announced" ? "no-invoice" : valuesOf(lines, "prefer").join(", "),
    // Only the method and the path lead to a route.
    headers: () => new Headers(),
    useId: entry.id,
  };
}

/**
 * What a request presents: in the fields of the library's own clients, and as an API key. An API
 * key of another form is the API's own, and presents nothing.
 */
function presentedIn(lines: Lines): Presented {
  const keys = keysIn(lines).filter(isOurs);
  const sent = valuesOf(lines, "authorization");
  // A line of another scheme presents nothing, and a key that stands alone is looked up faster.
  const ours = keys.length === 0 ? sent : sent.filter((line) => /l402|lsat/i.test(line));
  const authorization = [...ours, ...keys.map((key) => `L402 ${key}`)];
  const macaroon = [...valuesOf(lines, "grpc-metadata-macaroon"), ...valuesOf(lines, "macaroon")];
  return {
    authorization: authorization.length === 0 ? undefined : authorization.join(", "),
    macaroon: macaroon.length === 0 ? undefined : macaroon.join(", "),
  };
}

/**
 * Fields by which an upstream may take a request for another one than was judged. A field with `_`
 * in its name is one with `-` to CGI, WSGI and PHP.
 */
const OF_ANOTHER_REQUEST =
  /^x[-_](?:http[-_]method(?:[-_]override)?|method[-_]override|original[-_]url|rewrite[-_]url)$/i;
const OURS_MISSPELT = /^(?=[^_]*_)x[-_]sigil[-_]/i;

/** @throws Denied */
function checkFields(lines: Lines): void {
  for (let at = 0; at < lines.length; at += 2) {
    const name = lines[at]!;
    if (OF_ANOTHER_REQUEST.test(name) || OURS_MISSPELT.test(name))
      throw new Denied({
        status: 400,
        code: "field_not_allowed",
        title: "Field not allowed",
        detail: `Sigil: the header field ${name.toLowerCase()} could make another request of this one. Leave it out.`,
      });
  }
}

const misspelt = (): Denied =>
  new Denied({
    status: 400,
    code: "bad_request",
    title: "Bad request",
    detail:
      "Sigil: The path is not in its canonical spelling: it has dot segments, an encoded slash, or characters that must or must not be encoded.",
  });

const unlisted = (method: string, path: string): Denied =>
  new Denied({
    status: 403,
    code: "route_not_listed",
    title: "Not a route of this service",
    detail: `Sigil: no route is listed for ${method.slice(0, 32)} ${path.slice(0, 200)}. What is not listed is denied.`,
  });
