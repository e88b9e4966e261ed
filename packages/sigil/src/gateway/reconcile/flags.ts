/** The flags of `sigil gateway reconcile`. */
import type { Flag } from "../../arguments.ts";

export const RECONCILE_FLAGS = {
  service: {
    value: "NAME",
    help: "reconcile: the service of the books (default: the vendor's name, or all)",
  },
  column: {
    value: "NAME=COLUMN",
    help: "reconcile: a column of another export: day, model, usd, input, output, requests",
    repeatable: true,
  },
  "max-drift": {
    value: "PERCENT",
    help: "reconcile: the drift of a day and model that is too much (default: 1)",
  },
} as const satisfies Record<string, Flag>;
