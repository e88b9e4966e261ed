/** Reading of `Prefer` (RFC 7240 §2). */
import { describe, expect, test } from "vitest";
import { fieldsWithoutNoInvoice, prefersNoInvoice, withoutNoInvoice } from "./prefer.ts";

describe("no-invoice", () => {
  test.each<[string, string | null]>([
    ["no-invoice", null],
    ["No-Invoice", null],
    [" no-invoice ", null],
    ["no-invoice=", null],
    ['no-invoice=""', null],
    ["no-invoice; foo=bar", null],
    ["respond-async, no-invoice, wait=10", "respond-async, wait=10"],
    ['handling=lenient;a="x,y", no-invoice', 'handling=lenient;a="x,y"'],
    [",, no-invoice ,", null],
  ])("%s asks for no invoice", (prefer, others) => {
    expect([prefersNoInvoice(prefer), withoutNoInvoice(prefer)]).toEqual([true, others]);
  });

  test.each([
    null,
    "",
    "respond-async",
    "no-invoices",
    "x-no-invoice",
    "return=no-invoice",
    "no-invoice=false",
    'foo="a, no-invoice, b"',
    'foo="a\\", no-invoice, b"',
  ])("%j does not", (prefer) => {
    expect([prefersNoInvoice(prefer), withoutNoInvoice(prefer)]).toEqual([false, prefer]);
  });

  test("a field of any length takes no time", () => {
    const before = performance.now();
    expect(prefersNoInvoice(`${'"\\'.repeat(500_000)}, no-invoice`)).toBe(false);
    expect(prefersNoInvoice('\\"'.repeat(512))).toBe(false);
    expect(performance.now() - before).toBeLessThan(200);
  });

  test("other fields are left alone", () => {
    const fields = [
      ["Prefer", "no-invoice"],
      ["prefer", "wait=1, no-invoice"],
      ["accept", "no-invoice"],
    ] as const;
    expect(fieldsWithoutNoInvoice(fields)).toEqual([
      ["prefer", "wait=1"],
      ["accept", "no-invoice"],
    ]);
  });
});
