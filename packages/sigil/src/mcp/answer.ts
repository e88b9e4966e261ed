/** Results of the tools as text for the model, never with a stack trace or a credential. */
import type { CallToolResult } from "@modelcontextprotocol/server";
import { DeniedError, explain, type PaymentSummary, SigilError } from "l8nt";
import { withoutCredentials } from "l8nt/l402";
import { paidInWords } from "../amounts.ts";
import { UsageError } from "../exit.ts";
import { printable, withoutSecrets } from "../secrecy.ts";

export const said = (...texts: readonly string[]): CallToolResult => ({
  content: texts.map((text) => ({ type: "text", text })),
});

/**
 * Result with `isError`. MCP hosts may keep a protocol error from the model, which could then not
 * act on it.
 */
export function refused(error: unknown, paid: readonly PaymentSummary[] = []): CallToolResult {
  const lines = [reasonOf(error), ...paid.map(paidText)];
  return { ...said(lines.join("\n")), isError: true };
}

function reasonOf(error: unknown): string {
  if (error instanceof DeniedError)
    return [`Denied (${error.code}).`, ...error.refusals.map(explain)]
      .map((line) => printable(withoutCredentials(line)))
      .join("\n");
  if (error instanceof SigilError) {
    const spent = "spent" in error ? `, spent: ${error.spent}` : "";
    return printable(withoutCredentials(`${error.message} (${error.code}${spent})`));
  }
  if (error instanceof UsageError) return error.message;
  return `A bug in sigil: ${withoutSecrets(error instanceof Error ? error.message : String(error))}`;
}

export function paidText(payment: PaymentSummary): string {
  const words = paidInWords(payment);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
