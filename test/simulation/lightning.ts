/**
 * The node behind the treasury: real signed invoices, real preimages, and every way to say too
 * little about a payment.
 */
import { createHash } from "node:crypto";
import { Invoice } from "l8nt/invoice";
import type { TreasuryOptions } from "l8nt/treasury";
import { isLive, type Payment } from "./facts.ts";
import type { Random } from "./random.ts";
import { acting, type Life, type Schedule } from "./schedule.ts";
import type { Weather } from "./weather.ts";

export type Payer = Exclude<TreasuryOptions["wallet"], () => unknown>;
type PaymentRequest = Parameters<Payer["pay"]>[0];
type PaymentOutcome = Awaited<ReturnType<Payer["pay"]>>;
type Fields = Parameters<typeof Invoice.encode>[0];

const sha256 = (text: string | Uint8Array): Buffer => createHash("sha256").update(text).digest();
const KEYS = Array.from({ length: 8 }, (_, at) => sha256(`node ${at}`));
const DAY = 86_400;

export interface Issued {
  readonly text: string;
  readonly paymentHash: string;
  /** The node's public key. */
  readonly payee: string;
  readonly amountMsat: bigint | undefined;
}

const payees = new Map<number, string>();
/** Read once out of an invoice that the node signed: curves take most of a world's time. */
function payeeOf(node: number, invoice: string): string {
  const payee = payees.get(node) ?? Invoice.decode(invoice).payee;
  payees.set(node, payee);
  return payee;
}

export interface LightningOptions {
  readonly seed: string;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly weather: Weather;
  /** Told before money moves. */
  readonly onPay: (payment: Payment, amountMsat: bigint) => void;
}

export class LightningNode {
  /** Every attempt that reached the node, in order: the truth. */
  readonly payments: Payment[] = [];
  /** Those that will be decided some time. */
  undecided = 0;
  /** How often it showed a preimage that is not the payment's. */
  readonly lies = new Set<string>();
  readonly #options: LightningOptions;
  readonly #preimages = new Map<string, string>();

  constructor(options: LightningOptions) {
    this.#options = options;
  }

  /** An invoice of the node with this number. */
  invoice(node: number, fields: Partial<Fields>): Issued {
    const { seed, schedule } = this.#options;
    const preimage = sha256(`${seed} preimage ${this.#preimages.size}`);
    const paymentHash = sha256(preimage).toString("hex");
    this.#preimages.set(paymentHash, preimage.toString("hex"));
    const timestamp = Math.floor(schedule.now);
    const text = Invoice.encode(
      {
        network: "bcrt",
        timestamp,
        expirySeconds: 600,
        description: "",
        paymentHash,
        paymentSecret: paymentHash,
        features: [8, 14],
        ...fields,
      },
      KEYS[node]!,
    );
    return { text, paymentHash, payee: payeeOf(node, text), amountMsat: fields.amountMsat };
  }

