/** `l8nt/express`: the paywall as Express middleware. */
import { type IncomingMessage, METHODS } from "node:http";
import type { Application, Request, RequestHandler } from "express";
import { utf8 } from "../internal/bytes.ts";
import { isWellKnown, NodeFacts, targetOf } from "../node/facts.ts";
import { goneSignal, requestOf } from "../node/listener.ts";
import { sendPrivately } from "../node/private.ts";
import { problem, writeResponse, writeUngranted } from "../node/response.ts";
import { settle, settleAndKeepBy } from "../node/settlement.ts";
import { stripIncoming } from "../node/stripped.ts";
import { watchUpgrades } from "../node/upgrade.ts";
import { asGuard, checkGuards, listGuards, type Place } from "../service/guards.ts";
import type { Decision, Grant, Paywall, Terms } from "../service/index.ts";

export type { Grant, Terms } from "../service/index.ts";

declare global {
  namespace Express {
    interface Request {
      /** Which credential is served. Set behind `paid`. */
      grant: Grant;
    }
  }
}

/**
 * Puts the paywall before a route. The whole `originalUrl` is judged, also in a mounted app.
 * `request.ip` is the client's address, so Express's "trust proxy" decides which proxies are
 * trusted.
 *
 * @example
 * app.get("/forecast", paid(paywall, { price: "10 sat" }), (request, response) => {
 *   response.json(request.grant.lineage);
 * });
 */
export function paid(paywall: Paywall, terms: Terms = {}): RequestHandler {
  const route = paywall.route(terms);
  const guard: RequestHandler = (request, response, next) => {
    const proceed = (decision: Decision): void => {
      if (!decision.granted) return void writeUngranted(response, decision);
      // The client left while the claim was written, so nothing was served.
      if (response.destroyed) return void settle(decision, undefined);
      if (decision.claimed) settleAndKeepBy(response, decision);
      sendPrivately(response, decision);
      stripIncoming(request);
      request.grant = decision.grant;
      next();
    };
    watchUpgrades(paywall, request);
    const decided = route.authorize(new ExpressFacts(request, ipOf));
    if (decided instanceof Promise) decided.then(proceed, next);
    else proceed(decided);
  };
  return asGuard(guard, route);
}

/** What {@link checkRoutes} reads of a router: what is mounted, in its order. */
interface Mounted {
  readonly handle: { readonly stack?: readonly Mounted[] };
  readonly method?: string;
  readonly route?: {
    readonly path: unknown;
    readonly methods: object;
    readonly stack: readonly Mounted[];
  };
  /** Whether it is called for any path: in Express 5, and in Express 4. */
  readonly slash?: boolean;
  readonly regexp?: { readonly fast_slash?: boolean };
}

/**
 * Finds a route that two `paid` guard, both counting and on different terms: no request could be
 * served. Tells `/.well-known/l402` the methods and the paths of what is sold, except of routers
 * that are mounted at a path. Call it when all routes are added. It sees the handlers of each
 * route, and what `use` mounts before it without a path; no app that is mounted in another one.
 *
 * @throws TypeError with the method and the path of such a route
 * @example
 * checkRoutes(app);
 * app.listen(8080);
 */
export function checkRoutes(app: Application): void {
  // Express 4 keeps it under the second name, and throws at the first.
  const router = (Object.hasOwn(app, "_router") ? Reflect.get(app, "_router") : app.router) as
    | { readonly stack: readonly Mounted[] }
    | undefined;
  const stack = router?.stack ?? [];
  checkStack(stack, []);
  listGuards(placesIn(stack, true));
}

const isEverywhere = ({ slash, regexp }: Mounted): boolean =>
  slash === true || regexp?.fast_slash === true;

/** Express keeps no text of the path that a router is mounted at. */
function* placesIn(stack: readonly Mounted[], isAtRoot: boolean): Iterable<Place> {
  for (const mounted of stack) {
    const { route, handle } = mounted;
    const layers = route?.stack ?? [];
    for (const { handle: handler, method } of layers) {
      // `app.all` adds its handlers for each method that Node knows.
      const isForAll = layers.filter((one) => one.handle === handler).length >= METHODS.length;
      const path = isAtRoot ? route!.path : undefined;
      yield { handler, method: isForAll ? "*" : verb(method), path };
    }
    if (route !== undefined) continue;
    const isWhole = isAtRoot && isEverywhere(mounted);
    if (handle.stack !== undefined) yield* placesIn(handle.stack, isWhole);
    else yield { handler: handle, method: "*", path: isWhole ? "/*" : undefined };
  }
}

/** Of a route's handler; undefined, `_all` in Express 4, for any. */
const verb = (method: string | undefined): string =>
  method === undefined || method === "_all" ? "*" : method.toUpperCase();

