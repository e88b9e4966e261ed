/** What a pattern of paths allows beside others: exact, by stepping through all at once. */
import { PLACES, partsOf } from "../presets/match.ts";

/** Characters that lead from one state to another. */
interface Step {
  readonly characters: ReadonlySet<string>;
  readonly to: number;
}

interface Automaton {
  /** Of each state; the first state is 0. */
  readonly steps: readonly (readonly Step[])[];
  /** States in which a whole path may end. */
  readonly ends: ReadonlySet<number>;
}

const ASCII = Array.from({ length: 95 }, (_, at) => String.fromCharCode(0x20 + at));
const SLASH: ReadonlySet<string> = new Set("/");

/** The characters of each place. */
const CLASSES: Readonly<Record<string, ReadonlySet<string>>> = Object.fromEntries(
  Object.entries(PLACES).map(([place, source]) => {
    const isOne = new RegExp(`^${source}$`);
    return [place, new Set(ASCII.filter((character) => isOne.test(character)))];
  }),
);

/** Every character that a path may have. */
const CHARACTERS = [...SLASH, ...CLASSES["**"]!];

function automatonOf(pattern: string): Automaton {
  const steps: Step[][] = [[]];
  const add = (characters: ReadonlySet<string>): void => {
    const to = steps.push([]) - 1;
    steps[to - 1]!.push({ characters, to });
  };
  const again = (characters: ReadonlySet<string>, from: number, to: number): void => {
    steps[from]!.push({ characters, to });
  };
  for (const part of partsOf(pattern)) {
    const characters = CLASSES[part];
    if (characters === undefined) {
      for (const character of part) add(new Set(character));
      continue;
    }
    const before = steps.length - 1;
    add(characters);
    again(characters, before + 1, before + 1);
    if (part !== "**") continue;
    add(SLASH);
    again(characters, before + 2, before + 1);
    return { steps, ends: new Set([before, before + 1, before + 2]) };
  }
  return { steps, ends: new Set([steps.length - 1]) };
}

/** Where a pattern may be after some characters. */
type States = readonly number[];

function after({ steps }: Automaton, states: States, character: string): States {
  const next = new Set<number>();
  for (const state of states)
    for (const { characters, to } of steps[state]!) if (characters.has(character)) next.add(to);
  return [...next].sort((a, b) => a - b);
}

/** A shortest path that `narrow` allows, and none of `wide`; undefined if there is none. */
export function pathBeside(wide: readonly string[], narrow: string): string | undefined {
  const own = automatonOf(narrow);
  const others = wide.map(automatonOf);
  const isEnd = ({ ends }: Automaton, states: States) => states.some((state) => ends.has(state));
  const seen = new Set<string>();
  let found: (readonly [path: string, own: States, others: readonly States[]])[] = [
    ["", [0], others.map(() => [0])],
  ];
  while (found.length > 0) {
    const longer: typeof found = [];
    for (const [path, at, beside] of found) {
      if (isEnd(own, at) && !others.some((other, index) => isEnd(other, beside[index]!)))
        return path;
      for (const character of CHARACTERS) {
        const next = after(own, at, character);
        if (next.length === 0) continue;
        const nextBeside = others.map((other, index) => after(other, beside[index]!, character));
        const key = [next, ...nextBeside].join(";");
        if (seen.has(key)) continue;
        seen.add(key);
        longer.push([path + character, next, nextBeside]);
      }
    }
    found = longer;
  }
  return undefined;
}

/** Whether every path of one pattern is one of the other too. */
export const coversPath = (wide: string, narrow: string): boolean =>
  pathBeside([wide], narrow) === undefined;
