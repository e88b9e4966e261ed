/** The dev network's HTTP API: `/:account/…` for wallets, `/control/…` for the test itself. */

import { msatInRange } from "../amount.ts";
import type { Access } from "./dev-network-access.ts";
import { attempt } from "./dev-network-attempt.ts";
import { type DevBank, outcomeOf } from "./dev-network-bank.ts";
import type { FaultRule, Faults } from "./dev-network-faults.ts";
import type { Timers } from "./dev-network-timers.ts";
import { type WireAnswer, WireRefusal, type WireRequest } from "./dev-network-wire.ts";

/** The parts of a network that routes act on; `control` is the network itself. */
export interface Routes {
  readonly bank: DevBank;
  readonly access: Access;
  readonly faults: Faults;
  readonly timers: Timers;
  readonly control: {
    account(
      name: string,
      options?: { readonly balanceMsat: bigint },
    ): { url: string; invoiceOnlyUrl: string };
    down(forMs?: number): Promise<void>;
  };
}

export async function route(network: Routes, request: WireRequest): Promise<WireAnswer> {
  const [name = "", ...rest] = request.path;
  const action = `${request.method} ${rest[0] ?? ""}`;
  if (name === "control") return control(network, request, action, rest);
  if (action === "GET ") return describeAccount(network, name, request.key);
  if (action === "POST invoices" && rest.length === 1) return createInvoice(network, name, request);
  if (action === "POST payments" && rest.length === 1) return pay(network, name, request);
  if (action === "GET paid" && rest.length === 2)
    return paidSince(network, name, rest[1]!, request.key);
  if (action === "GET payments" && rest.length === 2)
    return find(network, name, rest[1]!, request.key);
  throw new WireRefusal(404, "the dev network does not have this endpoint");
}

function describeAccount(
  { access, bank }: Routes,
  name: string,
  key: string | undefined,
): WireAnswer {
  const full = access.right(name, key) === "full";
  return {
    status: 200,
    body: {
      network: "bcrt",
      clock: bank.now(),
      ...(full && { balanceMsat: bank.balanceMsat(name) }),
    },
  };
}

async function createInvoice(
  network: Routes,
  name: string,
  { key, body }: WireRequest,
): Promise<WireAnswer> {
  network.access.right(name, key);
  const { expirySeconds, description } = body;
  const amountMsat = msat(body, "amountMsat");
  const fault = network.faults.take({ on: "invoice", account: name, paymentHash: undefined });
  await delay(network, fault);
  const invoice = network.bank.createInvoice(name, {
    amountMsat,
    expirySeconds: Number(expirySeconds),
    ...(description !== undefined && { description: String(description) }),
  });
  return { status: 200, body: { invoice }, fault: fault?.kind };
}

async function pay(network: Routes, name: string, { key, body }: WireRequest): Promise<WireAnswer> {
  network.access.requireFull(name, key);
  const timeoutMs = Number(body.timeoutSeconds) * 1000;
  if (!(timeoutMs >= 0)) throw new TypeError("timeoutSeconds must be a number of seconds");
  const order = {
    payer: name,
    invoice: String(body.invoice),
    amountMsat: msat(body, "amountMsat"),
    maxFeeMsat: msat(body, "maxFeeMsat"),
  };
  const { payment, fault } = await attempt(network, order, timeoutMs);
  return { status: 200, body: outcomeOf(payment), fault: fault?.kind };
}

async function find(
  network: Routes,
  name: string,
  hash: string,
  key: string | undefined,
): Promise<WireAnswer> {
  network.access.requireFull(name, key);
  const fault = network.faults.take({ on: "find", account: name, paymentHash: hash });
  await delay(network, fault);
  // A payment whose bytes have arrived but were not read yet is not "never sent": pending reads run
  // first.
  for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate);
  const payment = network.bank.find(name, hash);
  const body =
    payment === undefined
      ? { status: "never-sent", reason: "this account never tried to pay this hash" }
      : outcomeOf(payment);
  return { status: 200, body, fault: fault?.kind };
}

function paidSince(
  { access, bank }: Routes,
  name: string,
  since: string,
  key: string | undefined,
): WireAnswer {
  access.requireFull(name, key);
  return { status: 200, body: { payments: bank.paidSince(name, Number(since)) } };
}

async function control(
  network: Routes,
  request: WireRequest,
  action: string,
  rest: readonly string[],
): Promise<WireAnswer> {
  const { access, bank, control, faults } = network;
  access.requireControl(request.key);
  const { body } = request;
  const done = { status: 200, body: {} };
  if (action === "POST accounts") {
    const { url, invoiceOnlyUrl } = control.account(String(body.name), {
      balanceMsat: msat(body, "balanceMsat"),
    });
    return { status: 200, body: { url, invoiceOnlyUrl } };
  }
  if (action === "POST faults") {
    faults.add(body as unknown as FaultRule);
    return done;
  }
  if (action === "DELETE faults") {
    faults.clear();
    return done;
  }
  if (action === "POST down") {
    const forMs = Number(body.forMs);
    if (!(forMs >= 0))
      throw new TypeError(
        "forMs is needed: over HTTP, a network that is down cannot be told to come up",
      );
    return { ...done, afterwards: () => void control.down(forMs) };
  }
  if (action === "GET payments")
    return { status: 200, body: { payments: bank.payments(), totals: bank.totals() } };
  const [, hash = "", verb] = rest;
  if (action === "POST payments" && verb === "settle") bank.settle(bank.inFlight(hash));
  else if (action === "POST payments" && verb === "fail")
    bank.fail(bank.inFlight(hash), "no route");
  else throw new WireRefusal(404, "the dev network does not have this endpoint");
  return done;
}

async function delay({ timers }: Routes, fault: FaultRule | undefined): Promise<void> {
  if (fault?.kind === "slow") await timers.pause(fault.delayMs ?? 0);
}

/** Reads msat from decimal digits, because a JSON number would round them. */
function msat(body: Readonly<Record<string, unknown>>, name: string): bigint {
  const text = body[name];
  const amountMsat =
    typeof text === "string" && /^[0-9]{1,19}$/.test(text) ? msatInRange(BigInt(text)) : undefined;
  if (amountMsat === undefined)
    throw new TypeError(`${name} must be msat in decimal digits, as a string`);
  return amountMsat;
}
