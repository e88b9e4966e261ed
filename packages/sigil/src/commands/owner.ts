/** What an owner does with a running treasury: look, stop, go on. */
import { formatMsat } from "l8nt/invoice";
import type { Arguments, Flag } from "../arguments.ts";
import { type Command, command } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { printable } from "../secrecy.ts";
import { OWNER_FLAGS, OwnerClient } from "../treasury/owner-client.ts";
import { picture, type ToldNode } from "../tree.ts";
import { dateText } from "../words.ts";

const REASON = {
  reason: { value: "TEXT", help: "written into the journal" },
} as const satisfies Record<string, Flag>;
const LIMIT = {
  limit: { value: "N", help: "how many; 100 where it is not given" },
} as const satisfies Record<string, Flag>;
type OwnerFlag = keyof typeof OWNER_FLAGS;

/** As JSON has them: amounts are decimal strings of msat. */
interface ToldPayment {
  readonly paymentHash: string;
  readonly createdAt: number;
  readonly status: string;
  readonly amountMsat: string;
  readonly feeMsat?: string;
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  readonly lineage: readonly string[];
}
interface ToldEvent {
  readonly type: string;
  readonly [member: string]: unknown;
}
interface ToldEntry {
  readonly seq: number;
  readonly at: number;
  readonly event: ToldEvent;
}

const tree = command<OwnerFlag>({
  name: "tree",
  summary: "every agent that the treasury has met: its scope, what it spent, its state",
  usage: "[NODE-ID] --dir DIR",
  flags: OWNER_FLAGS,
  positionals: 1,
  async run(given, terminal) {
    const { nodes: told } = await new OwnerClient(given, terminal).get<{
      nodes: readonly ToldNode[];
    }>("tree", {
      node: given.positionals[0],
    });
    const text =
      told.length === 0
        ? "The treasury has met nobody yet.\n"
        : `${picture(told, { colours: terminal.colours, root: "root", now: Date.now() / 1000, ids: true })}\n`;
    terminal.answer(text, { nodes: told });
    return EXIT.ok;
  },
});

const revoke = command<OwnerFlag | "reason">({
  name: "revoke",
  summary: "kills an agent and everything below it, for good",
  usage: "NODE-ID|AGENT-NAME --dir DIR",
  flags: { ...OWNER_FLAGS, ...REASON },
  positionals: 1,
  async run(given, terminal) {
    const client = new OwnerClient(given, terminal);
    const node = await nodeNamed(client, given.positionals[0], "revoke");
    await client.post("revoke", { node, ...reasonOf(given) });
    terminal.answer(`Revoked ${node}, and everything below it.\n`, { node });
    return EXIT.ok;
  },
});

const freezing = (name: "freeze" | "thaw", summary: string, done: string): Command =>
  command<OwnerFlag | "reason">({
    name,
    summary,
    usage: "[NODE-ID|AGENT-NAME] --dir DIR",
    flags: { ...OWNER_FLAGS, ...REASON },
    positionals: 1,
    async run(given, terminal) {
      const client = new OwnerClient(given, terminal);
      const [typed] = given.positionals;
      const node = typed === undefined ? undefined : await nodeNamed(client, typed, name);
      await client.post(name, { ...(node !== undefined && { node }), ...reasonOf(given) });
      terminal.answer(`${done} ${node ?? "everything"}.\n`, { node: node ?? "*" });
      return EXIT.ok;
    },
  });

const payments = command<OwnerFlag | "status" | "limit">({
  name: "payments",
  summary: "what the treasury paid, and what became of it; the newest first",
  usage: "[--status open|paid|used|failed|undelivered] --dir DIR",
  flags: { ...OWNER_FLAGS, ...LIMIT, status: { value: "STATUS", help: "only these" } },
  async run(given, terminal) {
    const query = { status: given.text("status"), limit: given.text("limit") };
    const client = new OwnerClient(given, terminal);
    const { payments: rows } = await client.get<{ payments: readonly ToldPayment[] }>(
      "payments",
      query,
    );
    const lines = rows.map(
      (row) =>
        `${dateText(row.createdAt)}  ${row.status.padEnd(11)}  ${formatMsat(BigInt(row.amountMsat) + BigInt(row.feeMsat ?? "0")).padStart(14)}  ${printable(`${row.method} ${row.origin}${row.path}`)}  ${row.lineage.join(" > ") || "the root"}  ${row.paymentHash}`,
    );
    terminal.answer(lines.length === 0 ? "None.\n" : `${lines.join("\n")}\n`, { payments: rows });
    return EXIT.ok;
  },
});

const journal = command<OwnerFlag | "after" | "limit">({
  name: "journal",
  summary: "everything that changed the books, in order",
  usage: "[--after N] [--limit N] --dir DIR",
  flags: { ...OWNER_FLAGS, ...LIMIT, after: { value: "N", help: "only those after this number" } },
  async run(given, terminal) {
    const query = { after: given.text("after"), limit: given.text("limit") };
    const client = new OwnerClient(given, terminal);
    const { entries: rows } = await client.get<{ entries: readonly ToldEntry[] }>("journal", query);
    const lines = rows.map((row) => `${row.seq}  ${dateText(row.at)}  ${eventText(row.event)}`);
    terminal.answer(lines.length === 0 ? "Nothing.\n" : `${lines.join("\n")}\n`, { entries: rows });
    return EXIT.ok;
  },
});

function eventText(event: ToldEvent): string {
  const { type, reservation, id, amountMsat, paymentHash, status, kind, nodeId, reason, text } =
    event;
  switch (type) {
    case "reserve":
      return `reserved ${formatMsat(BigInt((reservation as { amountMsat: string }).amountMsat))} (${(reservation as { id: string }).id})`;
    case "commit":
      return `committed ${formatMsat(BigInt(amountMsat as string))} (${id})`;
    case "release":
      return `released (${id})`;
    case "payment":
      return `payment ${paymentHash} is ${status}`;
    case "directive":
      return printable(`${kind} ${nodeId}${reason === undefined ? "" : `: ${reason}`}`);
    default:
      return printable(String(text));
  }
}

function reasonOf(given: Arguments<"reason">): { readonly reason?: string } {
  const reason = given.text("reason");
  return reason === undefined ? {} : { reason };
}

/** A name that several agents have would revoke the wrong one. @throws UsageError */
async function nodeNamed(
  client: OwnerClient,
  typed: string | undefined,
  verb: string,
): Promise<string> {
  if (typed === undefined)
    throw new UsageError(`Whom? sigil ${verb} NODE-ID, or an agent's name; sigil tree shows them.`);
  if (/^[0-9a-f]{32}$/.test(typed)) return typed;
  const { nodes } = await client.get<{ nodes: readonly ToldNode[] }>("tree");
  const named = nodes.filter(({ agent }) => agent === typed);
  if (named.length === 1) return named[0]!.id;
  throw new UsageError(
    named.length === 0
      ? "The treasury has met no agent of that name; sigil tree shows those that it has."
      : `${named.length} agents have that name. Say which by its id: ${named.map(({ id }) => id).join(", ")}.`,
  );
}

export const ownerCommands: readonly Command[] = [
  tree,
  revoke,
  freezing("freeze", "stops spending by an agent and those below it, or by everyone", "Frozen:"),
  freezing("thaw", "lets it spend again", "Thawed:"),
  payments,
  journal,
];
