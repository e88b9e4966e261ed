/** `sigil treasury`: a treasury as a process of its own. A verb follows. */
import type { Flag } from "../arguments.ts";
import { command } from "../command.ts";
import { UsageError } from "../exit.ts";
import { SCOPE_FLAGS } from "../scope-flags.ts";
import { init } from "../treasury/init.ts";
import { start } from "../treasury/start.ts";

const FLAGS = {
  dir: { value: "DIR", help: "the treasury's folder" },
  "key-file": {
    value: "FILE",
    help: "its key, where it is not in the folder (or SIGIL_TREASURY_KEY)",
  },
  port: { value: "N", help: "start: on 127.0.0.1, instead of the location's port" },
  socket: { value: "PATH", help: "start: a Unix socket instead, for this user alone" },
  "allow-loopback": { help: "start: services on this machine may be bought from, for development" },
  "log-level": {
    value: "LEVEL",
    help: "start: trace, debug, info, warn, error, silent; info where it is not given",
  },
  location: {
    value: "URL",
    help: "init: where agents reach it; http://127.0.0.1:8409 where it is not given",
  },
  ...SCOPE_FLAGS,
} as const satisfies Record<string, Flag>;

export const treasury = command({
  name: "treasury",
  summary: "holds the wallet, and buys for agents within their budgets",
  usage: "init|start --dir DIR [FLAGS]",
  help: `init makes the folder: a key, the books, a credential for the owner and one for the first agent, whose scope is what
the flags say (and what a bare wallet may do, where they say nothing). start serves it until Ctrl-C or SIGTERM: then
payments under way end first. It pays from SIGIL_WALLET. Its books are a file in the folder, or the Postgres of SIGIL_STORE,
which several treasuries may share (then give each its own SIGIL_INSTANCE). Logs are JSON on stderr.`,
  flags: FLAGS,
  positionals: 1,
  async run(given, terminal) {
    const [verb] = given.positionals;
    if (verb === "init") return init(given, terminal);
    if (verb === "start") return start(given, terminal);
    throw new UsageError("What about the treasury? sigil treasury init|start.");
  },
});
