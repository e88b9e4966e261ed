/** Answers the proxy that asks, and serves what buyers and holders ask of the service itself. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { listener } from "l8nt/node";
import { WELL_KNOWN_PATH } from "l8nt/service";
import { hasLeft } from "../core/client.ts";
import type { ClientAddresses } from "../core/client-address.ts";
import { valuesOf } from "../core/fields.ts";
import { targetIn } from "../core/request.ts";
import { Denied, withScheme } from "../denied.ts";
import { Entry, type EntryContext } from "../entry.ts";
import { type Observer, observers } from "../observer.ts";
import { problemDialect } from "../presets/dialects/problem.ts";
import { isBelow } from "../service-at.ts";
import { Versions } from "../versions.ts";
import type { Decider, Decision, Facts, Purpose } from "./decider.ts";
import { type Asker, DECIDE_PATH, type Original, originalOf, WHY_PATH } from "./original.ts";

/** A proxy that does not ask over loopback or a socket of Unix says by this that it is ours. */
export const PROXY_KEY_FIELD = "sigil-proxy-key";

/** The fields that an upstream is told facts in. Each is always sent, and may be empty. */
export const FACT_FIELDS = ["x-sigil-access", "x-sigil-node", "x-sigil-lineage"] as const;

/** What rows call the service, beside those of a gateway on the same store. */
const SERVICE = "decide";

/** One version of the configuration at work. */
export type Deciding = Pick<Decider, "decide" | "paywall">;

export interface DecideServerOptions {
  readonly decider: Deciding;
  readonly proxy: Asker;
  /** Reads what the proxy says of a client's address. */
  readonly clients: Pick<ClientAddresses, "behind">;
  /** What the proxy has to send as {@link PROXY_KEY_FIELD}; undefined: nothing. */
  readonly proxyKey?: string;
  readonly alarm: (what: string, cause?: unknown) => void;
  /** What is told of each decision. */
  readonly observers: readonly Observer[];
  /** Unix seconds. */
  readonly clock: () => number;
  /** @default performance.now */
  readonly timer?: () => number;
}

export class DecideServer {
  readonly #options: DecideServerOptions;
  readonly #key: Buffer | undefined;
  readonly #wellKnown: ReturnType<typeof listener>;
  readonly #watching: EntryContext;
  readonly #versions: Versions<Deciding>;

  constructor(options: DecideServerOptions) {
    const { decider, proxyKey, alarm, clock, timer = () => performance.now() } = options;
    this.#options = options;
    this.#versions = new Versions(decider);
    this.#watching = { observer: observers(options.observers, alarm), clock, timer };
    this.#key = proxyKey === undefined ? undefined : digest(proxyKey);
    this.#wellKnown = listener(
      async (request) =>
        (await this.#versions.current.paywall.wellKnown(request)) ??
        new Response(null, { status: 404 }),
      { origin: new URL(decider.paywall.authority.location).origin },
    );
  }

  /**
   * Decides new requests by another version. Each is decided by one of them alone.
   *
   * @returns a promise that resolves once nothing is decided by the one before
   */
  replace(decider: Deciding): Promise<void> {
    return this.#versions.replace(decider);
  }

  readonly serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { url = "" } = incoming;
    const [path = ""] = url.split("?", 1);
    if (hasBody(incoming)) outgoing.once("finish", () => linger(incoming));
    if (isBelow(path, WELL_KNOWN_PATH)) return void this.#wellKnown(incoming, outgoing);
    const { proxy } = this.#options;
    if (proxy === "envoy" ? isBelow(path, DECIDE_PATH) : path === DECIDE_PATH)
      return this.#answer(incoming, outgoing, proxy === "nginx" ? "announced" : "settled");
    if (proxy === "nginx" && path === WHY_PATH) return this.#answer(incoming, outgoing, "asked");
    deny(outgoing, notFound(), []);
  };

  #answer(incoming: IncomingMessage, outgoing: ServerResponse, purpose: Purpose): Promise<void> {
    return this.#versions.serve((decider) => this.#decided(decider, incoming, outgoing, purpose));
  }

  async #decided(
    decider: Deciding,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    purpose: Purpose,
  ): Promise<void> {
    const { proxy, clients } = this.#options;
    const isOurs = this.#isOurProxy(incoming);
    const original = isOurs ? originalOf(proxy, incoming, clients) : undefined;
    const { method = "", target = "" } = original ?? {};
    const entry = new Entry({ method }, targetIn(target)?.path ?? "", this.#watching);
    entry.know({ service: SERVICE });
    const decision: Decision =
      original === undefined
        ? { kind: "denied", denied: isOurs ? unreadable() : stranger() }
        : await this.#decide(decider, original, incoming, purpose, entry);
    if (decision.kind === "allowed" && purpose !== "asked") {
      entry.settled({ end: "passed" });
      return allow(outgoing, decision.facts);
    }
    // nginx knows two denials, and adds a field of its own to the other one. Of its two questions
    // about a denial, the second has the answer.
    if (purpose === "announced") return void outgoing.writeHead(403, { "content-length": 0 }).end();
    const denied = decision.kind === "denied" ? decision.denied : changed();
    entry.denied(denied);
    const told = proxy === "application" ? withRefusals(denied) : denied;
    deny(outgoing, told, withScheme(denied.facts.status, denied.fields, decider.paywall));
  }

  /** Never rejects: a fault denies the request, and is told to the operator. */
  async #decide(
    decider: Deciding,
    original: Original,
    { rawHeaders }: IncomingMessage,
    purpose: Purpose,
    entry: Entry,
  ): Promise<Decision> {
    try {
      return await decider.decide(original, rawHeaders, purpose, entry);
    } catch (error) {
      this.#options.alarm("a bug in sigil gateway decide", error);
      return { kind: "denied", denied: faulty() };
    }
  }

  #isOurProxy({ rawHeaders }: IncomingMessage): boolean {
    if (this.#key === undefined) return true;
    const [sent, ...others] = valuesOf(rawHeaders, PROXY_KEY_FIELD);
    return sent !== undefined && others.length === 0 && timingSafeEqual(digest(sent), this.#key);
  }
}

