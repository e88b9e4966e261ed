/**
 * Random families of keys and random histories of requests at one time, through the whole gateway:
 * no budget is passed, nothing stays reserved, and what is charged covers what the vendor bills.
 * `SIGIL_LAW_RUNS` histories on each store.
 */
import { mkdtempSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { Credential } from "l8nt";
import type { Store } from "l8nt/ports";
import { MemoryStore } from "l8nt/stores/memory";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { type Seen, town } from "./fixtures/town.ts";

const RUNS = Math.min(Number(process.env.SIGIL_LAW_RUNS ?? 250), 20_000);
const SEED = Number(process.env.SIGIL_LAW_SEED ?? 13);

/** How an exchange ends. `part`, from 0 to 1, is how much of the answer came before. */
interface End {
  readonly kind: "done" | "error" | "dies first" | "dies" | "client leaves" | "no usage";
  readonly part: number;
}

interface Asking {
  readonly of: number;
  /** How long the prompt is, in bytes, each of which is a token to this vendor. */
  readonly prompt: number;
  /** How much of the prompt, and of the output that is allowed, is used. */
  readonly cached: number;
  readonly filled: number;
  readonly cap: number | undefined;
  readonly choices: number;
  readonly isStream: boolean;
  readonly end: End;
  /** In which wave it ends, counted from its own. */
  readonly lasts: number;
}

type Town = Awaited<ReturnType<typeof town>>;

interface Member {
  readonly under: number;
  readonly budget: number | undefined;
  readonly perDay: number | undefined;
}

const DEPTH = 4;
const budget = fc.integer({ min: 1_000, max: 120_000 });
const some = fc.double({ min: 0, max: 1, noNaN: true });
const member = fc.record<Member>({
  under: fc.nat(),
  budget: fc.option(budget, { nil: undefined }),
  perDay: fc.option(budget, { nil: undefined }),
});
const end = fc.record<End>({
  kind: fc.constantFrom("done", "error", "dies first", "dies", "client leaves", "no usage"),
  part: some,
});
const asking = fc.record<Asking>({
  of: fc.nat(),
  prompt: fc.integer({ min: 0, max: 3_000 }),
  cached: some,
  filled: some,
  cap: fc.option(fc.integer({ min: 1, max: 600 }), { nil: undefined, freq: 3 }),
  choices: fc.integer({ min: 1, max: 3 }),
  isStream: fc.boolean(),
  end,
  lasts: fc.nat(2),
});
interface History {
  readonly root: Omit<Member, "under">;
  readonly members: readonly Member[];
  /** Requests that are sent at one time. */
  readonly waves: readonly (readonly Asking[])[];
}

const history = fc.record<History>({
  root: fc.record({
    budget: fc.integer({ min: 5_000, max: 400_000 }),
    perDay: fc.option(budget, { nil: undefined }),
  }),
  members: fc.array(member, { maxLength: 7 }),
  waves: fc.array(fc.array(asking, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 }),
});

/** A key, and which ones are above it. */
interface Keyed {
  readonly credential: Credential;
  /** Its own name, and those above it; the root's is the empty one. */
  readonly names: readonly string[];
}

const usd = (micro: number) => `${(micro / 1e6).toFixed(6)} usd` as const;

const chunk = (content: string, usage?: object): string =>
  `data: ${JSON.stringify({
    choices: usage === undefined ? [{ index: 0, delta: { content } }] : [],
    ...(usage !== undefined && { usage }),
  })}\n\n`;

const written = (answer: ServerResponse, text: string): Promise<unknown> => {
  answer.flushHeaders();
  return new Promise((resolve) => (text === "" ? resolve(undefined) : answer.write(text, resolve)));
};

/** A request under way: what is sent of it, what the vendor bills, and when it ends. */
class Exchange {
  readonly model: string;
  readonly asking: Asking;
  readonly key: Keyed;
  /** Resolves once the vendor has it, or the gateway has refused it. */
  readonly placed: Promise<unknown>;
  readonly ended: Promise<void>;
  /** In usd_micro; undefined if the vendor has not had it. */
  bill: bigint | undefined;
  #go!: () => void;
  readonly #gone = new AbortController();
  readonly #allowed = new Promise<void>((resolve) => {
    this.#go = resolve;
  });
  #arrive!: () => void;
  /** Called for each part that the client gets. */
  #read!: () => void;
  readonly #hasRead = new Promise<void>((resolve) => {
    this.#read = resolve;
  });

  constructor(model: string, asking: Asking, key: Keyed, world: Town) {
    this.model = model;
    this.asking = asking;
    this.key = key;
    const arrived = new Promise<void>((resolve) => {
      this.#arrive = resolve;
    });
    this.ended = this.#ask(world);
    this.placed = Promise.race([arrived, this.ended]);
  }

  go(): Promise<void> {
    this.#go();
    return this.ended;
  }

  async #ask(world: Town): Promise<void> {
    const { prompt, cap, choices, isStream } = this.asking;
    try {
      const response = await world.chat(
        this.key.credential,
        {
          model: this.model,
          max_tokens: cap,
          n: choices,
          stream: isStream,
          messages: [{ role: "user", content: "x".repeat(prompt) }],
        },
        { signal: this.#gone.signal },
      );
      for await (const _ of response.body!) this.#read();
    } catch {
      // It broke off, or this client has left.
    }
  }

  /** The vendor's side. It never uses more than it may. */
  async play({ body }: Seen, answer: ServerResponse): Promise<void> {
    const { prompt, cached, filled, choices, isStream, end } = this.asking;
    const { max_tokens, max_completion_tokens } = JSON.parse(body);
    const most = (max_tokens ?? max_completion_tokens ?? 16_000) * choices;
    const output = Math.floor(most * filled);
    const fromCache = Math.floor(prompt * cached);
    this.#billed(prompt, fromCache, 0);
    this.#arrive();
    await this.#allowed;
    if (end.kind === "error") {
      this.bill = 0n;
      return void answer.writeHead(500, { "content-type": "application/json" }).end("{}");
    }
    if (end.kind === "dies first") {
      this.bill = 0n;
      return void answer.destroy();
    }
    const usage = {
      prompt_tokens: prompt,
      prompt_tokens_details: { cached_tokens: fromCache },
      completion_tokens: output,
      total_tokens: prompt + output,
    };
    const isWhole = end.kind === "done" || end.kind === "no usage";
    // What is not streamed was made before its first byte.
    const made = isWhole || !isStream ? output : Math.floor(output * end.part);
    this.#billed(prompt, fromCache, made);
    const text = "y".repeat(made);
    const stated = end.kind === "no usage" ? undefined : usage;
    if (isStream) {
      if (end.kind === "client leaves" && end.part === 0) return this.#leave(answer);
      answer.writeHead(200, { "content-type": "text/event-stream" });
      const half = Math.ceil(made / 2);
      await written(answer, chunk(text.slice(0, half)) + chunk(text.slice(half)));
      if (isWhole)
        return void answer.end(`${stated === undefined ? "" : chunk("", stated)}data: [DONE]\n\n`);
    } else {
      const whole = JSON.stringify({ choices: [{ message: { content: text } }], usage: stated });
      if (end.kind === "client leaves" && end.part < 0.5) return this.#leave(answer);
      answer.writeHead(200, { "content-type": "application/json" });
      if (isWhole) return void answer.end(whole);
      await written(answer, whole.slice(0, Math.floor(whole.length * end.part)));
    }
    if (end.kind === "client leaves") return this.#leave(answer);
    answer.destroy();
  }

  /** The client goes, once it has all that was sent. */
  async #leave(answer: ServerResponse): Promise<void> {
    if (this.asking.isStream && answer.headersSent) await this.#hasRead;
    this.#gone.abort();
    await new Promise((resolve) => answer.once("close", resolve));
  }

  /** `gpt-law-…`: 1 usd_micro for a token, 0.1 for a cached one, 10 for one of output. */
  #billed(prompt: number, cached: number, output: number): void {
    this.bill = BigInt(Math.ceil(prompt - cached + cached / 10 + output * 10));
  }
}

