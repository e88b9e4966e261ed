/** The gateway: takes requests of agents, and answers each by the service that its path is of. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { TokenError } from "l8nt";
import { listener } from "l8nt/node";
import type { Ledger } from "l8nt/ports";
import type { Bodies } from "./core/body.ts";
import { breakOff, hasLeft, isOver, whenOver } from "./core/client.ts";
import { ClientAddresses } from "./core/client-address.ts";
import { answersKept } from "./core/forward.ts";
import { requestFault, type Target, targetIn } from "./core/request.ts";
import { isWebSocket, type Serve, type Upgrade } from "./core/server.ts";
import { answerPreflight, isPreflight, openToPages } from "./cors.ts";
import { presentedKey } from "./credential/present.ts";
import { demanded, proven } from "./credential/prove.ts";
import { Denied, denialOf, withScheme } from "./denied.ts";
import { destinationOf, pathBelow } from "./destination.ts";
import { Entry, type EntryContext } from "./entry.ts";
import { Exchange } from "./exchange.ts";
import { holderBudget } from "./meter/holder-budget.ts";
import { type Observer, observers } from "./observer.ts";
import type { Dialect } from "./presets/dialect.ts";
import { problemDialect } from "./presets/dialects/problem.ts";
import type { Service } from "./service.ts";
import { systemTimer, type Timer } from "./socket/relay.ts";
import type { SocketMatch } from "./socket/rule.ts";
import { SocketSession } from "./socket/session.ts";
import { TokenCounter } from "./tokens/counter.ts";
import { VendorCounter } from "./tokens/vendor-counter.ts";
import { Versions } from "./versions.ts";

export interface GatewayOptions {
  readonly services: readonly Service[];
  readonly ledger: Ledger;
  readonly bodies: Bodies;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly alarm: (what: string, cause?: unknown) => void;
  /** Whether budgets, models and prices deny nothing, and are only written down. */
  readonly isShadow?: boolean;
  /** What is told of every request. */
  readonly observers: readonly Observer[];
  /** Whose addresses are believed. @default that of each connection */
  readonly clients?: ClientAddresses;
  /** @default performance.now */
  readonly timer?: () => number;
  /** @default setTimeout */
  readonly after?: Timer;
}

