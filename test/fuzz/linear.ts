/**
 * Whether a parser takes linear time: it is measured on texts of growing length, in CPU time of
 * this thread, so that other work on the machine does not decide.
 */
import type { Family } from "./families.ts";

export interface Parser {
  readonly name: string;
  /** The longest text that reaches it. */
  readonly maxLength: number;
  /** Where the text of a family stands in an input. */
  readonly around?: readonly ((text: string) => string)[];
  /** More families, which make whole inputs. */
  readonly families?: readonly Family[];
  /** May throw. */
  readonly run: (input: string) => unknown;
}

export interface Slow {
  readonly parser: string;
  readonly family: string;
  /** Milliseconds, by length. */
  readonly ms: readonly (readonly [length: number, ms: number])[];
}

const FIRST_LENGTH = 16_384;
const STEP = 4;
/** Below this a measurement is noise. */
const NOTABLE_MS = 20;
/** Linear time is 4 for each step, with a logarithm 4.5, quadratic time 16. */
const MAX_GROWTH = 9;
const TRIES = 3;

/** Milliseconds of CPU. */
function costOf(run: Parser["run"], input: string): number {
  const before = process.threadCpuUsage();
  try {
    run(input);
  } catch {
    // A refusal costs what it costs.
  }
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

const leastCostOf = (run: Parser["run"], input: string): number =>
  Math.min(...Array.from({ length: TRIES }, () => costOf(run, input)));

const WHOLE = [(text: string) => text];

/** The families for which the parser's time grows faster than the text. */
export function slowFamilies(parser: Parser, families: readonly Family[]): readonly Slow[] {
  const found: Slow[] = [];
  const judge = (family: string, input: (length: number) => string) => {
    const ms = growth(parser, input);
    if (ms !== undefined) found.push({ parser: parser.name, family, ms });
  };
  for (const around of parser.around ?? WHOLE)
    for (const { name, text } of families) judge(around(name), (length) => around(text(length)));
  for (const { name, text } of parser.families ?? []) judge(name, text);
  return found;
}

/** Stops at the first length that takes a notable time, so that no input takes minutes. */
function growth(
  { run, maxLength }: Parser,
  input: (length: number) => string,
): Slow["ms"] | undefined {
  for (let length = FIRST_LENGTH; ; length *= STEP) {
    const longest = Math.min(length, maxLength);
    if (costOf(run, input(longest)) > NOTABLE_MS) {
      const lengths = [longest / STEP / STEP, longest / STEP, longest].map(Math.floor);
      const ms = lengths.map((each) => [each, leastCostOf(run, input(each))] as const);
      const [first, second, third] = ms.map(([, cost]) => cost) as [number, number, number];
      // Both steps, or the last one from a time that is no noise.
      const isSteep = third / second > MAX_GROWTH && (second / first > MAX_GROWTH || second > 2);
      if (third > NOTABLE_MS && isSteep) return ms;
    }
    if (longest === maxLength) return undefined;
  }
}
