/** `l8nt/hono`: the paywall as Hono middleware, wherever Hono runs. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context, Handler, MiddlewareHandler, Next } from "hono";
import { exposed, LIST_FIELDS, withListed } from "../http/exposed.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { isUpgrade, isWellKnown, NodeFacts } from "../node/facts.ts";
import { sendPrivately } from "../node/private.ts";
import { addCallTrailers } from "../node/response.ts";
import { sentStatus, settle, settleBy } from "../node/settlement.ts";
import { stripIncoming } from "../node/stripped.ts";
import { closeUnread } from "../node/unread.ts";
import { refuseInstead, watchUpgrades } from "../node/upgrade.ts";
import { rendering } from "../service/answered.ts";
import { isForSharedCaches, privateCacheControl, varyWithCredentials } from "../service/caching.ts";
import { factsOf } from "../service/facts.ts";
import { stripHeaders } from "../service/forwarded.ts";
import { guardOf, leaveGuard } from "../service/guard.ts";
import { asGuard, checkGuards, listGuards } from "../service/guards.ts";
import type {
  Answered,
  Decision,
  Grant,
  Granted,
  Paywall,
  Refused,
  RequestFacts,
  Terms,
} from "../service/index.ts";
import { keeping } from "../service/keeping.ts";
import { copyOfBody } from "../service/price.ts";
import { endingWithCredential } from "../service/served-grant.ts";
import { strippedRequest } from "../service/stripped.ts";
import { withEnd } from "../service/with-end.ts";
import { USE_FIELD } from "../wire/consumption.ts";

export type { Grant, Terms } from "../service/index.ts";

/** The type of `c.get("grant")` in a handler behind {@link paid}. */
export interface PaidEnv {
  Variables: { grant: Grant };
}

export interface PaidOptions {
  /**
   * The peer's address, for a server behind a trusted proxy and for runtimes other than Node.
   *
   * @default the address of the socket, on Node
   */
  readonly clientAddress?: (c: Context) => string | undefined;
}

const OPTIONS = { clientAddress: true } satisfies Keys<PaidOptions>;

/** `c.env` under @hono/node-server. */
interface NodeBindings {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
}

/**
 * Puts the paywall before a route: as the route's only handler, around one of yours, or as
 * middleware before the handlers that follow. The first form is the faster one, because Hono calls
 * a single handler directly.
 *
 * @example
 * app.get(
 *   "/forecast",
 *   paid(paywall, { price: "10 sat" }, (c) => c.json({ for: c.get("grant").lineage })),
 * );
 */
export function paid<E extends PaidEnv = PaidEnv, P extends string = string>(
  paywall: Paywall,
  terms: Terms,
  handler: Handler<E, P>,
  options?: PaidOptions,
): Handler<E, P>;
/**
 * The paywall as middleware.
 *
 * @example
 * app.get("/forecast", paid(paywall, { price: "10 sat" }), (c) =>
 *   c.json({ for: c.get("grant").lineage }),
 * );
 */
export function paid(
  paywall: Paywall,
  terms?: Terms,
  options?: PaidOptions,
): MiddlewareHandler<PaidEnv>;
export function paid(
  paywall: Paywall,
  terms: Terms = {},
  handlerOrOptions: Handler<PaidEnv> | PaidOptions = {},
  handlerOptions: PaidOptions = {},
): Handler<PaidEnv> {
  const isHandler = typeof handlerOrOptions === "function";
  const options = isHandler ? handlerOptions : handlerOrOptions;
  checkKeys(options, OPTIONS, "paid");
  const { clientAddress } = options;
  const route = paywall.route(terms);
  const proceed: Proceed = isHandler ? handlerOrOptions : (_, next) => next();
  const serve = (c: Context<PaidEnv>, next: Next, decision: Decision): unknown => {
    if (!decision.granted) return ungranted(c, decision);
    c.set("grant", decision.grant);
    strip(c);
    const { outgoing } = (c.env ?? {}) as NodeBindings;
    if (typeof outgoing?.writeHead !== "function")
      return decision.claimed || decision.grant.nodeId !== undefined
        ? settled(c, next, decision, proceed)
        : proceed(c, next);
    // By the head as it is sent: middleware before this one may make a 304 of the answer.
    if (decision.claimed) settleBy(outgoing, decision);
    sendPrivately(outgoing, decision);
    const keep = decision.keeper();
    // Waits for nothing, unless the answer is kept: each promise costs every request a turn.
    return keep === undefined ? proceed(c, next) : settled(c, next, decision, proceed, keep);
  };
  // Returns no promise if nothing has to be waited for: each promise costs every request a turn.
  const guard = ((c, next) => {
    const decided = route.authorize(honoFacts(paywall, c, clientAddress));
    return decided instanceof Promise
      ? decided.then((decision) => serve(c, next, decision))
      : serve(c, next, decided);
  }) as Handler<PaidEnv>;
  if (isHandler) final.add(guard);
  return asGuard(guard, route, isHandler ? handlerOrOptions : undefined);
}

