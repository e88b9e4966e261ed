/**
 * The laws of a cell, judged by what the Lightning network, the service and the agents themselves
 * know; never by what the product says of itself.
 */
import type { DevPayment } from "l8nt/testing";
import type { Outcome } from "./agent.ts";
import { betweenOf, type Cell, dies } from "./cells.ts";
import { type ShopEvent, THING } from "./shop.ts";
import type { Books } from "./treasury.ts";

/** What became of a cell. */
export interface Story {
  readonly cell: Cell;
  /** Whether the link broke as the row says. */
  readonly broke: boolean;
  readonly first: Outcome;
  /** Undefined if nobody asked again. */
  readonly second: Outcome | undefined;
  /** When it was asked. */
  readonly secondAt: number;
  /** Of the network, for the thing: those that were made or are under way. */
  readonly payments: readonly DevPayment[];
  readonly paidAt: ReadonlyMap<string, number>;
  /** All that the network took for the cell, fees too. */
  readonly paidMsat: bigint;
  readonly events: readonly ShopEvent[];
  readonly alarms: readonly string[];
  readonly books: Books;
  /** Of another agent, after it all. */
  readonly other: Outcome;
}

/** The laws, and the letter that the matrix shows for a cell that breaks one. */
export const LAWS = {
  Z: "the link breaks as the row says, and nobody waits for ever",
  P: "at most one payment for each order",
  U: "a new order uses what was paid for and not answered, before it pays",
  A: "the agent that asks again is answered",
  I: "a service that takes the money and hangs up is not paid again",
  L: "a link to the treasury that broke once is tried again with the same order",
  T: "what an error says is true",
  B: "a service is accused only where it took the money and refused the very thing",
  R: "nothing stays reserved for ever, and the books agree with the network",
  H: "another agent is served at the same origin",
} as const;
export type Law = keyof typeof LAWS;

export interface Wrong {
  readonly law: Law;
  readonly what: string;
}

export function judge(story: Story): readonly Wrong[] {
  const wrong: Wrong[] = [];
  const demand = (law: Law, holds: boolean, what: () => string) => {
    if (!holds) wrong.push({ law, what: what() });
  };
  const { cell, first, second, payments, books, alarms, other, events } = story;
  const { served, again, row } = cell;
  const paid = payments.length;
  const isNew = again === "new order" || again === "new process";
  const orders = isNew ? 2 : 1;

  demand("Z", story.broke, () => "the link did not break");
  for (const [which, outcome] of [
    ["first", first],
    ["second", second],
    ["other", other],
  ] as const)
    demand("Z", outcome?.kind !== "error" || outcome.name !== "Hung", () => `${which}: hung`);

  demand("P", paid <= orders, () => `${paid} payments for ${orders} orders`);

  const blamed = books.undelivered.length > 0 || alarms.some((what) => /not deliver/.test(what));
  const mayBeBlamed = payments.some(({ paymentHash }) => tookAndRefused(story, paymentHash));
  demand("B", !blamed || mayBeBlamed, () => `accused: ${alarms.join("; ") || "undelivered"}`);

  if (second !== undefined && isNew && !isAnswer(first)) judgeReuse(story, demand);
  if (second !== undefined) judgeSecond(story, mayBeBlamed, demand);

  const isTaken =
    (row.at === "service closes" && hasNoHead(cell)) ||
    (row.at === "service reset" && row.when === "before the head");
  if (isTaken && served === "served, refuses" && again === "new order")
    demand("I", paid === 1, () => `${paid} payments to a service that hangs up`);

  // The one that presented it knows that the answer was lost: the treasury, or the agent's process.
  const isKnownLost =
    betweenOf(row) !== undefined &&
    !isAnswer(first) &&
    isNew &&
    // A call of MCP has an id of its own, and so is another request.
    cell.mode !== "mcp-http" &&
    (again === "new order" || cell.mode === "relayed");
  if (isKnownLost && served === "served, keeps")
    demand("U", paid === 1, () => `${paid} payments, and the service has kept the answer`);

  const isLink = row.at === "treasury reset" || row.at === "proxy" || row.at === "treasury killed";
  const isLost = served === "served, refuses" && first.kind === "error" && first.spent === "yes";
  if (isLink && !dies(cell))
    demand("L", isAnswer(first) || isLost, () => `the first request: ${shown(first)}`);

  judgeTruth(story, "first", first, demand);
  if (second !== undefined) judgeTruth(story, "second", second, demand);

  demand("R", books.open === 0, () => `${books.open} payments are open`);
  demand(
    "R",
    books.spentMsat === story.paidMsat,
    () => `${books.spentMsat} msat are counted, and ${story.paidMsat} were paid`,
  );
  for (const used of books.uses)
    demand("R", used <= BigInt(orders), () => `${used} uses for ${orders} orders`);
  for (const fault of books.faults) demand("R", false, () => fault);

  demand("H", isAnswer(other), () => `another agent: ${shown(other)}`);
  void events;
  return wrong;
}

type Demand = (law: Law, holds: boolean, what: () => string) => void;

const isAnswer = (outcome: Outcome): boolean => outcome.kind === "answer" && outcome.status === 200;

const shown = (outcome: Outcome): string =>
  outcome.kind === "answer"
    ? `HTTP ${outcome.status}`
    : `${outcome.code ?? outcome.name}${outcome.spent === undefined ? "" : `, spent ${outcome.spent}`}: ${outcome.message.slice(0, 160)}`;

const of = (story: Story, paymentHash: string, ...whats: readonly ShopEvent["what"][]) =>
  story.events.filter((one) => one.paymentHash === paymentHash && whats.includes(one.what));

