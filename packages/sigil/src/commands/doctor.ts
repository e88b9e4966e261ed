/** `sigil doctor`: can this wallet be used, for what, and if not, what is to be done? */
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
    help: "what the wallet is to be used for; both are judged otherwise",
  },
  network: { value: NETWORKS.join("|"), help: "the network that it should be on" },
  "wallet-file": {
    value: "FILE",
    help: "read the wallet's URL from a file (SIGIL_WALLET otherwise)",
  },
} as const;

type Given = Arguments<keyof typeof FLAGS>;

export const doctor = command({
  name: "doctor",
  summary: "checks a wallet from end to end, and says what to do",
  usage: "[--for treasury|service] [--network bc] [--wallet-file FILE]",
  help: `Asks the wallet of SIGIL_WALLET what it is, what its credential may do, how its clock stands and what it holds. Nothing
is paid. For a service it has the wallet make one invoice of 1 sat, which expires after a minute; for a treasury it looks
for a payment that nobody made. Ends with 0 where the wallet can be used, warnings or not.`,
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
        "Write the URL as it says; docs/guides/wallets.md has one of each.",
      ),
    ];
  }
  return [ok("url", "it can be read"), ...(await checkup(wallet, { role, network }))];
}

function walletUrl(given: Given, { env }: Terminal): string {
  const file = given.text("wallet-file");
  const url = file === undefined ? env.SIGIL_WALLET : readPrivate(file, "The wallet file");
  if (!url)
    throw new UsageError(
      "Which wallet? Set SIGIL_WALLET to its URL, or give --wallet-file FILE. It never stands in an argument.",
    );
  return url;
}

function readRole(text: string | undefined): Role | undefined {
  if (text === undefined || text === "treasury" || text === "service") return text;
  throw new UsageError("--for is treasury or service.");
}

function readNetwork(text: string | undefined): Network | undefined {
  const known = NETWORKS.find((network) => network === text);
  if (known === undefined && text !== undefined)
    throw new UsageError(
      "--network is bc (mainnet), tb (testnet), tbs (signet), bcrt (regtest) or sb (simnet).",
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
