/**
 * The cells of the table of broken links: where a link breaks, who pays and how the answer travels,
 * whether the service served before the break, and who asks again. Issue 11 §2.
 */

/**
 * `handed`: the treasury hands the credential over. `relayed`: the scope counts uses, so that the
 * treasury makes the request. `embedded`: the treasury is inside the agent's process. `mcp-http`:
 * an MCP client over streamable HTTP, whose transport has a client's fetch. `mcp-pipe`: an MCP
 * client over a pipe, with an embedded treasury.
 */
export const MODES = ["handed", "relayed", "embedded", "mcp-http", "mcp-pipe"] as const;
export type Mode = (typeof MODES)[number];

/**
 * Whether the service served the paid request before the break. After `refused` it counts the use,
 * and refuses the credential from then on; after `kept` it gives the same answer to the same
 * `Idempotency-Key`.
 */
export const SERVED = ["not served", "served, refuses", "served, keeps"] as const;
export type Served = (typeof SERVED)[number];

/** Who asks after the break. A new process knows nothing but the agent's credential. */
export const AGAIN = ["same order", "new order", "new process", "never"] as const;
export type Again = (typeof AGAIN)[number];

export const KILLS = [
  "store.begin before",
  "store.begin after",
  "wallet.pay before",
  "wallet.pay after",
  "store.settle before",
  "store.settle after",
  "service before",
  "service after",
  "answer before",
] as const;
export type Kill = (typeof KILLS)[number];

export const STATUSES = [502, 503, 504] as const;
export const CLOSINGS = ["no head, FIN", "no head, RST", "after the head", "in the body"] as const;
export type Closing = (typeof CLOSINGS)[number];
export const RESETS = ["before the head", "after the head", "in the body"] as const;
export type Reset = (typeof RESETS)[number];

/**
 * How a process between the payer's side and the service breaks the first paid exchange. A reset is
 * by RST at the payer's side, once the service has answered. A gateway that gives up answers in the
 * service's place, and the service serves after that: before anyone asks again, or only after.
 */
export type Between =
  | { readonly at: "service reset"; readonly when: Reset }
  | {
      readonly at: "gateway";
      readonly status: 502 | 504;
      readonly served: "before it is asked again" | "after it is asked again";
    };

export type Row =
  | { readonly at: "agent dies"; readonly when: "before" | "during" | "after" }
  | { readonly at: "agent times out"; readonly when: "during" | "after" }
  | {
      readonly at: "treasury reset";
      readonly when: "during" | "before the answer" | "inside the answer" | "after the answer";
    }
  | {
      readonly at: "proxy";
      readonly status: (typeof STATUSES)[number];
      readonly when: "before" | "after";
    }
  | { readonly at: "treasury killed"; readonly point: Kill }
  | { readonly at: "service closes"; readonly how: Closing }
  | { readonly at: "service slow" }
  | { readonly at: "relayed body cut" }
  | Between;

export const ROWS: readonly Row[] = [
  ...(["before", "during", "after"] as const).map((when) => ({ at: "agent dies" as const, when })),
  ...(["during", "after"] as const).map((when) => ({ at: "agent times out" as const, when })),
  ...(["during", "before the answer", "inside the answer", "after the answer"] as const).map(
    (when) => ({ at: "treasury reset" as const, when }),
  ),
  ...(["before", "after"] as const).flatMap((when) =>
    STATUSES.map((status) => ({ at: "proxy" as const, status, when })),
  ),
  ...KILLS.map((point) => ({ at: "treasury killed" as const, point })),
  ...CLOSINGS.map((how) => ({ at: "service closes" as const, how })),
  { at: "service slow" },
  { at: "relayed body cut" },
  ...RESETS.map((when) => ({ at: "service reset" as const, when })),
  { at: "gateway", status: 502, served: "before it is asked again" },
  { at: "gateway", status: 504, served: "before it is asked again" },
  { at: "gateway", status: 504, served: "after it is asked again" },
];

export function rowName(row: Row): string {
  switch (row.at) {
    case "agent dies":
      return `the agent's process dies ${row.when} the payment`;
    case "agent times out":
      return `the agent's request times out ${row.when} the payment`;
    case "treasury reset":
      return `the connection to the treasury is reset ${row.when === "during" ? "during the payment" : row.when}`;
    case "proxy":
      return `a proxy before the treasury answers ${row.status} ${row.when} the payment`;
    case "treasury killed":
      return `the treasury is killed at ${row.point}`;
    case "service closes":
      return `the service closes the connection: ${row.how}`;
    case "service slow":
      return "the service is slower than the time-out";
    case "relayed body cut":
      return "the relayed body is cut";
    case "service reset":
      return `the connection to the service is reset ${row.when}`;
    case "gateway":
      return `a gateway before the service answers ${row.status}, it serves ${row.served}`;
  }
}

export interface Cell {
  readonly row: Row;
  readonly mode: Mode;
  readonly served: Served;
  readonly again: Again;
}

export const cellName = ({ row, mode, served, again }: Cell): string =>
  `${rowName(row)} | ${mode} | ${served} | ${again}`;

