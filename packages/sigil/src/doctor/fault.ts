/** Explains why a wallet gave no facts: it was not reached, TLS failed, or it refused. */
import { isTlsFault } from "../tls.ts";
import { type Finding, failing, ok, told } from "./finding.ts";

/** The kind of failure. An unreached wallet may answer later; the others need a person. */
export type Fault = "unreached" | "tls" | "refused";

/** Errors of `node:net`, undici and the NWC wallet for a connection that failed or broke off. */
const NO_ANSWER =
  /^(?:ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|EPIPE|EADDRNOTAVAIL|UND_ERR_|TimeoutError|AbortError|NetworkError|fetch failed)/;

/** Reads the kind from the causes of the adapter's error. Without such a cause, it is an answer. */
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
    "Start the wallet's node, wait until it has started, or correct the host and port in the wallet's URL.",
  tls: "Nothing was sent. Correct the node's certificate, or name it in the wallet's URL as cert=FILE.",
  refused: "Correct that at the wallet, or give its URL a credential that it accepts.",
};

/** The findings about a wallet that gave no facts. */
export function faultFindings(error: unknown): readonly Finding[] {
  const found = told(error instanceof Error ? error.message : String(error));
  const fault = faultOf(error);
  if (fault === "refused")
    return [ok("reach", "the wallet answers"), failing("access", found, ADVICE.refused)];
  return [failing("reach", found, ADVICE[fault])];
}
