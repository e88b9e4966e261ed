/** `sigil treasury`: makes a treasury, runs it, backs it up, and explains its payments. */
import type { Arguments, Flag } from "../arguments.ts";
import { command } from "../command.ts";
import { UsageError } from "../exit.ts";
import { SCOPE_FLAGS } from "../scope-flags.ts";
import type { Terminal } from "../terminal.ts";
import { backup, restore } from "../treasury/backup.ts";
import { child } from "../treasury/child.ts";
import { clock } from "../treasury/clock.ts";
import { health } from "../treasury/health.ts";
import { init } from "../treasury/init.ts";
import { start } from "../treasury/start.ts";
import { confirm, explain, unexplained } from "../treasury/unexplained.ts";
import { wrongVerb } from "../wrong-verb.ts";

const FLAGS = {
  dir: { value: "DIR", help: "the treasury's folder" },
  "key-file": {
    value: "FILE",
    help: "the treasury's key, if it is not in the folder or in SIGIL_TREASURY_KEY",
  },
  port: { value: "N", help: "start: the port on 127.0.0.1 (default: the location's port)" },
  socket: {
    value: "PATH",
    help: "start: listen on a private Unix socket instead; otherwise where it listens",
  },
  "allow-loopback": { help: "start: buy from services on this machine too, for development" },
  "egress-proxy": {
    value: "URL",
    help: "start: reach services through this HTTP proxy, which must refuse private addresses",
  },
  "log-level": {
    value: "LEVEL",
    help: "start: trace, debug, info, warn, error, fatal or silent (default: info)",
  },
  location: {
    value: "URL",
    help: "init: the URL at which agents reach it (default: http://127.0.0.1:8409)",
  },
  own: { help: "explain: it was not a payment of this treasury" },
  late: { help: "explain: it had failed, and was made after all" },
  node: { value: "NODE-ID|NAME", help: "explain: that agent's payment; its budgets count it" },
  accept: { help: "clock: the machine's time is right; the books go back to it" },
  reason: { value: "TEXT", help: "explain, confirm, clock: the reason, for the journal" },
  ...SCOPE_FLAGS,
} as const satisfies Record<string, Flag>;

/** Runs a verb, and returns the exit code. */
type Verb = (given: Arguments<keyof typeof FLAGS>, terminal: Terminal) => Promise<number>;

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["init", init],
  ["start", start],
  ["child", child],
  ["backup", backup],
  ["restore", restore],
  ["unexplained", unexplained],
  ["explain", explain],
  ["confirm", confirm],
  ["clock", clock],
  ["health", health],
]);

/** The verbs that take arguments without a flag. */
const TAKE_MORE = new Set(["backup", "restore", "explain"]);
/** As many hashes as a line can hold. */
const POSITIONALS = 1000;

export const treasury = command({
  name: "treasury",
  summary: "run a treasury, which buys for agents within their budgets",
  usage:
    "init|start|backup FILE|restore FILE|unexplained|explain HASH…|all|confirm|clock|health --dir DIR [FLAGS]\nchild",
  help: `init makes the folder with a key, the books, a credential for the owner and one for the first
agent. The flags say what the agent's credential allows; what they leave out has the default limits
of \`sigil get\`.

start serves until Ctrl-C or SIGTERM, and lets payments under way finish before it exits. It pays
from the wallet of SIGIL_WALLET and writes logs as JSON on stderr. The books are a file in the
folder, or the Postgres database of SIGIL_STORE, which several treasuries may share.

child is for programs in other languages, such as the Python package l8nt, which start it: a treasury
on a private Unix socket, with the wallet of SIGIL_WALLET and books in memory. It prints the path of
the socket as a line of JSON, answers each line {"scope":{…}} of stdin with {"credential":"…"}, and
ends when stdin does. {} asks for the default limits of \`sigil get\`. If it ends by itself, its last
line says why: {"ended":"…"}. It takes no --dir.

backup copies the books to a new file, also while the treasury runs. restore puts such a file in the
place of the books, which it keeps beside it. A treasury on restored books spends nothing until they
were compared with the wallet, and each payment that they lack was explained.

unexplained lists payments of the wallet that the books do not have, have otherwise, or have as
failed. Nothing is spent while there is one. explain says what they were. confirm lets spending go
on after a restore, if the wallet cannot list its payments, and after the books were copied to
another file, if no treasury runs on the old one. These three ask a running treasury.

clock shows the machine's time beside that of the books, which never goes back. After the machine's
clock was ahead and was set right, no order is taken until it has caught up, or until clock --accept
says that the machine is right. It asks a running treasury.

health says whether a running treasury spends, and why not; how many payments are open, and how many
cannot be explained; how many services were not told of a revocation yet; and whether previous
secrets are needed. It exits with 1 if the treasury does not spend.
docs/guides/backup.md has the whole.`,
  flags: FLAGS,
  positionals: POSITIONALS,
  async run(given, terminal) {
    const [name, ...more] = given.positionals;
    const verb = VERBS.get(name ?? "");
    if (verb === undefined)
      throw wrongVerb(
        name,
        [...VERBS.keys()],
        `sigil treasury ${[...VERBS.keys()].filter((verb) => verb !== "child").join("|")} --dir DIR`,
      );
    if (more.length > 0 && !TAKE_MORE.has(name!))
      throw new UsageError(`sigil treasury ${name} takes no more words.`);
    return verb(given, terminal);
  },
});
