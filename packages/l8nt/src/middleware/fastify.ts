/** `l8nt/fastify`: the paywall as a Fastify hook. */
import { Readable } from "node:stream";
import type { ReadableStream as NodeStream } from "node:stream/web";
import type {
  FastifyInstance,
  FastifyPluginCallback,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
} from "fastify";
import { LIST_FIELDS, withListed } from "../http/exposed.ts";
import { NodeFacts } from "../node/facts.ts";
import { goneSignal, requestOf } from "../node/listener.ts";
import { sendPrivately } from "../node/private.ts";
import { addCallTrailers, fieldsOf, fieldsOfPairs, problem } from "../node/response.ts";
import { settle, settleAndKeepBy } from "../node/settlement.ts";
import { stripIncoming } from "../node/stripped.ts";
import { closeUnread } from "../node/unread.ts";
import { watchUpgrades } from "../node/upgrade.ts";
import { rendering } from "../service/answered.ts";
import { fieldsWithoutCredential } from "../service/forwarded.ts";
import { asGuard, checkGuards, listGuards } from "../service/guards.ts";
import {
  type Answered,
  type Decision,
  type Grant,
  type Paywall,
  type Refused,
  type Terms,
  WELL_KNOWN_PATH,
} from "../service/index.ts";
import { isSpelledAs } from "../service/spelling.ts";
import { NDJSON } from "../wire/feed.ts";

export type { Grant, Terms } from "../service/index.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Which credential is served. Set behind `paid`. */
    grant: Grant;
  }
}

/**
 * Puts the paywall before a route, and before its body is read. `request.ip` is the client's
 * address, so Fastify's `trustProxy` decides which proxies are trusted.
 *
 * @example
 * const onRequest = paid(paywall, { price: "10 sat" });
 * app.get("/forecast", { onRequest }, async (request) => request.grant.lineage);
 */
export function paid(paywall: Paywall, terms: Terms = {}): onRequestHookHandler {
  const route = paywall.route(terms);
  const guard: onRequestHookHandler = (request, reply, done) => {
    const proceed = (decision: Decision): void => {
      if (!decision.granted) return void sendUngranted(reply, decision);
      // The client left while the claim was written, so nothing was served.
      if (reply.raw.destroyed) return void settle(decision, undefined);
      if (decision.claimed) settleAndKeepBy(reply.raw, decision);
      sendPrivately(reply.raw, decision);
      strip(request);
      request.grant = decision.grant;
      done();
    };
    // @fastify/websocket runs the hooks of a route before it opens an upgrade.
    watchUpgrades(paywall, request.raw, request.server.hasDecorator("websocketServer") ? 1 : 0);
    const decided = route.authorize(new FastifyFacts(request));
    if (decided instanceof Promise) decided.then(proceed, done);
    else proceed(decided);
  };
  return asGuard(guard, route);
}

/**
 * Makes it an error to add a route that two `paid` guard, both counting and on different terms: no
 * request could be served. Tells `/.well-known/l402` the methods and the paths of what is sold.
 * Call it before the routes are added. It sees the hooks of each route, and not those of `addHook`.
 *
 * @example
 * const app = fastify();
 * checkRoutes(app);
 */
export function checkRoutes(app: FastifyInstance): void {
  app.addHook("onRoute", ({ method, url, onRequest, preParsing, preValidation, preHandler }) => {
    const hooks = [onRequest, preParsing, preValidation, preHandler].flat();
    const methods = [method].flat();
    checkGuards(hooks, `${methods.join(", ")} ${url}`);
    // Fastify adds a route for HEAD to each one for GET.
    if (method !== "HEAD")
      listGuards(
        hooks.flatMap((handler) => methods.map((one) => ({ handler, method: one, path: url }))),
      );
  });
}

/** Takes the credential out of the request, and out of the fields that an earlier hook has set. */
function strip(request: FastifyRequest): void {
  if (!stripIncoming(request.raw)) return;
  const { headers } = request;
  // Fastify lays what was set over what Node has.
  if (headers !== request.raw.headers) request.headers = fieldsWithoutCredential(headers);
}

interface Delimiter {
  readonly useSemicolonDelimiter?: boolean;
}

class FastifyFacts extends NodeFacts {
  readonly #routed: FastifyRequest;

  constructor(routed: FastifyRequest) {
    super(routed.raw, () => routed.ip, routed.originalUrl);
    this.#routed = routed;
  }

  isSpelledAsRouted(): boolean {
    const { url, routeOptions, server } = this.#routed;
    const [path = ""] = url.split("?", 1);
    // The router then reads what follows a semicolon as the query.
    const { initialConfig } = server as {
      initialConfig: Delimiter & { routerOptions?: Delimiter };
    };
    const { useSemicolonDelimiter } = { ...initialConfig, ...initialConfig.routerOptions };
    if (useSemicolonDelimiter === true && path.includes(";")) return false;
    return isSpelledAs(routeOptions.url ?? "", path);
  }
}

/**
 * Answers `/.well-known/l402` and the revocations below it.
 *
 * @example
 * app.register(wellKnown(paywall));
 */
export function wellKnown(paywall: Paywall): FastifyPluginCallback {
  const { origin } = new URL(paywall.authority.location);
  return (scope, _options, done) => {
    // The well-known handler reads the body itself, with a cap on its size.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    for (const url of [WELL_KNOWN_PATH, `${WELL_KNOWN_PATH}/*`])
      scope.route({
        method: ["GET", "POST"],
        url,
        handler: async (request, reply) => {
          const webRequest = requestOf(request.raw, origin, { signal: goneSignal(reply.raw) });
          const answer = webRequest && (await paywall.wellKnown(webRequest));
          await send(reply, answer ?? problem(webRequest === undefined ? 400 : 404, "Not served"));
          return reply;
        },
      });
    done();
  };
}

function sendUngranted(reply: FastifyReply, decision: Refused | Answered): void {
  closeUnread(reply.raw);
  const { status, headers, body } = rendering(decision);
  const fields = fieldsOfPairs(headers);
  addCallTrailers(reply.raw, headers);
  for (const name of LIST_FIELDS) {
    const listed = fields[name];
    if (typeof listed === "string") fields[name] = withListed(reply.getHeader(name), listed);
  }
  reply.code(status).headers(fields).send(Buffer.from(body));
}

async function send(reply: FastifyReply, response: Response): Promise<void> {
  // As bytes: Fastify would append a charset to a text, which JSON does not have. A feed has no end
  // and is streamed.
  const isEndless = response.headers.get("content-type") === NDJSON && response.body !== null;
  const body = isEndless
    ? Readable.fromWeb(response.body as NodeStream)
    : Buffer.from(await response.arrayBuffer());
  reply.code(response.status).headers(fieldsOf(response.headers)).send(body);
}
