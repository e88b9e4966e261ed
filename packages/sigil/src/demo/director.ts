/**
 * Directs the demo: starts every process, compares each step with the script, and leaves no process
 * behind.
 */

import { randomBytes } from "node:crypto";
import { formatAmount, msat } from "l8nt/invoice";
import { Authority } from "l8nt/l402";
import type { ShownNode } from "../tree.ts";
import type { Outcome } from "./outcome.ts";
import { Player, type Role } from "./player.ts";
import { differences, SCRIPT, type Step } from "./script.ts";

export interface DirectOptions {
  readonly script?: readonly Step[];
  /** Told of every step when it has ended. */
  readonly onStep?: (step: PlayedStep, cast: Cast) => void | Promise<void>;
  /** Told where everything listens, once it does. */
  readonly onStart?: (processes: readonly Process[]) => void;
  readonly signal?: AbortSignal;
  /** Node's own flags for the processes; this one's where it is not given. */
  readonly execArgv?: readonly string[];
}

export interface Process {
  readonly role: string;
  readonly pid: number;
  readonly url?: string;
}

export interface PlayedStep {
  readonly step: string;
  readonly title: string;
  readonly ok: boolean;
  readonly prompt?: string;
  readonly outcomes: readonly Outcome[];
  /** What differs from the script. */
  readonly differences: readonly string[];
}

export interface Report {
  readonly ok: boolean;
  readonly processes: readonly Process[];
  readonly steps: readonly PlayedStep[];
  readonly tree: readonly ShownNode[];
  /** Msat, in decimal. */
  readonly money?: Money;
  readonly error?: { readonly message: string };
  readonly seconds: number;
}

export interface Money {
  readonly payments: number;
  readonly amountMsat: string;
  readonly feeMsat: string;
  /** What the treasury says that the whole tree has spent. */
  readonly treasurySpentMsat: string;
}

/** The processes that were started: whoever has it can end them. */
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
    // The last that came leaves first, so that nobody loses what he needs while he leaves.
    for (const player of leaving.reverse()) await player.stop();
  }
}

interface SaidStep {
  readonly step: string;
  readonly outcomes: readonly Outcome[];
  readonly prompt?: string;
  readonly processes?: readonly Process[];
}

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
    title: Step,
    { outcomes, prompt }: Omit<SaidStep, "step">,
  ): Promise<void> => {
    const found = differences(title.expected, outcomes);
    const step: PlayedStep = {
      step: title.step,
      title: title.title,
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
    for (const title of script) {
      if (title.step === "sums") {
        ({ tree } = await orchestrator.hear<{ tree: readonly ShownNode[] }>());
        money = await moneyMoved(network, tree);
        await played(title, { outcomes: [sums(money)] });
        continue;
      }
      const said = await orchestrator.hear<SaidStep>();
      if (said.step !== title.step)
        throw new Error(`"${title.step}" was to come, and "${said.step}" came`);
      processes.push(...(said.processes ?? []));
      await played(title, said);
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

/** Network first, because both wallets are there; then who sells and who pays; then who asks. */
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

  // The owner has the treasury's secret, and so can mint without asking it: `sigil mint` does the
  // same.
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

/** What the network moved, by its own account. */
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
