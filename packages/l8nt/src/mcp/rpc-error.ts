/**
 * A refusal of a message over HTTP as an error of JSON-RPC, which hosts show. spec/8-mcp.md §4.
 */
import { formatAmount, msat } from "../amount.ts";
import { type Refused, render } from "../wire/problem.ts";
import { members } from "./wire.ts";

/** JSON-RPC 2.0 §5.1. MCP 2025-11-25 has `-32042`, the code of a draft, for another error. */
const INVALID_REQUEST = -32_600;
const REFUSED = -32_000;

/** @param message that was refused; undefined if it could not be read */
export function rpcRefusal(refused: Refused, message?: unknown): Response {
  const { status, headers, body } = render(refused);
  const { problem, offer } = refused;
  const { id } = members(Array.isArray(message) ? undefined : message);
  const error = {
    code: status === 400 || status === 413 ? INVALID_REQUEST : REFUSED,
    message:
      offer === undefined
        ? `${problem.title}: ${problem.detail}`
        : `${problem.title}: it costs ${formatAmount(msat(offer.invoice.amountMsat ?? 0n))}, which a client of L402 pays by itself. ${problem.detail}`,
    data: JSON.parse(body) as unknown,
  };
  // MCP, Transports: an answer to what is no request has no id.
  const answer = { jsonrpc: "2.0", ...(isId(id) && { id }), error };
  const fields = new Headers();
  for (const [name, value] of headers) fields.append(name, value);
  fields.set("content-type", "application/json");
  return new Response(JSON.stringify(answer), { status, headers: fields });
}

const isId = (id: unknown): id is string | number => typeof id === "string" || Number.isInteger(id);
