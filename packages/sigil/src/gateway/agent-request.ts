/** One request of an agent as it is judged: its body, its model, and what a paywall is told. */
import type { IncomingMessage } from "node:http";
import type { Verified } from "l8nt/l402";
import { networksOf, type RequestFacts } from "l8nt/service";
import { branchOf, checkHead } from "./admission.ts";
import { type JsonBody, readJson } from "./body/json-body.ts";
import { type Bodies, checkCoding, type HeldBody, type ReadOptions } from "./core/body.ts";
import { valuesOf } from "./core/fields.ts";
import { hasBody, type Target } from "./core/request.ts";
import { withoutQueryKeys } from "./credential/place.ts";
import { demanded, type Presenting, proven } from "./credential/prove.ts";
import type { Entry } from "./entry.ts";
import { modelInQuery } from "./model-in-query.ts";
import type { Asked, Meter } from "./presets/preset.ts";
import type { ServedRoute } from "./routes.ts";
import { buyerLineage } from "./selling/buyer.ts";
import type { Service } from "./service.ts";

/** A metered request whose body was read. */
export interface Read {
  readonly bytes: Buffer;
  readonly body: JsonBody;
  readonly meter: Meter;
  readonly asked: Asked;
}

/** What is read of a request, its model included, where no meter prices it. */
export interface Named {
  /** Undefined of a body that no meter knows. */
  readonly read: Read | undefined;
  readonly model: string | null | undefined;
}

export interface AgentRequestOptions {
  readonly service: Service;
  readonly match: ServedRoute;
  readonly target: Target;
  readonly incoming: IncomingMessage;
  readonly clientAddress: string | undefined;
  readonly bodies: Bodies;
  /** Unix seconds. */
  readonly clock: () => number;
  /** What is told of this request. */
  readonly entry: Entry;
}

/** A larger body is not compared with that of a repeated request. spec/5-ledger.md §5. */
const MAX_COMPARED_BYTES = 1024 * 1024;

/** All requests without a credential are one holder. */
export const STRANGERS = "strangers";

export class AgentRequest {
  readonly service: Service;
  readonly match: ServedRoute;
  readonly target: Target;
  readonly incoming: IncomingMessage;
  readonly clock: () => number;
  readonly entry: Entry;
  readonly #clientAddress: string | undefined;
  readonly #bodies: Bodies;
  #holder = STRANGERS;
  /** The body, once it was read. */
  #held: HeldBody | undefined;

  constructor({ bodies, ...rest }: AgentRequestOptions) {
    this.service = rest.service;
    this.match = rest.match;
    this.target = rest.target;
    this.incoming = rest.incoming;
    this.clock = rest.clock;
    this.entry = rest.entry;
    this.#clientAddress = rest.clientAddress;
    this.#bodies = bodies;
  }

  /** Whose request it is: the branch of the tree, by which what is shared fairly is shared. */
  get holder(): string {
    return this.#holder;
  }

