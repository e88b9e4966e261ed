/**
 * `l8nt/mcp`: MCP tools that are paid for, and MCP clients that pay, for both majors of the SDK.
 */
export { repeatedName } from "../http/json-text.ts";
export { type PaidEndpointOptions, paidEndpoint } from "./endpoint.ts";
export { type PayOptions, pay, type ToolCaller } from "./pay.ts";
export {
  type ArgumentsOf,
  type PaidHandler,
  type PaidToolOptions,
  type PaidToolsOptions,
  paidTool,
  paidTools,
  type ToolCall,
  type ToolPrice,
  type ToolServer,
  type ToolTerms,
} from "./tool.ts";
export type { CallContext } from "./wire.ts";