/** A root and those below it, at most `DEPTH` deep. */
function family({ root, members }: History, world: Town): readonly Keyed[] {
  const { minter } = world.service.paywall.authority;
  const keys: Keyed[] = [
    {
      credential: minter.mint({
        endpoints: ["* http://gateway.example/**"],
        expiresIn: "90d",
        ...(root.budget !== undefined && { budget: usd(root.budget) }),
        ...(root.perDay !== undefined && { budgetPerDay: usd(root.perDay) }),
      }),
      names: [""],
    },
  ];
  for (const [index, { under, budget, perDay }] of members.entries()) {
    const able = keys.filter(({ names }) => names.length <= DEPTH);
    const above = able[under % able.length]!;
    const agent = `agent-${index}`;
    const credential = above.credential.delegate({
      agent,
      ...(budget !== undefined && { budget: usd(budget) }),
      ...(perDay !== undefined && { budgetPerDay: usd(perDay) }),
    });
    keys.push({ credential, names: [...above.names, agent] });
  }
  return keys;
}

let made = 0;

async function run(past: History, world: Town): Promise<void> {
  const keys = family(past, world);
  const begin = world.rows.length;
  const all: Exchange[] = [];
  const rowOf = ({ model }: Exchange) => world.rows.slice(begin).find((row) => row.model === model);
  const open = new Map<Exchange, number>();
  const exchanges = new Map<string, Exchange>();
  world.play(({ body, ...seen }, answer) =>
    exchanges.get(JSON.parse(body).model)!.play({ body, ...seen }, answer),
  );
  const close = async (wave: number): Promise<void> => {
    const ending = [...open].flatMap(([one, last]) => (last <= wave ? [one] : []));
    await Promise.all(ending.map((one) => one.go()));
    for (const one of ending) {
      open.delete(one);
      while (one.bill !== undefined && rowOf(one) === undefined)
        await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const checkLimits = async (): Promise<void> => {
    for (const key of keys)
      for (const { max, used } of await limitsOf(key, world)) expect(used <= max).toBe(true);
  };

  for (const [wave, requests] of past.waves.entries()) {
    const started = requests.map((asking) => {
      const model = `gpt-law-${made++}`;
      const key = keys[asking.of % keys.length]!;
      const exchange = new Exchange(model, asking, key, world);
      exchanges.set(model, exchange);
      return exchange;
    });
    await Promise.all(started.map(({ placed }) => placed));
    for (const one of started) {
      all.push(one);
      open.set(one, wave + one.asking.lasts);
    }
    await checkLimits();
    await close(wave);
    await checkLimits();
  }
  await close(Number.POSITIVE_INFINITY);

  for (const one of all) {
    const row = rowOf(one);
    if (one.bill === undefined) {
      expect(row).toBeUndefined();
      continue;
    }
    const { spent, isEstimated, reserved } = row!;
    const what = JSON.stringify({ ...one.asking, bill: `${one.bill}`, spent: `${spent}` });
    expect(spent! >= one.bill, what).toBe(true);
    expect(spent! <= reserved!, what).toBe(true);
    if (one.asking.end.kind === "done")
      expect([spent, isEstimated], what).toEqual([one.bill, false]);
  }
  for (const key of keys)
    for (const { name, used, reserved } of await limitsOf(key, world)) {
      expect(reserved).toBe(0n);
      const below = all.filter((one) => one.key.names.includes(name));
      const sum = below.reduce((total, one) => total + (rowOf(one)?.spent ?? 0n), 0n);
      expect(used).toBe(sum);
    }
  expect(world.bodies.held).toBe(0);
}

async function limitsOf({ credential }: Keyed, { service, books, time }: Town) {
  const { limits } = service.paywall.authority.verifier.authenticate(credential);
  const spending = limits.filter(({ kind }) => kind === "spend");
  const usages = await books.usage(
    spending.map(({ counted }) => counted),
    time.now,
  );
  return spending.map(({ node, max }, index) => ({
    ...usages[index]!,
    name: node.agent ?? "",
    max,
  }));
}

const STORES: Readonly<Record<string, () => Promise<Store>>> = {
  memory: async () => new MemoryStore({ journal: true }),
  async sqlite() {
    const folder = mkdtempSync(join(tmpdir(), "sigil-histories-"));
    const store = await openSqliteStore(join(folder, "books.db"));
    onTestFinished(async () => {
      await store.close();
      rmSync(folder, { recursive: true });
    });
    return store;
  },
};

test.each(Object.keys(STORES))(
  "no budget is passed, nothing stays reserved and every bill is covered: %s",
  async (name) => {
    const world = await town({ store: await STORES[name]!() });
    let inside = 0;
    await fc.assert(
      fc.asyncProperty(history, (past) => run(past, world)),
      { numRuns: RUNS, seed: SEED },
    );
    for (const { spent } of world.rows) if (spent! > 0n) inside++;
    // Neither let through nor refused alone.
    expect(inside).toBeGreaterThan(RUNS / 2);
    expect(world.denials.length).toBeGreaterThan(RUNS / 2);
    expect(world.alarms).toEqual([]);
  },
);