/** Returns the handlers that every request has passed behind it. */
function checkStack(stack: readonly Mounted[], before: readonly unknown[]): readonly unknown[] {
  const passed = [...before];
  for (const mounted of stack) {
    const { route, handle } = mounted;
    for (const method of Object.keys(route?.methods ?? {})) {
      const handlers = route!.stack.filter((one) => [method, undefined].includes(one.method));
      const where = `${method === "_all" ? "any" : method.toUpperCase()} ${route!.path}`;
      checkGuards([...passed, ...handlers.map((one) => one.handle)], where);
    }
    if (route !== undefined) continue;
    const inner = handle.stack === undefined ? [handle] : checkStack(handle.stack, passed);
    if (isEverywhere(mounted)) passed.push(...inner);
  }
  return passed;
}

/**
 * Answers `/.well-known/l402` and the revocations below it.
 *
 * @example
 * app.use(wellKnown(paywall));
 */
export function wellKnown(paywall: Paywall): RequestHandler {
  const { origin } = new URL(paywall.authority.location);
  const answer: RequestHandler = async (request, response, next) => {
    // A body parser that ran before has left the value, and an empty stream.
    const body = isParsed(request) ? bytesOf(request) : undefined;
    const webRequest = requestOf(request, origin, { body, signal: goneSignal(response) });
    const found =
      webRequest === undefined ? problem(400, "Bad request") : await paywall.wellKnown(webRequest);
    if (found === undefined) next();
    else await writeResponse(response, found);
  };
  return (request, response, next) => {
    if (!isWellKnown(targetOf(request))) next();
    // Express 4 does not catch a handler that rejects.
    else void Promise.resolve(answer(request, response, next)).catch(next);
  };
}

const ipOf = (incoming: IncomingMessage): string | undefined => (incoming as Request).ip;

/** A layer of Express's router, which matches paths. */
interface Layer {
  readonly params?: unknown;
  match(path: string): unknown;
}
type LayerClass = new (path: unknown, options: object, handler: () => void) => Layer;

/** The route that Express found: a path, a regular expression, or a list of both. */
interface Route {
  readonly path: unknown;
  readonly stack: readonly Layer[];
}

type Matches = (path: string) => boolean;
const strict = new WeakMap<Route, Matches>();

/**
 * Matches the paths of a route in their case and with their slashes, by Express's own matcher: its
 * router ignores both, unless it is told otherwise.
 */
function strictly(route: Route): Matches {
  let matches = strict.get(route);
  if (matches === undefined) {
    const { constructor: made } = route.stack[0] as object;
    const exact = [route.path].flat(Number.POSITIVE_INFINITY).map(inItsCase);
    const options = { sensitive: true, strict: true, end: true };
    const layer = new (made as LayerClass)(exact, options, () => {});
    const found = (path: string): string | undefined => {
      const match = layer.match(path);
      // Express 4 leaves the parameters on the layer.
      return match ? JSON.stringify((match as Layer).params ?? layer.params) : undefined;
    };
    // A slash that the pattern itself leaves to the client is a second spelling as well.
    matches = (path) => {
      const params = found(path);
      return params !== undefined && !(path.endsWith("/") && found(path.slice(0, -1)) === params);
    };
    strict.set(route, matches);
  }
  return matches;
}

const inItsCase = (path: unknown): unknown =>
  path instanceof RegExp ? new RegExp(path.source, path.flags.replace("i", "")) : path;

class ExpressFacts extends NodeFacts {
  isSpelledAsRouted(): boolean {
    const { route, path } = this.request as Request & { route?: Route };
    // The root of a mounted router is there with and without its slash.
    return route === undefined || route.path === "/" || strictly(route)(path);
  }

  /** `express.raw` inflates, and the other parsers leave what they have read. */
  get decoded(): "coding" | "charset" | undefined {
    const request = this.request as Request;
    if (!isParsed(request)) return undefined;
    return request.body instanceof Uint8Array ? "coding" : "charset";
  }

  /** A parser that ran before has left a value. */
  override async body(): Promise<Uint8Array> {
    const request = this.request as Request;
    // The stream rejects a body that was read, and knows a request that has none.
    return (isParsed(request) ? bytesOf(request) : undefined) ?? super.body();
  }
}

const isParsed = ({ readableEnded, body }: Request): boolean => readableEnded && body !== undefined;

/**
 * What `express.raw`, `express.text`, `express.json` or `express.urlencoded` left, as bytes again.
 * Undefined for the value of another parser: one of multipart leaves the fields there, and the
 * files elsewhere.
 */
function bytesOf(request: Request): Uint8Array<ArrayBuffer> | undefined {
  const body: unknown = request.body;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  if (typeof body === "string") return utf8(body);
  return request.is(WHOLE_IN_A_VALUE) ? utf8(JSON.stringify(body)) : undefined;
}

const WHOLE_IN_A_VALUE = ["json", "+json", "urlencoded"];
