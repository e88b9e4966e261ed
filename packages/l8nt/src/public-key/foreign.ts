/**
 * Blocks that say something else than the profile: what may be given to a judge of Datalog. The
 * cost of judging is bounded before it begins: biscuit-wasm looks at its limits between two queries
 * only. spec/9-public-key.md §5.
 */
import type { Symbols } from "../biscuit/block.ts";
import { Fields, known, malformed } from "../biscuit/protobuf.ts";
import { TokenError } from "../errors.ts";

/** Facts in all blocks of a token. */
export const MAX_FACTS = 128;
/** Ways to choose a fact for each predicate of a query, in all queries of a token. */
export const MAX_CHOICES = 1_000;
/** What a verifier says of the access has at most so many facts of one name. */
const OF_THE_ACCESS = 2;

/** Steps of an expression, each for every choice: a step looks at a text once, or twice. */
export const MAX_STEPS = 10_000;

const REFUSED: ReadonlyMap<number, string> = new Map([
  [8, "a regular expression"],
  // It makes texts that are longer with each step.
  [9, "an addition"],
]);

// Fields of a block, and of a query.
const [FACTS, RULES, CHECKS, SCOPES, KEYS] = [4, 5, 6, 7, 8];
const [BODY, EXPRESSIONS, TRUSTING] = [2, 3, 4];
// Steps of an expression.
const [VALUE, BINARY, CLOSURE] = [1, 3, 4];

const ONE = known(1);
const TWO = known(1, 2);
const FOUR = known(1, 2, 3, 4);
const BLOCK = known(1, 2, 3, FACTS, RULES, CHECKS, SCOPES, KEYS);

const refused = (what: string): TokenError =>
  new TokenError(
    "ERR_TOKEN_DATALOG",
    `A block of the credential has ${what}, which is not judged here.`,
  );

/** How many facts of each name there are. */
type Counts = Map<string, number>;

/**
 * Makes sure that blocks can be judged in a bounded time: facts and checks alone, without rules,
 * scopes, closures, regular expressions and functions, and with few ways to satisfy a query.
 *
 * @param blocks all blocks of the token
 * @param foreign which of them are no blocks of the profile
 * @param symbols those of all blocks
 * @throws TokenError `ERR_TOKEN_DATALOG`
 */
export function demandBounded(
  blocks: readonly Uint8Array[],
  foreign: readonly number[],
  symbols: Symbols,
): void {
  const facts: Counts = new Map();
  let count = 0;
  for (const data of blocks) {
    const block = Fields.of(data, BLOCK);
    for (const fact of block.all(FACTS)) {
      const name = nameOf(block.inside(fact, ONE).message(1, TWO), symbols);
      facts.set(name, (facts.get(name) ?? 0) + 1);
      count++;
    }
  }
  if (count > MAX_FACTS) throw refused(`more than ${MAX_FACTS} facts`);
  // The verifier states one for each caveat at most.
  facts.set("counted", (facts.get("counted") ?? 0) + (facts.get("caveat") ?? 0));
  const all: Cost = { choices: 0, steps: 0 };
  for (const at of foreign) {
    addCostOf(blocks[at]!, facts, symbols, all);
    if (all.choices > MAX_CHOICES || all.steps > MAX_STEPS)
      throw refused("checks that take too long");
  }
}

/** What judging costs at most. */
interface Cost {
  choices: number;
  steps: number;
}

function addCostOf(data: Uint8Array, facts: Counts, symbols: Symbols, all: Cost): void {
  const block = Fields.of(data, BLOCK);
  if (block.has(RULES)) throw refused("a rule");
  if (block.has(SCOPES)) throw refused("a scope");
  if (block.has(KEYS)) throw refused("a public key");
  for (const one of block.all(CHECKS)) {
    const check = block.inside(one, TWO);
    for (const text of check.all(1)) {
      const query = check.inside(text, FOUR);
      const choices = choicesOfQuery(query, facts, symbols);
      all.choices += choices;
      all.steps += choices * stepsOf(query);
    }
  }
}

const stepsOf = (query: Fields): number =>
  query
    .all(EXPRESSIONS)
    .map((expression) => cheapSteps(query.inside(expression, ONE)))
    .reduce((sum, steps) => sum + steps, 0);

function choicesOfQuery(query: Fields, facts: Counts, symbols: Symbols): number {
  if (query.has(TRUSTING)) throw refused("a scope");
  return query
    .all(BODY)
    .map((predicate) => nameOf(query.inside(predicate, TWO), symbols))
    .map((name) => (facts.get(name) ?? 0) + OF_THE_ACCESS)
    .reduce((product, ways) => Math.min(product * ways, MAX_CHOICES + 1), 1);
}

/**
 * How many steps an expression has. Refuses what costs more than its bytes, such as a regular
 * expression, which is compiled.
 */
function cheapSteps(expression: Fields): number {
  const steps = expression.all(1);
  for (const step of steps) {
    const operation = expression.inside(step, FOUR);
    const { one } = operation;
    if (one.number === CLOSURE) throw refused("a closure");
    if (one.number === VALUE) continue;
    const operator = operation.inside(one, TWO);
    if (operator.has(2)) throw refused("a function");
    const what = one.number === BINARY && REFUSED.get(Number(operator.integer(1)));
    if (what) throw refused(what);
  }
  return steps.length;
}

function nameOf(predicate: Fields, symbols: Symbols): string {
  const name = predicate.integer(1);
  if (name === undefined) throw malformed("a fact has no name");
  return symbols.text(name);
}
