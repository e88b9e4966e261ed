/**
 * Asks the wallet again and again about payments whose outcome it did not know: no agent may ever
 * ask for them again. [case 57]
 */
import type { Treasury } from "l8nt/treasury";
import type { Logger } from "./log.ts";

/** Gives what ends it. */
export function followOpen(treasury: Treasury, seconds: number, log: Logger): () => void {
  let before = 0;
  const look = async () => {
    const { openPayments } = await treasury.owner.health();
    if (openPayments === 0) return;
    const { stillOpen } = await treasury.reconcile();
    // Once for each change: one that is stuck stays so for hours.
    if (stillOpen !== before) log.info({ stillOpen }, "asked the wallet about open payments");
    before = stillOpen;
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) =>
      log.warn(
        { code: (error as { code?: unknown }).code },
        "open payments could not be asked about",
      ),
    );
  }, seconds * 1000);
  return () => clearInterval(timer);
}
