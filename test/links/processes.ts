/** The processes of the table: bundled once, warm before they are needed, killed by their id. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { build } from "esbuild";
import type { Agent, AgentOrders, Ask, Outcome } from "./agent.ts";
import type { FromChild, ToChild } from "./child.ts";
import type { GatewayOrders } from "./gateway.ts";
import type { Books, RunningTreasury, TreasuryOrders } from "./treasury.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** How many wait for their orders. */
const WARM = 3;

/** A process that was started for a cell. */
export class Process {
  readonly #child: ChildProcess;
  readonly exited: Promise<void>;
  onAlarm: (what: string) => void = () => {};
  readonly #waiting: {
    readonly of: (message: FromChild) => boolean;
    done: (it: FromChild) => void;
  }[] = [];

  constructor(child: ChildProcess) {
    this.#child = child;
    this.exited = once(child, "exit").then(() => {});
    child.on("message", (message) => {
      const it = message as FromChild;
      if ("alarm" in it) return this.onAlarm(it.alarm);
      const at = this.#waiting.findIndex(({ of }) => of(it));
      if (at >= 0) this.#waiting.splice(at, 1)[0]!.done(it);
    });
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Undefined if it dies before it answers. */
  async ask<Answer extends FromChild>(
    message: ToChild,
    of: (answer: FromChild) => boolean,
  ): Promise<Answer | undefined> {
    const answered = new Promise<FromChild>((done) => this.#waiting.push({ of, done }));
    if (this.isAlive) this.#child.send(message, () => {});
    return (await Promise.race([answered, this.exited.then(() => undefined)])) as
      | Answer
      | undefined;
  }

  async kill(): Promise<void> {
    if (this.isAlive) this.#child.kill("SIGKILL");
    await this.exited;
  }
}

export class Processes {
  readonly file: string;
  readonly #folder: string;
  readonly #warm: ChildProcess[] = [];

  private constructor(folder: string, file: string) {
    this.#folder = folder;
    this.file = file;
  }

  static async open(): Promise<Processes> {
    const folder = mkdtempSync(resolve(ROOT, "node_modules/.links-"));
    const outfile = resolve(folder, "child.mjs");
    await build({
      entryPoints: [resolve(import.meta.dirname, "child.ts")],
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      conditions: ["l8nt-source"],
      external: ["@opentelemetry/api"],
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
      logLevel: "error",
    });
    return new Processes(folder, outfile);
  }

  #fork(): ChildProcess {
    const child = fork(this.file, [], {
      execArgv: ["--no-warnings"],
      env: { PATH: process.env.PATH },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      // Amounts are bigint.
      serialization: "advanced",
    });
    child.on("error", () => {});
    return child;
  }

  start(): Process {
    const child = this.#warm.shift() ?? this.#fork();
    while (this.#warm.length < WARM) this.#warm.push(this.#fork());
    return new Process(child);
  }

  async close(): Promise<void> {
    await Promise.all(this.#warm.splice(0).map((child) => new Process(child).kill()));
    rmSync(this.#folder, { recursive: true });
  }
}

export const DEAD: Outcome = {
  kind: "error",
  name: "Dead",
  code: undefined,
  spent: undefined,
  message: "the process died",
  ours: false,
};

/** An agent in a process of its own, which can be killed. */
export class AgentProcess implements Agent {
  readonly process: Process;
  #asked = 0;

  private constructor(process: Process) {
    this.process = process;
  }

  static async open(
    processes: Processes,
    orders: AgentOrders,
    alarm: (what: string) => void,
  ): Promise<AgentProcess> {
    const process = processes.start();
    process.onAlarm = alarm;
    await process.ask({ be: "agent", orders }, (it) => "ready" in it);
    return new AgentProcess(process);
  }

  async ask({ thing, key }: Ask): Promise<Outcome> {
    const ask = ++this.#asked;
    const answer = await this.process.ask<{ told: number; outcome: Outcome }>(
      { ask, thing, key },
      (it) => "told" in it && it.told === ask,
    );
    return answer?.outcome ?? DEAD;
  }

  async close(): Promise<void> {
    await this.process.ask({ close: true }, (it) => "closed" in it);
    await this.process.kill();
  }
}

/** A treasury in a process of its own, which dies at a point and is started again. */
export class TreasuryProcess implements RunningTreasury {
  readonly process: Process;
  readonly url: string;

  private constructor(process: Process, url: string) {
    this.process = process;
    this.url = url;
  }

  static async open(
    processes: Processes,
    {
      orders,
      database,
      point,
      alarm,
    }: {
      readonly orders: TreasuryOrders;
      readonly database: string;
      readonly point?: string | undefined;
      readonly alarm: (what: string) => void;
    },
  ): Promise<TreasuryProcess> {
    const process = processes.start();
    process.onAlarm = alarm;
    const ready = await process.ask<{ ready: string }>(
      { be: "treasury", orders, database, point },
      (it) => "ready" in it,
    );
    if (ready === undefined) throw new Error("the treasury died before it was asked anything");
    return new TreasuryProcess(process, ready.ready);
  }

  /** Resolves as well if it dies meanwhile. */
  async revoke(nodeId: string): Promise<void> {
    await this.process.ask({ revoke: nodeId }, (it) => "revoked" in it);
  }

  async books(root: string): Promise<Books> {
    const answer = await this.process.ask<{ books: Books }>({ books: root }, (it) => "books" in it);
    if (answer === undefined) throw new Error("the treasury died over its books");
    return answer.books;
  }

  close(): Promise<void> {
    return this.process.kill();
  }
}

/** A gateway before the service, in a process of its own. */
export class GatewayProcess {
  readonly url: string;
  readonly #process: Process;

  private constructor(process: Process, url: string) {
    this.#process = process;
    this.url = url;
  }

  static async open(processes: Processes, orders: GatewayOrders): Promise<GatewayProcess> {
    const process = processes.start();
    const ready = await process.ask<{ ready: string }>(
      { be: "gateway", orders },
      (it) => "ready" in it,
    );
    if (ready === undefined) throw new Error("the gateway died before it was asked anything");
    return new GatewayProcess(process, ready.ready);
  }

  /** Lets it answer in the service's place. Resolves once it has. */
  async giveUp(): Promise<void> {
    await this.#process.ask({ giveUp: true }, (it) => "gaveUp" in it);
  }

  /** Whether it broke an exchange. */
  async hasBroken(): Promise<boolean> {
    const answer = await this.#process.ask<{ broke: boolean }>(
      { hasBroken: true },
      (it) => "broke" in it,
    );
    return answer?.broke ?? false;
  }

  close(): Promise<void> {
    return this.#process.kill();
  }
}