  payer(life: Life): Payer {
    return {
      network: async () => "bcrt",
      pay: (request) => this.#pay(life, request),
      find: (paymentHash) => this.#find(life, paymentHash),
      paidSince: async (at) => {
        await this.#options.schedule.turn("node paidSince", { life, seconds: this.#seconds() });
        if (this.#fails("blind")) throw new Error("the node is busy");
        return this.payments
          .filter((payment) => payment.status === "paid" && payment.at >= at)
          .map(({ paymentHash, amountMsat, feeMsat, at: paidAt }) => ({
            paymentHash,
            amountMsat,
            feeMsat,
            at: paidAt,
          }));
      },
    };
  }

  /** Money that the treasury's books never heard of. [case 105] */
  payForeign(): Payment {
    const { schedule } = this.#options;
    const payment: Payment = {
      paymentHash: sha256(`foreign ${this.payments.length}`).toString("hex"),
      deed: undefined,
      amountMsat: 7000n,
      maxFeeMsat: 0n,
      feeMsat: 0n,
      status: "paid",
      at: schedule.now,
    };
    this.payments.push(payment);
    return payment;
  }

  async #pay(life: Life, request: PaymentRequest): Promise<PaymentOutcome> {
    const { schedule, random } = this.#options;
    if (this.#fails("notSent")) {
      await schedule.turn("node pay: not sent", { life, seconds: this.#seconds() });
      if (random.chance(0.5)) throw new Error("connection refused");
      return { status: "never-sent", reason: "connection refused" };
    }
    const deed = acting.getStore()!;
    let payment!: Payment;
    const arrive = () => {
      payment = acting.run(deed, () => this.#begin(request));
    };
    await schedule.turn(`node pay ${request.paymentHash.slice(0, 8)}`, {
      life,
      seconds: this.#seconds(),
      onDeath: arrive,
    });
    arrive();
    // No reply is later than the time that the payment was given.
    const limit = request.timeoutSeconds;
    if (this.#fails("replyLost")) {
      await schedule.turn("node pay: reply lost", { life, seconds: random.between(0, limit) });
      if (random.chance(0.5)) throw new Error("socket hang up");
      return { status: "unknown", reason: "the reply was lost" };
    }
    await schedule.turn("node pay replied", {
      life,
      seconds: Math.min(limit, Math.max(0, payment.at - schedule.now)) + 0.001,
    });
    return this.#tell(payment, this.#outcome(payment));
  }

  #begin({ paymentHash, amountMsat, maxFeeMsat }: PaymentRequest): Payment {
    const { schedule, random, onPay } = this.#options;
    const known = this.payments.find(
      (payment) => payment.paymentHash === paymentHash && isLive(payment),
    );
    const isStuck = this.#fails("stuck");
    const seconds = this.#fails("late")
      ? random.between(1, 900)
      : random.between(0, random.chance(0.4) ? 50 : 2);
    const payment: Payment = {
      paymentHash,
      deed: acting.getStore(),
      amountMsat,
      maxFeeMsat,
      feeMsat: maxFeeMsat === 0n ? 0n : BigInt(random.below(Number(maxFeeMsat) + 1)),
      status: "in-flight",
      at: isStuck ? schedule.now + 3650 * DAY : schedule.now + seconds,
    };
    onPay(payment, amountMsat);
    if (known !== undefined) return known;
    this.payments.push(payment);
    if (isStuck) return payment;
    const fails = this.#fails("fails");
    if (!fails && this.#fails("overFee"))
      payment.feeMsat = maxFeeMsat + BigInt(1 + random.below(5000));
    this.undecided++;
    schedule.later(seconds, `node ${fails ? "failed" : "paid"} ${paymentHash.slice(0, 8)}`, () => {
      this.undecided--;
      payment.status = fails ? "failed" : "paid";
      if (fails && this.#fails("paidAfterAll")) this.#payAfterAll(payment);
    });
    return payment;
  }

  /** A wallet that breaks its word: what it called failed is paid all the same. */
  #payAfterAll(payment: Payment): void {
    const { schedule, random } = this.#options;
    this.undecided++;
    const name = payment.paymentHash.slice(0, 8);
    schedule.later(random.between(1, 300), `node paid ${name} after all`, () => {
      this.undecided--;
      const isPaidAgain = this.payments.some(
        (one) => one.paymentHash === payment.paymentHash && isLive(one),
      );
      if (isPaidAgain) return;
      Object.assign(payment, { status: "paid", isLate: true, at: schedule.now });
    });
  }

  async #find(life: Life, paymentHash: string): Promise<PaymentOutcome> {
    const { schedule, random } = this.#options;
    await schedule.turn(`node find ${paymentHash.slice(0, 8)}`, { life, seconds: this.#seconds() });
    if (this.#fails("blind")) {
      if (random.chance(0.5)) throw new Error("the node is busy");
      return { status: "unknown", reason: "the node is busy" };
    }
    const payment = this.payments.findLast((one) => one.paymentHash === paymentHash);
    if (payment === undefined) return { status: "never-sent", reason: "no such payment" };
    const outcome = this.#outcome(payment);
    await schedule.turn(`node found ${outcome.status}`, { life, seconds: this.#seconds() });
    return this.#tell(payment, outcome);
  }

  /** What a wallet says of a payment as it stands now. */
  #outcome(payment: Payment): PaymentOutcome {
    if (payment.status === "in-flight") return { status: "unknown", reason: "in flight" };
    if (payment.status === "failed") return { status: "failed", reason: "no route" };
    return {
      status: "paid",
      preimage: this.#preimages.get(payment.paymentHash)!,
      feeMsat: payment.feeMsat,
    };
  }

  /** As the treasury is told it: not always with the preimage that proves it. */
  #tell(payment: Payment, outcome: PaymentOutcome): PaymentOutcome {
    const { random, schedule } = this.#options;
    if (outcome.status !== "paid") return outcome;
    if (this.#fails("wrongPreimage")) {
      this.lies.add(payment.paymentHash);
      const wrong = sha256(`wrong ${random.word()}`).toString("hex");
      return { ...outcome, preimage: random.chance(0.3) ? "" : wrong };
    }
    payment.toldAt = schedule.now;
    return outcome;
  }

  #fails(fault: keyof Weather): boolean {
    return this.#options.random.chance(this.#options.weather[fault]);
  }

  #seconds(): number {
    const { random } = this.#options;
    return random.chance(0.1) ? random.between(0.1, 1) : random.below(10) / 1000;
  }
}
