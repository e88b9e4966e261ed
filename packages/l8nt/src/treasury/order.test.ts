/** The ids of attempts. */
import { expect, test } from "vitest";
import type { PaymentRecord } from "../ports/payments.ts";
import { isPaidBy, newAttemptId } from "./order.ts";

const ORDER = `${"ab".repeat(16)} order-0001`;
const recordOf = (attemptId: string) => ({ attemptId }) as PaymentRecord;

test("an attempt's id begins with its time, tells the order that pays, and is never made twice", () => {
  const ids = [1_700_000_000, 1_700_000_000.5, 1_700_000_001].map((now) =>
    newAttemptId(ORDER, now),
  );
  expect([...ids].sort()).toEqual(ids);
  for (const id of ids) {
    expect(isPaidBy(recordOf(id), ORDER)).toBe(true);
    expect(isPaidBy(recordOf(id), `${ORDER}2`)).toBe(false);
    expect(isPaidBy(recordOf(id), `${"cd".repeat(16)} order-0001`)).toBe(false);
  }
  expect(newAttemptId(ORDER, 1)).not.toBe(newAttemptId(ORDER, 1));
});
