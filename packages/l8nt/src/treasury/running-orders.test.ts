/** What is remembered of orders that ended: one agent's orders drive out no other agent's. */
import { expect, test } from "vitest";
import type { Order } from "./order.ts";
import { RunningOrders } from "./running-orders.ts";

/** The members that are read here. */
const orderOf = (nodeIds: readonly string[], id: number, hasGone = true): Order =>
  ({
    key: `${nodeIds.at(-1)} ${id}`,
    fingerprint: String(id),
    verified: { nodes: nodeIds.map((node) => ({ id: node })) },
    request: { signal: hasGone ? AbortSignal.abort() : undefined },
  }) as unknown as Order;

const run = (running: RunningOrders, order: Order): Promise<void> =>
  running.run(order, async () => ({ result: undefined, ended: Promise.resolve() }));

test("ten thousand free orders of one agent, and of helpers below it, leave those of a sibling", async () => {
  const running = new RunningOrders();
  const honest = orderOf(["root", "honest"], 1);
  await run(running, honest);
  running.settled({ order: "honest 2", nodeIds: ["root", "honest"] });
  const waiting = orderOf(["root", "honest"], 3);
  const later = run(running, waiting);
  await run(running, orderOf(["root", "honest"], 4));
  for (let id = 0; id < 10_050; id++)
    await run(running, orderOf(["root", "evil", ...(id % 2 === 0 ? [] : [`child ${id}`])], id));
  await later;
  expect(running.wasUnheard(honest.key)).toBe(true);
  expect(running.wasSettledApart("honest 2")).toBe(true);
  expect(running.hasEndedBeside("honest 4", waiting)).toBe(true);
  // What is too much went from the agent that made it.
  expect(running.wasUnheard("evil 0")).toBe(false);
});
