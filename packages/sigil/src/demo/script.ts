/** The script of the demo: the expected outcomes of each step. */
import type { Outcome } from "./outcome.ts";

/** A step of the script. */
export interface Step {
  readonly step: string;
  readonly title: string;
  /** The outcomes in order. Only the members that are given are compared. */
  readonly expected: readonly Partial<Outcome>[];
}

const served: Partial<Outcome> = { by: "service", granted: true, status: 200 };
const paid = (amount: string, fee: string): NonNullable<Outcome["paid"]> => ({
  amount: { unit: "msat", value: amount },
  fee: { unit: "msat", value: fee },
});
const bought: Partial<Outcome> = { ...served, paid: paid("10000", "10") };
/** Denied by the agent's own client, which sends nothing. */
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
/** Denied by the treasury through the agent's client, which cannot know spending or revocations. */
const throughClient = (code: string): Partial<Outcome> => ({
  by: "treasury",
  granted: false,
  code,
});

export const SCRIPT: readonly Step[] = [
  { step: "pay", title: "The orchestrator pays for a forecast", expected: [bought] },
  {
    step: "delegate",
    title: "The orchestrator derives a narrower credential for each of two sub-agents, offline",
    expected: [
      { granted: true, requests: 0 },
      { granted: true, requests: 0 },
    ],
  },
  {
    step: "start",
    title: "The orchestrator starts them with only SIGIL_CREDENTIAL in their environment",
    expected: [{ environment: ["SIGIL_CREDENTIAL"] }, { environment: ["SIGIL_CREDENTIAL"] }],
  },
  { step: "job", title: "scout does its job", expected: [bought] },
  {
    step: "rogue-job",
    title: "rogue does its job, and then follows the rest of its prompt",
    expected: [bought],
  },
  {
    step: "trespass",
    title: "rogue tries to read another path",
    expected: [
      offline("ERR_ENDPOINT"),
      { by: "treasury", granted: true, paid: paid("10000", "10") },
      byTreasury("ERR_ENDPOINT", 403),
      byService("ERR_ENDPOINT", 403),
    ],
  },
  {
    step: "widen",
    title: "rogue tries to widen its own scope",
    expected: [
      offline("ERR_ENDPOINT"),
      byTreasury("ERR_ENDPOINT", 403),
      byTreasury("ERR_TOKEN_FORGED", 401),
      byTreasury("ERR_TOKEN_FORGED", 401),
      byService("ERR_ENDPOINT", 403),
      byService("ERR_TOKEN_FORGED", 402),
    ],
  },
  {
    step: "overspend",
    title: "rogue tries to spend more than its budget",
    expected: [
      served,
      byService("ERR_USES", 402),
      bought,
      throughClient("ERR_BUDGET"),
      byTreasury("ERR_BUDGET", 403),
      byTreasury("ERR_BUDGET", 403),
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
    title: "scout and the orchestrator continue to work",
    expected: [bought, { ...served, paid: paid("40000", "40") }],
  },
  {
    step: "sums",
    title: "The treasury's books match the payments of the network",
    expected: [{ granted: true }],
  },
];

/** The differences between expected and actual outcomes, in words; empty if there are none. */
export function differences(
  expected: Step["expected"],
  outcomes: readonly Outcome[],
): readonly string[] {
  if (expected.length !== outcomes.length)
    return [`expected ${expected.length} outcomes, but got ${outcomes.length}`];
  return expected.flatMap((wanted, at) =>
    Object.entries(wanted)
      .filter(([fact, value]) => JSON.stringify(value) !== JSON.stringify(outcomes[at]![fact]))
      .map(
        ([fact, value]) =>
          `${outcomes[at]!.what}: ${fact} should be ${JSON.stringify(value)}, but is ${JSON.stringify(outcomes[at]![fact]) ?? "missing"}`,
      ),
  );
}
