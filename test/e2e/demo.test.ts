/** `sigil demo`: succeeds, and reports every failure without leaving a process behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { perform } from "../../packages/sigil/src/commands/demo.ts";
import { direct, type Report } from "../../packages/sigil/src/demo/director.ts";
import { SCRIPT } from "../../packages/sigil/src/demo/script.ts";
import { Terminal } from "../../packages/sigil/src/terminal.ts";
import { picture } from "../../packages/sigil/src/tree.ts";
import { childEnv } from "./support/child-env.ts";

const execArgv = ["--conditions=l8nt-source"];
const main = resolve("packages/sigil/src/main.ts");

const msat = (value: string) => ({ unit: "msat", value }) as const;

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param onOutput told what was printed so far, and the process's id */
async function demo(
  args: readonly string[],
  onOutput: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Run> {
  const child = spawn(process.execPath, [...execArgv, main, "demo", ...args], {
    env: childEnv(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
    onOutput(stdout, (signal) => child.kill(signal));
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const stillAlive = ({ processes }: Report) => processes.filter(({ pid }) => isAlive(pid));

const outcomesOf = ({ steps }: Report, name: string) => {
  const { outcomes } = steps.find(({ step }) => step === name)!;
  return outcomes.map(({ by, granted, code, status }) =>
    [by, granted ? "granted" : code, status].filter((part) => part !== undefined).join(" "),
  );
};

describe("the demo as one JSON document", async () => {
  const run = await demo(["--json"]);
  const report: Report = JSON.parse(run.stdout);

  test("succeeds, and prints nothing else", () => {
    expect(run.code).toBe(0);
    expect(run.stderr).toBe("");
    expect(report.ok).toBe(true);
    expect(report.steps.map(({ step }) => step)).toEqual(SCRIPT.map(({ step }) => step));
    expect(report.steps.flatMap(({ differences }) => differences)).toEqual([]);
  });

  test("runs each part as its own process, and leaves none behind", () => {
    expect(report.processes.map(({ role }) => role)).toEqual([
      "network",
      "weather",
      "treasury",
      "orchestrator",
      "scout",
      "rogue",
    ]);
    expect(new Set(report.processes.map(({ pid }) => pid)).size).toBe(6);
    expect(stillAlive(report)).toEqual([]);
  });

  test("the orchestrator pays for a forecast", () => {
    const [outcome] = report.steps[0]!.outcomes;
    expect(outcome).toMatchObject({
      status: 200,
      paid: { amount: msat("10000"), fee: msat("10") },
    });
    expect(outcome!.answer).toContain("Tokyo tomorrow");
  });

  test("delegation makes no request, and the agents have only SIGIL_CREDENTIAL", () => {
    expect(report.steps[1]!.outcomes.map(({ requests }) => requests)).toEqual([0, 0]);
    expect(report.steps[2]!.outcomes.map(({ environment }) => environment)).toEqual([
      ["SIGIL_CREDENTIAL"],
      ["SIGIL_CREDENTIAL"],
    ]);
  });

  test("every attempt of the rogue is denied, with its own client and without it", () => {
    expect(outcomesOf(report, "trespass")).toEqual([
      "client ERR_ENDPOINT",
      "treasury granted 200",
      "treasury ERR_ENDPOINT 403",
      "service ERR_ENDPOINT 403",
    ]);
    expect(outcomesOf(report, "widen")).toEqual([
      "client ERR_ENDPOINT",
      "treasury ERR_ENDPOINT 403",
      "treasury ERR_TOKEN_FORGED 401",
      "treasury ERR_TOKEN_FORGED 401",
      "service ERR_ENDPOINT 403",
      "service ERR_TOKEN_FORGED 402",
    ]);
    expect(outcomesOf(report, "overspend")).toEqual([
      "service granted 200",
      "service ERR_USES 402",
      "service granted 200",
      "treasury ERR_BUDGET",
      "treasury ERR_BUDGET 403",
      "treasury ERR_BUDGET 403",
    ]);
  });

  test("every denial gives its reason", () => {
    const denied = report.steps
      .flatMap(({ outcomes }) => outcomes)
      .filter(({ granted }) => !granted);
    expect(denied).toHaveLength(16);
    for (const { code, reasons } of denied) {
      expect(reasons!.length).toBeGreaterThan(0);
      if (code !== "ERR_TOKEN_FORGED")
        for (const reason of reasons!) expect(reason).toMatch(/you have .+; you need /);
    }
  });

  test("a revoked agent is denied everywhere within a second, and the other agents continue", () => {
    expect(outcomesOf(report, "revoke")).toEqual([
      "treasury granted",
      "treasury ERR_REVOKED",
      "treasury ERR_REVOKED 403",
      "service ERR_REVOKED 402",
    ]);
    expect(report.steps.find(({ step }) => step === "revoke")!.outcomes[0]!.withinOneSecond).toBe(
      true,
    );
    expect(outcomesOf(report, "go-on")).toEqual(["service granted 200", "service granted 200"]);
  });

  test("the tree shows spending and budgets, and its sum matches the payments of the network", () => {
    const byAgent = new Map(report.tree.map((node) => [node.agent ?? "root", node]));
    const spent = (agent: string) => [byAgent.get(agent)!.state, byAgent.get(agent)!.spent];
    expect(spent("root")).toEqual(["active", [msat("100100")]]);
    expect(spent("scout")).toEqual(["active", [msat("20020")]]);
    expect(spent("rogue")).toEqual(["revoked", [msat("30030")]]);
    expect(report.money).toEqual({
      payments: 7,
      amountMsat: "100000",
      feeMsat: "100",
      treasurySpentMsat: "100100",
    });
  });
});

test("the text fits 80 columns, has no colours in a pipe, and ends with the tree", async () => {
  const { code, stdout, stderr } = await demo([]);
  expect(code).toBe(0);
  expect(stderr).toBe("");
  expect(stdout.split("\n").filter((line) => [...line].length > 80)).toEqual([]);
  expect(stdout.split("\n").filter((line) => line !== line.trimEnd())).toEqual([]);
  expect(stdout).not.toContain("\u001b");
  expect(stdout).toContain("If your credential does not allow it, give yourself a wider one.");
  const tree = stdout.slice(stdout.lastIndexOf("orchestrator "));
  expect(tree).toMatch(/^orchestrator +● active +spent 100\.1 of 1,000 sat/);
  expect(tree).toMatch(/\n├─ scout +● active +spent 20\.02 of 100 sat/);
  expect(tree).toMatch(/\n└─ rogue +✕ revoked +spent 30\.03 of 40 sat/);
  expect(tree).toMatch(/\nEvery step ended as expected: 11 of 11, in \d+\.\d s\.\n$/);
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s ends the demo and all its processes",
  async (signal) => {
    const pids = new Set<number>();
    let sent = false;
    const { code, stdout } = await demo([], (soFar, kill) => {
      for (const [, pid] of soFar.matchAll(/pid (\d+)/g)) pids.add(Number(pid));
      if (sent || !soFar.includes("scout does its job")) return;
      sent = true;
      // Twice, as npm and the terminal do between them.
      kill(signal);
      kill(signal);
    });
    expect(code).toBe(130);
    expect(stdout).toContain("The demo did not end as expected: interrupted.");
    expect(pids.size).toBe(4);
    expect([...pids].filter(isAlive)).toEqual([]);
  },
);

/** A terminal that keeps what is written to it. */
function recorder(json: boolean): { terminal: Terminal; text: () => string } {
  let written = "";
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      written += chunk;
      done();
    },
  });
  const { stdin, stderr } = process;
  const streams = { stdin, stdout, stderr, env: {}, signals: process };
  return { terminal: new Terminal({ ...streams, json }), text: () => written };
}

describe("a failing demo", () => {
  test("says what differs from the script, and exits with 1", async () => {
    const script = SCRIPT.map((step) =>
      step.step === "job" ? { ...step, expected: [{ ...step.expected[0], status: 404 }] } : step,
    );
    const { terminal, text } = recorder(false);
    expect(await perform(terminal, { script, execArgv })).toBe(1);
    expect(text()).toContain("!! GET /forecast?city=Lisbon: status should be 404, but is 200");
    expect(text()).toContain("The demo did not end as expected.");
    const report = await direct({ script, execArgv });
    expect(report.steps.filter(({ ok }) => !ok).map(({ step }) => step)).toEqual(["job"]);
    expect(stillAlive(report)).toEqual([]);
  });

  test("reports a treasury that stops half-way, and leaves no process behind", async () => {
    const { terminal, text } = recorder(true);
    const code = await perform(terminal, {
      execArgv,
      onStep: ({ step }, cast) => (step === "start" ? cast.stop("treasury") : undefined),
    });
    const report: Report = JSON.parse(text());
    expect(code).toBe(1);
    expect(report.ok).toBe(false);
    const job = report.steps.find(({ step }) => step === "job")!;
    expect(job.ok).toBe(false);
    expect(job.outcomes).toMatchObject([{ granted: false, code: "ERR_TREASURY" }]);
    expect(report.processes).toHaveLength(6);
    expect(stillAlive(report)).toEqual([]);
  });

  test("reports an orchestrator that dies, and ends its agents", async () => {
    const report = await direct({
      execArgv,
      onStep: ({ step }, cast) => (step === "job" ? cast.stop("orchestrator") : undefined),
    });
    expect(report).toMatchObject({
      ok: false,
      error: { message: 'the process "orchestrator" ended too early' },
    });
    expect(report.processes).toHaveLength(6);
    expect(stillAlive(report)).toEqual([]);
  });

  test("is ended if it takes too long", async () => {
    const stop = new AbortController();
    const report = await direct({
      execArgv,
      signal: stop.signal,
      onStep: ({ step }) =>
        step === "start" ? stop.abort(new Error("not done in time")) : undefined,
    });
    expect(report).toMatchObject({ ok: false, error: { message: "not done in time" } });
    expect(stillAlive(report)).toEqual([]);
  });
});

test("the tree lists active agents first, and has colours only if asked", () => {
  const limits = [{ condition: "budget_msat", unit: "msat", max: "40000", used: "40000" }] as const;
  const nodes = [
    { id: "0", state: "active", spent: [msat("52500")], limits: [], caveats: ["valid_until=1600"] },
    {
      id: "1",
      parentId: "0",
      agent: "late",
      state: "expired",
      spent: [msat("0")],
      limits,
      caveats: [],
    },
    {
      id: "2",
      parentId: "0",
      agent: "bad",
      state: "revoked",
      spent: [msat("40000")],
      limits,
      caveats: [
        "agent=bad.0123456789abcdef",
        "endpoints=GET https://a.example/x;GET https://a.example/y",
        "budget_msat=40000",
      ],
      more: 7,
    },
    {
      id: "3",
      parentId: "0",
      agent: "good",
      state: "active",
      spent: [msat("12500")],
      limits,
      caveats: ["max_depth=0"],
    },
  ] as const;
  const options = { root: "planner", now: 1000 };
  expect(picture(nodes, { ...options, colours: false })).toBe(`\
planner                 ● active   spent 52.5 of no budget      
│  until 1970-01-01 00:26:40 UTC (in 10 min)
│
├─ good                 ● active   spent 12.5 of 40 sat         ━━━━━───────────
│     no delegation below
│
├─ late                 ○ expired  spent 0 of 40 sat            ────────────────
│
└─ bad                  ✕ revoked  spent 40 of 40 sat           ━━━━━━━━━━━━━━━━
   │  GET https://a.example/x
   │  GET https://a.example/y
   │
   └─ and 7 more that have spent, too many to list`);
  const coloured = picture(nodes, { ...options, colours: true });
  expect(coloured).toContain("\u001b[31m✕ revoked");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of colours
  expect(coloured.replace(/\u001b\[\d+m/g, "")).toBe(
    picture(nodes, { ...options, colours: false }),
  );
});
