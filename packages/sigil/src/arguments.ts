/** Reads the arguments of a command, and refuses unknown flags, missing values and extra words. */

import { parseArgs } from "node:util";
import { nearest } from "l8nt/caveats";
import { UsageError } from "./exit.ts";
import { plainName } from "./secrecy.ts";

/** A flag of a command. */
export interface Flag {
  /** Stands for the value in the help. A flag without it takes no value. */
  readonly value?: string;
  readonly repeatable?: true;
  readonly short?: string;
  readonly help: string;
}

export type Flags = Readonly<Record<string, Flag>>;

export class Arguments<Name extends string = string> {
  readonly positionals: readonly string[];
  /** The arguments after `--`, for a command that runs another one; undefined without `--`. */
  readonly rest: readonly string[] | undefined;
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(
    positionals: readonly string[],
    values: ReadonlyMap<string, readonly string[]>,
    rest?: readonly string[],
  ) {
    this.positionals = positionals;
    this.rest = rest;
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
  rest?: readonly string[],
): Arguments<Name> {
  const table = new Map<string, Flag>(Object.entries(flags));
  // Not strict: the messages of parseArgs repeat what was typed, which may be a credential.
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      [...table].map(([name, { value, short }]) => [
        name,
        {
          type: value === undefined ? "boolean" : "string",
          ...(short !== undefined && { short }),
        } as const,
      ]),
    ),
  });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const flag = table.get(token.name);
    if (flag === undefined) throw unknownFlag(token, argv[token.index] ?? "", table);
    const { value } = token;
    if (flag.value === undefined && value !== undefined)
      throw new UsageError(`${token.rawName} takes no value.`);
    // `--budget --agent x` is a forgotten value, not a budget of "--agent".
    const forgotten = value === undefined || (!token.inlineValue && /^--[a-z]/.test(value));
    if (flag.value !== undefined && forgotten)
      throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${flag.value}.`);
    const given = values.get(token.name) ?? [];
    // One of two limits would be ignored silently.
    if (given.length > 0 && flag.repeatable === undefined)
      throw new UsageError(`${token.rawName} is given twice; give it once.`);
    values.set(token.name, [...given, value ?? ""]);
  }
  if (positionals.length > maxPositionals) throw leftOver(tokens, table, maxPositionals);
  return new Arguments(positionals, values, rest);
}

type Token = NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number];
type OptionToken = Extract<Token, { readonly kind: "option" }>;

/** The error for extra words. `--budget 500 sat` leaves "sat", so the error shows the quotes. */
function leftOver(
  tokens: readonly Token[],
  table: ReadonlyMap<string, Flag>,
  max: number,
): UsageError {
  const quotable = tokens.flatMap((token, at) => {
    const before = token.kind === "positional" ? tokens[at - 1] : undefined;
    if (before?.kind !== "option") return [];
    const { value = "" } = table.get(before.name) ?? {};
    return value.startsWith('"') ? [`${before.rawName} ${value}`] : [];
  })[0];
  if (quotable !== undefined) return new UsageError(`Quote a value with blanks: ${quotable}`);
  return new UsageError(
    max === 0
      ? "This command takes no arguments except flags."
      : `This command takes at most ${max} ${max === 1 ? "argument" : "arguments"} besides flags. Quote a value with blanks.`,
  );
}

function unknownFlag(
  { name, rawName }: OptionToken,
  typed: string,
  table: ReadonlyMap<string, Flag>,
): UsageError {
  if (name === "secret" && table.has("secret-file"))
    return new UsageError(
      "Other users can see a secret in an argument; use SIGIL_SECRET or --secret-file.",
    );
  // parseArgs reads `-budget` as -b -u -d …
  const isWord = !rawName.startsWith("--") && typed.startsWith(rawName) && typed.length > 2;
  const plain = plainName(isWord ? typed.slice(1) : name);
  if (plain === undefined) return new UsageError("Unknown flag. See --help.");
  const near = nearest(plain, [...table.keys()]);
  return new UsageError(
    `Unknown flag ${rawName.startsWith("--") ? "--" : "-"}${plain}.${near === undefined ? " See --help." : ` Did you mean --${near}?`}`,
  );
}
