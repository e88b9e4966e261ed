/**
 * Why a wallet gave no facts: time may mend one that was not reached, and only a person the rest.
 */
import { isTlsFault } from "../tls.ts";
import { type Finding, failing, ok, told } from "./finding.ts";

export type Fault = "unreached" | "tls" | "refused";

/**
 * Of a connection that was not made, or that broke off: by `node:net`, undici, and the NWC wallet.
 */
const NO_ANSWER =
  /^(?:ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|EPIPE|EADDRNOTAVAIL|UND_ERR_|TimeoutError|AbortError|NetworkError|fetch failed)/;

/** Read from what caused the adapter's error; one without such a cause is an answer. */
export function faultOf(error: unknown): Fault {
  let at = error;
  let isUnreached = false;
  for (let depth = 0; at instanceof Error && depth < 6; at = at.cause, depth++) {
    const { code } = at as { readonly code?: unknown };
    const names = [String(code), at.name, at.message];
    if (isTlsFault(String(code))) return "tls";
    isUnreached ||= names.some((name) => NO_ANSWER.test(name));
  }
  return isUnreached ? "unreached" : "refused";
}

const ADVICE: Readonly<Record<Fault, string>> = {
  unreached:
    "Start it, or wait until it has started; or correct the host and the port in the wallet's URL.",
  tls: "Nothing was sent. Mend the certificate there, or name the right one in the wallet's URL as cert=FILE.",
  refused: "Mend that at the wallet, or give its URL a credential that it takes.",
};

/** What is known of a wallet that gave no facts. */
export function faultFindings(error: unknown): readonly Finding[] {
  const found = told(error instanceof Error ? error.message : String(error));
  const fault = faultOf(error);
  if (fault === "refused")
    return [ok("reach", "it answers"), failing("access", found, ADVICE.refused)];
  return [failing("reach", found, ADVICE[fault])];
}