export function allCells(): readonly Cell[] {
  return ROWS.flatMap((row) =>
    MODES.flatMap((mode) =>
      SERVED.flatMap((served) => AGAIN.map((again) => ({ row, mode, served, again }))),
    ),
  );
}

/** What stands between the payer's side and the service. */
export const betweenOf = ({ at, ...rest }: Row): Between | undefined =>
  at === "service reset" || at === "gateway" ? ({ at, ...rest } as Between) : undefined;

export const isOwnTreasury = (mode: Mode): boolean => mode === "embedded" || mode === "mcp-pipe";

/** Whether the process that ordered is dead after the break. */
export const dies = ({ row, mode }: Pick<Cell, "row" | "mode">): boolean =>
  row.at === "agent dies" || (row.at === "treasury killed" && isOwnTreasury(mode));

/** Why a cell cannot exist; undefined if it can. */
export function impossible(cell: Cell): string | undefined {
  return whyNoRow(cell) ?? whyNotServed(cell) ?? whyNotAgain(cell);
}

function whyNoRow({ row, mode }: Cell): string | undefined {
  switch (row.at) {
    case "treasury reset":
    case "proxy":
      return isOwnTreasury(mode)
        ? "the treasury is inside the agent's process: there is no connection to it"
        : undefined;
    case "relayed body cut":
      return mode === "relayed" ? undefined : "only a relayed body passes through the treasury";
    case "agent times out":
      return row.when === "after" && isOwnTreasury(mode)
        ? "after the payment only the service is waited for: see the row of the slow service"
        : undefined;
    case "treasury killed":
      if (row.point === "answer before" && isOwnTreasury(mode))
        return "no answer of the treasury leaves the process: see the row of the agent that dies";
      if (!row.point.startsWith("service") || mode === "relayed") return undefined;
      return isOwnTreasury(mode)
        ? "the agent's process makes the paid request: see the row of the agent that dies"
        : "the treasury makes no paid request: it hands the credential over";
    case "service reset":
    case "gateway":
      return mode === "mcp-pipe" ? "nothing stands between the ends of a pipe" : undefined;
    case "service closes":
      if (mode !== "mcp-pipe") return undefined;
      if (row.how === "no head, RST") return "a pipe is not reset";
      return row.how === "after the head" ? "a message on a pipe has no head" : undefined;
    default:
      return undefined;
  }
}

function whyNotServed({ row, mode, served }: Cell): string | undefined {
  const is = mayServe(row, mode);
  if (served === "not served") return is === "always" ? ALWAYS_SERVED : undefined;
  if (is === "never") return NEVER_SERVED;
  return served === "served, keeps" && mode === "mcp-pipe"
    ? "a paid tool has no Idempotency-Key: a server on a pipe that dies keeps no answer"
    : undefined;
}

const NEVER_SERVED = "the link breaks before anything can be served";
const ALWAYS_SERVED = "the answer that breaks off is the service's own";

/** Whether the service can have served, or must have, before the link breaks. */
function mayServe(row: Row, mode: Mode): "never" | "either" | "always" {
  const isRelayed = mode === "relayed";
  switch (row.at) {
    case "agent dies":
      return row.when === "after" ? "either" : "never";
    case "agent times out":
      return row.when === "after" && isRelayed ? "either" : "never";
    case "treasury reset":
      if (!isRelayed || row.when === "during") return "never";
      return row.when === "before the answer" ? "either" : "always";
    case "proxy":
      return row.when === "after" && isRelayed ? "either" : "never";
    case "treasury killed":
      if (!isRelayed) return "never";
      return row.point === "service after" || row.point === "answer before" ? "always" : "never";
    case "service closes":
    case "service slow":
      return "either";
    case "relayed body cut":
      return "always";
    case "service reset":
      return row.when === "before the head" ? "either" : "always";
    case "gateway":
      return row.served === "after it is asked again" ? "always" : "either";
  }
}

function whyNotAgain(cell: Cell): string | undefined {
  if (cell.again === "new order" && dies(cell))
    return "the process that would ask is dead: see the new process";
  if (cell.again === "same order" && cell.mode === "mcp-pipe")
    return "a call of a tool carries no Idempotency-Key";
  return undefined;
}

/** Every cell that can exist. */
export const CELLS: readonly Cell[] = allCells().filter((cell) => impossible(cell) === undefined);

/**
 * A selection in which each pair of a row with a mode, of a row with what the service did, of a row
 * with who asks again, and each combination of the other three occurs.
 */
export function covering(cells: readonly Cell[]): readonly Cell[] {
  const facesOf = ({ row, mode, served, again }: Cell): readonly string[] => {
    const name = rowName(row);
    return [
      `${name} ${mode}`,
      `${name} ${served}`,
      `${name} ${again}`,
      `${mode} ${served} ${again}`,
    ];
  };
  const wanted = new Set(cells.flatMap(facesOf));
  const chosen: Cell[] = [];
  while (wanted.size > 0) {
    let best: Cell | undefined;
    let most = 0;
    for (const cell of cells) {
      const gain = facesOf(cell).filter((face) => wanted.has(face)).length;
      if (gain > most) [best, most] = [cell, gain];
    }
    if (best === undefined) break;
    chosen.push(best);
    for (const face of facesOf(best)) wanted.delete(face);
  }
  return chosen;
}
