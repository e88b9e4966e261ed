/** Limits on the number of tool calls, counted in this process by a ledger in memory. */
import type { Credential } from "l8nt";
import type { Amount } from "l8nt/invoice";
import { MemoryStore } from "l8nt/stores/memory";
import { UsageError } from "../exit.ts";

export interface CallLimit {
  /** Name of the tool; undefined limits the calls of all tools together. */
  readonly tool: string | undefined;
  readonly max: bigint;
  readonly windowSeconds?: number;
  /** The limit in words, for the message of a refusal. */
  readonly words: string;
}

/** Reads limits of the form `N` or `TOOL=N`. @throws UsageError */
export function readLimits(
  texts: readonly string[],
  flag: "max-calls" | "max-calls-per-hour",
): readonly CallLimit[] {
  const seen = new Set<string>();
  return texts.map((text) => {
    const at = text.lastIndexOf("=");
    const tool = at === -1 ? undefined : text.slice(0, at);
    const number = text.slice(at + 1);
    if (tool === "" || !/^(?:0|[1-9][0-9]{0,14})$/.test(number))
      throw new UsageError(`--${flag} must be a whole number, or TOOL=N.`);
    if (seen.has(tool ?? ""))
      throw new UsageError(
        `--${flag} is given twice for ${tool === undefined ? "all tools" : "one tool"}; give it once.`,
      );
    seen.add(tool ?? "");
    const isHourly = flag === "max-calls-per-hour";
    return {
      tool,
      max: BigInt(number),
      ...(isHourly && { windowSeconds: 3600 }),
      words: `${number} calls${tool === undefined ? "" : ` of ${tool}`}${isHourly ? " an hour" : ""}`,
    };
  });
}

/**
 * The credential's own limits on uses. The holder of a credential cannot derive the ids of its
 * counters, so each process counts them by itself.
 */
export const limitsOf = ({ chain }: Credential): readonly CallLimit[] =>
  chain.limits
    .filter(({ kind }) => kind === "uses")
    .map(({ max, windowSeconds, condition }) => ({
      tool: undefined,
      max,
      ...(windowSeconds !== undefined && { windowSeconds }),
      words: `${condition} ${max} of the credential`,
    }));

/** A call counts as one use and costs no money. */
const NOTHING: Amount = { unit: "msat", value: 0n };

export class CallCounter {
  readonly #limits: readonly (CallLimit & { readonly id: string })[];
  readonly #ledger = new MemoryStore();
  #calls = 0;

  constructor(limits: readonly CallLimit[]) {
    this.#limits = limits.map((limit, at) => ({ ...limit, id: `limit.${at}` }));
  }

  /** Counts one call. Returns the reason if a limit is used up; the call is then not counted. */
  async count(tool: string, now: number): Promise<string | undefined> {
    const counted = this.#limits
      .filter((limit) => limit.tool === undefined || limit.tool === tool)
      .map(({ id, max, windowSeconds }) => ({
        id,
        kind: "uses" as const,
        max,
        ...(windowSeconds !== undefined && { windowSeconds }),
      }));
    if (counted.length === 0) return undefined;
    const id = `call.${this.#calls++}`;
    const answer = await this.#ledger.reserve({ id, at: now, amount: NOTHING, uses: 1n, counted });
    if (answer.reserved) {
      await this.#ledger.commit(id, NOTHING, now);
      return undefined;
    }
    const full = answer.refused.map(
      ({ id: refused }) => this.#limits.find((limit) => limit.id === refused)!,
    );
    return `used up: ${full.map(({ words }) => words).join(", ")}`;
  }
}
