/** `docs/reference/errors.md`, from the table of codes. */

import type { ErrorClass } from "../../packages/l8nt/src/error-codes.ts";
import { ERROR_REFERENCE } from "./error-table.ts";
import { code, page, table } from "./markdown.ts";

const CLASSES: Readonly<Record<ErrorClass, string>> = {
  TokenError: "The credential itself cannot be used: what it allows cannot be established.",
  DeniedError:
    "The credential is genuine, and its caveats or its state prohibit this access. `refusals` lists every caveat that does.",
  BudgetError:
    "A counted limit has too little left. Nothing was spent. A subclass of `DeniedError`.",
  ChallengeError: "The challenge or the invoice of a service must not be paid. Nothing was spent.",
  PaymentError:
    'A payment was not made, is not finished, or bought nothing. `spent` is `"no"`, `"yes"` or `"unknown"`.',
  ReceiptError:
    "An export of receipts is not what was signed. `line` is the first faulty line, from 1.",
  AdapterError: "A wallet, a store, a treasury or a service did not answer as it should.",
};

export function errors(): string {
  const sections = (Object.keys(CLASSES) as ErrorClass[]).flatMap((name) => [
    `## ${name}`,
    CLASSES[name],
    ...ERROR_REFERENCE.filter((row) => row.class === name).flatMap((row) => [
      `### ${row.code}`,
      row.meaning,
      `**What to do:** ${row.whatToDo}`,
      `HTTP status ${row.status}.`,
    ]),
  ]);
  return page(
    "Errors",
    "Every error that Sigil throws is a `SigilError` with a stable `code`. Branch on the code; the message is for people. No message holds a credential, a preimage or a key. The class and the code of an error are the same in one process and across HTTP, where the answer is problem details (RFC 9457) with `type: urn:sigil:CODE`. A service that can sell to the caller answers 402 instead of the status below.",
    table(
      ["code", "class", "status"],
      ERROR_REFERENCE.map((row) => [
        `[${row.code}](#${row.code.toLowerCase()})`,
        code(row.class),
        String(row.status),
      ]),
    ),
    ...sections,
  );
}
