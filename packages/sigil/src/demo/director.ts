/** Runs the demo: starts its processes, compares each step with the script, and stops them all. */
import { randomBytes } from "node:crypto";
import { formatAmount, msat } from "l8nt/invoice";
import { Authority } from "l8nt/l402";
import type { ShownNode } from "../tree.ts";
import type { Outcome } from "./outcome.ts";
import { Player, type Role } from "./player.ts";
import { differences, SCRIPT, type Step } from "./script.ts";

/** Options of `direct`. */
export interface DirectOptions {
  /** The steps to compare with. @default SCRIPT */
  readonly script?: readonly Step[];
  /** Called after each step. */
  readonly onStep?: (step: PlayedStep, cast: Cast) => void | Promise<void>;
  /** Called once all servers listen. */
  readonly onStart?: (processes: readonly Process[]) => void;
  /** Stops the demo and its processes. */
  readonly signal?: AbortSignal;
  /** Node's own flags for the processes. @default process.execArgv */
  readonly execArgv?: readonly string[];
}

/** A process of the demo. */
export interface Process {
  readonly role: string;
  readonly pid: number;
  readonly url?: string;
}

/** A step with its outcomes. */
export interface PlayedStep {
  readonly step: string;
  readonly title: string;
  readonly ok: boolean;
  readonly prompt?: string;
  readonly outcomes: readonly Outcome[];
  /** Differences from the script, in words; empty if there are none. */
  readonly differences: readonly string[];
}

/** The result of the demo, which `--json` prints. */
export interface Report {
  readonly ok: boolean;
  readonly processes: readonly Process[];
  readonly steps: readonly PlayedStep[];
  readonly tree: readonly ShownNode[];
  readonly money?: Money;
  readonly error?: { readonly message: string };
  readonly seconds: number;
}

/** The payments of the demo; amounts are decimal strings of msat. */
export interface Money {
  readonly payments: number;
  readonly amountMsat: string;
  readonly feeMsat: string;
  /** Spending of the whole tree, by the treasury's books. */
  readonly treasurySpentMsat: string;
}

/** The processes that the demo started. */
export class Cast {
  readonly #players: Player[] = [];
  readonly #execArgv: readonly string[];

  constructor(execArgv: readonly string[]) {
    this.#execArgv = execArgv;
  }

