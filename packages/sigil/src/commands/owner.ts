/** The commands of a treasury's owner: tree, revoke, freeze, thaw, reopen, payments. */
import { formatAmount } from "l8nt/invoice";
import type { PaymentStatus } from "l8nt/ports";
import { withFee } from "../amounts.ts";
import type { Flag } from "../arguments.ts";
import { type Command, command } from "../command.ts";
import { confirmations, serviceText } from "../confirmations.ts";
import { countOf } from "../count.ts";
import { EXIT, UsageError } from "../exit.ts";
import { row } from "../rows.ts";
import { printable } from "../secrecy.ts";
import { nodeNamed } from "../treasury/node-named.ts";
import { OWNER_FLAGS, ownerClient } from "../treasury/owner-client.ts";
import { picture } from "../tree.ts";
import { dateText } from "../words.ts";

const REASON = {
  reason: { value: "TEXT", help: "the reason, for the journal" },
} as const satisfies Record<string, Flag>;
const LIMIT = {
  limit: { value: "N", help: "how many to list (default: 100)" },
} as const satisfies Record<string, Flag>;
type OwnerFlag = keyof typeof OWNER_FLAGS;

const tree = command<OwnerFlag>({
  name: "tree",
  summary: "show all agents that a treasury has seen",
  help: "Prints the name, state, spending, scope and node id of each agent, as a tree.",
  usage: "[NODE-ID] --dir DIR",
  flags: OWNER_FLAGS,
  positionals: 1,
  async run(given, terminal) {
    const nodes = await ownerClient(given, terminal).tree(given.positionals[0]);
    const text =
      nodes.length === 0
        ? "The treasury has seen no agent yet.\n"
        : `${picture(nodes, { colours: terminal.colours, root: "root", now: Date.now() / 1000, ids: true })}\n`;
    terminal.answer(text, { nodes });
    return EXIT.ok;
  },
});

const revoke = command<OwnerFlag | "reason" | "wait">({
  name: "revoke",
  summary: "revoke an agent and all agents below it, for good",
  help: "Services that were handed something for it are told as well. Prints how many of them confirmed, and by when what the others were handed ends by itself. They are told until then.",
  usage: "NODE-ID|AGENT-NAME --dir DIR",
  flags: {
    ...OWNER_FLAGS,
    ...REASON,
    wait: { value: "SECONDS", help: "how long to wait for the services (default: 5)" },
  },
  positionals: 1,
  async run(given, terminal) {
    const client = ownerClient(given, terminal);
    const node = await nodeNamed(client, given.positionals[0], "revoke");
    await client.revoke(node, given.text("reason"));
    const told = await confirmations(client, node, countOf(given, "wait") ?? 5);
    terminal.answer(`Revoked ${node}, and everything below it.\n${serviceText(told)}`, {
      node,
      services: told,
    });
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
      const client = ownerClient(given, terminal);
      const [typed] = given.positionals;
      const node = typed === undefined ? undefined : await nodeNamed(client, typed, name);
      await client[name](node, given.text("reason"));
      terminal.answer(`${done} ${node ?? "everything"}.\n`, { node: node ?? "*" });
      return EXIT.ok;
    },
  });

const reopen = command<OwnerFlag>({
  name: "reopen",
  summary: "let a service be paid again that was paid and did not deliver",
  usage: "ORIGIN --dir DIR",
  help: "ORIGIN is the URL of the service, such as https://api.example. The service is closed to an agent for 10 minutes after it took a payment and refused the very request that was paid for.",
  flags: OWNER_FLAGS,
  positionals: 1,
  async run(given, terminal) {
    const [origin] = given.positionals;
    if (origin === undefined)
      throw new UsageError("Give the URL of the service, such as https://api.example.");
    await ownerClient(given, terminal).reopen(origin);
    terminal.answer(`${printable(origin)} may be paid again.\n`, { origin });
    return EXIT.ok;
  },
});

const payments = command<OwnerFlag | "status" | "limit">({
  name: "payments",
  summary: "list a treasury's payments and their status, the newest first",
  usage: "[--status open|paid|used|failed|undelivered] --dir DIR",
  help: "open: the wallet has not said whether it paid. paid: made, and kept for a next request; a request that was answered stays paid until the agent's next order, or the end of its client, says so. used: used up. failed: not made. undelivered: made, and the service refused what was paid for.",
  flags: {
    ...OWNER_FLAGS,
    ...LIMIT,
    status: { value: "STATUS", help: "only payments with this status" },
  },
  async run(given, terminal) {
    const [status, limit] = [given.text("status"), countOf(given, "limit")];
    const rows = await ownerClient(given, terminal).payments({
      // The treasury refuses an unknown status, and names those that it knows.
      ...(status !== undefined && { status: status as PaymentStatus }),
      ...(limit !== undefined && { limit }),
    });
    const lines = rows.map((one) =>
      row(
        [
          dateText(one.createdAt),
          one.status.padEnd(11),
          formatAmount(withFee(one.amount, one.fee)).padStart(14),
          printable(`${one.method} ${one.origin}${one.path}`),
          one.lineage.join(" > ") || "the root",
          one.paymentHash,
        ],
        terminal.columns,
      ),
    );
    terminal.answer(lines.length === 0 ? "None.\n" : `${lines.join("\n")}\n`, { payments: rows });
    return EXIT.ok;
  },
});

export const ownerCommands: readonly Command[] = [
  tree,
  revoke,
  freezing("freeze", "stop an agent and those below it from spending, or all agents", "Frozen:"),
  freezing("thaw", "end a freeze", "Thawed:"),
  reopen,
  payments,
];
