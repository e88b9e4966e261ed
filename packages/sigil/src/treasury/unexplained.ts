/**
 * `sigil treasury unexplained`, `explain` and `confirm`: payments of the wallet that the books
 * cannot explain, and the owner's word about them.
 */
import { formatAmount } from "l8nt/invoice";
import type { OwnerClient } from "l8nt/owner";
import type { Explanation, UnexplainedPayment } from "l8nt/ports";
import type { Arguments } from "../arguments.ts";
import { EXIT, UsageError } from "../exit.ts";
import { row } from "../rows.ts";
import type { Terminal } from "../terminal.ts";
import { dateText } from "../words.ts";
import { nodeNamed } from "./node-named.ts";
import { type OWNER_FLAGS, ownerClient } from "./owner-client.ts";

type OwnerFlag = keyof typeof OWNER_FLAGS;
export type ExplainFlag = OwnerFlag | "own" | "late" | "node" | "reason";

const WHY: Readonly<Record<UnexplainedPayment["why"], string>> = {
  missing: "no book has it",
  more: "more than the books have for it",
  failed: "the books have it as failed",
  late: "paid after it had failed; counted",
  unreadable: "the wallet's record of it cannot be read",
};

/** Lists them, and returns the exit code. */
export async function unexplained(
  given: Arguments<OwnerFlag>,
  terminal: Terminal,
): Promise<number> {
  const payments = await ownerClient(given, terminal).unexplained();
  const lines = payments.map(({ at, amount, fee, why, row: found, paymentHash, wallet }) =>
    row(
      [
        dateText(at),
        formatAmount(amount).padStart(14),
        `fee ${formatAmount(fee)}`,
        paymentHash,
        `${WHY[why]}${found === undefined ? "" : `: ${found}`}`,
        wallet === undefined ? "" : `(wallet ${wallet})`,
      ],
      terminal.columns,
    ),
  );
  const text =
    lines.length === 0
      ? "None: the books explain every payment of the wallet that they were compared with.\n"
      : [
          `The wallet made ${payment(lines.length)} that the books cannot explain, so nothing is spent:`,
          ...lines,
          "",
          "The wallet itself says to whom each was paid: look for its hash there. Then, for each hash, or for all:",
          "  sigil treasury explain HASH|all --own         it was not a payment of this treasury",
          "  sigil treasury explain HASH|all --node AGENT  that agent's, so that its budgets count it",
          "  sigil treasury explain HASH --late            it had failed, and was made after all",
          "",
        ].join("\n");
  terminal.answer(text, { payments });
  return EXIT.ok;
}

const payment = (count: number): string => (count === 1 ? "1 payment" : `${count} payments`);

/** Explains payments, and returns the exit code. */
export async function explain(given: Arguments<ExplainFlag>, terminal: Terminal): Promise<number> {
  const client = ownerClient(given, terminal);
  const explanation = await explanationOf(given, client);
  const hashes = await hashesOf(given, client, explanation);
  for (const hash of hashes) await client.explain(hash, explanation, given.text("reason"));
  const left = (await client.unexplained()).length;
  terminal.answer(
    `Explained ${payment(hashes.length)}. ${left === 0 ? "None is left, so spending goes on unless something else has stopped it." : `${payment(left)} left: nothing is spent.`}\n`,
    { explained: hashes, left },
  );
  return EXIT.ok;
}

async function explanationOf(
  given: Arguments<ExplainFlag>,
  client: OwnerClient,
): Promise<Explanation> {
  const node = given.text("node");
  const said = [given.has("own"), given.has("late"), node !== undefined];
  if (said.filter((one) => one).length !== 1)
    throw new UsageError("Say what the payment was: --own, --late, or --node NODE-ID|AGENT-NAME.");
  if (node !== undefined) return { as: "node", nodeId: await nodeNamed(client, node, "tree") };
  return { as: given.has("own") ? "own" : "late" };
}

/** `all` stands for those that the explanation can be true of. */
async function hashesOf(
  { positionals }: Arguments,
  client: OwnerClient,
  { as }: Explanation,
): Promise<readonly string[]> {
  const [, ...typed] = positionals;
  if (typed.length === 1 && typed[0] === "all")
    return (await client.unexplained())
      .filter(({ why }) => (why === "late") === (as === "late"))
      .map(({ paymentHash }) => paymentHash);
  if (typed.length === 0 || !typed.every((hash) => /^[0-9a-f]{64}$/.test(hash)))
    throw new UsageError(
      "Name the payments by their hashes, 64 hex digits each, or write `all`. sigil treasury unexplained lists them.",
    );
  return typed;
}

/** Takes the owner's word about restored or copied books, and returns the exit code. */
export async function confirm(
  given: Arguments<OwnerFlag | "reason">,
  terminal: Terminal,
): Promise<number> {
  await ownerClient(given, terminal).confirmBooks(given.text("reason"));
  terminal.answer("Confirmed: the treasury spends on from these books.\n", {
    confirmed: true,
  });
  return EXIT.ok;
}
