/** The play: what every step must give. The demo ends well only if all of it comes true. */
import type { Outcome } from "./outcome.ts";

export interface Step {
  readonly step: string;
  readonly title: string;
  /** In order; every member that stands here must be the outcome's own. */
  readonly expected: readonly Partial<Outcome>[];
}

const served: Partial<Outcome> = { by: "service", granted: true, status: 200 };
const paid = (amount: string, fee: string): NonNullable<Outcome["paid"]> => ({
  amount: { unit: "msat", value: amount },
  fee: { unit: "msat", value: fee },
});
const bought: Partial<Outcome> = { ...served, paid: paid("10000", "10") };
/** By the agent's own client, with nothing sent. */
const offline = (code: string): Partial<Outcome> => ({
  by: "client",
  granted: false,
  code,
  requests: 0,
});
const byTreasury = (code: string, status: number): Partial<Outcome> => ({
  by: "treasury",
  granted: false,
  code,
  status,
});
const byService = (code: string, status: number): Partial<Outcome> => ({
  by: "service",
  granted: false,
  code,
  status,
});
/**
 * Through the agent's own client, which cannot know what was spent, or revoked: the treasury says
 * it.
 */
const throughClient = (code: string): Partial<Outcome> => ({
  by: "treasury",
  granted: false,
  code,
});

export const SCRIPT: readonly Step[] = [
  { step: "pay", title: "The orchestrator pays, and gets a forecast", expected: [bought] },
  {
    step: "delegate",
    title: "It derives a narrower credential for each of two sub-agents, offline",
    expected: [
      { granted: true, requests: 0 },
      { granted: true, requests: 0 },
    ],
  },
  {
    step: "start",
    title: "It starts them, with SIGIL_CREDENTIAL in their environment and nothing else",
    expected: [{ environment: ["SIGIL_CREDENTIAL"] }, { environment: ["SIGIL_CREDENTIAL"] }],
  },
  { step: "job", title: "scout does its job", expected: [bought] },
  {
    step: "rogue-job",
    title: "rogue does its job, and goes on with its prompt",
    expected: [bought],
  },
  {
    step: "trespass",
    title: "rogue reads another path",
    expected: [
      offline("ERR_ENDPOINT"),
      { by: "treasury", granted: true, paid: paid("10000", "10") },
      byTreasury("ERR_ENDPOINT", 403),
      byService("ERR_ENDPOINT", 403),
    ],
  },
  {
    step: "widen",
    title: "rogue widens its own scope",
    expected: [
      offline("ERR_ENDPOINT"),
      byTreasury("ERR_ENDPOINT", 403),
      byTreasury("ERR_TOKEN_FORGED", 401),
      byTreasury("ERR_TOKEN_FORGED", 401),
      byService("ERR_ENDPOINT", 403),
      byService("ERR_TOKEN_FORGED", 401),
    ],
  },
  {
    step: "overspend",
    title: "rogue spends more than it has",
    expected: [
      bought,
      throughClient("ERR_BUDGET"),
      byTreasury("ERR_BUDGET", 403),
      byTreasury("ERR_BUDGET", 403),
      served,
      byService("ERR_USES", 402),
    ],
  },
  {
    step: "revoke",
    title: "The orchestrator revokes rogue",
    expected: [
      { by: "treasury", granted: true, withinOneSecond: true },
      throughClient("ERR_REVOKED"),
      byTreasury("ERR_REVOKED", 403),
      byService("ERR_REVOKED", 402),
    ],
  },
  {
    step: "go-on",
    title: "scout and the orchestrator go on working",
    expected: [bought, { ...served, paid: paid("40000", "40") }],
  },
  {
    step: "sums",
    title: "The treasury's books are what the network moved",
    expected: [{ granted: true }],
  },
];

/** What differs from what must be, in words; empty where nothing does. */
export function differences(
  expected: Step["expected"],
  outcomes: readonly Outcome[],
): readonly string[] {
  if (expected.length !== outcomes.length)
    return [`${expected.length} outcomes were expected, and there were ${outcomes.length}`];
  return expected.flatMap((wanted, at) =>
    Object.entries(wanted)
      .filter(([fact, value]) => JSON.stringify(value) !== JSON.stringify(outcomes[at]![fact]))
      .map(
        ([fact, value]) =>
          `${outcomes[at]!.what}: ${fact} should be ${JSON.stringify(value)}, and is ${JSON.stringify(outcomes[at]![fact]) ?? "not said"}`,
      ),
  );
}
