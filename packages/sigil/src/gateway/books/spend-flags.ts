/** The flags of `sigil spend`. */
import type { Flag } from "../../arguments.ts";

/** What sums are by, and how a table shows what has no name. */
export const BY = { agent: "the root", model: "(no model)", route: "(no route)", day: "" } as const;
export type By = keyof typeof BY;

export const SPEND_FLAGS = {
  by: { value: "WHAT", help: `${Object.keys(BY).join(", ")} (default: agent)` },
  dir: { value: "DIR", help: "the gateway's folder (default: sigil-gateway)" },
  from: { value: "DATE", help: "the first day, in UTC, such as 2026-11-01 (default: all)" },
  to: { value: "DATE", help: "the last day" },
  csv: { help: "print CSV, for a spreadsheet" },
} as const satisfies Record<string, Flag>;
