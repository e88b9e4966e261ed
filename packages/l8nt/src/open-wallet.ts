/**
 * A wallet from one URL, as `SIGIL_WALLET` holds it. Each adapter is loaded only where its scheme
 * is used.
 */
import { AdapterError } from "./errors.ts";
import type { Wallet } from "./ports/wallet.ts";
import { tidied } from "./wallets/wallet-url.ts";

type Open = (url: string) => Promise<Wallet>;

/** On this machine a backend may do without TLS; beyond it, none may (`wallets/wallet-url.ts`). */
const overHttp = (name: string, open: Open) => ({
  [`${name}+https`]: open,
  [`${name}+http`]: open,
});

const SCHEMES: Readonly<Record<string, Open>> = {
  "dev+http": async (url) => (await import("./wallets/dev.ts")).devWallet(url),
  ...overHttp("lnd", async (url) => (await import("./wallets/lnd.ts")).lndWallet(url)),
  ...overHttp("cln", async (url) => (await import("./wallets/cln.ts")).clnWallet(url)),
  ...overHttp("phoenixd", async (url) =>
    (await import("./wallets/phoenixd.ts")).phoenixdWallet(url),
  ),
  ...overHttp("lnbits", async (url) => (await import("./wallets/lnbits.ts")).lnbitsWallet(url)),
  "nostr+walletconnect": async (url) => (await import("./wallets/nwc.ts")).nwcWallet(url),
};

/** Other spellings that wallets write. */
const ALIASES: Readonly<Record<string, string>> = { nostrwalletconnect: "nostr+walletconnect" };

/**
 * @throws AdapterError `ERR_WALLET` for no URL, as of a variable that is not set, and for a URL of
 * no wallet that is known; the URL, which holds secrets, is not repeated
 */
export async function openWallet(url: string | undefined): Promise<Wallet> {
  if (!url)
    throw new AdapterError(
      "ERR_WALLET",
      "The wallet's URL is not set: set the environment variable that it is read from, such as SIGIL_WALLET.",
    );
  const written = tidied(url);
  const scheme = written.slice(0, written.indexOf(":"));
  const known = ALIASES[scheme] ?? scheme;
  const open = Object.hasOwn(SCHEMES, known) ? SCHEMES[known] : undefined;
  if (open === undefined)
    throw new AdapterError(
      "ERR_WALLET",
      `The wallet's URL, such as that in SIGIL_WALLET, is not the URL of a wallet. It must begin with one of these schemes: ${Object.keys(SCHEMES).join(", ")}. If the value names a file, give the URL that is in the file.`,
    );
  return open(written);
}
