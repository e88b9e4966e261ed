/** Carries out one attempt to pay on the dev network, with the faults that apply to it. */
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import type { DevBank, Payment, PayOrder } from "./dev-network-bank.ts";
import type { FaultRule, Faults } from "./dev-network-faults.ts";
import type { Timers } from "./dev-network-timers.ts";

export interface AttemptParts {
  readonly bank: DevBank;
  readonly faults: Faults;
  readonly timers: Timers;
}

export interface Attempted {
  /** The payment after its end, or after the time-out. */
  readonly payment: Payment;
  readonly fault: FaultRule | undefined;
  /** False if the attempt was refused before any amount was reserved. */
  readonly begun: boolean;
}

export async function attempt(
  { bank, faults, timers }: AttemptParts,
  order: Omit<PayOrder, "refusal" | "preimage">,
  timeoutMs: number,
): Promise<Attempted> {
  const paymentHash = bank.hashOf(order.invoice);
  const fault = faults.take({ on: "pay", account: order.payer, paymentHash });
  const { payment, joined } = bank.begin({
    ...order,
    ...(fault?.kind === "fee-over-cap" && { feeMsat: order.maxFeeMsat + 1n }),
    refusal: fault?.kind === "fails" ? "no route" : undefined,
    preimage: fault?.kind === "wrong-preimage" ? hexText(randomBytes(32)) : undefined,
  });
  const begun = payment.status !== "failed";
  if (!joined && payment.status === "in-flight") {
    if (fault?.kind === "slow") timers.after(fault.delayMs ?? 0, () => settleIfOpen(bank, payment));
    else if (fault?.kind !== "stuck") bank.settle(payment);
  }
  await endOrTimeout(
    timers,
    payment,
    fault?.kind === "stuck" ? (fault.delayMs ?? timeoutMs) : timeoutMs,
  );
  return { payment, fault, begun };
}

function settleIfOpen(bank: DevBank, payment: Payment): void {
  if (payment.status === "in-flight") bank.settle(payment);
}

async function endOrTimeout(timers: Timers, payment: Payment, timeoutMs: number): Promise<void> {
  if (payment.status !== "in-flight") return;
  await new Promise<void>((resolve) => {
    const cancel = timers.after(timeoutMs, resolve);
    payment.ended.then(() => {
      cancel();
      resolve();
    });
  });
}
