/** The tool `receipts`: payments that the treasury signed, and those that this process saw. */
import type { CallToolResult } from "@modelcontextprotocol/server";
import { Client, type Credential } from "l8nt";
import { type AmountJson, formatPaid, readAmountJson } from "../amounts.ts";
import { printable } from "../secrecy.ts";
import { dateText } from "../words.ts";
import type { Agent, Agents } from "./agents.ts";
import { refused, said } from "./answer.ts";
import type { OwnPayment } from "./payments.ts";

export interface ReceiptsOrder {
  readonly after?: number | undefined;
  readonly as?: string | undefined;
}

const LIMIT = 100;
const TIMEOUT_MS = 30_000;

/** The members of a receipt that the tool shows. */
interface Shown {
  readonly seq: number;
  readonly settledAt: number;
  readonly amount: AmountJson;
  readonly fee: AmountJson;
  readonly lineage: readonly string[];
  readonly method: string;
  readonly origin: string;
  readonly pathClass: string;
}

export async function receiptsTool(
  agents: Agents,
  { after = 0, as }: ReceiptsOrder,
): Promise<CallToolResult> {
  try {
    const agent = agents.find(as);
    const signed = await Promise.all(
      agent.credentials.map((credential) => signedBy(credential, after, agent)),
    );
    const own = agents.payments.latest(as, LIMIT).map(ownText);
    return said(
      [
        ...signed.flat(),
        `Paid by this process${as === undefined ? "" : ` for ${as}`}, not signed:`,
        ...(own.length === 0 ? ["  nothing"] : own),
      ].join("\n"),
    );
  } catch (error) {
    return refused(error);
  }
}

async function signedBy(
  credential: Credential,
  after: number,
  { fetch: fetcher }: Agent,
): Promise<readonly string[]> {
  const receipts = await asked(credential, after, fetcher).catch(() => undefined);
  if (receipts === undefined)
    return [
      "No signed receipts: the treasury did not answer, or this credential belongs to no treasury.",
    ];
  const more =
    receipts.length === LIMIT ? [`  … more: ask with after: ${receipts.at(-1)!.seq}`] : [];
  return [
    "Signed by the treasury, for this credential's agent and those below it:",
    ...(receipts.length === 0 ? ["  nothing"] : receipts.map(signedText)),
    ...more,
  ];
}

async function asked(
  credential: Credential,
  after: number,
  fetcher: typeof fetch,
): Promise<readonly Shown[]> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const client = new Client({
    credential,
    fetch: (input, init) => fetcher(input, { ...init, signal }),
  });
  const receipts = await client.receipts(after, LIMIT);
  return receipts.map(({ text }) => JSON.parse(text) as Shown);
}

const signedText = ({ seq, settledAt, lineage, amount, fee, ...request }: Shown): string =>
  printable(
    `  ${seq}  ${dateText(settledAt)}  ${formatPaid(readAmountJson(amount), readAmountJson(fee))}  ${request.method} ${request.origin}${request.pathClass}  by ${lineage.join(" > ") || "the root"}`,
  );

const ownText = ({ at, agent, origin, amount, fee }: OwnPayment): string =>
  printable(
    `  ${dateText(at)}  ${formatPaid(amount, fee)}  ${origin}${agent === undefined ? "" : `  by ${agent}`}`,
  );
