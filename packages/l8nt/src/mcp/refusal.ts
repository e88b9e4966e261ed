/**
 * A service's refusal as the result of a tool call: text for the model, facts for its client.
 * spec/8-mcp.md §3.
 */
import { base64Text } from "../internal/bytes.ts";
import { formatMsat, type Network, readInvoice, type UnverifiedInvoice } from "../invoice/index.ts";
import { Challenge } from "../l402/index.ts";
import { Macaroon } from "../macaroon/index.ts";
import { challengeLines } from "../node/response.ts";
import type { Refused } from "../service/index.ts";
import { CHALLENGE, members, PAYMENT_REQUIRED, PROBLEM, type ToolResult } from "./wire.ts";

/** @param url that the call was judged as */
export async function refusalResult(
  { response }: Refused,
  tool: string,
  url: string,
): Promise<ToolResult> {
  const problem = members(await response.json());
  const { title, detail } = problem;
  if (response.status !== 402)
    return result(`The tool "${tool}" was not called. ${title}: ${detail}`, { [PROBLEM]: problem });
  const lines = challengeLines(response.headers.get("www-authenticate") ?? "");
  const challenge = Challenge.parse(lines);
  const { invoice } = readInvoice(challenge.invoice);
  const payment = paymentRequired(challenge, invoice, tool, url, problem);
  return result(
    `The tool "${tool}" was not called: it costs ${formatMsat(invoice.amountMsat ?? 0n)}. An MCP client that pays L402 challenges pays for it by itself; nothing in a tool's arguments can.`,
    {
      [PROBLEM]: problem,
      [CHALLENGE]: { url, "www-authenticate": lines },
      ...(payment !== undefined && { [PAYMENT_REQUIRED]: payment }),
    },
  );
}

const result = (text: string, _meta: Record<string, unknown>): ToolResult => ({
  content: [{ type: "text", text }],
  isError: true,
  _meta,
});

const PAYMENT_NETWORKS: Partial<Record<Network, string>> = {
  bc: "mainnet",
  bcrt: "regtest",
  tbs: "signet",
};

/**
 * Undefined where the price or the network has no form there: it counts whole satoshis, and knows
 * three networks.
 */
function paymentRequired(
  { macaroon }: Challenge,
  { amountMsat = 0n, network: prefix, paymentHash, expiresAt, text }: UnverifiedInvoice,
  tool: string,
  url: string,
  { detail }: Readonly<Record<string, unknown>>,
): object | undefined {
  const network = PAYMENT_NETWORKS[prefix];
  if (network === undefined || amountMsat === 0n || amountMsat % 1000n !== 0n) return undefined;
  const challenge = {
    id: base64Text(Macaroon.encode(macaroon))
      .replace(/=+$/, "")
      .replaceAll("+", "-")
      .replaceAll("/", "_"),
    realm: new URL(url).host,
    method: "lightning",
    intent: "charge",
    request: {
      amount: String(amountMsat / 1000n),
      currency: "sat",
      methodDetails: { invoice: text, paymentHash, network },
    },
    expires: new Date(expiresAt * 1000).toISOString(),
    description: `One call of the tool ${tool}`,
  };
  const type = "https://paymentauth.org/problems/payment-required";
  return {
    httpStatus: 402,
    challenges: [challenge],
    problem: { type, title: "Payment Required", status: 402, detail },
  };
}
