/** Blocks of a Biscuit: symbols, facts and checks as Protocol Buffers. spec/9-public-key.md §1. */
export const varint = (value) => {
  const bytes = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
};
/** A field of a message: an integer, or bytes. */
export const field = (number, value) =>
  typeof value === "number" || typeof value === "bigint"
    ? Buffer.concat([varint(number << 3), varint(value)])
    : Buffer.concat([varint((number << 3) | 2), varint(value.length), value]);
export const message = (...fields) => Buffer.concat(fields);

export const DEFAULT_SYMBOLS =
  "read write resource operation right time role owner tenant namespace user team service admin email group member ip_address client client_ip domain path version cluster node hostname nonce query".split(
    " ",
  );

/** The symbols of a token: those of the blocks before count on. */
export class Symbols {
  #known = new Map(DEFAULT_SYMBOLS.map((text, at) => [text, at]));
  #next = 1024;
  added = [];
  of(text) {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    this.#known.set(text, this.#next);
    this.added.push(text);
    return this.#next++;
  }
}

/** Terms: `$name`, a text, an integer, and the objects below. */
export const variable = (name) => ({ variable: name });
export const date = (seconds) => ({ date: seconds });
export const bytes = (data) => ({ bytes: data });
export const set = (values) => ({ set: values });

export const predicate = (name, ...terms) => ({ name, terms });
/** A query: what must be found, and what must hold of it, as operations in postfix order. */
export const query = (body, ...expressions) => ({ body, expressions });
export const op = (name) => ({ op: name });
const BINARY = {
  lessThan: 0,
  greaterThan: 1,
  lessOrEqual: 2,
  greaterOrEqual: 3,
  equal: 4,
  contains: 5,
  prefix: 6,
  regex: 8,
};

const term = (symbols, value) => {
  if (typeof value === "string") return field(3, symbols.of(value));
  if (typeof value === "number" || typeof value === "bigint") return field(2, value);
  if (typeof value === "boolean") return field(6, value ? 1 : 0);
  if ("variable" in value) return field(1, symbols.of(value.variable));
  if ("date" in value) return field(4, value.date);
  if ("bytes" in value) return field(5, value.bytes);
  return field(7, message(...value.set.map((one) => field(1, term(symbols, one)))));
};
const predicateBytes = (symbols, { name, terms }) =>
  message(field(1, symbols.of(name)), ...terms.map((one) => field(2, term(symbols, one))));
const operation = (symbols, one) => {
  if (one?.op === "negate") return field(2, field(1, 0));
  if (one?.op !== undefined) return field(3, field(1, BINARY[one.op]));
  return field(1, term(symbols, one));
};
const ruleBytes = (symbols, head, { body, expressions = [], scopes = [] }) =>
  message(
    field(1, head),
    ...body.map((one) => field(2, predicateBytes(symbols, one))),
    ...expressions.map((ops) =>
      field(3, message(...ops.map((one) => field(1, operation(symbols, one))))),
    ),
    ...scopes.map((one) => field(4, field(1, one))),
  );
const QUERY_HEAD = field(1, DEFAULT_SYMBOLS.indexOf("query"));
const checkBytes = (symbols, { queries, kind }) =>
  message(
    ...queries.map((one) => field(1, ruleBytes(symbols, QUERY_HEAD, one))),
    ...(kind === undefined ? [] : [field(2, kind)]),
  );

/** The bytes of a block. `scopes`, `context`, `rules` and `keys` are what the profile refuses. */
export function blockBytes(block, symbols) {
  const { facts = [], rules = [], checks = [], version = 3, context, scopes = [] } = block;
  symbols.added = [];
  const parts = [
    ...facts.map((one) => field(4, field(1, predicateBytes(symbols, one)))),
    ...rules.map(({ head, ...rest }) =>
      field(5, ruleBytes(symbols, predicateBytes(symbols, head), rest)),
    ),
    ...checks.map((one) => field(6, checkBytes(symbols, one))),
    ...scopes.map((one) => field(7, field(1, one))),
    ...(block.publicKeys ?? []).map((key) => field(8, key)),
  ];
  const added = [...symbols.added, ...(block.extraSymbols ?? [])];
  return message(
    ...added.map((text) => field(1, Buffer.from(text))),
    ...(context === undefined ? [] : [field(2, Buffer.from(context))]),
    field(3, version),
    ...parts,
  );
}

const OPERATORS = {
  lessThan: "<",
  greaterThan: ">",
  lessOrEqual: "<=",
  greaterOrEqual: ">=",
  equal: "==",
};
const METHODS = { contains: "contains", prefix: "starts_with", regex: "matches" };
const termText = (value) => {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object") return String(value);
  if ("parameter" in value) return `{${value.parameter}}`;
  if ("variable" in value) return `$${value.variable}`;
  if ("date" in value) return new Date(Number(value.date) * 1000).toISOString().replace(".000", "");
  if ("bytes" in value) return `hex:${value.bytes.toString("hex")}`;
  return `{${value.set.map(termText).join(", ")}}`;
};
const predicateText = ({ name, terms }) => `${name}(${terms.map(termText).join(", ")})`;
function expressionText(ops) {
  const stack = [];
  for (const one of ops) {
    if (one?.op === undefined) stack.push(termText(one));
    else if (one.op === "negate") stack.push(`!${stack.pop()}`);
    else {
      const [left, right] = stack.splice(-2);
      const method = METHODS[one.op];
      stack.push(
        method === undefined
          ? `${left} ${OPERATORS[one.op]} ${right}`
          : `${left}.${method}(${right})`,
      );
    }
  }
  return stack[0];
}

/** A block in the language of Biscuit libraries. A term `{ parameter }` is filled in by the reader. */
export const blockText = ({ facts = [], checks = [] }) =>
  [
    ...facts.map(predicateText),
    ...checks.map(
      ({ queries }) =>
        `check if ${queries
          .map(({ body, expressions = [] }) =>
            [...body.map(predicateText), ...expressions.map(expressionText)].join(", "),
          )
          .join(" or ")}`,
    ),
  ]
    .map((one) => `${one};`)
    .join("\n");
