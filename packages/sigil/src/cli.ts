/** The program `sigil` as a function: finds the command, runs it, and returns its exit code. */

import { readFileSync } from "node:fs";
import { nearest } from "l8nt/caveats";
import { readArguments } from "./arguments.ts";
import { COMMON_FLAGS, type Command, helpOf } from "./command.ts";
import { COMMANDS, HELP } from "./commands/index.ts";
import { EXIT, exitCodeOf, UsageError } from "./exit.ts";
import { plainName } from "./secrecy.ts";
import { type Streams, Terminal } from "./terminal.ts";

/** The terminal of one call; it answers in JSON if the arguments of `sigil` itself ask for it. */
export function terminalOf(argv: readonly string[], streams: Streams): Terminal {
  const { own } = parted(
    argv,
    COMMANDS.find((one) => one.name === argv[0]),
  );
  return new Terminal({ ...streams, json: own.includes("--json") });
}

/**
 * Runs one command and returns its exit code. Never rejects: an error is written to the terminal.
 *
 * @param argv the arguments after `sigil`
 */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await run(argv, terminal);
  } catch (error) {
    terminal.fail(error);
    return exitCodeOf(error);
  }
}

async function run([name, ...argv]: readonly string[], terminal: Terminal): Promise<number> {
  if (name === undefined) {
    terminal.stderr.write(HELP);
    return EXIT.usage;
  }
  if (name === "--help" || name === "-h" || name === "help") {
    terminal.stdout.write(HELP);
    return EXIT.ok;
  }
  if (name === "--version" || name === "-V") {
    const { version } = JSON.parse(
      readFileSync(new URL("../package.json", import.meta.url), "utf8"),
    );
    terminal.answer(`${version}\n`, { version });
    return EXIT.ok;
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) throw unknownCommand(name);
  const { own, rest } = parted(argv, command);
  // Before the arguments are read: a command that asks for help may be half typed.
  if (own.includes("--help") || own.includes("-h")) {
    terminal.stdout.write(helpOf(command));
    return EXIT.ok;
  }
  const given = readArguments(
    own,
    { ...command.flags, ...COMMON_FLAGS },
    command.positionals ?? 0,
    rest,
  );
  return command.run(given, terminal);
}

/**
 * The arguments of `sigil` itself, and those after `--`, which belong to the command that it runs.
 */
function parted(
  argv: readonly string[],
  command: Command | undefined,
): { readonly own: readonly string[]; readonly rest?: readonly string[] } {
  const at = argv.indexOf("--");
  return command?.rest === undefined || at === -1
    ? { own: argv }
    : { own: argv.slice(0, at), rest: argv.slice(at + 1) };
}

function unknownCommand(typed: string): UsageError {
  const name = plainName(typed);
  if (name === undefined) return new UsageError("Unknown command. See sigil --help.");
  const near = nearest(
    name,
    COMMANDS.map((one) => one.name),
  );
  return new UsageError(
    `Unknown command ${name}.${near === undefined ? " See sigil --help." : ` Did you mean ${near}?`}`,
  );
}
