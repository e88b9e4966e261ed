/** Which paths of a service are open to WebSockets, and what those cost. */
import type { Amount } from "l8nt/invoice";
import { matchRoute } from "../presets/match.ts";

export interface SocketRule {
  /** As in `PresetRoute`. */
  readonly path: string;
  readonly capability: string;
  /** Charged for each connection, beside its minutes. In the unit of `perMinute`. */
  readonly perConnection: Amount | undefined;
  /** Charged for each minute that has begun. */
  readonly perMinute: Amount;
  readonly idleMs: number;
  readonly totalMs: number;
}

export interface SocketMatch {
  readonly rule: SocketRule;
  readonly capability: string;
  /** From the path. */
  readonly model: string | undefined;
}

/** The first rule for a path. */
export function matchSocket(rules: readonly SocketRule[], path: string): SocketMatch | undefined {
  for (const rule of rules) {
    const route = { ...rule, method: "GET", meter: "flat" } as const;
    const match = matchRoute({ routes: [route] }, "GET", path);
    if (match !== undefined) return { rule, capability: match.capability, model: match.model };
  }
  return undefined;
}
