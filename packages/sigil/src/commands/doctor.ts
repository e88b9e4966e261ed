/** `sigil doctor`: checks whether a wallet fits a treasury or a service, and advises. */
import { AdapterError, openWallet, type Wallet } from "l8nt";
import { NETWORKS, type Network } from "l8nt/invoice";
import type { Arguments } from "../arguments.ts";
import { command } from "../command.ts";
import { checkup } from "../doctor/checkup.ts";
import type { Role } from "../doctor/facts.ts";
import { type Finding, failing, isFailing, ok, type State, told } from "../doctor/finding.ts";
import { EXIT, UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { readPrivate } from "../treasury/folder.ts";
import { painter } from "../tree.ts";

const FLAGS = {
  for: {
    value: "treasury|service",
    help: "the wallet's intended use (default: check both)",
  },
  network: { value: NETWORKS.join("|"), help: "the network that the wallet should be on" },
  "wallet-file": {
    value: "FILE",
    help: "read the wallet's URL from a file instead of SIGIL_WALLET",
  },
} as const;

type Given = Arguments<keyof typeof FLAGS>;

export const doctor = command({
  name: "doctor",
  summary: "check a wallet, and say what to mend",
  usage: "[--for treasury|service] [--network bc] [--wallet-file FILE]",
  help: `Asks the wallet of SIGIL_WALLET for its software, the rights of its credential, its clock and
its balance. Pays nothing. For a service, it lets the wallet make one invoice of 1 sat that expires
after a minute. For a treasury, it looks up a payment that was never made. Exits with 0 if the
wallet can be used, even with warnings.`,
  flags: FLAGS,
  async run(given: Given, terminal) {
    const role = readRole(given.text("for"));
    const network = readNetwork(given.text("network"));
    const url = walletUrl(given, terminal);
    const findings = await examined(url, role, network);
    const isWell = !findings.some(isFailing);
    const lines = findings.map((finding) => lineOf(finding, terminal.colours));
    terminal.answer(`${lines.join("\n")}\n`, { ok: isWell, findings });
    return isWell ? EXIT.ok : EXIT.unreachable;
  },
});

async function examined(
  url: string,
  role: Role | undefined,
  network: Network | undefined,
): Promise<readonly Finding[]> {
  let wallet: Wallet;
  try {
    wallet = await openWallet(url);
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    return [
      failing(
        "url",
        told(error.message),
        "Correct the URL; docs/guides/wallets.md has an example for each kind of wallet.",
      ),
    ];
  }
  return [ok("url", "the URL is well-formed"), ...(await checkup(wallet, { role, network }))];
}

function walletUrl(given: Given, { env }: Terminal): string {
  const file = given.text("wallet-file");
  const url = file === undefined ? env.SIGIL_WALLET : readPrivate(file, "The wallet file");
  if (!url)
    throw new UsageError(
      "Missing wallet. Set SIGIL_WALLET to its URL, or give --wallet-file FILE; other users can see arguments.",
    );
  return url;
}

function readRole(text: string | undefined): Role | undefined {
  if (text === undefined || text === "treasury" || text === "service") return text;
  throw new UsageError("--for must be treasury or service.");
}

function readNetwork(text: string | undefined): Network | undefined {
  const known = NETWORKS.find((network) => network === text);
  if (known === undefined && text !== undefined)
    throw new UsageError(
      "--network must be bc (mainnet), tb (testnet), tbs (signet), bcrt (regtest) or sb (simnet).",
    );
  return known;
}

const COLOURS = { ok: "green", warning: "yellow", failing: "red" } as const satisfies Record<
  State,
  string
>;
const STATE_WIDTH = 9;
const POINT_WIDTH = 12;

function lineOf(finding: Finding, colours: boolean): string {
  const { point, state, found } = finding;
  const mark = painter(colours)(COLOURS[state], state.padEnd(STATE_WIDTH));
  const line = `${mark}${point.padEnd(POINT_WIDTH)}${found}`;
  return finding.state === "ok"
    ? line
    : `${line}\n${" ".repeat(STATE_WIDTH + POINT_WIDTH)}${finding.advice}`;
}
