/** Answers the proxy that asks, and serves what buyers and holders ask of the service itself. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { listener } from "l8nt/node";
import { type Paywall, type Refused, WELL_KNOWN_PATH } from "l8nt/service";
import { valuesOf } from "../core/fields.ts";
import { Denied } from "../denied.ts";
import { problemDialect } from "../presets/dialects/problem.ts";
import { isBelow } from "../service-at.ts";
import type { Decider, Decision, Facts, Purpose } from "./decider.ts";
import { DECIDE_PATH, type Original, originalOf, type ProxyName, WHY_PATH } from "./original.ts";

/** A proxy that does not ask over loopback or a socket of Unix says by this that it is ours. */
export const PROXY_KEY_FIELD = "sigil-proxy-key";

/** The fields that an upstream is told facts in. Each is always sent, and may be empty. */
export const FACT_FIELDS = ["x-sigil-access", "x-sigil-node", "x-sigil-lineage"] as const;

export interface Decided extends Partial<Original> {
  readonly status: number;
  /** Why not; undefined if the request passes. */
  readonly code: string | undefined;
  readonly lineage: readonly string[];
}

export interface DecideServerOptions {
  readonly paywall: Paywall;
  readonly decider: Decider;
  readonly proxy: ProxyName;
  /** What the proxy has to send as {@link PROXY_KEY_FIELD}; undefined: nothing. */
  readonly proxyKey?: string;
  readonly alarm: (what: string, cause: unknown) => void;
  /** Called for each decision. */
  readonly decided: (row: Decided) => void;
}

export class DecideServer {
  readonly #options: DecideServerOptions;
  readonly #key: Buffer | undefined;
  readonly #wellKnown: ReturnType<typeof listener>;

  constructor(options: DecideServerOptions) {
    const { paywall, proxyKey } = options;
    this.#options = options;
    this.#key = proxyKey === undefined ? undefined : digest(proxyKey);
    this.#wellKnown = listener(
      async (request) => (await paywall.wellKnown(request)) ?? new Response(null, { status: 404 }),
      { origin: new URL(paywall.authority.location).origin },
    );
  }

  readonly serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { url = "" } = incoming;
    const [path = ""] = url.split("?", 1);
    // A body is not read, so what follows it on the connection is not found.
    if (hasBody(incoming)) outgoing.shouldKeepAlive = false;
    if (isBelow(path, WELL_KNOWN_PATH)) return void this.#wellKnown(incoming, outgoing);
    const { proxy } = this.#options;
    if (proxy === "envoy" ? isBelow(path, DECIDE_PATH) : path === DECIDE_PATH)
      return this.#answer(incoming, outgoing, proxy === "nginx" ? "announced" : "settled");
    if (proxy === "nginx" && path === WHY_PATH) return this.#answer(incoming, outgoing, "asked");
    await this.#deny(outgoing, notFound());
  };

  async #answer(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    purpose: Purpose,
  ): Promise<void> {
    const { proxy, decided } = this.#options;
    const isOurs = this.#isOurProxy(incoming);
    const original = isOurs ? originalOf(proxy, incoming) : undefined;
    const decision: Decision =
      original === undefined
        ? { kind: "denied", denied: isOurs ? unreadable() : stranger() }
        : await this.#decide(original, incoming, purpose);
    const { status, code } = outcomeOf(decision);
    const lineage = decision.kind === "allowed" ? decision.facts.lineage : [];
    // Of the two questions about a denial, the second has its answer.
    if (purpose !== "announced" || decision.kind === "allowed")
      decided({ ...original, status, code, lineage });
    if (decision.kind === "allowed")
      return purpose === "asked"
        ? this.#deny(outgoing, changed())
        : allow(outgoing, decision.facts);
    // nginx knows two denials, and adds a field of its own to the other one.
    if (purpose === "announced") return void outgoing.writeHead(403, { "content-length": 0 }).end();
    if (decision.kind === "denied") return this.#deny(outgoing, decision.denied);
    return refuse(outgoing, decision.refused);
  }

  /** Never rejects: a fault denies the request, and is told to the operator. */
  async #decide(
    original: Original,
    { rawHeaders }: IncomingMessage,
    purpose: Purpose,
  ): Promise<Decision> {
    const { decider, alarm } = this.#options;
    try {
      return await decider.decide(original, rawHeaders, purpose);
    } catch (error) {
      alarm("a bug in sigil gateway decide", error);
      return { kind: "denied", denied: faulty() };
    }
  }

  #isOurProxy({ rawHeaders }: IncomingMessage): boolean {
    if (this.#key === undefined) return true;
    const [sent, ...others] = valuesOf(rawHeaders, PROXY_KEY_FIELD);
    return sent !== undefined && others.length === 0 && timingSafeEqual(digest(sent), this.#key);
  }

  async #deny(outgoing: ServerResponse, { facts, retryAfterSeconds }: Denied): Promise<void> {
    const { body, contentType } = problemDialect.denial(facts);
    write(outgoing, facts.status, body, {
      "content-type": contentType,
      "cache-control": "no-store",
      ...(retryAfterSeconds !== undefined && { "retry-after": String(retryAfterSeconds) }),
    });
  }
}

/** A status that every proxy takes for a yes. */
function allow(outgoing: ServerResponse, { access, node, lineage }: Facts): void {
  const [accessField, nodeField, lineageField] = FACT_FIELDS;
  write(outgoing, 200, "", {
    "cache-control": "no-store",
    [accessField]: access,
    [nodeField]: node,
    [lineageField]: lineageText(lineage),
  });
}

async function refuse(outgoing: ServerResponse, refused: Refused): Promise<void> {
  const { status, headers } = refused.response;
  const fields: OutgoingHttpHeaders = Object.fromEntries(headers);
  const { challengeLines } = refused;
  // Two challenges stand on two lines, which the reference clients match.
  if (challengeLines.length > 0) fields["www-authenticate"] = [...challengeLines];
  write(outgoing, status, await refused.response.text(), fields);
}

function write(
  outgoing: ServerResponse,
  status: number,
  body: string,
  fields: OutgoingHttpHeaders,
): void {
  if (outgoing.destroyed) return;
  outgoing.writeHead(status, { ...fields, "content-length": Buffer.byteLength(body) });
  outgoing.end(outgoing.req.method === "HEAD" ? undefined : body);
}

function outcomeOf(decision: Decision): {
  readonly status: number;
  readonly code: string | undefined;
} {
  if (decision.kind === "allowed") return { status: 200, code: undefined };
  if (decision.kind === "refused")
    return { status: decision.refused.status, code: decision.refused.error.code };
  const { status, code } = decision.denied.facts;
  return { status, code };
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