/** Guards around a handler, behind which no other handler of a route is called. */
const final = new WeakSet<object>();

/** What {@link checkRoutes} reads of an app. */
interface Routes {
  readonly routes: readonly {
    readonly method: string;
    readonly path: string;
    readonly handler: object;
  }[];
  readonly router: { match(method: string, path: string): readonly unknown[] };
}

/**
 * Finds a route that two `paid` guard, both counting and on different terms: no request could be
 * served. Tells `/.well-known/l402` the methods and the paths of what is sold. Call it once, when
 * all routes are added: Hono takes no more routes then.
 *
 * @throws TypeError with the method and the path of such a route
 * @example
 * checkRoutes(app);
 * serve(app);
 */
export function checkRoutes(app: Routes): void {
  for (const { method, path } of app.routes) {
    const [found] = app.router.match(method === "ALL" ? "GET" : method, path);
    const handlers: unknown[] = [];
    for (const [[given]] of found as readonly (readonly [readonly [object], unknown])[]) {
      const handler = ownHandler(given);
      handlers.push(handler);
      // Hono tells middleware by its second parameter.
      if (final.has(handler as object) || (handler as Handler).length < 2) break;
    }
    checkGuards(handlers, `${method} ${path}`);
  }
  listGuards(
    app.routes.map(({ method, path, handler }) => ({
      handler: ownHandler(handler),
      method: method === "ALL" ? "*" : method,
      path,
    })),
  );
}

/** An app that is routed to by another one wraps its handlers if it has an `onError`. */
const ownHandler = (given: object): unknown => Reflect.get(given, "__COMPOSED_HANDLER") ?? given;

/**
 * Takes the credential out of the request. On Node, @hono/node-server makes `Request` and `Headers`
 * when they are asked for, from what Node has; middleware before this one may have asked.
 */
function strip(c: Context): void {
  const { env, req } = c;
  const { incoming } = (env ?? {}) as NodeBindings;
  const isOnNode = Array.isArray(incoming?.rawHeaders);
  if (isOnNode && !stripIncoming(incoming)) return;
  const { raw } = req;
  let isMadeFromNode = false;
  for (const key of Object.getOwnPropertySymbols(raw)) {
    const part: unknown = Reflect.get(raw, key);
    if (part === incoming) isMadeFromNode = true;
    else if (part instanceof Headers) stripHeaders(part);
    else if (part instanceof Request) stripHeaders(part.headers);
  }
  if (!isMadeFromNode) req.raw = strippedRequest(raw);
  leaveGuard(req.raw, guardOf(isOnNode ? incoming : c));
}

/** What a granted request goes on with. Returns the response, or has set it on the context. */
type Proceed = (c: Context<PaidEnv>, next: Next) => unknown;

async function settled(
  c: Context,
  next: Next,
  granted: Granted,
  proceed: Proceed,
  keep = granted.keeper(),
): Promise<Response | undefined> {
  const { outgoing } = (c.env ?? {}) as NodeBindings;
  const isOnNode = typeof outgoing?.writeHead === "function";
  let status: number | undefined;
  let answered: Response | undefined;
  let isOpen = false;
  try {
    const returned = await proceed(c, next);
    // On the context, which makes fields of an answer from `fetch` writable.
    if (returned instanceof Response) c.res = returned;
    status = c.res.status;
    const declared = granted.declared();
    // On an answer that the handler has written to Node itself, nothing can be set any more.
    if (declared !== undefined && !(isOnNode && outgoing.headersSent)) {
      c.header(USE_FIELD, declared);
      if (!isOnNode)
        for (const [name, value] of exposed([[USE_FIELD, declared]]))
          c.header(name, value, { append: true });
    }
    if (!isOnNode && !granted.isForAll()) tellCaches(c);
    if (!isOnNode) c.res = endingWithCredential(c.res, granted.grant);
    if (keep !== undefined) c.res = keeping(c.res, keep);
    if (!isOnNode && granted.endsBy === "end" && c.res.body !== null) {
      const head = status;
      c.res = withEnd(c.res, () => settle(granted, head));
      isOpen = true;
    }
    if (returned instanceof Response) answered = c.res;
  } finally {
    if (status === undefined) keep?.(undefined);
    if (!isOnNode && !isOpen) await settle(granted, status);
  }
  return answered;
}

