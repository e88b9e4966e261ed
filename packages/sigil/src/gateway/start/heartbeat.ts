/** Says to the gateways on one database that this one lives, and ends what dead ones have left. */
import type { Paywall } from "l8nt/service";

export interface HeartbeatOptions {
  readonly paywall: Pick<Paywall, "heartbeat">;
  /** Called when requests of a dead gateway were charged. */
  ended(requests: number): unknown;
}

const EVERY_MS = 10_000;

/**
 * Call it before the first request. Resolves with what stops it.
 *
 * @throws AdapterError `ERR_STORE` if the first one cannot be written
 */
export async function startHeartbeat({ paywall, ended }: HeartbeatOptions): Promise<() => void> {
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout>;
  const beat = async (): Promise<void> => {
    const requests = await paywall.heartbeat();
    if (requests > 0) await ended(requests);
  };
  const next = (): void => {
    if (isStopped) return;
    timer = setTimeout(() => {
      // That the store does not answer is told by the ledger.
      void beat()
        .catch(() => {})
        .finally(next);
    }, EVERY_MS).unref();
  };
  await beat();
  next();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