  /** What shares a part of what requests without a credential have: a client's own network. */
  get address(): string {
    return networksOf(this.#clientAddress)[0]!;
  }

  /** As the vendor gets it: without credentials. */
  get query(): string {
    return withoutQueryKeys(this.target.query, this.service.preset.credentialPlaces);
  }

  /** @throws Denied */
  checkHead(): void {
    checkHead(this.service.preset, this.incoming.rawHeaders, this.target);
  }

  /** @throws TokenError for what proves nothing, DeniedError for what has ended or was revoked */
  async prove(text: string): Promise<Verified> {
    const { paywall } = this.service;
    const verified = await proven(paywall, text);
    this.entry.proven(verified);
    if (paywall.isSold(verified)) this.entry.know({ lineage: buyerLineage(verified) });
    this.#holder = branchOf(verified);
    return demanded(paywall, verified, this.#presenting, this.clock);
  }

  get #presenting(): Presenting {
    const { path, query } = this.target;
    const { method = "", rawHeaders: lines } = this.incoming;
    const body = async () =>
      hasBody(this.incoming)
        ? this.#bytes({ each: this.service.maxBodyBytes, isEncodedToo: true })
        : new Uint8Array();
    return { method, target: path + query, lines, body };
  }

  /** Reads the body, of which a part can be read but once. @throws UnreadBody */
  async #bytes(options: ReadOptions): Promise<Buffer> {
    if (this.#held !== undefined && options.isEncodedToo !== true) checkCoding(this.incoming);
    this.#held ??= await this.#bodies.read(this.incoming, this.#holder, options);
    return this.#held.bytes;
  }

  async read(): Promise<Read> {
    const bytes = await this.#bytes({ each: this.service.maxBodyBytes });
    const body = readJson(bytes);
    return { bytes, body, meter: this.#meter, asked: this.asked(body) };
  }

  /** The body of a request that has not paid, which is not kept. @throws UnreadBody */
  async readUnpaid(): Promise<Buffer> {
    if (this.#held !== undefined) return this.#bytes({});
    const held = await this.service.seller!.readUnpaid(this.incoming, this.address);
    held.release();
    return held.bytes;
  }

  /** The body as it was sent, whatever it is; undefined of one that is too large to compare. */
  async readAsSent(): Promise<Uint8Array | undefined> {
    const { incoming } = this;
    if (!hasBody(incoming)) return new Uint8Array();
    const length = this.#held?.bytes.length ?? incoming.headers["content-length"];
    if (length === undefined || Number(length) > MAX_COMPARED_BYTES) return undefined;
    return this.#bytes({ isEncodedToo: true });
  }

  /** Of a route that has a meter. */
  get #meter(): Meter {
    return this.match.route.meter as Meter;
  }

  asked(body: JsonBody | undefined): Asked {
    const asked = this.#meter.ask(body, this.target, this.service.allowances);
    this.entry.know({ model: asked.model });
    return asked;
  }

  /**
   * The model of a request that is not metered. A body that a meter knows is read, for its model
   * and for what would cost the owner more than a flat price.
   */
  async named(): Promise<Named> {
    const isKnown = typeof this.match.route.meter === "object";
    const read = isKnown ? await this.read() : undefined;
    const model = read?.asked.model ?? this.modelOfPath();
    this.entry.know({ model: model ?? undefined });
    return { read, model };
  }

  /**
   * Of a request that is not metered: a path or a query may name a model, and a body that is not
   * read too.
   */
  modelOfPath(): string | null | undefined {
    const named = modelInQuery(this.target.query);
    const { model } = this.match;
    if (named !== undefined && (named === "unclear" || (model ?? named.name) !== named.name))
      return undefined;
    if (model !== undefined) return model;
    const isRead = this.incoming.method === "GET" || this.incoming.method === "HEAD";
    return isRead ? (named?.name ?? null) : undefined;
  }

  /** The body as it was sent, or as it comes in if it was not read. */
  get sentBody(): IncomingMessage | Buffer | undefined {
    return hasBody(this.incoming) ? (this.#held?.bytes ?? this.incoming) : undefined;
  }

  /** @param presented the credential, or the text of one that may prove nothing */
  facts(
    presented: Verified | string | undefined,
    more: Pick<RequestFacts, "model" | "price"> = {},
  ): RequestFacts {
    const isText = typeof presented === "string";
    const { method = "", rawHeaders } = this.incoming;
    return {
      method,
      target: this.target.path,
      authorization: isText ? `L402 ${presented}` : null,
      verified: isText ? undefined : presented,
      capability: this.match.capability,
      clientAddress: this.#clientAddress,
      prefer: valuesOf(rawHeaders, "prefer").join(", "),
      headers: () => new Headers(),
      useId: this.entry.id,
      ...more,
    };
  }

  /** Gives back the memory of the body. */
  release(): void {
    this.#held?.release();
  }
}
