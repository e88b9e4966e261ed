/** The flags of `sigil spend`. */
import type { Flag } from "../../arguments.ts";

/** What sums are by, and how a table shows what has no name. */
export const BY = { agent: "the root", model: "(no model)", route: "(no route)", day: "" } as const;
export type By = keyof typeof BY;

/** Which books are read. */
export const WHERE_FLAGS = {
  dir: { value: "DIR", help: "the gateway's folder (default: sigil-gateway)" },
  config: { value: "FILE", help: "the configuration of the gateway, instead of its folder" },
  store: {
    value: "REFERENCE",
    help: "the Postgres that gateways share: env:DATABASE_URL, file:/path or cmd:program",
  },
} as const satisfies Record<string, Flag>;

export const SPEND_FLAGS = {
  by: { value: "WHAT", help: `${Object.keys(BY).join(", ")} (default: agent)` },
  ...WHERE_FLAGS,
  from: { value: "DATE", help: "the first day, in UTC, such as 2026-11-01 (default: all)" },
  to: { value: "DATE", help: "the last day" },
  csv: { help: "print CSV, for a spreadsheet" },
} as const satisfies Record<string, Flag>;
