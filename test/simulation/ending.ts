/**
 * The end of a world: without further faults, the treasury's records, the node and the services
 * must agree to the last msat.
 */
import { createHash } from "node:crypto";
import type { PaymentView } from "l8nt/ports";
import { auditLedger, nodeTotal } from "../../packages/l8nt/src/ledger/index.ts";
import { placeOf, Wrapping } from "../../packages/l8nt/src/treasury/wrapping.ts";
import { type Agents, hasUses } from "./agents.ts";
import { type Deed, isLive, lineOf, type Payment } from "./facts.ts";
import { type House, SECRET } from "./house.ts";
import type { OwnerAtWork } from "./owner.ts";
import type { Town } from "./town.ts";
import { calm } from "./weather.ts";

/**
 * Long enough for whatever the treasury does between it heard of a thing and it raised an alarm.
 */
const MOMENT_SECONDS = 10;

const WRAPPING = new Wrapping(SECRET);

export async function end(
  town: Town,
  house: House,
  agents: Agents,
  owner: OwnerAtWork,
): Promise<void> {
  const { schedule, lightning, oracle, weather } = town;
  const isStoreSound = weather.storeRefuses === 0 && weather.storeForgetsToAnswer === 0;
  calm(weather);
  town.clocks.calm();
  while (lightning.undecided > 0 || oracle.atGateways > 0) await schedule.step();
  await house.die();
  house.start();
  await rest(town, owner.thaw());
  const inFlight = oracle.payments.filter(({ status }) => status === "in-flight").length;
  const { length: open } = await town.disk.image.openPayments();
  oracle.demand(
    open === inFlight,
    `${open} payments are open after a start, and the node has ${inFlight}`,
  );
  const foreign = lightning.payForeign();
  let stillOpen = -1;
  await rest(
    town,
    owner.do("reconciles", async (treasury) => {
      ({ stillOpen } = await treasury.owner.reconcile());
    }),
  );
  oracle.demand(
    stillOpen === inFlight,
    `${stillOpen} payments are open, and the node has ${inFlight}`,
  );
  judgeAlarms(town, foreign);
  await judgeFreeze(town, agents);
  await rest(town, owner.thaw());
  await judgeRecords(town, owner);
  await judgeTree(town, owner, isStoreSound);
  const { faults } = await auditLedger(town.disk.image);
  for (const { what, id } of faults) oracle.demand(false, `the journal: ${what} (${id})`);
  if (oracle.faults.length === 0) await collect(town, agents);
  if (oracle.faults.length === 0) await judgeRestored(town, house, agents);
}

/** Everything has its turn until this is done. */
async function rest({ schedule, oracle }: Town, work: Promise<unknown>): Promise<void> {
  let isDone = false;
  void work.finally(() => {
    isDone = true;
  });
  for (let left = 5000; left > 0 && !isDone; left--) await schedule.step();
  oracle.demand(isDone, "somebody waits at the end for an answer that never comes");
}

function judgeAlarms({ oracle }: Town, foreign: Payment): void {
  const raised = (hash: string, about: RegExp) =>
    oracle.alarms.some((what) => what.includes(hash) && about.test(what));
  oracle.demand(
    raised(foreign.paymentHash, /^spending has stopped/),
    "money left the node that no book knows, without an alarm",
  );
  for (const { paymentHash, status, feeMsat, maxFeeMsat, toldAt } of oracle.payments) {
    if (status !== "paid" || feeMsat <= maxFeeMsat || toldAt === undefined) continue;
    const isLost = oracle.deaths.some((at) => at >= toldAt && at < toldAt + MOMENT_SECONDS);
    oracle.demand(
      isLost || raised(paymentHash, /over its cap/),
      `${paymentHash} cost more than its cap, without an alarm`,
    );
  }
}

/** Nothing is paid while a payment is unexplained. */
async function judgeFreeze(town: Town, agents: Agents): Promise<void> {
  const { oracle, random, lightning } = town;
  const before = lightning.payments.length;
  const agent = random.pick(oracle.agents);
  const { origin, paths } = random.pick(town.sites);
  await rest(town, agents.buy(agent, `${origin}${paths[0]}`));
  oracle.demand(
    lightning.payments.length === before,
    "something was paid while a payment of the wallet was unexplained",
  );
}

/**
 * A backup is restored: what was paid since is in no book, so nothing is paid until the owner has
 * explained it.
 */
async function judgeRestored(town: Town, house: House, agents: Agents): Promise<void> {
  const { oracle, disk } = town;
  await house.die();
  await disk.restore();
  oracle.isRestored = true;
  house.start();
  // A backup from before the books were made leaves new books, which only the mark beside the key
  // of a real treasury tells from restored ones. Any other one forgets revocations.
  if ((await disk.image.fact("made at")) === undefined) return;
  for (const agent of oracle.agents) delete agent.revoked;
  const forgotten: Payment[] = [];
  for (const payment of oracle.payments.filter(isLive))
    if ((await disk.image.payment(payment.paymentHash)) === undefined) forgotten.push(payment);
  if (forgotten.every(({ status }) => status !== "paid")) return;
  town.schedule.note(`${forgotten.length} payments are in no book any more`);
  await judgeFreeze(town, agents);
}

