/** Draws the tree of agents, with the spending, state and scope of each. */
import { styleText } from "node:util";
import type { NodeStanding } from "l8nt";
import { countedBy, isListed } from "l8nt/caveats";
import { formatAmount, type Unit } from "l8nt/invoice";
import { type Branch, drawn, INDENT } from "./branches.ts";
import { inWords } from "./words.ts";

/** A node of the tree. Integers are decimal strings if the node was read from JSON. */
export type ShownNode = Omit<NodeStanding, "spent" | "limits"> & {
  readonly spent: readonly { readonly unit: Unit; readonly value: bigint | string }[];
  readonly limits: readonly {
    readonly condition: string;
    readonly unit?: Unit;
    readonly max: bigint | string;
    readonly used: bigint | string;
  }[];
};

export interface PictureOptions {
  readonly colours: boolean;
  /** The name of the root, which has no agent name. */
  readonly root: string;
  /** Unix seconds. */
  readonly now: number;
  /** Whether to show the id of each node, for freezing and revoking. @default false */
  readonly ids?: boolean;
}

// A heading takes 80 columns, its parts two columns apart.
const NAME_WIDTH = 22;
const STATE_WIDTH = 9;
const MONEY_WIDTH = 27;
const BAR_WIDTH = 16;

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

/** Returns a function that styles text, or leaves it plain without colours. */
export const painter =
  (colours: boolean): Paint =>
  (style, text) =>
    colours ? styleText(style, text, { validateStream: false }) : text;

/** The tree of nodes as text. */
export function picture(
  nodes: readonly ShownNode[],
  { colours, root, now, ids = false }: PictureOptions,
): string {
  const paint = painter(colours);

  const byParent = new Map<string | undefined, ShownNode[]>();
  for (const node of nodes) {
    const siblings = byParent.get(node.parentId);
    if (siblings === undefined) byParent.set(node.parentId, [node]);
    else siblings.push(node);
  }
  const childrenOf = ({ id }: ShownNode) =>
    (byParent.get(id) ?? []).sort((a, b) => sortKey(a).localeCompare(sortKey(b)));

  const branch = (node: ShownNode, depth: number): Branch => ({
    heading: heading(node, depth),
    details: [...(ids ? [`node ${node.id}`] : []), ...scopeOf(node, now)].map((line) =>
      paint("dim", line),
    ),
    children: [
      ...childrenOf(node).map((child) => branch(child, depth + 1)),
      ...(node.more === undefined ? [] : [unlisted(node.more)]),
    ],
  });

  const unlisted = (more: number): Branch => ({
    heading: paint("dim", `and ${more} more that have spent, too many to list`),
    details: [],
    children: [],
  });

  const heading = (node: ShownNode, depth: number): string => {
    const name = (node.agent ?? root).padEnd(NAME_WIDTH - depth * INDENT);
    const budgets = budgetsOf(node);
    const money = budgets
      .map(({ unit, spent, max }) => {
        const most = max === undefined ? "no budget" : formatAmount({ unit, value: max });
        return `${formatAmount({ unit, value: spent }).replace(/ \w+$/, "")} of ${most}`;
      })
      .join(", ");
    const [first] = budgets;
    return [
      paint("bold", name),
      paint(
        STATE_STYLES[node.state],
        `${STATE_SIGNS[node.state]} ${node.state}`.padEnd(STATE_WIDTH),
      ),
      `spent ${money}`.padEnd(MONEY_WIDTH),
      first?.max === undefined ? "" : bar(first.spent, first.max, paint),
    ].join("  ");
  };

  const known = new Set(nodes.map(({ id }) => id));
  const tops = nodes.filter(({ parentId }) => parentId === undefined || !known.has(parentId));
  return tops.flatMap((top) => drawn(branch(top, 0))).join("\n");
}

const STATE_SIGNS: Readonly<Record<ShownNode["state"], string>> = {
  active: "●",
  revoked: "✕",
  expired: "○",
  frozen: "❄",
};
const STATE_STYLES: Readonly<Record<ShownNode["state"], Parameters<typeof styleText>[0]>> = {
  active: "green",
  revoked: "red",
  expired: "yellow",
  frozen: "blue",
};

/** Sorts active nodes first, and then by name. */
const sortKey = ({ state, agent, id }: ShownNode): string =>
  `${["active", "frozen", "expired", "revoked"].indexOf(state)} ${agent} ${id}`;

function bar(spent: bigint, max: bigint, paint: Paint): string {
  // Rounded up, so that the smallest spending shows.
  const share = max === 0n ? BAR_WIDTH : Math.ceil((Number(spent) / Number(max)) * BAR_WIDTH);
  const filled = Math.min(BAR_WIDTH, share);
  return paint("cyan", "━".repeat(filled)) + paint("dim", "─".repeat(BAR_WIDTH - filled));
}

interface Budget {
  readonly unit: Unit;
  readonly spent: bigint;
  readonly max: bigint | undefined;
}

/** The spending and the budget of each unit that has a budget, or else of `msat`. */
function budgetsOf({ spent, limits }: ShownNode): readonly Budget[] {
  const budgets = new Map<Unit, bigint>();
  for (const { condition, unit, max } of limits)
    if (unit !== undefined && isBudget(condition) && !budgets.has(unit))
      budgets.set(unit, BigInt(max));
  const units: readonly Unit[] = budgets.size === 0 ? ["msat"] : [...budgets.keys()];
  return units.map((unit) => ({
    unit,
    spent: BigInt(spent.find((amount) => amount.unit === unit)?.value ?? 0n),
    max: budgets.get(unit),
  }));
}

/** Whether a condition limits spending in total; the heading shows that budget. */
function isBudget(condition: string): boolean {
  const counted = countedBy(condition);
  return counted?.kind === "spend" && counted.windowSeconds === undefined;
}

function scopeOf(node: ShownNode, now: number): readonly string[] {
  const texts = node.caveats.map((caveat) => {
    const at = caveat.indexOf("=");
    return { condition: caveat.slice(0, at), value: caveat.slice(at + 1) };
  });
  const words = (chosen: typeof texts) => chosen.flatMap((text) => inWords(text, now));
  const listed = texts.filter(({ condition }) => isListed(condition));
  const others = texts.filter(({ condition }) => !isListed(condition) && !isBudget(condition));
  return [...words(listed), words(others).join(", ")].filter((line) => line !== "");
}
