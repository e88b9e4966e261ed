#!/usr/bin/env node
/** The program `sigil`: finds the command, and ends with its exit code. */
import { readFileSync } from "node:fs";
import { readArguments } from "./arguments.ts";
import { COMMON_FLAGS, type Command, helpOf } from "./command.ts";
import { COMMANDS, HELP } from "./commands/index.ts";
import { EXIT, exitCodeOf, UsageError } from "./exit.ts";
import { nearest } from "./nearest.ts";
import { plainName } from "./secrecy.ts";
import { Terminal } from "./terminal.ts";

async function main([name, ...argv]: readonly string[], terminal: Terminal): Promise<number> {
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
  // Before the rest is judged: whoever asks for help may have typed half a command.
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

/** This program's arguments, and those of the command that it runs. */
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
  if (name === undefined)
    return new UsageError("The first argument is no command. See sigil --help.");
  const near = nearest(
    name,
    COMMANDS.map((one) => one.name),
  );
  return new UsageError(
    `There is no command ${name}.${near === undefined ? " See sigil --help." : ` Did you mean ${near}?`}`,
  );
}

// `sigil get … | head` is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const { stdin, stdout, stderr, env, argv } = process;
const typed = parted(
  argv.slice(2),
  COMMANDS.find((one) => one.name === argv[2]),
).own;
const terminal = new Terminal({ stdin, stdout, stderr, env, json: typed.includes("--json") });
// Node would print all that an error carries, a path or a URL that somebody typed among it.
process.on("uncaughtException", (error) => {
  terminal.fail(error);
  process.exit(EXIT.bug);
});
try {
  process.exitCode = await main(argv.slice(2), terminal);
} catch (error) {
  terminal.fail(error);
  process.exitCode = exitCodeOf(error);
}