/**
 * Every payment that was made has its record, with the proof and the amount; and nothing else has.
 */
async function judgeRecords(town: Town, owner: OwnerAtWork): Promise<void> {
  const { oracle, disk } = town;
  let views: readonly PaymentView[] = [];
  await rest(
    town,
    owner.do("looks at the payments", async (treasury) => {
      views = await treasury.owner.payments({ limit: 1000 });
    }),
  );
  for (const payment of oracle.payments.filter(isLive)) {
    const { paymentHash, status, amountMsat, feeMsat, deed } = payment;
    const view = views.find((one) => one.paymentHash === paymentHash);
    const what = `${paymentHash}, paid for ${deed},`;
    if (status === "in-flight") {
      oracle.demand(
        view?.status === "open",
        `${what} is in flight, and the books have it ${view?.status}`,
      );
      continue;
    }
    const isPaid = view !== undefined && ["paid", "used", "undelivered"].includes(view.status);
    oracle.demand(isPaid, `${what} was paid, and the books have it ${view?.status}`);
    oracle.demand(
      view?.amount.value === amountMsat && view.fee?.value === feeMsat,
      `${what} came to ${amountMsat} and ${feeMsat}, and the books have ${view?.amount.value} and ${view?.fee?.value}`,
    );
    const record = (await disk.image.payment(paymentHash))!;
    const place = placeOf(record, "preimage");
    const proof = (await WRAPPING.unwrap(record.preimage ?? "", place)) ?? "";
    const hash = createHash("sha256").update(Buffer.from(proof, "hex")).digest("hex");
    oracle.demand(hash === paymentHash, `${what} was paid, and its proof is not kept`);
    judgeWorth(town, payment, view?.status);
  }
  for (const { paymentHash, status } of views)
    oracle.demand(
      status === "failed" ||
        oracle.payments.some((one) => one.paymentHash === paymentHash && isLive(one)),
      `${paymentHash} is ${status} in the books, and the node never made it`,
    );
}

/** What an honest service sold is not thrown away. */
function judgeWorth(
  { oracle, schedule, clocks }: Town,
  { paymentHash, deed }: Payment,
  status: string | undefined,
): void {
  const goods = oracle.goods.get(paymentHash)!;
  if (!goods.isHonest || goods.until <= schedule.now + clocks.slackSeconds) return;
  const wasLost = takers(oracle.deeds, deed!).some(({ isFaulted }) => isFaulted);
  if (status === "used")
    oracle.demand(
      wasLost || goods.served > 0 || goods.liars.size > 0,
      `${paymentHash} counts as used, and was not served`,
    );
  if (status === "undelivered")
    oracle.demand(
      goods.refused > 0,
      `${paymentHash} counts as undelivered, and its service never refused it`,
    );
}

/** Orders that may have had what this one paid for. */
const takers = (deeds: readonly Deed[], { agent }: Deed): readonly Deed[] =>
  deeds.filter((one) => one.kind === "buy" && lineOf(one.agent!).includes(agent!));

async function judgeTree(town: Town, owner: OwnerAtWork, isStoreSound: boolean): Promise<void> {
  const { oracle, disk, schedule } = town;
  const spent = new Map<string, bigint>();
  await rest(
    town,
    owner.do("looks at the tree", async (treasury) => {
      for (const node of await treasury.owner.tree()) spent.set(node.id, node.spent[0]!.value);
    }),
  );
  for (const agent of oracle.agents) {
    const { mostMsat } = oracle.paidBelow(agent);
    const shown = spent.get(agent.id);
    const [counted] = await disk.image.usage([nodeTotal(agent.id, "msat")], schedule.now);
    oracle.demand(
      counted!.used === mostMsat,
      `the books have ${counted!.used} msat for ${agent.name} at the end, and the node has ${mostMsat}`,
    );
    if (shown !== undefined || (isStoreSound && mostMsat > 0n))
      oracle.demand(
        shown === mostMsat,
        `the tree shows ${shown} msat for ${agent.name}, and the node has ${mostMsat}`,
      );
  }
}

/** An agent with a valid purchase gets what it bought without another payment. */
async function collect(town: Town, agents: Agents): Promise<void> {
  const { oracle, schedule, disk, clocks } = town;
  for (const { paymentHash, deed } of [...oracle.payments]) {
    const record = await disk.image.payment(paymentHash);
    const goods = oracle.goods.get(paymentHash)!;
    const agent = deed!.agent!;
    const { origin } = new URL(deed!.url);
    const isUsable =
      record?.status === "paid" && goods.isHonest && oracle.isGood(goods) && !hasUses(agent);
    const line = lineOf(agent);
    const isAllowed = line.every(
      ({ revoked, bounds: { until, origins } }) =>
        revoked === undefined &&
        until > schedule.now + 60 + clocks.slackSeconds &&
        (origins === undefined || origins.includes(origin)),
    );
    const maybeRevoked = oracle.deeds.some(
      ({ isFaulted, url }) => isFaulted && line.some(({ name }) => url === `revokes ${name}`),
    );
    if (isUsable && isAllowed && !maybeRevoked)
      await rest(town, agents.collect(goods, agent, deed!.url));
  }
}
