/**
 * Codecs of JSON values. One definition gives the JSON Schema, the strict reader and the writer of
 * a value, so that the three cannot differ. [case 100]
 */
import { AdapterError } from "../errors.ts";

/** JSON Schema 2020-12. */
export type Schema = Readonly<Record<string, unknown>>;

export interface Codec<T> {
  readonly schema: Schema;
  /** @throws AdapterError `ERR_REQUEST` that names the field */
  read(json: unknown, place: Place): T;
  /** Writes what the schema lists and nothing else. */
  write(value: T): unknown;
  /** Of a list: what its entries are. */
  readonly items?: AnyCodec;
  /** Of an object: what its fields are. */
  readonly fields?: Fields;
}

/** A field that JSON may lack. */
export interface Optional<T> extends Codec<T> {
  readonly optional: true;
}

/** The type that a codec reads and writes. */
export type TypeOf<C> = C extends Codec<infer T> ? T : never;

/** A field's place in a message: the name of the message, and the path of the field in it. */
export class Place {
  readonly #message: string;
  readonly #path: string;
  /** Whether a field that the schema does not list is refused. */
  readonly isStrict: boolean;

  constructor(message: string, isStrict: boolean, path = "") {
    this.#message = message;
    this.isStrict = isStrict;
    this.#path = path;
  }

  /** The place of a field, or of an entry of a list. */
  at(key: string | number): Place {
    const separator = this.#path === "" || typeof key === "number" ? "" : ".";
    const step = typeof key === "number" ? `[${key}]` : key;
    return new Place(this.#message, this.isStrict, this.#path + separator + step);
  }

  /** `must`: "be a string". */
  fault(must: string): AdapterError {
    return this.#cannotRead(
      this.#path === ""
        ? `the ${this.#message} must ${must}`
        : `field ${this.#quoted()} in ${this.#message} must ${must}`,
    );
  }

  missing(): AdapterError {
    return this.#cannotRead(`missing field ${this.#quoted()} in ${this.#message}`);
  }

  twice(): AdapterError {
    return this.#cannotRead(`field ${this.#quoted()} in ${this.#message} is given twice`);
  }

  unknown(allowed: readonly string[]): AdapterError {
    const list = allowed.length === 0 ? "none" : allowed.join(", ");
    return this.#cannotRead(
      `unknown field ${this.#quoted()} in ${this.#message}; allowed: ${list}`,
    );
  }

  /** Cut, because the name of an unknown field is whatever the other side wrote. */
  #quoted(): string {
    return JSON.stringify(
      this.#path.length > MAX_SHOWN ? `${this.#path.slice(0, MAX_SHOWN)}…` : this.#path,
    );
  }

  #cannotRead(why: string): AdapterError {
    const what = this.isStrict ? "request" : "answer";
    return new AdapterError("ERR_REQUEST", `The ${what} cannot be read: ${why}.`);
  }
}

const MAX_SHOWN = 40;

/** Reads a request; a field that the schema does not list is refused. */
export const readStrictly = <T>(codec: Codec<T>, json: unknown, message: string): T =>
  codec.read(json, new Place(message, true));

/** Reads a server's answer; what a newer server adds is left out. */
export const readLeniently = <T>(codec: Codec<T>, json: unknown, message: string): T =>
  codec.read(json, new Place(message, false));

/** A value that is the same in JSON. */
function plain<T>(schema: Schema, must: string, fits: (json: unknown) => boolean): Codec<T> {
  return {
    schema,
    read(json, place) {
      if (!fits(json)) throw place.fault(must);
      return json as T;
    },
    write: (value) => value,
  };
}

/** Any JSON object. */
export const anything: Codec<object> = plain(
  { type: "object" },
  "be a JSON object",
  (json) => typeof json === "object" && json !== null && !Array.isArray(json),
);
export const text: Codec<string> = plain(
  { type: "string" },
  "be a string",
  (json) => typeof json === "string",
);
export const flag: Codec<boolean> = plain(
  { type: "boolean" },
  "be true or false",
  (json) => typeof json === "boolean",
);
/** Unix seconds. */
export const seconds: Codec<number> = plain(
  { type: "number", description: "Unix seconds" },
  "be a number of Unix seconds",
  (json) => Number.isFinite(json),
);

/** A whole number from 0, or the `minimum` of `more`, to `max`. */
export const count = (
  max = Number.MAX_SAFE_INTEGER,
  more: Schema & { readonly minimum?: number } = {},
): Codec<number> => {
  const { minimum = 0 } = more;
  return plain(
    { type: "integer", minimum, maximum: max, ...more },
    `be a whole number, ${minimum === 0 ? "" : `${minimum} or more and `}${max} at most`,
    (json) => Number.isSafeInteger(json) && (json as number) >= minimum && (json as number) <= max,
  );
};

/** A string that the whole `pattern` matches. */
export const pattern = (regex: RegExp, must: string): Codec<string> =>
  plain(
    { type: "string", pattern: regex.source },
    must,
    (json) => typeof json === "string" && regex.test(json),
  );

/** 64 lower-case hex digits: a payment hash, or a SHA-256. */
export const hash = pattern(/^[0-9a-f]{64}$/, "be 64 hex digits, in lower case");
export const nodeId = pattern(/^[0-9a-f]{32}$/, "be a node id: 32 hex digits, in lower case");

export const oneOf = <const V extends string>(...values: readonly V[]): Codec<V> =>
  plain(
    { enum: values },
    values.length === 1 ? `be ${JSON.stringify(values[0])}` : `be one of ${values.join(", ")}`,
    (json) => values.includes(json as V),
  );

