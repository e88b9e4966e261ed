/**
 * A refusal as the result of a tool call: text for the model, data for its client. spec/8-mcp.md
 * §3.
 */
import { formatAmount, msat } from "../amount.ts";
import { base64Text } from "../internal/bytes.ts";
import type { Network } from "../invoice/index.ts";
import { Macaroon } from "../macaroon/index.ts";
import type { Offer, Refused } from "../wire/problem.ts";
import { CHALLENGE, PAYMENT_REQUIRED, PROBLEM, type ToolResult } from "./wire.ts";

/** @param url the URL that the call was judged as */
export function refusalResult(refused: Refused, tool: string, url: string): ToolResult {
  const { offer, uninvoiced, problem, challengeLines } = refused;
  if (offer === undefined)
    return result(`The tool "${tool}" was not called. ${problem.title}: ${problem.detail}`, {
      [PROBLEM]: problem,
      ...(uninvoiced !== undefined && { [CHALLENGE]: { url, date: dateOf(uninvoiced) } }),
    });
  const payment = paymentRequired(offer, tool, url, problem.detail);
  return result(
    `The tool "${tool}" was not called: it costs ${formatAmount(msat(offer.invoice.amountMsat ?? 0n))}. An MCP client that pays L402 challenges pays by itself; the arguments of a tool cannot pay.`,
    {
      [PROBLEM]: problem,
      [CHALLENGE]: {
        url,
        "www-authenticate": challengeLines,
        date: dateOf(offer),
      },
      ...(payment !== undefined && { [PAYMENT_REQUIRED]: payment }),
    },
  );
}

const dateOf = ({ at }: { readonly at: number }): string => new Date(at * 1000).toUTCString();

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
 * The challenge in the form of the "Payment" scheme, which counts whole satoshis and knows three
 * networks; undefined for any other price or network.
 */
function paymentRequired(
  { challenge: { macaroon }, invoice }: Offer,
  tool: string,
  url: string,
  detail: string,
): object | undefined {
  const { amountMsat = 0n, paymentHash, expiresAt, text } = invoice;
  const network = PAYMENT_NETWORKS[invoice.network];
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
