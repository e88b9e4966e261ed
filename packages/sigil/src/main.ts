#!/usr/bin/env node
/** The program `sigil`: runs one command in this process. */
import { main, terminalOf } from "./cli.ts";
import { EXIT } from "./exit.ts";

const { stdin, stdout, stderr, env } = process;
const argv = process.argv.slice(2);
const terminal = terminalOf(argv, { stdin, stdout, stderr, env, signals: process });

// `sigil get … | head` is not an error.
stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});
// Node would print everything that an error carries, such as a path or a URL that was typed.
process.on("uncaughtException", (error) => {
  terminal.fail(error);
  process.exit(EXIT.bug);
});
process.exitCode = await main(argv, terminal);
