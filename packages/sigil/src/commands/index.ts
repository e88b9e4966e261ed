/** All commands of the program, in the order of the help, and the help itself. */
import type { Command } from "../command.ts";
import { EXIT_HELP } from "../exit.ts";
import { delegate } from "./delegate.ts";
import { demo } from "./demo.ts";
import { doctor } from "./doctor.ts";
import { gateway } from "./gateway.ts";
import { get } from "./get.ts";
import { inspect } from "./inspect.ts";
import { journal } from "./journal.ts";
import { keys } from "./keys.ts";
import { ledger } from "./ledger.ts";
import { mcp } from "./mcp.ts";
import { mint } from "./mint.ts";
import { network } from "./network.ts";
import { ownerCommands } from "./owner.ts";
import { receipts } from "./receipts.ts";
import { spend } from "./spend.ts";
import { treasury } from "./treasury.ts";
import { verify } from "./verify.ts";

export const COMMANDS: readonly Command[] = [
  demo,
  network,
  get,
  mint,
  keys,
  delegate,
  inspect,
  verify,
  treasury,
  gateway,
  spend,
  ...ownerCommands,
  journal,
  receipts,
  ledger,
  doctor,
  mcp,
];

/** The text that `sigil --help` prints. */
export const HELP = `sigil: credentials for software agents that can pay

Usage: sigil COMMAND [ARGUMENTS]

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`).join("\n")}

\`sigil COMMAND --help\` explains a command. Every command takes --json.

Credentials are read from SIGIL_CREDENTIAL, a file or stdin, and secrets from
SIGIL_SECRET or a file, because other users can see the arguments of a process.
Without a credential, \`sigil get\` pays from the wallet whose URL is in
SIGIL_WALLET.

${EXIT_HELP}
`;
