/**
 * What a treasury adds to a payment: an order to its daemon, against the wallet alone paying the
 * same kind of invoice.
 */
import { Invoice } from "l8nt/invoice";
import { devWallet } from "l8nt/wallets/dev";
import { type Figure, median, plain } from "./figure.ts";
import { buy, challengeOf, openTown } from "./treasury-town.ts";

const ROUNDS = 300;
const WARM_UP = 30;
const TARGET_MS = 5;

export async function purchase(progress: (text: string) => void): Promise<Figure[]> {
  const town = await openTown();
  try {
    const wallet = devWallet(town.net.account("treasury").url);
    const times: Record<"order" | "pay" | "challenge", number[]> = {
      order: [],
      pay: [],
      challenge: [],
    };
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      const keep = (kind: keyof typeof times, since: number) => {
        if (round >= 0) times[kind].push(performance.now() - since);
      };
      let since = performance.now();
      await buy(town, town.credential, `/ordered/${round}`);
      keep("order", since);
      since = performance.now();
      const invoice = await challengeOf(town, `/paid/${round}`);
      keep("challenge", since);
      const { paymentHash, amountMsat } = Invoice.decode(invoice);
      since = performance.now();
      const outcome = await wallet.pay({
        invoice,
        paymentHash,
        amountMsat: amountMsat!,
        maxFeeMsat: 3000n,
        timeoutSeconds: 10,
      });
      keep("pay", since);
      if (outcome.status !== "paid") throw new Error("the bench's payment was not made");
      if (round % 100 === 0) progress(`purchase: ${round} of ${ROUNDS}`);
    }
    const [order, pay, challenge] = [
      median(times.order),
      median(times.pay),
      median(times.challenge),
    ];
    const added = order - pay;
    return [
      {
        name: "what the treasury adds to a payment, its fetching of the challenge included",
        value: Number(added.toPrecision(4)),
        unit: "ms",
        target: TARGET_MS,
        met: added <= TARGET_MS,
        against:
          "the dev network's own payment time, the same run; durable SQLite, daemon in its own process",
      },
      plain("an order, from asking to the credential", order, "ms", "median of 300"),
      plain("the node's own payment", pay, "ms", "median of 300"),
      plain("the service's challenge", challenge, "ms", "median of 300"),
    ];
  } finally {
    await town.stop();
  }
}
