/**
 * What a treasury adds to a payment by a real lnd node: an order to its daemon, against lnd's own
 * payment of the same kind of invoice.
 */
import { Invoice } from "l8nt/invoice";
import { lndWallet } from "l8nt/wallets/lnd";
import { build, missingGo } from "../test/lnd/support/build.ts";
import { LndNetwork } from "../test/lnd/support/network.ts";
import { LndNode } from "../test/lnd/support/node.ts";
import { type Figure, median, plain } from "./figure.ts";
import { buy, challengeOf, openTown, type Town } from "./treasury-town.ts";

const ROUNDS = 100;
const WARM_UP = 10;
const TARGET_MS = 5;
const TARGET_SHARE = 0.1;

export async function lnd(progress: (text: string) => void): Promise<Figure[]> {
  const missing = missingGo();
  if (missing !== undefined) {
    progress(`lnd: NOT MEASURED: ${missing}`);
    return [];
  }
  const network = await LndNetwork.start(build(progress), progress);
  try {
    const payer = new LndNode(network.facts.payer);
    const payee = new LndNode(network.facts.payee);
    const invoicer = lndWallet(payee.walletUrl(payee.macaroonPath("invoice")));
    // Before the books are made: a treasury stops for a payment of its wallet that they lack.
    const own = await byNode(payer, () =>
      invoicer.createInvoice({ amountMsat: 10_000n, expirySeconds: 600 }),
    );
    await new Promise((next) => setTimeout(next, 2000));
    const wallet = payer.walletUrl(payer.macaroonPath("admin"));
    const town = await openTown({ wallet, invoicer });
    try {
      return await measure(town, own, progress);
    } finally {
      await town.stop();
    }
  } finally {
    await network.stop();
  }
}

/** How long the node's own payments take, in ms. */
async function byNode(payer: LndNode, invoiceOf: () => Promise<string>): Promise<number> {
  const times: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const invoice = await invoiceOf();
    const since = performance.now();
    await payByNode(payer, invoice);
    if (round >= 0) times.push(performance.now() - since);
  }
  return median(times);
}

async function measure(
  town: Town,
  node: number,
  progress: (text: string) => void,
): Promise<Figure[]> {
  const times: Record<"order" | "challenge", number[]> = { order: [], challenge: [] };
  const timed = async <Value>(
    kind: keyof typeof times,
    round: number,
    act: () => Promise<Value>,
  ) => {
    const since = performance.now();
    const value = await act();
    if (round >= 0) times[kind].push(performance.now() - since);
    return value;
  };
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    await timed("challenge", round, () => challengeOf(town, `/node/${round}`));
    await timed("order", round, () => buy(town, town.credential, `/ordered/${round}`));
    if (round % 25 === 0) progress(`lnd: ${round} of ${ROUNDS}`);
  }
  const [order, challenge] = [median(times.order), median(times.challenge)];
  const added = order - node;
  const target = Math.max(TARGET_MS, node * TARGET_SHARE);
  return [
    {
      name: "what the treasury adds to a payment by lnd, its fetching of the challenge included",
      value: Number(added.toPrecision(4)),
      unit: "ms",
      target: Number(target.toPrecision(4)),
      met: added <= target,
      against:
        "lnd's own payment of such an invoice, the same run; the target is 5 ms or 10 % of it, whichever is more",
    },
    plain("an order, from asking to the credential", order, "ms", `median of ${ROUNDS}`),
    plain("lnd's own payment, two hops", node, "ms", `median of ${ROUNDS}`),
    plain(
      "the service's challenge, its invoice made by lnd",
      challenge,
      "ms",
      `median of ${ROUNDS}`,
    ),
  ];
}

/** With nothing of ours between: one call of lnd's API, until its last line. */
async function payByNode(payer: LndNode, invoice: string): Promise<void> {
  const { amountMsat } = Invoice.decode(invoice);
  const lines = await payer.lines("/v2/router/send", {
    payment_request: invoice,
    fee_limit_msat: ((amountMsat ?? 0n) + 3_000n).toString(),
    timeout_seconds: 10,
    no_inflight_updates: true,
  });
  if (!lines.at(-1)?.includes('"SUCCEEDED"'))
    throw new Error("lnd did not make the bench's payment");
}
