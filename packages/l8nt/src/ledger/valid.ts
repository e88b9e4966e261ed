/**
 * What an event must be, whatever the books say: amounts within bounds, and one unit in each event.
 * spec/5-ledger.md §1.
 */
import { type Amount, MAX_VALUE, UNITS } from "../amount.ts";
import type { Reservation } from "../ports/ledger.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { LedgerEvent } from "./event.ts";

/** Begins the order key of what was paid after it had failed, before the payment hash. */
export const LATE = "late ";

/** So that a store of 64-bit integers takes everything that is accepted here. */
const MAX_USES = 1_000_000_000_000_000_000n;

/** @throws TypeError for an event that no books may take */
export function demandValid(event: LedgerEvent): void {
  switch (event.type) {
    case "reserve":
      demandReservation(event.reservation);
      break;
    case "commit":
      demandAmount(event.amount);
      break;
    case "begin":
      demandReservation(event.reservation);
      demandPayment(event.payment, event.reservation.amount);
      if (event.payment.attemptId !== event.reservation.id)
        throw new TypeError("the attempt id of a payment is the id of its reservation");
      demandOrder(event.payment.order);
      break;
    case "take":
      demandOrder(event.to);
      break;
    case "settle":
      if (event.settlement.status === "paid") demandAmount(event.settlement.fee);
  }
}

/** The key of what was paid late is nobody's, and each database keeps one payment for each key. */
function demandOrder(order: string): void {
  if (order.startsWith(LATE))
    throw new TypeError(`the key of an order does not begin with "${LATE}"`);
}

function demandReservation({ amount, uses }: Reservation): void {
  demandAmount(amount);
  if (uses < 0n || uses > MAX_USES)
    throw new TypeError(`a number of uses is at least 0 and at most ${MAX_USES}`);
}

function demandPayment({ amount, maxFee, fee }: PaymentRecord, { unit }: Amount): void {
  for (const part of [amount, maxFee, ...(fee === undefined ? [] : [fee])]) {
    demandAmount(part);
    if (part.unit !== unit)
      throw new TypeError(
        `the payment has an amount in ${part.unit}, and its reservation is in ${unit}`,
      );
  }
}

function demandAmount({ unit, value }: Amount): void {
  if (!UNITS.includes(unit)) throw new TypeError(`an amount's unit is one of ${UNITS.join(", ")}`);
  if (value < 0n || value > MAX_VALUE[unit])
    throw new TypeError(`an amount in ${unit} is at least 0 and at most ${MAX_VALUE[unit]}`);
}
