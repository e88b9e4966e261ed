/** What a treasury is told of a client's other orders. */
import { expect, test } from "vitest";
import { targetOfUrl } from "../caveat/index.ts";
import { Authority } from "../l402/index.ts";
import { secretOf } from "../testing/fixtures/town.ts";
import { namedOrder, newOrderId, Orders, ordersOf } from "./orders.ts";

const at = (url: string) => targetOfUrl("GET", new URL(url))!;
const HERE = at("https://here.example/a");
const THERE = at("https://there.example/a");

const opened = (orders: Orders, target = HERE) =>
  orders.open(newOrderId(1_700_000_000), false, target);

test("at most 64 answered orders are told at once, those of the same origin before others", () => {
  const orders = new Orders();
  const there = Array.from({ length: 70 }, () => opened(orders, THERE));
  const here = Array.from({ length: 40 }, () => opened(orders));
  for (const order of [...there, ...here]) order.answered();
  const { answered } = orders.toldWith(opened(orders));
  expect(answered).toEqual([...here, ...there.slice(0, 24)].map(({ id }) => id));
  orders.acknowledged(answered!);
  expect(orders.toldWith(opened(orders)).answered).toEqual(there.slice(24).map(({ id }) => id));
});

test("at most 64 orders are told to be under way, the last ones", () => {
  const orders = new Orders();
  const all = Array.from({ length: 70 }, () => opened(orders));
  for (const order of all) order.begin();
  expect(orders.toldWith(opened(orders)).underWay).toEqual(all.slice(6).map(({ id }) => id));
  expect(orders.toldWith(all[69]!).underWay).toEqual(all.slice(5, 69).map(({ id }) => id));
});

test("an order is under way until the last of its requests has ended", () => {
  const orders = new Orders();
  const order = orders.open("order-by-its-key", true, HERE);
  const [first, second] = [order.begin(), orders.open("order-by-its-key", true, HERE).begin()];
  first();
  first();
  expect(orders.toldWith(opened(orders)).underWay).toEqual(["order-by-its-key"]);
  second();
  expect(orders.toldWith(opened(orders))).toEqual({});
});

test("another method, path or origin is none of an order's business", () => {
  const orders = new Orders();
  const others = ["https://here.example/b", "https://here.example:8443/a", "http://here.example/a"];
  for (const url of others) opened(orders, at(url)).begin();
  opened(orders, targetOfUrl("POST", new URL("https://here.example/a"))!).begin();
  expect(orders.toldWith(opened(orders))).toEqual({});
});

test("an order that is asked for again is not told to be answered", () => {
  const orders = new Orders();
  const order = opened(orders);
  order.answered();
  expect(orders.toldWith(order)).toEqual({});
});

test("of very many answered orders the oldest are forgotten", () => {
  const orders = new Orders();
  const all = Array.from({ length: 5000 }, () => opened(orders));
  for (const order of all) order.answered();
  const told: string[] = [];
  for (;;) {
    const { answered } = orders.toldWith(opened(orders));
    if (answered === undefined) break;
    told.push(...answered);
    orders.acknowledged(answered);
  }
  expect(told).toEqual(all.slice(-1024).map(({ id }) => id));
});

test("the clients of one node in one process share what they tell, those of other nodes do not", () => {
  const { minter } = new Authority({
    secret: secretOf("a treasury"),
    location: "https://treasury.example",
    kind: "spending",
  });
  const endpoints = ["* https://here.example/**"];
  const scope = { endpoints, budget: "1 sat", expiresIn: "1h" } as const;
  const root = minter.mint(scope);
  const child = root.delegate({ agent: "child" });
  const orders = ordersOf(root);
  // Narrowed without an agent, it is the same node to the treasury.
  for (const same of [root, root.attenuate({ maxPrice: "1 sat" })])
    expect(ordersOf(same)).toBe(orders);
  for (const other of [child, minter.mint(scope)]) expect(ordersOf(other)).not.toBe(orders);
  expect(ordersOf(child.attenuate({ expiresIn: "1m" }))).toBe(ordersOf(child));
  expect(ordersOf(child)).not.toBe(ordersOf(root.delegate({ agent: "child" })));
  expect(ordersOf(child)).not.toBe(ordersOf(child.delegate({ agent: "grandchild" })));
});

test("an order's id begins with the time, unless it follows from a key", () => {
  const [first, second] = [newOrderId(1_700_000_000), newOrderId(1_700_000_001)];
  expect(first < second).toBe(true);
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  const named = () => namedOrder("key", "GET", new URL("https://here.example/a"));
  expect(named()).toBe(named());
  expect(named()).toMatch(/^[0-9a-f]{64}$/);
});
