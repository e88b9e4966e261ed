/**
 * Which wallets a treasury does not start with, which it is only warned of, and that tracing one
 * takes nothing from it.
 */
import { AdapterError, type WalletFacts } from "l8nt";
import { describe, expect, test } from "vitest";
import { FACTS, standIn } from "../doctor/fixtures/stand-in.ts";
import { logger } from "./log.ts";
import { fitWallet, tracedWallet, walletAtStart } from "./wallet.ts";

function listening() {
  const lines: string[] = [];
  return { log: logger("info", { write: (line: string) => void lines.push(line) }), lines };
}

const clock = () => ({ clock: Date.now() / 1000 });
const rights = (changed: Partial<WalletFacts["rights"]>) => ({
  rights: { ...FACTS.rights, ...changed },
});

test.each<[string, Partial<WalletFacts>, RegExp]>([
  ["cannot pay", rights({ pay: false }), /may not pay. Give the URL a credential/],
  ["cannot find payments again", rights({ find: false }), /may not look up payments/],
])("one that %s is refused in one line", async (_, changed, why) => {
  const { log, lines } = listening();
  const facts = { ...clock(), ...changed, synced: false };
  const refused = fitWallet(async () => standIn({ facts }), log);
  await expect(refused).rejects.toMatchObject({
    code: "ERR_WALLET",
    message: expect.stringMatching(why),
  });
  await expect(refused).rejects.toMatchObject({ message: expect.not.stringContaining("\n") });
  expect(lines).toEqual([]);
});

test("one of no network that is known is refused", async () => {
  const { network: _, ...facts } = FACTS;
  const wallet = { ...standIn({ facts }), examine: async () => facts };
  await expect(fitWallet(async () => wallet, listening().log)).rejects.toMatchObject({
    code: "ERR_WALLET",
    message: expect.stringContaining("which network"),
  });
});

test.each<[string, Partial<WalletFacts>, string, RegExp]>([
  ["is not synced", { synced: false }, "sync", /newest block/],
  ["has nothing to spend", { spendableMsat: 0n }, "spendable", /0 sat can be spent/],
  ["may do more than it needs", { excess: ["onchain write"] }, "excess", /onchain write/],
  ["has another clock", { clock: Date.now() / 1000 - 1000 }, "clock", /behind this machine's/],
])("one that %s is used, and its owner is warned", async (_, changed, point, why) => {
  const { log, lines } = listening();
  const wallet = standIn({ facts: { ...clock(), ...changed } });
  expect(await fitWallet(async () => wallet, log)).toBe(wallet);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ level: "warn", point, msg: expect.stringMatching(why) }),
  ]);
});

test("one that is well is used without a word", async () => {
  const { log, lines } = listening();
  await fitWallet(async () => standIn({ facts: clock() }), log);
  expect(lines).toEqual([]);
});

describe("at the start", () => {
  const secret = "ab".repeat(16);

  test("a URL that cannot be read, and a credential that is not taken, are said at once", async () => {
    const { log, lines } = listening();
    await expect(walletAtStart(`dev+ftp://127.0.0.1?key=${secret}`, log)).rejects.toBeInstanceOf(
      AdapterError,
    );
    expect(lines).toEqual([]);
  });

  test("one that is not reached is no reason not to start: it is said, and looked at again before it pays", async () => {
    const { log, lines } = listening();
    const { open, keepAsking } = await walletAtStart(
      `dev+http://127.0.0.1:1/alice?key=${secret}`,
      log,
    );
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        level: "warn",
        msg: expect.stringContaining("until the wallet answers"),
      }),
    ]);
    await expect(open()).rejects.toMatchObject({ code: "ERR_WALLET" });
    keepAsking(async () => {})();
    expect(lines.join("")).not.toContain(secret);
  });
});

test("a traced wallet is all the wallet that it traces: who it is, and what it paid [cases 59, 105]", async () => {
  const whole = {
    ...standIn({ facts: {} }),
    identity: async () => "me",
    paidSince: async () => [],
  };
  const traced = await tracedWallet(
    async () => whole,
    async (_name, _attributes, work) => work(),
  )();
  expect(await traced.identity?.()).toBe("me");
  expect(await traced.paidSince?.(0)).toEqual([]);
  const bare = await tracedWallet(
    async () => standIn({ list: null }),
    async (_name, _attributes, work) => work(),
  )();
  expect(bare).not.toHaveProperty("identity");
  expect(bare).not.toHaveProperty("paidSince");
});
