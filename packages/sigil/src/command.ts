/** What a command is: its words, its flags, and what it does. */
import type { Arguments, Flag } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";

export interface CommandOptions<Name extends string> {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** What follows the name. */
  readonly usage: string;
  readonly help?: string;
  readonly flags: Readonly<Record<Name, Flag>>;
  readonly positionals?: number;
  /** Whether another command follows after `--`, whose flags are its own. */
  readonly rest?: true;
  /** Gives the exit code. */
  run(given: Arguments<Name>, terminal: Terminal): Promise<number>;
}

export type Command = CommandOptions<string>;

/** Ties the flags that `run` asks for to those that there are. */
export const command = <Name extends string>(options: CommandOptions<Name>): Command =>
  options as unknown as Command;

export const COMMON_FLAGS = {
  json: { help: "one JSON document on stdout; amounts are decimal strings of msat" },
  help: { short: "h", help: "this text" },
} as const satisfies Record<string, Flag>;

export function helpOf({ name, summary, usage, help, flags }: Command): string {
  const lines = Object.entries({ ...flags, ...COMMON_FLAGS } as Record<string, Flag>).map(
    ([flag, { value, short, repeatable, help: text }]) => {
      const left = `${short === undefined ? "    " : `-${short}, `}--${flag}${value === undefined ? "" : ` ${value}`}`;
      return `  ${left.padEnd(34)}${text}${repeatable ? " (repeatable)" : ""}`;
    },
  );
  return `sigil ${name}: ${summary}

Usage: sigil ${name} ${usage}
${help === undefined ? "" : `\n${help}\n`}
Flags:
${lines.join("\n")}

Exit codes: sigil --help
`;
}
