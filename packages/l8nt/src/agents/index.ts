/** `l8nt/agents`: what every adapter of an agent framework is built on. */
export type { SigilContext } from "./context.ts";
export { currentHandle, sigilFetch } from "./current.ts";
export { SigilHandle } from "./handle.ts";
export type { HandleOptions } from "./place.ts";
export type { AgentPolicies, AgentPolicy } from "./policy.ts";
export { budgetText, budgetTool, fetchTool, type ReadyTool } from "./tools.ts";