/** As `sendPrivately`, on the context. */
function tellCaches(c: Context): void {
  const { headers } = c.res;
  for (const name of [...headers.keys()]) if (isForSharedCaches(name)) c.header(name, undefined);
  c.header("cache-control", privateCacheControl(headers.get("cache-control") ?? undefined));
  c.header("vary", varyWithCredentials(headers.get("vary") ?? undefined));
}

/**
 * Answers `/.well-known/l402` and the revocations below it.
 *
 * @example
 * app.use(wellKnown(paywall));
 */
export function wellKnown(paywall: Paywall): MiddlewareHandler {
  return async (c, next) =>
    (isWellKnown(c.req.path) ? await paywall.wellKnown(c.req.raw) : undefined) ?? next();
}

function honoFacts(
  paywall: Paywall,
  c: Context,
  clientAddress: PaidOptions["clientAddress"],
): RequestFacts {
  const { incoming } = (c.env ?? {}) as NodeBindings;
  if (!Array.isArray(incoming?.rawHeaders)) {
    const { raw } = c.req;
    // Other middleware replaces the request, but not the context; a guard around the app left a
    // trace on the request alone.
    if (guardOf(c) === undefined) leaveGuard(c, guardOf(raw));
    return Object.assign(factsOf(raw, clientAddress?.(c)), {
      request: c,
      // The router matched the same `url`.
      isSpelledAsRouted: () => isSlashKept(c, c.req.raw.url),
    });
  }
  watchUpgrades(paywall, incoming);
  return new HonoFacts(c, incoming, clientAddress);
}

/** Whether the router matched the slash at the end of a path; `strict: false` drops it. */
function isSlashKept(c: Context, target: string): boolean {
  const [path = ""] = target.split(/[?#]/, 1);
  return !path.endsWith("/") || c.req.path.endsWith("/");
}

class HonoFacts extends NodeFacts {
  readonly #c: Context;

  constructor(c: Context, incoming: IncomingMessage, clientAddress: PaidOptions["clientAddress"]) {
    // Middleware may have made a request with another method of it, which is what is served.
    const { method } = c.req.raw;
    super(incoming, clientAddress && (() => clientAddress(c)), incoming.url ?? "", method);
    this.#c = c;
  }

  isSpelledAsRouted(): boolean {
    const { raw } = this.#c.req;
    // @hono/node-ws takes the first segment of `//a/b` for a host, and routes what is behind it.
    if (isUpgrade(this.request) && new URL(raw.url).pathname !== this.target.split("?", 1)[0])
      return false;
    return isSlashKept(this.#c, this.target);
  }

  /** Through the context, where other middleware may have read it. */
  override body(): Promise<Uint8Array> {
    return copyOfBody(this.#c.req.raw);
  }

  isGone(): boolean {
    const { outgoing } = (this.#c.env ?? {}) as NodeBindings;
    // A head that was sent counts, also if the client hung up inside of the body.
    if (outgoing !== undefined && sentStatus(outgoing) !== undefined) return false;
    return outgoing?.destroyed === true || outgoing?.socket?.destroyed === true;
  }
}

/** Through the context, so that what other middleware has set stays on the response. */
async function ungranted(c: Context, decision: Refused | Answered): Promise<Response> {
  const { status, headers, body } = rendering(decision);
  const { incoming, outgoing } = (c.env ?? {}) as NodeBindings;
  if (typeof outgoing?.writeHead === "function") {
    closeUnread(outgoing);
    addCallTrailers(outgoing, headers);
  } else if (incoming !== undefined && isUpgrade(incoming))
    refuseInstead(incoming.socket, decision);
  const fields = new Headers();
  for (const [name, value] of headers) fields.append(name, value);
  // On the context, whose own fields replace those of a response.
  for (const name of LIST_FIELDS) {
    const listed = fields.get(name);
    if (listed !== null) c.header(name, withListed(c.res.headers.get(name), listed));
    fields.delete(name);
  }
  // `Headers` joins the two lines of a challenge. Node writes them as two.
  const lines = headers.filter(([name]) => name === CHALLENGE).map(([, value]) => value);
  if (lines.length > 0 && typeof outgoing?.setHeader === "function") {
    outgoing.setHeader(CHALLENGE, lines);
    fields.delete(CHALLENGE);
  }
  return c.newResponse(body.length === 0 ? null : body, { status: status as 402, headers: fields });
}

const CHALLENGE = "www-authenticate";
