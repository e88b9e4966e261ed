/**
 * Purchases from end to end over wallets with stand-in nodes, one that pays and one that is paid.
 */
import { clnWallet } from "l8nt/wallets/cln";
import { lnbitsWallet } from "l8nt/wallets/lnbits";
import { phoenixdWallet } from "l8nt/wallets/phoenixd";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Wallet } from "../../packages/l8nt/src/ports/wallet.ts";
import { town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { ClnStandIn } from "../../packages/l8nt/src/wallets/fixtures/stand-ins/cln.ts";
import { LnbitsStandIn } from "../../packages/l8nt/src/wallets/fixtures/stand-ins/lnbits.ts";
import { PhoenixdStandIn } from "../../packages/l8nt/src/wallets/fixtures/stand-ins/phoenixd.ts";
import {
  type StandIn,
  StandInBank,
} from "../../packages/l8nt/src/wallets/fixtures/stand-ins/stand-in.ts";

const BALANCE_MSAT = 1_000_000n;
/** The town's own clock. */
const START = 2_000_000_000;

interface Ends {
  readonly shared: StandInBank;
  readonly purse: StandIn;
  readonly till: StandIn;
  readonly payer: Wallet;
  readonly invoicer: Wallet;
}

async function standIns<Node extends StandIn>(
  start: (options: { shared: StandInBank; account: string; balanceMsat?: bigint }) => Promise<Node>,
  open: (node: Node, role: "treasury" | "service") => Wallet,
): Promise<Ends> {
  const shared = new StandInBank(START);
  const purse = await start({ shared, account: "treasury", balanceMsat: BALANCE_MSAT });
  const till = await start({ shared, account: "shop" });
  onTestFinished(async () => {
    shared.timers.clear();
    await Promise.all([purse.down(), till.down()]);
  });
  return { shared, purse, till, payer: open(purse, "treasury"), invoicer: open(till, "service") };
}

const cln = () =>
  standIns(
    (options) => ClnStandIn.start(options),
    (node, role) => {
      const methods =
        role === "treasury" ? ["getinfo", "listpays", "xpay", "pay"] : ["getinfo", "invoice"];
      return clnWallet(`cln+${node.url}?rune=${encodeURIComponent(node.createRune(methods))}`);
    },
  );
const phoenixd = () =>
  standIns(
    (options) => PhoenixdStandIn.start(options),
    (node, role) =>
      phoenixdWallet(
        `phoenixd+${node.url}?password=${role === "treasury" ? node.fullPassword : node.limitedPassword}`,
      ),
  );
const lnbits = () =>
  standIns(
    (options) => LnbitsStandIn.start(options),
    (node, role) =>
      lnbitsWallet(
        `lnbits+${node.url}?key=${role === "treasury" ? node.adminKey : node.invoiceKey}`,
      ),
  );

describe.each([
  ["Core Lightning", cln, 10n],
  ["phoenixd", phoenixd, 4_040n],
  ["LNbits", lnbits, 10n],
] as const)("through %s", (_, ends, feeMsat) => {
  async function market() {
    const { payer, invoicer, ...nodes } = await ends();
    const world = await town({ wallet: payer, maxFee: "5 sat" });
    const shop = await world.openShop({ price: "10 sat" }, { invoicer });
    const root = world.mint();
    const client = world.connect(root);
    return { ...nodes, world, root, buy: (n: number) => client.get(`${shop.url}/forecast/${n}`) };
  }

  test("a treasury pays, and the service receives the money", async () => {
    const { world, root, buy, purse, till } = await market();
    for (const n of [1, 2]) expect((await buy(n)).status).toBe(200);
    expect(till.balanceMsat).toBe(20_000n);
    expect(purse.balanceMsat).toBe(BALANCE_MSAT - 2n * (10_000n + feeMsat));
    expect(await world.spent(root)).toBe(2n * (10_000n + feeMsat));
    expect(world.alarms).toEqual([]);
  });

  test("a payment whose answer was lost is found, and not made again [cases 56, 62, 75]", async () => {
    const { world, root, buy, shared, till } = await market();
    shared.faults.add({ kind: "reply-lost" });
    await expect(buy(1)).rejects.toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
    expect((await buy(1)).status).toBe(200);
    expect(till.balanceMsat).toBe(10_000n);
    expect(await world.spent(root)).toBe(10_000n + feeMsat);
    expect(shared.bank.payments()).toHaveLength(1);
  });
});
