/** The arguments of one command: every flag known, every value there, nothing left over. */
import { parseArgs } from "node:util";
import { UsageError } from "./exit.ts";
import { nearest } from "./nearest.ts";
import { plainName } from "./secrecy.ts";

export interface Flag {
  /** What stands for its value in the help; a flag without one is on or off. */
  readonly value?: string;
  readonly repeatable?: true;
  readonly short?: string;
  readonly help: string;
}

export type Flags = Readonly<Record<string, Flag>>;

export class Arguments<Name extends string = string> {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(positionals: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.positionals = positionals;
    this.#values = values;
  }

  has(name: Name): boolean {
    return this.#values.has(name);
  }

  text(name: Name): string | undefined {
    return this.#values.get(name)?.[0];
  }

  all(name: Name): readonly string[] | undefined {
    return this.#values.get(name);
  }
}

/** @throws UsageError */
export function readArguments<Name extends string>(
  argv: readonly string[],
  flags: Readonly<Record<Name, Flag>>,
  maxPositionals: number,
): Arguments<Name> {
  const table = new Map<string, Flag>(Object.entries(flags));
  // Read loosely and judged here: the strict reader repeats what was typed, which may be a credential.
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      [...table].map(([name, { value, short }]) => [
        name,
        { type: value === undefined ? "boolean" : "string", ...(short !== undefined && { short }) } as const,
      ]),
    ),
  });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const flag = table.get(token.name);
    if (flag === undefined) throw unknownFlag(token.name, [...table.keys()]);
    const { value } = token;
    if (flag.value === undefined && value !== undefined)
      throw new UsageError(`--${token.name} takes no value.`);
    // `--budget --agent x` is a forgotten value, not a budget of "--agent".
    const forgotten = value === undefined || (!token.inlineValue && /^--[a-z]/.test(value));
    if (flag.value !== undefined && forgotten)
      throw new UsageError(`--${token.name} needs a value: --${token.name} ${flag.value}.`);
    const given = values.get(token.name) ?? [];
    // Of two limits one would be dropped in silence.
    if (given.length > 0 && flag.repeatable === undefined)
      throw new UsageError(`--${token.name} is given twice; give it once.`);
    values.set(token.name, [...given, value ?? ""]);
  }
  if (positionals.length > maxPositionals)
    throw new UsageError(
      maxPositionals === 0
        ? "This command takes flags only, and something else was given."
        : `This command takes ${maxPositionals} argument, and ${positionals.length} were given. Quote what has blanks in it.`,
    );
  return new Arguments(positionals, values);
}

function unknownFlag(typed: string, names: readonly string[]): UsageError {
  const name = plainName(typed);
  if (name === undefined) return new UsageError("There is an unknown flag.");
  const near = nearest(name, names);
  return new UsageError(`There is no flag --${name}.${near === undefined ? "" : ` Did you mean --${near}?`}`);
}
