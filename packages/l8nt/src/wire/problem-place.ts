/** Where an answer has its problem, by its media type. */

/** `document`: the body is the problem. `rpc`: an error of JSON-RPC has it. spec/8-mcp.md §4 */
export type ProblemPlace = "document" | "rpc";

/** Undefined for an answer that has none: other JSON is an API's own, whatever its members. */
export function problemPlace(contentType: string | null): ProblemPlace | undefined {
  const [type = ""] = (contentType ?? "").split(";", 1);
  return PLACES[type.trim().toLowerCase()];
}

const PLACES: Readonly<Record<string, ProblemPlace>> = {
  "application/problem+json": "document",
  "application/json": "rpc",
};