/** Another value in the program than in JSON. `read` gives undefined for what it cannot be. */
export const mapped = <T, J>(
  codec: Codec<J>,
  must: string,
  read: (json: J) => T | undefined,
  write: (value: T) => J,
): Codec<T> => ({
  schema: codec.schema,
  read(json, place) {
    const value = read(codec.read(json, place));
    if (value === undefined) throw place.fault(must);
    return value;
  },
  write: (value) => codec.write(write(value)),
});

export const nullable = <T>(codec: Codec<T>): Codec<T | null> => ({
  schema: { oneOf: [codec.schema, { type: "null" }] },
  read: (json, place) => (json === null ? null : codec.read(json, place)),
  write: (value) => (value === null ? null : codec.write(value)),
});

export const list = <T>(items: Codec<T>, max = Number.POSITIVE_INFINITY): Codec<readonly T[]> => ({
  schema: {
    type: "array",
    items: items.schema,
    ...(Number.isFinite(max) && { maxItems: max }),
  },
  read(json, place) {
    if (!Array.isArray(json)) throw place.fault("be a list");
    if (json.length > max) throw place.fault(`be a list of ${max} at most`);
    return json.map((item, at) => items.read(item, place.at(at)));
  },
  write: (values) => values.map((value) => items.write(value)),
  items,
});

export const pair = <A, B>(first: Codec<A>, second: Codec<B>): Codec<readonly [A, B]> => ({
  schema: {
    type: "array",
    prefixItems: [first.schema, second.schema],
    minItems: 2,
    maxItems: 2,
  },
  read(json, place) {
    if (!Array.isArray(json) || json.length !== 2) throw place.fault("be a list of two");
    return [first.read(json[0], place.at(0)), second.read(json[1], place.at(1))];
  },
  write: ([one, other]) => [first.write(one), second.write(other)],
});

export const optional = <T>(codec: Codec<T>): Optional<T> => ({
  schema: codec.schema,
  read: (json, place) => codec.read(json, place),
  write: (value) => codec.write(value),
  optional: true,
});

// biome-ignore lint/suspicious/noExplicitAny: a table of codecs of any types
type AnyCodec = Codec<any>;
type Fields = Readonly<Record<string, AnyCodec>>;
type OptionalNames<F extends Fields> = {
  [K in keyof F]: F[K] extends Optional<unknown> ? K : never;
}[keyof F];
type Flat<T> = { readonly [K in keyof T]: T[K] };
export type ObjectOf<F extends Fields> = Flat<
  { readonly [K in Exclude<keyof F, OptionalNames<F>>]: TypeOf<F[K]> } & {
    readonly [K in OptionalNames<F>]?: TypeOf<F[K]>;
  }
>;

/** An object with these fields. */
export function object<F extends Fields>(fields: F): Codec<ObjectOf<F>> {
  const entries = Object.entries(fields);
  const names = Object.keys(fields);
  const required = entries.filter(([, codec]) => !("optional" in codec)).map(([name]) => name);
  return {
    fields,
    schema: {
      type: "object",
      properties: Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])),
      required,
      additionalProperties: false,
    },
    read(json, place) {
      if (typeof json !== "object" || json === null || Array.isArray(json))
        throw place.fault("be a JSON object");
      const members = json as Readonly<Record<string, unknown>>;
      if (place.isStrict)
        for (const name of Object.keys(members))
          if (!names.includes(name)) throw place.at(name).unknown(names);
      const read: Record<string, unknown> = {};
      for (const [name, codec] of entries) {
        const value = Object.hasOwn(members, name) ? members[name] : undefined;
        if (value !== undefined) read[name] = codec.read(value, place.at(name));
        else if (required.includes(name)) throw place.at(name).missing();
      }
      return read as ObjectOf<F>;
    },
    write(value) {
      const written: Record<string, unknown> = {};
      for (const [name, codec] of entries) {
        const member = (value as Readonly<Record<string, unknown>>)[name];
        if (member !== undefined) written[name] = codec.write(member);
      }
      return written;
    },
  };
}

/**
 * A codec of a type that is declared elsewhere. The compiler reports a field of `T` that the codec
 * lacks, an optional one included: the writer would leave it out without a word.
 */
export const codecOf =
  <T>() =>
  <C extends Codec<T>>(codec: C & Complete<Exclude<keyof T, keyof TypeOf<C>>>): Codec<T> =>
    codec;
type Complete<Missing> = [Missing] extends [never] ? unknown : { readonly missing: Missing };

/** One of several objects, told apart by the value of their field `tag`. */
export function variants<const T extends string, F extends Readonly<Record<string, Fields>>>(
  tag: T,
  table: F,
): Codec<{ [K in keyof F]: { readonly [Tag in T]: K } & ObjectOf<F[K]> }[keyof F]> {
  type Variant = { [K in keyof F]: { readonly [Tag in T]: K } & ObjectOf<F[K]> }[keyof F];
  const kinds = oneOf(...Object.keys(table));
  const codecs = new Map<string, AnyCodec>(
    Object.entries(table).map(([kind, fields]) => [
      kind,
      object({ [tag]: oneOf(kind), ...fields }),
    ]),
  );
  return {
    schema: { oneOf: [...codecs.values()].map(({ schema }) => schema) },
    read(json, place) {
      const kind = kinds.read(Object(json)[tag], place.at(tag));
      return codecs.get(kind)!.read(json, place) as Variant;
    },
    write: (value) => codecs.get((value as Readonly<Record<T, string>>)[tag])!.write(value),
  };
}
