/** `sigil network`: runs a Lightning network for development until it is interrupted. */
import { formatAmount, msat, readMsatOption } from "l8nt/invoice";
import type { DevNetwork } from "l8nt/testing";
import { command } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { fromScope } from "../scope-flags.ts";

const DEFAULT_ACCOUNTS = ["alice=1000 sat", "weather=0 sat"];

export const network = command({
  name: "network",
  summary: "run a Lightning network for development, with play money",
  usage: '[--account "NAME=AMOUNT" …] [--port N]',
  help: `Prints two wallets for each account, as commands for a shell: one that pays, for an agent or a
treasury, and one that only makes invoices, for a service.

Balances are play money. Balances, accounts and URLs end with this command, which runs until
Ctrl-C or SIGTERM and then exits with 0.`,
  flags: {
    account: {
      value: '"NAME=AMOUNT"',
      repeatable: true,
      help: 'an account (default: "alice=1000 sat" and "weather=0 sat")',
    },
    port: { value: "N", help: "the port on 127.0.0.1 (default: any free port)" },
  },
  async run(given, terminal) {
    const wanted = (given.all("account") ?? DEFAULT_ACCOUNTS).map(readAccount);
    const port = readPort(given.text("port") ?? "0");
    const stopped = terminal.untilStopped();
    const running = await started(port);
    try {
      const accounts = wanted.map(({ name, balanceMsat }) => ({
        ...fromScope(() => running.account(name, { balanceMsat })),
        balanceMsat,
      }));
      const { url } = running;
      terminal.answer(
        [
          `# A Lightning network with play money at ${url}. Press Ctrl-C to end it.`,
          ...accounts.flatMap((account) => [
            "",
            `# ${account.name} (${formatAmount(msat(account.balanceMsat))}): pays`,
            `export SIGIL_WALLET='${account.url}'`,
            `# ${account.name}: only makes invoices`,
            `export SIGIL_WALLET='${account.invoiceOnlyUrl}'`,
          ]),
          "",
        ].join("\n"),
        {
          url,
          accounts: accounts.map(({ name, balanceMsat, url: pays, invoiceOnlyUrl }) => ({
            name,
            balanceMsat,
            pays,
            makesInvoicesOnly: invoiceOnlyUrl,
          })),
        },
      );
      await stopped;
      return EXIT.ok;
    } finally {
      await running.stop();
    }
  },
});

async function started(port: number): Promise<DevNetwork> {
  // Imported here, so that other commands do not load the network.
  const { DevNetwork } = await import("l8nt/testing");
  try {
    return await DevNetwork.start({ port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE")
      throw new UsageError(
        `--port: port ${port} is in use. Give another one, or leave out --port for any free port.`,
      );
    if (code === "EACCES")
      throw new UsageError(`--port: this user may not listen on port ${port}.`);
    throw error;
  }
}

interface WantedAccount {
  readonly name: string;
  readonly balanceMsat: bigint;
}

function readAccount(text: string): WantedAccount {
  const at = text.indexOf("=");
  if (at === -1)
    throw new UsageError('--account must be a name and an amount, such as "alice=1000 sat".');
  return {
    name: text.slice(0, at),
    balanceMsat: fromScope(() => readMsatOption(text.slice(at + 1), "--account's amount")),
  };
}

function readPort(text: string): number {
  if (!/^(?:0|[1-9][0-9]{0,4})$/.test(text) || Number(text) > 65_535)
    throw new UsageError("--port must be a whole number from 0 to 65535.");
  return Number(text);
}
