/** Opens the treasury's wallet, examines it before the first payment, and traces its payments. */
import { openWallet, type Wallet } from "l8nt";
import { examineWallet, type TreasuryOptions } from "l8nt/treasury";
import { commonFindings, treasuryFindings } from "../doctor/facts.ts";
import { faultOf } from "../doctor/fault.ts";
import { type Finding, told } from "../doctor/finding.ts";
import type { Logger } from "./log.ts";
import type { Traced } from "./tracing.ts";

/** Opens the wallet, each time it is called. */
export type OpenWallet = Extract<TreasuryOptions["wallet"], () => unknown>;

/**
 * Opens the wallet, and examines it before it is used. Logs what is unusual about it.
 *
 * @throws AdapterError `ERR_WALLET`: it lacks what a treasury needs, it refuses the credential, it
 * is locked, or it was not reached
 */
export async function fitWallet(open: () => Promise<Wallet>, log: Logger): Promise<Wallet> {
  const wallet = await open();
  const from = Date.now() / 1000;
  const facts = await examineWallet(wallet);
  if (facts === undefined) return wallet;
  const asked = { from, to: Date.now() / 1000 };
  for (const one of [...treasuryFindings(facts), ...commonFindings(facts, asked)])
    if (one.state !== "ok") log.warn({ point: one.point }, `the wallet: ${sentence(one)}`);
  return wallet;
}

export interface WalletAtStart {
  readonly open: OpenWallet;
  /**
   * If the wallet was not reached: opens it again and again until it answers and is fit, then calls
   * `then`. Returns a function that stops that.
   */
  keepAsking(then: () => Promise<unknown>): () => void;
}

const ASK_AGAIN_MS = 5_000;

/**
 * Examines the wallet before anything is served.
 *
 * A wallet that was not reached does not stop the start, because nodes restart, and the owner and
 * the agents need the treasury just then: it shows its books, revokes and freezes, and pays nothing
 * until the wallet has answered and was found fit. Then it asks about the open payments. A wallet
 * that is not synced yet is used: it refuses by itself what it cannot pay. Every other fault lasts
 * until somebody mends it, so it is reported at once.
 *
 * @throws AdapterError `ERR_WALLET`
 */
export async function walletAtStart(url: string, log: Logger): Promise<WalletAtStart> {
  let fit: Wallet | undefined;
  const open = async () => {
    fit ??= await fitWallet(() => openWallet(url), log);
    return fit;
  };
  try {
    await open();
    return { open, keepAsking: () => () => {} };
  } catch (error) {
    if (faultOf(error) !== "unreached") throw error;
    log.warn(`nothing is paid until the wallet answers: ${whyOf(error)}`);
    return { open, keepAsking: (then) => asking(open, then, { log, said: whyOf(error) }) };
  }
}

function asking(
  open: OpenWallet,
  then: () => Promise<unknown>,
  { log, said }: { readonly log: Logger; said: string },
): () => void {
  let isOver = false;
  const again = async () => {
    try {
      await open();
      await then();
      log.info("the wallet answers, and was asked about the payments that are open");
    } catch (error) {
      const why = whyOf(error);
      // Logged once for each reason, because a node may be away for a night.
      if (why !== said) log.warn(`nothing is paid yet: ${why}`);
      said = why;
      if (!isOver) timer = setTimeout(again, ASK_AGAIN_MS);
    }
  };
  let timer = setTimeout(again, ASK_AGAIN_MS);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

const whyOf = (error: unknown): string =>
  told(error instanceof Error ? error.message : String(error));

const sentence = (finding: Finding): string =>
  `${finding.found}. ${finding.state === "ok" ? "" : finding.advice}`.trim();

/** The same wallet, with a span for each payment. */
export function tracedWallet(open: OpenWallet, traced: Traced): OpenWallet {
  return async () => {
    const wallet = await open();
    return {
      network: () => wallet.network(),
      pay: (request) =>
        traced("pay", { "sigil.amount_msat": `${request.amountMsat}` }, () => wallet.pay(request)),
      find: (paymentHash) => wallet.find(paymentHash),
      ...(wallet.paidSince !== undefined && { paidSince: (at: number) => wallet.paidSince!(at) }),
      ...(wallet.identity !== undefined && { identity: () => wallet.identity!() }),
    };
  };
}