  start(role: Role, env: Readonly<Record<string, string>>): Player {
    const player = new Player(role, { env, execArgv: this.#execArgv });
    this.#players.push(player);
    return player;
  }

  async stop(role?: Role): Promise<void> {
    const leaving = this.#players.filter((player) => role === undefined || player.role === role);
    // In reverse order, so that each process can still reach the servers that it uses.
    for (const player of leaving.reverse()) await player.stop();
  }
}

/** A step as the orchestrator reports it. */
interface ReportedStep {
  readonly step: string;
  readonly outcomes: readonly Outcome[];
  readonly prompt?: string;
  readonly processes?: readonly Process[];
}

/** Plays the demo and returns its report. Never rejects: a failure is in the report. */
export async function direct(options: DirectOptions = {}): Promise<Report> {
  const {
    script = SCRIPT,
    onStep,
    onStart = () => {},
    signal,
    execArgv = process.execArgv,
  } = options;
  const began = performance.now();
  const cast = new Cast(execArgv);
  const processes: Process[] = [];
  const steps: PlayedStep[] = [];
  let tree: readonly ShownNode[] = [];
  let money: Money | undefined;
  let error: Report["error"];
  const abort = () => void cast.stop();
  signal?.addEventListener("abort", abort, { once: true });

  const played = async (
    scripted: Step,
    { outcomes, prompt }: Omit<ReportedStep, "step">,
  ): Promise<void> => {
    const found = differences(scripted.expected, outcomes);
    const step: PlayedStep = {
      step: scripted.step,
      title: scripted.title,
      ok: found.length === 0,
      ...(prompt !== undefined && { prompt }),
      outcomes,
      differences: found,
    };
    steps.push(step);
    await onStep?.(step, cast);
  };

  try {
    signal?.throwIfAborted();
    const { orchestrator, network, ...started } = await start(cast);
    processes.push(...started.processes);
    onStart(processes);
    for (const scripted of script) {
      if (scripted.step === "sums") {
        ({ tree } = await orchestrator.hear<{ tree: readonly ShownNode[] }>());
        money = await moneyMoved(network, tree);
        await played(scripted, { outcomes: [sums(money)] });
        continue;
      }
      const reported = await orchestrator.hear<ReportedStep>();
      if (reported.step !== scripted.step)
        throw new Error(`expected the step "${scripted.step}", but got "${reported.step}"`);
      processes.push(...(reported.processes ?? []));
      await played(scripted, reported);
      orchestrator.tell({});
    }
  } catch (cause) {
    error = {
      message: signal?.aborted
        ? String(signal.reason?.message ?? "stopped")
        : (cause as Error).message,
    };
  } finally {
    signal?.removeEventListener("abort", abort);
    await cast.stop();
  }
  return {
    ok: error === undefined && steps.length === script.length && steps.every((step) => step.ok),
    processes,
    steps,
    tree,
    ...(money !== undefined && { money }),
    ...(error !== undefined && { error }),
    seconds: Math.round(performance.now() - began) / 1000,
  };
}

interface Network {
  readonly url: string;
  readonly controlKey: string;
  readonly ownerWallet: string;
  readonly weatherWallet: string;
}

/**
 * Starts the network, which has both wallets; then the service and the treasury; then the agent.
 */
async function start(cast: Cast) {
  const secret = () => randomBytes(32).toString("hex");
  const networkPlayer = cast.start("network", {});
  const network = await networkPlayer.hear<Network>();
  const weatherPlayer = cast.start("weather", {
    SIGIL_SECRET: secret(),
    SIGIL_WALLET: network.weatherWallet,
  });
  const treasurySecret = secret();
  const treasuryPlayer = cast.start("treasury", {
    SIGIL_SECRET: treasurySecret,
    SIGIL_WALLET: network.ownerWallet,
  });
  const [weather, treasury] = await Promise.all([
    weatherPlayer.hear<{ url: string }>(),
    treasuryPlayer.hear<{ url: string }>(),
  ]);

  // The owner has the treasury's secret, so the owner can mint offline, as `sigil mint` does.
  const owner = new Authority({ secret: treasurySecret, location: treasury.url, kind: "spending" });
  const credential = owner.minter.mint({
    endpoints: [`GET ${weather.url}/forecast`, `GET ${weather.url}/archive/*`],
    budget: "1000 sat",
    expiresIn: "1h",
  });
  const orchestrator = cast.start("orchestrator", { SIGIL_CREDENTIAL: credential.toString() });
  orchestrator.tell({ weather: weather.url });
  const processes: readonly Process[] = [
    { role: "network", pid: networkPlayer.pid!, url: network.url },
    { role: "weather", pid: weatherPlayer.pid!, url: weather.url },
    { role: "treasury", pid: treasuryPlayer.pid!, url: treasury.url },
    { role: "orchestrator", pid: orchestrator.pid! },
  ];
  return { orchestrator, network, processes };
}

/** The payments that the network reports, beside the spending that the treasury reports. */
async function moneyMoved(
  { url, controlKey }: Network,
  tree: readonly ShownNode[],
): Promise<Money> {
  const response = await fetch(`${url}/control/payments`, {
    headers: { authorization: `Bearer ${controlKey}` },
  });
  const { payments } = (await response.json()) as {
    payments: { status: string; amountMsat: string; feeMsat: string }[];
  };
  const paid = payments.filter(({ status }) => status === "paid");
  const sum = (of: "amountMsat" | "feeMsat") =>
    `${paid.reduce((total, one) => total + BigInt(one[of]), 0n)}`;
  const root = tree.find(({ parentId }) => parentId === undefined);
  return {
    payments: paid.length,
    amountMsat: sum("amountMsat"),
    feeMsat: sum("feeMsat"),
    treasurySpentMsat: `${root?.spent[0]?.value ?? 0n}`,
  };
}

function sums({ payments, amountMsat, feeMsat, treasurySpentMsat }: Money): Outcome {
  const moved = BigInt(amountMsat) + BigInt(feeMsat);
  return {
    what: `${payments} payments, ${formatAmount(msat(moved))} with fees`,
    by: "treasury",
    granted: payments > 0 && moved === BigInt(treasurySpentMsat),
    answer: `the tree has spent ${formatAmount(msat(BigInt(treasurySpentMsat)))}`,
  };
}
