/** The parts of a command: its help, its flags, and the function that runs it. */
import type { Arguments, Flag } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";
import { wrapped } from "./wrap.ts";

export interface CommandOptions<Name extends string> {
  readonly name: string;
  /** One line of at most 66 columns. */
  readonly summary: string;
  /** The arguments after the command's name, on a line for each way to use it. */
  readonly usage: string;
  /** Text of the command's help; a blank line ends a paragraph. */
  readonly help?: string;
  readonly flags: Readonly<Record<Name, Flag>>;
  /** How many arguments without a flag are allowed. @default 0 */
  readonly positionals?: number;
  /** Whether `--` and another command may follow. @default false */
  readonly rest?: true;
  /** Runs the command and returns the exit code. */
  run(given: Arguments<Name>, terminal: Terminal): Promise<number>;
}

export type Command = CommandOptions<string>;

/** Makes a command whose `run` can only read the flags that it declares. */
export const command = <Name extends string>(options: CommandOptions<Name>): Command =>
  options as unknown as Command;

export const COMMON_FLAGS = {
  json: { help: "print one JSON document, with amounts as decimal strings" },
  help: { short: "h", help: "print this help" },
} as const satisfies Record<string, Flag>;

/** Columns of the help, and the column at which the text of a flag begins. */
const WIDTH = 80;
const FLAG_COLUMN = 32;

/** The text that `sigil NAME --help` prints. */
export function helpOf({ name, summary, usage, help = "", flags }: Command): string {
  const usages = usage
    .split("\n")
    .map((line, at) => hanging(`${at === 0 ? "Usage:" : "      "} sigil ${name} `, line));
  const paragraphs = help.split("\n\n").map((text) => wrapped(text, WIDTH).join("\n"));
  const table: Readonly<Record<string, Flag>> = { ...flags, ...COMMON_FLAGS };
  return `sigil ${name}: ${summary}

${usages.join("\n")}
${help === "" ? "" : `\n${paragraphs.join("\n\n")}\n`}
Flags:
${Object.entries(table)
  .map(([flag, about]) => flagHelp(flag, about))
  .join("\n")}

Exit codes: sigil --help
`;
}

function flagHelp(name: string, { value, short, repeatable, help }: Flag): string {
  const left = `  ${short === undefined ? "    " : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
  const text = `${help}${repeatable ? " (repeatable)" : ""}`;
  // A long flag has a line of its own, so that all texts stay in one column.
  return left.length < FLAG_COLUMN - 1
    ? hanging(left.padEnd(FLAG_COLUMN), text)
    : `${left}\n${hanging(" ".repeat(FLAG_COLUMN), text)}`;
}

/** `text` after `start`, with the lines that follow indented below it. */
const hanging = (start: string, text: string): string =>
  start + wrapped(text, WIDTH - start.length).join(`\n${" ".repeat(start.length)}`);