/** A program makes an answer of its own of it, so it is told each "no" as the library has it. */
function withRefusals(denied: Denied): Denied {
  const { facts, retryAfterSeconds, fields, dialect, refusals } = denied;
  if (refusals.length === 0) return denied;
  const shown = refusals.map(({ node, ...refusal }) => ({
    ...refusal,
    ...(node !== undefined && { node: { ...node } }),
  }));
  const members = { ...facts.members, refusals: shown };
  return new Denied({ ...facts, members }, retryAfterSeconds, fields, dialect, refusals);
}

function deny(
  outgoing: ServerResponse,
  { facts, retryAfterSeconds, dialect }: Denied,
  fields: readonly string[],
): void {
  const { body, contentType } = (dialect ?? problemDialect).denial(facts);
  write(outgoing, facts.status, body, [
    ...["content-type", contentType, "cache-control", "no-store"],
    ...(retryAfterSeconds === undefined ? [] : ["retry-after", String(retryAfterSeconds)]),
    ...fields,
  ]);
}

/** A status that every proxy takes for a yes. */
function allow(outgoing: ServerResponse, { access, node, lineage }: Facts): void {
  const values = [access, node, lineageText(lineage)];
  const facts = FACT_FIELDS.flatMap((field, at) => [field, values[at]!]);
  write(outgoing, 200, "", ["cache-control", "no-store", ...facts]);
}

/** Fields as lines, because a challenge is two of them, which the reference clients match. */
function write(
  outgoing: ServerResponse,
  status: number,
  body: string,
  fields: readonly string[],
): void {
  if (hasLeft(outgoing)) return;
  outgoing.writeHead(status, [...fields, "content-length", String(Buffer.byteLength(body))]);
  outgoing.end(outgoing.req.method === "HEAD" ? undefined : body);
}

const LINGER_MS = 2_000;

/**
 * A body is not read. It is thrown away for a while, because a proxy whose connection is reset in
 * the middle of its upload may never see the answer.
 */
function linger(incoming: IncomingMessage): void {
  if (!incoming.complete) setTimeout(() => incoming.socket.destroy(), LINGER_MS).unref();
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/** Names may have any character, and a slash stands between two of them. */
const lineageText = (lineage: readonly string[]): string =>
  lineage.map((name) => encodeURIComponent(name)).join("/");

const digest = (text: string): Buffer => createHash("sha256").update(text, "latin1").digest();

const stranger = (): Denied =>
  new Denied({
    status: 403,
    code: "proxy_unknown",
    title: "Not a proxy of this service",
    detail: `Sigil: who asks must send the key of the proxy in the field ${PROXY_KEY_FIELD}. See the configuration of the proxy.`,
  });

const unreadable = (): Denied =>
  new Denied({
    status: 403,
    code: "request_not_told",
    title: "The request was not told",
    detail:
      "Sigil: the proxy did not say which request it asks about, or said it twice. See the configuration of the proxy.",
  });

/** The first question was answered with a denial, so nobody passes by the second. */
const changed = (): Denied =>
  new Denied(
    {
      status: 503,
      code: "decision_changed",
      title: "Send it again",
      detail: "Sigil: this request was denied a moment ago, and would pass now. Send it again.",
    },
    1,
  );

const faulty = (): Denied =>
  new Denied({
    status: 500,
    code: "gateway_fault",
    title: "A fault of the gateway",
    detail: "Sigil: the gateway failed, and the request was not let through.",
  });

const notFound = (): Denied =>
  new Denied({
    status: 404,
    code: "not_found",
    title: "Not found",
    detail: `Sigil: this service decides at ${DECIDE_PATH}, and has nothing else here.`,
  });