/** Whether the service closes before a head: half of a message on a pipe is nothing at all. */
const hasNoHead = ({ row, mode }: Cell): boolean =>
  row.at === "service closes" && (row.how.startsWith("no head") || mode === "mcp-pipe");

/**
 * Whether something in between broke the exchange so that nothing of the service arrived: from the
 * payer's side this looks as if the service failed. The service may be left alone for a while, and
 * is not accused.
 */
const looksUnserved = ({ row, served }: Cell): boolean =>
  served === "served, refuses" &&
  (row.at === "gateway" || (row.at === "service reset" && row.when === "before the head"));

/**
 * Whether the service took the money and refused the very thing: it never let an answer out, nobody
 * else closed a connection on which it might have, and then it asked for payment again.
 */
function tookAndRefused(story: Story, paymentHash: string): boolean {
  const { row } = story.cell;
  const letOut =
    of(story, paymentHash, "answered", "gone").length > 0 ||
    (row.at === "service closes" && !hasNoHead(story.cell));
  return of(story, paymentHash, "refused").length > 0 && !letOut;
}

/** The order that comes second is a new one, and the first was not answered. */
function judgeReuse(story: Story, demand: Demand): void {
  const { payments, paidAt, secondAt, events } = story;
  const [held, again] = [...payments].sort((a, b) => at(paidAt, a) - at(paidAt, b));
  if (held === undefined || again === undefined || at(paidAt, held) > secondAt) return;
  const refused = events.some(
    ({ what, paymentHash, seq }) =>
      what === "refused" && paymentHash === held.paymentHash && seq < at(paidAt, again),
  );
  const isPresented = events.some(
    ({ what, paymentHash, seq }) =>
      what === "presented" &&
      paymentHash === held.paymentHash &&
      seq > secondAt &&
      seq < at(paidAt, again),
  );
  demand("U", refused, () =>
    isPresented
      ? "what was paid for was presented and not refused, and was paid for again"
      : "what was paid for was not presented, and was paid for again",
  );
}

const at = (paidAt: ReadonlyMap<string, number>, { paymentHash }: DevPayment): number =>
  paidAt.get(paymentHash) ?? Number.POSITIVE_INFINITY;

/** Whether the second asker has what it asked for, or a good reason why not. */
function judgeSecond(story: Story, mayBeBlamed: boolean, demand: Demand): void {
  const { second, cell, first } = story;
  if (second === undefined || isAnswer(second)) return;
  const isSpent = second.kind === "error" && second.spent === "yes";
  const isSame = cell.again === "same order";
  // The answer of this very order was given, or may have been: it is not paid for twice.
  const isLost = isSame && isSpent && (isAnswer(first) || cell.served === "served, refuses");
  // A new order that met the refusal with what the first one paid for has spent nothing itself.
  const isTruth = second.kind === "error" && (isSpent || (!isSame && second.spent === "no"));
  const isUndelivered = isTruth && second.code === "ERR_PAID_NOT_DELIVERED";
  const isBlamed = isUndelivered && mayBeBlamed && cell.served !== "served, keeps";
  const isLeftAlone =
    looksUnserved(cell) &&
    second.kind === "error" &&
    (second.code === "ERR_ORIGIN_QUARANTINED" || isUndelivered);
  demand("A", isLost || isBlamed || isLeftAlone, () => `the second request: ${shown(second)}`);
}

const REUSE = /uses what was paid for|without (?:another payment|paying again)/i;

function judgeTruth(story: Story, which: "first" | "second", told: Outcome, demand: Demand): void {
  if (told.kind === "answer" || told.name === "Dead" || told.name === "Hung") return;
  const { payments, paidAt, secondAt, second, cell } = story;
  const say = (what: string) => () => `${which}: ${what}: ${shown(told)}`;
  if (!told.ours) {
    demand("T", isOwnError(story, which, told), say("an error that is nobody's"));
    return;
  }
  const mine = payments.filter(
    (one) =>
      (which === "first" && (second === undefined || at(paidAt, one) < secondAt)) ||
      (which === "second" && (cell.again === "same order" || at(paidAt, one) > secondAt)),
  );
  // An adapter's error has no `spent`: nothing was paid.
  const spent = told.spent ?? "no";
  demand("T", spent !== "no" || mine.length === 0, say("it paid"));
  demand("T", spent !== "yes" || payments.length > 0, say("nothing was paid"));
  const mayBeUnknown = told.code === "ERR_PAYMENT_UNKNOWN";
  demand("T", spent !== "unknown" || mayBeUnknown, say("unknown"));
  if (/asks? for payment again|still asks for payment/.test(told.message))
    demand(
      "T",
      story.events.some(({ what }) => what === "refused"),
      say("it did not ask again"),
    );
  const isRepaid = payments.length > 1 && cell.again !== "never" && which === "first";
  const isUsedUp = payments.some(({ paymentHash }) => of(story, paymentHash, "refused").length > 0);
  if (REUSE.test(told.message))
    demand("T", !isRepaid || isUsedUp, say("the next order paid again"));
}

type Told = Extract<Outcome, { kind: "error" }>;

/** The caller's own time-out passes as it is. */
function isOwnError({ cell }: Story, which: string, { name, message }: Told) {
  if (which === "second") return false;
  const { row, mode } = cell;
  const isAborted =
    row.at === "agent times out" || (row.at === "service slow" && mode !== "relayed");
  return isAborted && (/Abort|Timeout/.test(name) || /abort|timed? ?out/i.test(message));
}

export const thingEvents = (events: readonly ShopEvent[]): readonly ShopEvent[] =>
  events.filter(({ thing }) => thing === THING);
