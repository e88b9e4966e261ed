/** Recalls a credential that was handed over, at the service that would honour it. spec/4-purchase.md §6. */
import { AdapterError } from "../errors.ts";
import { formatAuthorization } from "../l402/index.ts";
import type { Handover } from "./handover.ts";

const TIMEOUT_MS = 2000;

/** As the ancestor that the treasury is. Not every service can; what it cannot revoke ends by itself within minutes. */
export async function revokeAt(fetcher: typeof fetch, { origin, full, caveats }: Handover): Promise<boolean> {
  if (!caveats.some((caveat) => caveat.startsWith("agent="))) return false;
  try {
    const response = await fetcher(`${origin}/.well-known/l402/revocations`, {
      method: "POST",
      headers: { authorization: formatAuthorization(full), "content-type": "application/json" },
      body: JSON.stringify({ caveats }),
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.ok;
  } catch (error) {
    if (error instanceof AdapterError || error instanceof TypeError || error instanceof DOMException)
      return false;
    throw error;
  }
}
