/** `sigil treasury init|start`: makes a treasury, and runs it as a process. */
import type { Flag } from "../arguments.ts";
import { command } from "../command.ts";
import { SCOPE_FLAGS } from "../scope-flags.ts";
import { init } from "../treasury/init.ts";
import { start } from "../treasury/start.ts";
import { wrongVerb } from "../wrong-verb.ts";

const FLAGS = {
  dir: { value: "DIR", help: "the treasury's folder" },
  "key-file": {
    value: "FILE",
    help: "the treasury's key, if it is not in the folder or in SIGIL_TREASURY_KEY",
  },
  port: { value: "N", help: "start: the port on 127.0.0.1 (default: the location's port)" },
  socket: { value: "PATH", help: "start: listen on a private Unix socket instead" },
  "allow-loopback": { help: "start: buy from services on this machine too, for development" },
  "log-level": {
    value: "LEVEL",
    help: "start: trace, debug, info, warn, error, fatal or silent (default: info)",
  },
  location: {
    value: "URL",
    help: "init: the URL at which agents reach it (default: http://127.0.0.1:8409)",
  },
  ...SCOPE_FLAGS,
} as const satisfies Record<string, Flag>;

export const treasury = command({
  name: "treasury",
  summary: "run a treasury, which buys for agents within their budgets",
  usage: "init|start --dir DIR [FLAGS]",
  help: `init makes the folder with a key, the books, a credential for the owner and one for the first
agent. The flags say what the agent's credential allows; what they leave out has the default limits
of \`sigil get\`.

start serves until Ctrl-C or SIGTERM, and lets payments under way finish before it exits. It pays
from the wallet of SIGIL_WALLET and writes logs as JSON on stderr. The books are a file in the
folder, or the Postgres database of SIGIL_STORE. Several treasuries may share that database; give
each its own SIGIL_INSTANCE.`,
  flags: FLAGS,
  positionals: 1,
  async run(given, terminal) {
    const [verb] = given.positionals;
    if (verb === "init") return init(given, terminal);
    if (verb === "start") return start(given, terminal);
    throw wrongVerb(verb, ["init", "start"], "sigil treasury init|start --dir DIR");
  },
});
