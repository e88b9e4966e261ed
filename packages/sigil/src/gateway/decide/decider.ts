/**
 * Decides about requests that something else serves. It sees no body and no answer, so a use is
 * used up once its request is let through, and nothing can be metered.
 */
import { Credential } from "l8nt";
import type { Granted, Paywall, Refused, Route, Terms } from "l8nt/service";
import { type Lines, valuesOf } from "../core/fields.ts";
import { targetIn } from "../core/request.ts";
import { keysIn } from "../credential/place.ts";
import { Denied, denialOf } from "../denied.ts";
import { matchRoute } from "../presets/match.ts";
import type { PresetRoute } from "../presets/preset.ts";
import type { Original } from "./original.ts";

/** Who may pass on a route. */
export type Access = "free" | "credential" | "paid";

export interface DecidedRoute {
  /** A method, or `*` for any. */
  readonly method: string;
  /** Segments, `*` for one, and `**` at the end for any number: `/v1/**`. */
  readonly path: string;
  readonly access: Access;
  readonly terms: Omit<Terms, "metered" | "path">;
}

/** What the upstream is told of a request that passes. */
export interface Facts {
  readonly access: Access;
  /** Empty for a request that was free. */
  readonly node: string;
  /** The agents' names, from the root on. */
  readonly lineage: readonly string[];
}

export type Decision =
  | { readonly kind: "allowed"; readonly facts: Facts }
  | { readonly kind: "denied"; readonly denied: Denied }
  /** By the paywall, which may have something for sale. */
  | { readonly kind: "refused"; readonly refused: Refused };

/**
 * `settled`: it passes, and what it uses is used. `asked`: nobody is let through by the answer, so
 * nothing is used. `announced`: as `settled`, and a denial makes no invoice yet.
 */
export type Purpose = "settled" | "asked" | "announced";

interface Open {
  readonly access: Access;
  /** Undefined if the route is free. */
  readonly route: Route | undefined;
}

export class Decider {
  readonly #routes: readonly PresetRoute[];
  readonly #open = new Map<PresetRoute, Open>();

  /** @throws TypeError for terms that cannot be decided alone, or never be minted */
  constructor(paywall: Paywall, routes: readonly DecidedRoute[]) {
    for (const { method, path, access, terms } of routes) {
      if ((terms as Terms).metered === true)
        throw new TypeError(
          "a metered route is settled by its answer, which a decision never sees",
        );
      const { capability = "call" } = terms;
      this.#open.set(
        { method, path, capability, meter: "flat" },
        { access, route: access === "free" ? undefined : paywall.route(terms) },
      );
    }
    this.#routes = [...this.#open.keys()];
  }

  async decide(original: Original, lines: Lines, purpose: Purpose): Promise<Decision> {
    try {
      return await this.#decide(original, lines, purpose);
    } catch (error) {
      return { kind: "denied", denied: denialOf(error) };
    }
  }

  async #decide(original: Original, lines: Lines, purpose: Purpose): Promise<Decision> {
    const { method, target, clientAddress } = original;
    const read = targetIn(target);
    if (read === undefined || target.includes("#")) throw misspelt();
    checkFields(lines);
    const match = matchRoute({ routes: this.#routes }, method, read.path);
    if (match === undefined) throw unlisted(method, read.path);
    const { access, route } = this.#open.get(match.route)!;
    if (route === undefined) return { kind: "allowed", facts: { access, node: "", lineage: [] } };
    const decision = await route.authorize({
      ...{ method, target, clientAddress, ...presentedIn(lines) },
      prefer: purpose === "announced" ? "no-invoice" : valuesOf(lines, "prefer").join(", "),
      // Only the method and the path lead to a route.
      headers: () => new Headers(),
    });
    if (decision.granted) return this.#granted(decision, access, purpose);
    if (decision.error === undefined) throw new TypeError("a request was answered, not decided");
    return { kind: "refused", refused: decision };
  }

  async #granted(granted: Granted, access: Access, purpose: Purpose): Promise<Decision> {
    const { nodeId = "", lineage } = granted.grant;
    // The upstream will serve it, for all that is known here.
    await granted.finish(purpose === "asked" ? undefined : 200);
    return { kind: "allowed", facts: { access, node: nodeId, lineage } };
  }

  close(): void {
    for (const { route } of this.#open.values()) route?.close();
  }
}

/**
 * What a request presents: in the fields of the library's own clients, and as an API key. An API
 * key of another form is the API's own, and presents nothing.
 */
function presentedIn(lines: Lines) {
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

/** In the key form, or in any other that is a credential. */
function isOurs(key: string): boolean {
  if (key.startsWith("sk-sigil-")) return true;
  try {
    return Credential.parse(key) !== undefined;
  } catch {
    return false;
  }
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
