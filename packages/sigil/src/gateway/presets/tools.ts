/** Tools in a request: those that the client runs, and those that the vendor runs and bills. */
import { type Fields, isObject, listOf, quoted } from "./fields.ts";
import { type Allowances, NO_ALLOWANCES } from "./preset.ts";
import { RequestRefused } from "./refused.ts";
import { TOOLS_TOKENS, TYPED_TOOL_TOKENS } from "./text.ts";

/** What the tools of a request add to its bound. */
export interface ToolCosts {
  /** Tokens beside those of the body. */
  readonly tokens: number;
  /** The most calls of each hosted tool. */
  readonly calls: Readonly<Record<string, number>>;
  /** The most rounds in which the model reads its context again. */
  readonly rounds: number;
}

export type ToolKind =
  /** The client runs it, and the body describes it. */
  | "own"
  /** The client runs it, and the vendor has the description. */
  | "typed"
  /** The vendor runs it and bills each call, under this name. */
  | { readonly hosted: string };

/**
 * Costs of tools.
 *
 * @param kindOf undefined for a tool that the preset does not know
 * @throws RequestRefused for what is no list of tools, and for a tool that the vendor runs, unless
 *   the route allows it
 */
export function toolCosts(
  tools: unknown,
  kindOf: (tool: Fields) => ToolKind | undefined,
  { tools: allowed }: Allowances = NO_ALLOWANCES,
): ToolCosts {
  const calls: Record<string, number> = {};
  let tokens = 0;
  for (const tool of listOf(tools, "tools")) {
    if (!isObject(tool)) throw new RequestRefused("bad_request", "A tool must be an object.");
    const kind = kindOf(tool);
    if (tokens === 0) tokens = TOOLS_TOKENS;
    if (kind === "own") continue;
    tokens += TYPED_TOOL_TOKENS;
    if (kind === "typed") continue;
    const name = kind?.hosted;
    const most = name === undefined ? undefined : allowed[name];
    if (name === undefined || most === undefined || most < 1)
      throw new RequestRefused(
        "tool_not_metered",
        `The vendor runs the tool ${quoted(`${tool.type ?? Object.keys(tool)[0]}`)} and may bill for ` +
          'each call. Leave it out, or ask the owner of the gateway to list it under "tools" of ' +
          "this route with a price.",
      );
    calls[name] = most;
  }
  return { tokens, calls, rounds: Object.values(calls).reduce((sum, most) => sum + most, 0) };
}