/** The services of one version of the configuration. */
interface Version {
  readonly services: readonly Service[];
  readonly wellKnown: ReadonlyMap<Service, ReturnType<typeof listener>>;
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #watching: EntryContext;
  readonly #answers = answersKept();
  readonly #clients: ClientAddresses;
  readonly #tokens: TokenCounter;
  readonly #vendorTokens: VendorCounter;
  readonly #versions: Versions<Version>;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { clock, timer = () => performance.now(), alarm } = options;
    this.#watching = { observer: observers(options.observers, alarm), clock, timer };
    this.#clients = options.clients ?? new ClientAddresses();
    this.#tokens = new TokenCounter(alarm);
    this.#vendorTokens = new VendorCounter(clock, options.after ?? systemTimer);
    this.#versions = new Versions(versionOf(options.services));
  }

  get services(): readonly Service[] {
    return this.#versions.current.services;
  }

  /**
   * Serves new requests by other services. Requests under way go on as they began.
   *
   * @returns a promise that resolves once none of them is left
   */
  replace(services: readonly Service[]): Promise<void> {
    return this.#versions.replace(versionOf(services));
  }

  /** Ends the thread that counts tokens, if one was needed. */
  close(): Promise<void> {
    return this.#tokens.close();
  }

  /** Whether any service is open to WebSockets. */
  get webSockets(): boolean {
    return this.services.some(({ sockets }) => sockets.length > 0);
  }

  readonly serve: Serve = (incoming, outgoing, upgrade) =>
    this.#versions.serve(async (version) => {
      await this.#serve(version, incoming, outgoing, upgrade);
      if (upgrade === undefined && !isOver(outgoing))
        await new Promise<void>((resolve) => whenOver(outgoing, resolve));
    });

  async #serve(
    { services, wellKnown }: Version,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    upgrade?: Upgrade,
  ): Promise<void> {
    const { url = "", method = "" } = incoming;
    const target = targetIn(url);
    const destination = target && destinationOf(services, method, target, upgrade !== undefined);
    const service = destination?.service;
    const path = (service ? pathBelow(service, target!) : target?.path) ?? "";
    const entry = new Entry(incoming, path, this.#watching);
    let dialect: Dialect = service?.preset.dialect ?? problemDialect;
    const asksForPage = upgrade === undefined && isPreflight(incoming);
    if (service?.cors !== undefined && upgrade === undefined && !asksForPage)
      openToPages(service.cors, incoming, outgoing);
    try {
      const fault = requestFault(incoming, target);
      if (fault !== undefined || destination === undefined) {
        // What follows on this connection may be a part of what was not understood.
        outgoing.shouldKeepAlive = false;
        throw badRequest(fault ?? "The request target cannot be read.");
      }
      if (service !== undefined) entry.know({ service: service.name });
      if (service !== undefined && asksForPage)
        return answerPreflight(service.cors, incoming, outgoing);
      const below = { ...target!, path };
      if (destination.kind === "unlisted")
        throw unlisted(upgrade === undefined ? method : "a WebSocket at", path);
      if (destination.kind === "webSocket")
        return await this.#webSocket(
          destination,
          below,
          incoming,
          { outgoing, upgrade: upgrade! },
          entry,
        );
      if (destination.kind === "page" && destination.page === "budget")
        return await this.#budget(destination.service, incoming, outgoing, below);
      if (destination.kind === "page")
        return void wellKnown.get(destination.service)!(withPath(incoming, below), outgoing);
      const { match } = destination;
      dialect = match.route.dialect ?? dialect;
      entry.know({ route: match.route.path, capability: match.capability });
      const { ledger, bodies, clock, alarm, isShadow = false } = this.#options;
      const context = {
        ledger,
        bodies,
        answers: this.#answers,
        clock,
        alarm,
        entry,
        clientAddress: this.#clients.of(incoming),
        tokens: this.#tokens,
        vendorTokens: this.#vendorTokens,
        isShadow,
      };
      await new Exchange({ ...destination, target: below }, incoming, outgoing, context).run();
    } catch (error) {
      const denial = this.#denialOf(error);
      entry.denied(denial);
      this.#deny(outgoing, { dialect, service }, denial);
    }
  }

  async #webSocket(
    { service, match }: { readonly service: Service; readonly match: SocketMatch },
    target: Target,
    incoming: IncomingMessage,
    connection: { readonly outgoing: ServerResponse; readonly upgrade: Upgrade },
    entry: Entry,
  ): Promise<void> {
    // What follows would be read as a part of the WebSocket.
    const { headers } = incoming;
    const hasBody = headers["content-length"] ?? headers["transfer-encoding"];
    if (!isWebSocket(incoming) || hasBody !== undefined)
      throw badRequest("The only upgrade is to WebSocket, by a GET without a body.");
    entry.know({ route: match.rule.path, capability: match.capability, model: match.model });
    const { clock, alarm, after: timer = systemTimer, isShadow = false } = this.#options;
    const context = { clock, alarm, timer, entry, isShadow };
    await new SocketSession({ service, match, target }, incoming, connection, context).run();
  }

  /** @throws nothing: a fault of the gateway is told to the operator, and shown as such */
  #denialOf(error: unknown): Denied {
    try {
      return denialOf(error, this.#options.clock());
    } catch {
      this.#options.alarm("a bug in sigil gateway", error);
      return new Denied({
        status: 500,
        code: "gateway_fault",
        title: "A fault of the gateway",
        detail: "Sigil: the gateway failed, and nothing was sent.",
      });
    }
  }

  #deny(
    outgoing: ServerResponse,
    { dialect, service }: { readonly dialect: Dialect; readonly service: Service | undefined },
    denial: Denied,
  ): void {
    if (hasLeft(outgoing)) return;
    if (outgoing.headersSent) return void breakOff(outgoing);
    const { facts, retryAfterSeconds, fields } = denial;
    // What is left of a large body is not read to its end.
    if (!outgoing.req?.complete && mayBeLarge(outgoing.req)) outgoing.shouldKeepAlive = false;
    const { body, contentType } = (denial.dialect ?? dialect).denial(facts);
    // As lines, because a challenge is two of them.
    outgoing.writeHead(facts.status, [
      ...["content-type", contentType, "content-length", String(Buffer.byteLength(body))],
      ...["cache-control", "no-store"],
      // OpenAI's and Anthropic's SDKs obey it.
      ...["x-should-retry", String(retryAfterSeconds !== undefined)],
      ...(retryAfterSeconds === undefined ? [] : ["retry-after", String(retryAfterSeconds)]),
      ...(service === undefined ? fields : withScheme(facts.status, fields, service.paywall)),
    ]);
    outgoing.end(outgoing.req?.method === "HEAD" ? undefined : body);
  }

  async #budget(
    service: Service,
    { method = "", rawHeaders: lines }: IncomingMessage,
    outgoing: ServerResponse,
    { path, query }: Target,
  ): Promise<void> {
    const { ledger, clock } = this.#options;
    const text = presentedKey(service.preset.credentialPlaces, lines, query);
    if (text === undefined)
      throw new TokenError("ERR_TOKEN_MISSING", "present the key whose budget you ask for.");
    const { paywall } = service;
    const found = await proven(paywall, text);
    const sent = async () => new Uint8Array();
    const asking = { method, target: path + query, lines, body: sent };
    const verified = await demanded(paywall, found, asking, clock);
    const body = JSON.stringify(await holderBudget(verified, { paywall, ledger, now: clock() }));
    outgoing.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
    });
    outgoing.end(body);
  }
}

const versionOf = (services: readonly Service[]): Version => ({
  services,
  wellKnown: new Map(
    services.map((service) => [
      service,
      listener(
        async (request) =>
          (await service.paywall.wellKnown(request)) ?? new Response(null, { status: 404 }),
        { origin: new URL(service.paywall.authority.location).origin },
      ),
    ]),
  ),
});

const MAX_DROPPED_BYTES = 1024 * 1024;

const mayBeLarge = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined ||
  Number(headers["content-length"] ?? 0) > MAX_DROPPED_BYTES;

/** The request with the path below the prefix of its service, as the paywall's own pages are. */
function withPath(incoming: IncomingMessage, { path, query }: Target): IncomingMessage {
  incoming.url = path + query;
  return incoming;
}

const badRequest = (detail: string): Denied =>
  new Denied({
    status: 400,
    code: "bad_request",
    title: "Bad request",
    detail: `Sigil: ${detail}`,
  });

const unlisted = (method: string, path: string): Denied =>
  new Denied({
    status: 403,
    code: "route_not_listed",
    title: "Not a route of this gateway",
    detail: `Sigil: this gateway has no route for ${method} ${path.slice(0, 200)}. What is not listed is denied.`,
  });
