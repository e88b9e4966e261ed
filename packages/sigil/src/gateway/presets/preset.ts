/** What the gateway knows of one vendor's API: places of keys, routes, meters and errors. */

import type { Edit, Path } from "../body/edit.ts";
import type { JsonBody } from "../body/json-body.ts";
import type { Target } from "../core/request.ts";
import type { AtVendor } from "../tokens/at-vendor.ts";
import type { Countable } from "../tokens/encoding.ts";
import type { Usage } from "../usage.ts";
import type { Bound } from "./bound.ts";
import type { Dialect } from "./dialect.ts";

/** Where a vendor wants its own key. */
export type KeyPlace =
  | { readonly kind: "bearer" }
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "basic" }
  | { readonly kind: "query"; readonly name: string };

/** Where a client of this vendor puts its key, and so the credential. */
export type CredentialPlace =
  | "bearer"
  | "basic-user"
  | { readonly header: string }
  | { readonly query: string }
  | { readonly subprotocol: string };

/** A field of a request's head that changes what it costs, who is billed, or what is answered. */
export interface FieldRefused {
  /** In lower case. */
  readonly name: string;
  /** Of values that are refused; undefined: any. */
  readonly matches?: RegExp;
}

/** One vendor's API. */
export interface Preset {
  readonly name: string;
  /**
   * Default upstream; undefined if the owner must name one. Only Ollama's is not https, because it
   * listens on loopback.
   */
  readonly origin: string | undefined;
  readonly keyPlace: KeyPlace;
  readonly credentialPlaces: readonly CredentialPlace[];
  /** How this vendor's clients expect an error. */
  readonly dialect: Dialect;
  /** A request with one of these is denied, because no meter sees them. */
  readonly fieldsRefused?: readonly FieldRefused[];
  /** Whether requests that cost nothing can move money, which no budget of ours counts. */
  readonly movesMoney?: true;
  /** First match counts. A path outside of them is denied. */
  readonly routes: readonly PresetRoute[];
}

export interface PresetRoute {
  /** A method, or `*` for any. */
  readonly method: string;
  /**
   * Literal segments, `*` for one segment, `**` at the end for any number, `{model}` and
   * `{resource}`: `/v1beta/models/{model}:generateContent`.
   */
  readonly path: string;
  /** What a credential must be allowed to do: `chat`, `embeddings`, `{resource}:read`. */
  readonly capability: string;
  /**
   * How to read what a request costs. `flat`: nothing of it says so, and the owner names a price
   * for each request, or says that it is free. `free`: the vendor charges nothing, for example for
   * lists of models.
   */
  readonly meter: Meter | "flat" | "free";
  /** If clients of this route expect other errors than the preset's. */
  readonly dialect?: Dialect;
}

/** What an owner allows on a route beyond what the preset does. */
export interface Allowances {
  /**
   * Hosted tools by the name that `Usage.calls` has for them, and the most calls in one request.
   * Each needs a price.
   */
  readonly tools: Readonly<Record<string, number>>;
  /** Fields that the preset does not know, and that cost nothing by the owner's word. */
  readonly fields: readonly string[];
}

export const NO_ALLOWANCES: Allowances = { tools: {}, fields: [] };

/** Reads costs: of a request before it is sent, and of its answer. */
export interface Meter {
  /**
   * Reads a request.
   *
   * @param body undefined if the request has none
   * @param target path and query as they are sent
   * @throws RequestRefused for what has a cost that the body does not bound, or no one reading
   */
  ask(body: JsonBody | undefined, target: Target, allowances?: Allowances): Asked;
  /** A new reader for the answer to that request. */
  reader(asked: Asked): UsageReader;
}

/** What a request asks for. */
export interface Asked {
  readonly model: string;
  readonly isStream: boolean;
  readonly bound: Bound;
  /**
   * What a tokenizer can count of `bound.input`, which has a token for each byte of it, or more.
   * Undefined if the model's encoding is not known.
   */
  readonly countable?: Countable | undefined;
  /** What the vendor can be asked for instead; undefined if the request is too large for that. */
  readonly atVendor?: () => AtVendor | undefined;
  /** Whether it asks for reasoning, of which the answer need not show all. @default false */
  readonly mayReason?: boolean;
  /** Undefined if the output has no cap that could be lowered. */
  readonly cap: CapPlace | undefined;
  /** To be made before the request is sent. */
  readonly edits: readonly Edit[];
  /** What only the preset's own reader needs to know. */
  readonly notes: ReadonlySet<Note>;
}

/**
 * `usage_was_injected`: the client did not ask for the chunk with the usage, so it does not get it.
 * `caches_for_an_hour`: an answer that does not say for how long tokens were cached means an hour.
 */
export type Note = "usage_was_injected" | "caches_for_an_hour";

/** Where the cap on output is, or would be, and what a lower one would break. */
export interface CapPlace {
  readonly path: Path;
  /** The smallest value that the vendor accepts. */
  readonly least: number;
  /** Other values of the body that must stay below the cap. */
  readonly below: readonly {
    readonly path: Path;
    readonly value: number;
    readonly least: number;
  }[];
}

/** Reads the usage from one answer. */
export interface UsageReader {
  /** Usage of one complete answer that is no stream; undefined if it states none. */
  whole(json: unknown): Usage | undefined;
  /**
   * Takes one event of a stream: data of a server-sent event, or a line of NDJSON. Says whether
   * the client gets the event.
   */
  event(data: string): "pass" | "drop";
  /** Undefined until a stream has stated a usage that can be its last. */
  readonly usage: Usage | undefined;
  /** The last usage that a stream has stated, though more may follow. @default `usage` */
  readonly latest?: Usage | undefined;
}
