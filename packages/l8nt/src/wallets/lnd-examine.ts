/**
 * Examines an lnd node and the rights of its macaroon: each right is tried by a call that can have
 * no effect.
 */
import { AdapterError } from "../errors.ts";
import type { WalletFacts } from "../ports/wallet.ts";
import {
  ask,
  type Backend,
  exchange,
  noAnswer,
  recordOf,
  refusal,
  wholeNumber,
} from "./backend.ts";
import { lndNetwork, STARTING, statusOf } from "./lnd-answers.ts";

/**
 * Calls that lack a required field. lnd checks the permission first, and then the fields. Observed
 * with lnd 0.21.1.
 */
const PROBES = {
  pay: { method: "POST", path: "/v2/router/send", json: {} },
  find: { method: "GET", path: `/v2/router/track/${"A".repeat(43)}=` },
  invoice: { method: "POST", path: "/v1/invoices", json: { value_msat: "-1" } },
  onchain: { method: "POST", path: "/v1/transactions", json: {} },
  bake: { method: "POST", path: "/v1/macaroon", json: {} },
} as const;

const EXCESS = {
  onchain: "send on-chain coins (onchain:write)",
  bake: "make macaroons with more rights (macaroon:generate)",
} as const;

/** @throws AdapterError `ERR_WALLET` if lnd is not reached, is locked, or refuses the macaroon */
export async function examineLnd(backend: Backend): Promise<WalletFacts> {
  const may = async (right: keyof typeof PROBES): Promise<boolean> => {
    const answer = await exchange(backend, { ...PROBES[right], until: () => true });
    if (answer.got === "nothing") throw noAnswer(answer);
    if (statusOf(answer.body).message?.startsWith("permission denied")) return false;
    if (backend.explain?.(answer.status, answer.body) === undefined) return true;
    const isStarting = STARTING.test(statusOf(answer.body).message ?? "");
    const cause = isStarting ? { cause: new DOMException("lnd is starting", "NetworkError") } : {};
    throw new AdapterError("ERR_WALLET", refusal(backend, answer.status, answer.body), cause);
  };
  // First, because its error tells a locked node from a refused macaroon.
  const pay = await may("pay");
  const rights = { pay, find: await may("find"), invoice: await may("invoice") };
  const excess = [];
  for (const right of ["onchain", "bake"] as const)
    if (await may(right)) excess.push(EXCESS[right]);
  const info = await exchange(backend, { method: "GET", path: "/v1/getinfo" });
  const clock = info.got === "answer" && info.clock !== undefined ? { clock: info.clock } : {};
  if (info.got === "nothing" || info.status !== 200)
    return { software: "lnd", rights, excess, ...clock, limits: [] };
  const {
    version,
    identity_pubkey: identity,
    synced_to_chain: synced,
    ...rest
  } = recordOf(info.body);
  return {
    software: `lnd ${String(version).split(" ")[0]}`,
    network: lndNetwork(rest),
    identity: String(identity),
    rights,
    excess,
    synced: synced === true,
    ...clock,
    ...(await balances(backend)),
    limits: [],
  };
}

async function balances(
  backend: Backend,
): Promise<Pick<WalletFacts, "spendableMsat" | "receivableMsat">> {
  try {
    const balance = await ask(backend, { method: "GET", path: "/v1/balance/channels" });
    const spendableMsat = wholeNumber(recordOf(balance.local_balance).msat);
    const receivableMsat = wholeNumber(recordOf(balance.remote_balance).msat);
    return {
      ...(spendableMsat !== undefined && { spendableMsat }),
      ...(receivableMsat !== undefined && { receivableMsat }),
    };
  } catch {
    // The macaroon does not allow it. Balances are only shown to people.
    return {};
  }
}
