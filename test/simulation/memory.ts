/**
 * What the clients of one process share in memory, which a simulated process loses when it dies:
 * here all agents live in one real process.
 */
import type { Credential } from "l8nt";
import { Orders, ordersOf } from "../../packages/l8nt/src/client/orders.ts";

type Order = Parameters<Orders["began"]>[0];

const underWay = new Map<Orders, Set<Order>>();
const answered = new Map<Orders, Set<string>>();

const { began, ended, answered: noted } = Orders.prototype;
Orders.prototype.began = function (order) {
  underWay.set(this, (underWay.get(this) ?? new Set()).add(order));
  began.call(this, order);
};
Orders.prototype.ended = function (order) {
  underWay.get(this)?.delete(order);
  ended.call(this, order);
};
Orders.prototype.answered = function (order) {
  answered.set(this, (answered.get(this) ?? new Set()).add(order.id));
  noted.call(this, order);
};

/** The process of an agent has died. */
export function forget(credential: Credential): void {
  const orders = ordersOf(credential);
  for (const order of underWay.get(orders) ?? []) ended.call(orders, order);
  orders.acknowledged([...(answered.get(orders) ?? [])]);
  underWay.delete(orders);
  answered.delete(orders);
}
