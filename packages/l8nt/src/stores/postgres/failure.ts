/** Failures of the database, and whether the statement may have been committed all the same. */
import { AdapterError } from "../../errors.ts";

/**
 * `unsent`: nothing reached it. `undone`: it answered, and rolled back. `unknown`: the connection
 * broke before the answer.
 */
export type Fate = "unsent" | "undone" | "unknown";

/**
 * Keeps nothing of the driver's own error, which may quote the connection's URL or the values of a
 * row.
 */
export class Failure extends Error {
  readonly fate: Fate;
  /** A SQLSTATE, an errno name, or `lost`. */
  readonly code: string;

  constructor(error: unknown, isSent: boolean) {
    const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
    const known = typeof code === "string" && /^\w{1,40}$/.test(code) ? code : "lost";
    super(known);
    this.code = known;
    // Only an error of Postgres itself has a severity. If it was shut down or crashed (57P0x), it
    // may have committed first.
    const isAnswer = severity !== undefined && !/^(?:08|57P0)/.test(known);
    this.fate = !isSent ? "unsent" : isAnswer ? "undone" : "unknown";
  }

  /** Rolled back because of another transaction; the same statement may succeed at once. */
  get isCollision(): boolean {
    return this.fate === "undone" && /^40/.test(this.code);
  }

  /**
   * Rolled back because of a value that the database cannot hold. The other events of the batch are
   * not at fault.
   */
  get isAboutValues(): boolean {
    return this.fate === "undone" && /^(?:2[123]|54)/.test(this.code);
  }
}

const ADVICE: readonly (readonly [pattern: RegExp, what: string, advice: string])[] = [
  [
    /^(?:ECONNREFUSED|ENOENT)$/,
    "nothing listens there",
    "Start Postgres, or correct host and port in its URL",
  ],
  [
    /^(?:ENOTFOUND|EAI_AGAIN)$/,
    "its host has no address",
    "Correct the host in its URL, or look at the name server",
  ],
  [/^28/, "it refuses the user or the password", "Correct user and password in its URL"],
  [
    /^3D000$/,
    "there is no database of that name",
    "Create it (createdb), or correct its name in the URL",
  ],
  [
    /^42501$/,
    "the user lacks a right",
    "Grant it CREATE on the database once, or USAGE and all rights on the schema",
  ],
  [
    /^(?:57014|55P03)$/,
    "it took longer than is allowed",
    "Look for what holds its locks, or allow more time",
  ],
  [/^53100$/, "its disk is full", "Free space on the disk of its data and its WAL"],
  [/^53300$/, "it has no connection left", "Raise max_connections, or open fewer"],
  [/^53/, "it is out of resources", "Look at its memory and its disk"],
  [/^25006$/, "it is read-only", "Name the primary in its URL, not a replica"],
  [
    /^25/,
    "its transactions are not at READ COMMITTED",
    "Set default_transaction_isolation to 'read committed' for this user",
  ],
  [/^57P/, "it is shutting down or starting", "Try again when it is up"],
  [
    /^(?:42P01|42883|3F000)$/,
    "tables or functions are missing",
    "Open the store again to migrate it, or restore a backup",
  ],
  [/^(?:XX|58)/, "it has an internal error", "Look at its log before anything is written to it"],
];

const LOST = [/./, "the connection was lost", "See that Postgres runs and can be reached"] as const;
const NONE_FREE = [
  /./,
  "no connection could be had in time",
  "See that Postgres can be reached, and is not overrun",
] as const;
const UNFORESEEN = [/./, "it refused the statement", "Look at its log"] as const;
const ELSE = { unsent: NONE_FREE, undone: UNFORESEEN, unknown: LOST };

export function storeError(
  { code, fate }: Failure,
  purpose: "opened" | "read" | "written to",
): AdapterError {
  const [, cause, advice] = ADVICE.find(([pattern]) => pattern.test(code)) ?? ELSE[fate];
  const inDoubt = fate === "unknown" && purpose === "written to";
  const doubt = inDoubt ? " It is not known whether it was written." : "";
  return new AdapterError(
    "ERR_STORE",
    `The Postgres store could not be ${purpose}: ${cause} (${code}).${doubt} ${advice}.`,
  );
}
