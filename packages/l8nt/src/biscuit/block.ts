/**
 * The message of a block: symbols, facts and checks. Rules, scopes and other keys are read as what
 * they are, and refused. spec/9-public-key.md §2.
 */
import type { Check, Operator, Predicate, Query, Step, Term } from "../caveat/datalog.ts";
import { TokenError } from "../errors.ts";
import { type Bytes, ownBytes } from "../internal/bytes.ts";
import { Fields, known, malformed, type ReadField, textOf, Writer, wrongType } from "./protobuf.ts";

export interface Block {
  readonly facts: readonly Predicate[];
  readonly checks: readonly Check[];
}

/** The symbols that every Biscuit library knows, by their numbers. */
const DEFAULT_SYMBOLS = (
  "read write resource operation right time role owner tenant namespace user team service admin " +
  "email group member ip_address client client_ip domain path version cluster node hostname nonce " +
  "query"
).split(" ");
const FIRST_SYMBOL = 1024;
/** Of Datalog 3.0, which every library of Biscuit v3 reads. */
const VERSION = 3;
/** Versions 4 to 6 add what no condition uses. */
const LAST_VERSION = 6;
const MAX_DEPTH = 3;

const QUERY = "query";
const BLOCK = known(1, 2, 3, 4, 5, 6, 7, 8);
const FACT = known(1);
const PREDICATE = known(1, 2);
const CHECK = known(1, 2);
const QUERIES = known(1, 2, 3, 4);
const EXPRESSION = known(1);
const STEP = known(1, 2, 3, 4);
const OPERATOR = known(1, 2);
const TERM = known(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
const SET = known(1);

const UNARY: readonly (readonly [number, Operator])[] = [[0, "!"]];
const BINARY: readonly (readonly [number, Operator])[] = [
  [0, "<"],
  [2, "<="],
  [3, ">="],
  [5, "contains"],
  [6, "starts_with"],
  [8, "matches"],
];
const NEGATE = 0;

const DEFAULT_NUMBERS: ReadonlyMap<string, number> = new Map(
  DEFAULT_SYMBOLS.map((text, at) => [text, at]),
);

/** The symbols of the blocks of one token, which each block continues. */
export class Symbols {
  readonly #texts: string[];
  /** Without the default ones. */
  readonly #numbers: Map<string, number>;

  constructor(from?: Symbols) {
    this.#texts = from === undefined ? [] : [...from.#texts];
    this.#numbers = new Map(from === undefined ? [] : from.#numbers);
  }

  get count(): number {
    return this.#texts.length;
  }

  since(count: number): readonly string[] {
    return this.#texts.slice(count);
  }

  number(text: string): number {
    const given = DEFAULT_NUMBERS.get(text) ?? this.#numbers.get(text);
    if (given !== undefined) return given;
    const number = FIRST_SYMBOL + this.#texts.length;
    this.#texts.push(text);
    this.#numbers.set(text, number);
    return number;
  }

  /** @throws TokenError `ERR_TOKEN_MALFORMED` for a symbol that stands there before */
  add(text: string): void {
    const count = this.#texts.length;
    if (this.number(text) !== FIRST_SYMBOL + count) throw malformed("a symbol stands twice");
  }

  text(number: number | bigint): string {
    const text =
      number < FIRST_SYMBOL
        ? DEFAULT_SYMBOLS[Number(number)]
        : this.#texts[Number(number) - FIRST_SYMBOL];
    if (text === undefined) throw malformed("a symbol is missing");
    return text;
  }
}

const foreign = (what: string): TokenError =>
  new TokenError(
    "ERR_TOKEN_DATALOG",
    `A block of the credential has ${what}, which is no caveat of the profile.`,
  );

/**
 * Reads a block, and adds its symbols to `symbols`.
 *
 * @throws TokenError `ERR_TOKEN_MALFORMED`; `ERR_TOKEN_DATALOG` for anything but facts and checks
 */
export function decodeBlock(data: Uint8Array, symbols: Symbols): Block {
  const fields = Fields.of(data, BLOCK);
  const version = fields.small(3) ?? 0;
  if (version < VERSION || version > LAST_VERSION)
    throw malformed("a block has an unknown version");
  for (const symbol of fields.all(1)) symbols.add(textOf(fields.bytesOf(symbol)));
  if (fields.has(2)) throw foreign("a context");
  if (fields.has(5)) throw foreign("a rule");
  if (fields.has(7)) throw foreign("a scope");
  if (fields.has(8)) throw foreign("a public key");
  const reader = new Reader(symbols);
  return {
    facts: fields
      .all(4)
      .map((fact) => reader.predicate(fields.inside(fact, FACT).message(1, PREDICATE))),
    checks: fields.all(6).map((check) => reader.check(fields.inside(check, CHECK))),
  };
}

/** Writes a block; `symbols` gets its new ones. */
export function encodeBlock({ facts, checks }: Block, symbols: Symbols): Bytes {
  const before = symbols.count;
  const encoder = new Encoder(symbols);
  const writtenFacts = facts.map((fact) => new Writer().bytes(1, encoder.predicate(fact)).done());
  const writtenChecks = checks.map((check) => encoder.check(check));
  const writer = new Writer();
  for (const symbol of symbols.since(before)) writer.text(1, symbol);
  writer.integer(3, VERSION);
  for (const fact of writtenFacts) writer.bytes(4, fact);
  for (const check of writtenChecks) writer.bytes(6, check);
  return writer.done();
}

class Reader {
  readonly #symbols: Symbols;

  constructor(symbols: Symbols) {
    this.#symbols = symbols;
  }

  predicate(fields: Fields): Predicate {
    const name = fields.integer(1);
    if (name === undefined) throw malformed("a fact has no name");
    return {
      name: this.#symbols.text(name),
      terms: fields.all(2).map((term) => this.#term(fields.inside(term, TERM))),
    };
  }

  check(fields: Fields): Check {
    // `check all` and `reject if`.
    if (fields.has(2) && fields.integer(2) !== 0) throw foreign("a check of another kind");
    return { queries: fields.all(1).map((query) => this.#query(fields.inside(query, QUERIES))) };
  }

  #query(fields: Fields): Query {
    const head = this.predicate(fields.message(1, PREDICATE));
    if (head.name !== QUERY || head.terms.length > 0) throw foreign("a rule");
    if (fields.has(4)) throw foreign("a scope");
    return {
      body: fields.all(2).map((predicate) => this.predicate(fields.inside(predicate, PREDICATE))),
      expressions: fields
        .all(3)
        .map((expression) => this.#steps(fields.inside(expression, EXPRESSION))),
    };
  }

  #steps(fields: Fields): readonly Step[] {
    return fields.all(1).map((operation) => {
      const step = fields.inside(operation, STEP);
      const { one } = step;
      if (one.number === 1) return this.#term(step.inside(one, TERM));
      if (one.integer !== undefined) throw wrongType();
      if (one.number === 4) throw foreign("a closure");
      return operatorOf(one.number === 2 ? UNARY : BINARY, step.inside(one, OPERATOR));
    });
  }

  #term(fields: Fields, depth = 0): Term {
    const { one } = fields;
    switch (one.number) {
      case 1:
        return { kind: "variable", name: this.#symbols.text(integerOf(one)) };
      case 2:
        return { kind: "integer", value: BigInt.asIntN(64, BigInt(integerOf(one))) };
      case 3:
        return { kind: "string", value: this.#symbols.text(integerOf(one)) };
      case 4:
        return { kind: "date", value: BigInt(integerOf(one)) };
      case 5:
        return { kind: "bytes", value: ownBytes(fields.bytesOf(one)) };
      case 6:
        if (integerOf(one) > 1) throw malformed("a truth value is none");
        return { kind: "bool", value: one.integer === 1 };
      case 7: {
        if (depth >= MAX_DEPTH) throw malformed("its sets are too deep");
        const set = fields.inside(one, SET);
        return {
          kind: "set",
          values: set.all(1).map((value) => this.#term(set.inside(value, TERM), depth + 1)),
        };
      }
      default:
        throw foreign("a value of a type that no condition has");
    }
  }
}

function integerOf({ integer }: ReadField): number | bigint {
  if (integer === undefined) throw wrongType();
  return integer;
}

function operatorOf(table: readonly (readonly [number, Operator])[], fields: Fields): Step {
  const kind = fields.integer(1);
  const name = table.find(([number]) => number === kind)?.[1];
  if (name === undefined || fields.has(2)) throw foreign("an operator that no condition has");
  return { kind: "operator", name };
}

class Encoder {
  readonly #symbols: Symbols;

  constructor(symbols: Symbols) {
    this.#symbols = symbols;
  }

  predicate({ name, terms }: Predicate): Bytes {
    const writer = new Writer().integer(1, this.#symbols.number(name));
    for (const term of terms) writer.bytes(2, this.#term(term));
    return writer.done();
  }

  check({ queries }: Check): Bytes {
    const writer = new Writer();
    for (const query of queries) writer.bytes(1, this.#query(query));
    return writer.done();
  }

  #query({ body, expressions }: Query): Bytes {
    const writer = new Writer().bytes(1, this.predicate({ name: QUERY, terms: [] }));
    for (const predicate of body) writer.bytes(2, this.predicate(predicate));
    for (const steps of expressions) {
      const expression = new Writer();
      for (const step of steps) expression.bytes(1, this.#step(step));
      writer.bytes(3, expression.done());
    }
    return writer.done();
  }

  #step(step: Step): Bytes {
    if (step.kind !== "operator") return new Writer().bytes(1, this.#term(step)).done();
    if (step.name === "!")
      return new Writer().bytes(2, new Writer().integer(1, NEGATE).done()).done();
    const [number] = BINARY.find(([, name]) => name === step.name)!;
    return new Writer().bytes(3, new Writer().integer(1, number).done()).done();
  }

  #term(term: Term): Bytes {
    const writer = new Writer();
    switch (term.kind) {
      case "variable":
        return writer.integer(1, this.#symbols.number(term.name)).done();
      case "integer":
        return writer.integer(2, term.value).done();
      case "string":
        return writer.integer(3, this.#symbols.number(term.value)).done();
      case "date":
        return writer.integer(4, term.value).done();
      case "bytes":
        return writer.bytes(5, term.value).done();
      case "bool":
        return writer.integer(6, term.value ? 1 : 0).done();
      case "set": {
        const set = new Writer();
        for (const value of term.values) set.bytes(1, this.#term(value));
        return writer.bytes(7, set.done()).done();
      }
    }
  }
}
