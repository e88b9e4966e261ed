/** The URL of a wallet in the spellings that wallets, files and copies have. */
import { expect, test } from "vitest";
import { openWallet } from "./open-wallet.ts";

const key = "ab".repeat(32);
const nwc = `relay=wss://relay.example&secret=${"cd".repeat(32)}`;

test.each([
  `nostr+walletconnect://${key}?${nwc}`,
  `nostr+walletconnect:${key}?${nwc}`,
  `nostrwalletconnect://${key}?${nwc}`,
  `nostrwalletconnect:${key}?${nwc}`,
  `NOSTR+WALLETCONNECT://${key.toUpperCase()}?${nwc}`,
  `NostrWalletConnect://${key}?${nwc}`,
  ` nostr+walletconnect://${key}?${nwc}\n`,
  `\tdev+http://127.0.0.1:9/alice?key=${key} `,
  `DEV+HTTP://127.0.0.1:9/alice?key=${key}`,
  `\nLND+https://127.0.0.1:9?macaroon=0201\n`,
])("%j opens a wallet", async (url) => {
  expect(typeof (await openWallet(url)).pay).toBe("function");
});

test.each([undefined, "", "wallet.txt", `nostr:${key}`])(
  "%j is refused, with the variable that is read",
  async (url) => {
    await expect(openWallet(url)).rejects.toThrow(/such as (?:that in )?SIGIL_WALLET/);
  },
);

test.each([
  "",
  " ",
  `nostr-walletconnect://${key}?${nwc}`,
  `nostr+walletconnect://${key.slice(2)}?${nwc}`,
  `nostr+wallet connect://${key}?${nwc}`,
  `constructor:${key}`,
  `x nostr+walletconnect://${key}?${nwc}`,
  `dev+ftp://127.0.0.1:9/alice?key=${key}`,
])("%j is refused, and not repeated", async (url) => {
  const error = await openWallet(url).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  expect(error).toMatchObject({ code: "ERR_WALLET" });
  expect(error!.message).not.toContain(key.slice(2));
});
