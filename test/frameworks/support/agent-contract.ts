/**
 * The laws of every adapter, run with the framework's own mock model, a real paywall and a real
 * treasury on loopback. The books of the treasury and of the services are the judges, not the
 * framework.
 */
import { DeniedError } from "l8nt";
import { type AgentPolicies, currentHandle, SigilHandle, sigilFetch } from "l8nt/agents";
import { expect, test } from "vitest";
import { type Shop, type Town, town } from "../../../packages/l8nt/src/testing/fixtures/town.ts";

/** What one agent does, in this order. `agent` is its name in the framework. */
export interface Script {
  readonly agent: string;
  readonly acts: readonly Act[];
}

export type Act =
  /** One call of the tool `get`. */
  | { readonly get: string }
  /** Several calls of it in one message of the model. */
  | { readonly getAll: readonly string[] }
  /** Hands work to another agent, which does its acts; then this one goes on. */
  | { readonly hand: Script }
  /** Hands work to several in one message of the model. Only for adapters with `siblings`. */
  | { readonly handAll: readonly Script[] };

/**
 * The function of the tool `get`, which every agent has. It calls `sigilFetch` and does not know
 * its agent.
 */
export type Get = (input: { readonly url: string }, signal?: AbortSignal) => Promise<string>;

export interface AgentAdapter {
  readonly name: string;
  /** Whether its mock model can hand work to two agents at the same time. */
  readonly siblings: boolean;
  /**
   * Runs the script in the framework, with a mock model that makes the calls one after another.
   * Rejects if the framework does. The framework handles a tool that throws.
   *
   * @returns everything that the framework shows: messages, arguments, results, state, traces, and
   * its serialized context
   */
  run(
    script: Script,
    world: { handle: SigilHandle; get: Get; signal?: AbortSignal },
  ): Promise<unknown>;
}

/** One call of `get`, noted by the tool itself. */
interface Seen {
  /** `undefined` at the top. */
  readonly agent: string | undefined;
  readonly url: string;
  /** The text of the response, or the code of the denial. */
  readonly got: string;
}

const SERVED = /^\{"served":\d+\}$/;

/** @param table the agents; a function if their endpoints are shops of the town */
async function stage<Shops = undefined>(
  table: AgentPolicies | ((world: Town) => Promise<{ agents: AgentPolicies; shops: Shops }>),
  budget: `${number} sat` = "1000 sat",
) {
  const world = await town({ clock: () => Date.now() / 1000 });
  world.clock.set(Date.now() / 1000);
  const { agents, shops } =
    typeof table === "function" ? await table(world) : { agents: table, shops: undefined as Shops };
  const seen: Seen[] = [];
  const visible: unknown[] = [];
  const root = world.mint({ budget, endpoints: ["GET http://127.0.0.1:*/**"] });
  const handle = SigilHandle.open({ credential: root, agents });
  const get: Get = async ({ url }, signal) => {
    const agent = currentHandle()?.agent;
    const note = (got: string) => {
      seen.push({ agent, url, got });
      return got;
    };
    try {
      const response = await sigilFetch(url, signal === undefined ? {} : { signal });
      return note(await response.text());
    } catch (error) {
      if (error instanceof DeniedError) return note(error.code);
      note((error as Error).name);
      throw error;
    }
  };
  const run = async (adapter: AgentAdapter, script: Script, signal?: AbortSignal) => {
    visible.push(
      await adapter.run(script, { handle, get, ...(signal !== undefined && { signal }) }),
    );
    return seen;
  };
  return { world, shops, root, handle, run, seen, visible };
}

const pass = (world: Town, price = "10 sat"): Promise<Shop> =>
  world.openShop({ price, grants: { validFor: "1h", endpoints: ["GET /**"] } } as Parameters<
    Town["openShop"]
  >[0]);

/**
 * Registers the laws.
 *
 * @param first name of the agent at the top, if the framework requires one
 */
export function agentContract(adapter: AgentAdapter, first = "boss"): void {
  const law = (title: string, body: () => Promise<void>) => test(`${adapter.name}: ${title}`, body);
  const boss = (...acts: readonly Act[]): Script => ({ agent: first, acts });

  law("a plain sigilFetch inside a tool pays as the agent that calls the tool", async () => {
    const { world, run, root } = await stage({ scout: { budget: "50 sat" } });
    const [own, scouts] = [await pass(world), await pass(world)];
    const seen = await run(
      adapter,
      boss({ get: own.url }, { hand: { agent: "scout", acts: [{ get: scouts.url }] } }),
    );
    expect(seen.map(({ agent }) => agent)).toEqual([undefined, "scout"]);
    for (const { got } of seen) expect(got).toMatch(SERVED);
    const tree = await world.connect(root).tree();
    expect(tree.map(({ agent, spent }) => [agent, spent[0]!.value])).toEqual([
      [undefined, 20_020n],
      ["scout", 10_010n],
    ]);
  });

  law(
    "a child can do at most what its parent allowed it, and the parent has its own handle again",
    async () => {
      const { run, shops } = await stage(async (world) => {
        const [open, closed] = [await pass(world), await pass(world)];
        return {
          agents: { scout: { endpoints: [`GET ${open.url}/**`], budget: "100 sat" } },
          shops: { open, closed },
        };
      });
      const { open, closed } = shops;
      const seen = await run(
        adapter,
        boss(
          {
            hand: { agent: "scout", acts: [{ get: `${closed.url}/x` }, { get: `${open.url}/x` }] },
          },
          { get: `${closed.url}/y` },
        ),
      );
      expect(seen).toMatchObject([
        { agent: "scout", got: "ERR_ENDPOINT" },
        { agent: "scout", got: expect.stringMatching(SERVED) },
        { agent: undefined, got: expect.stringMatching(SERVED) },
      ]);
    },
  );

  law(
    "an agent that is not in the table gets nothing, and not its parent's credential",
    async () => {
      const { world, run } = await stage({ scout: { budget: "50 sat" } });
      const shop = await pass(world);
      const seen = await run(
        adapter,
        boss({ hand: { agent: "stranger", acts: [{ get: shop.url }] } }, { get: shop.url }),
      ).catch(() => undefined);
      const strangers = (seen ?? []).filter(({ agent }) => agent !== undefined);
      for (const { got } of strangers) expect(got).toBe("ERR_AGENT_UNKNOWN");
      expect(world.paid().count).toBeLessThanOrEqual(1);
    },
  );

  law("a hand-off that would widen is denied", async () => {
    const { world, run } = await stage({ scout: { budget: "5000 sat" } });
    const shop = await pass(world);
    const seen = await run(
      adapter,
      boss({ hand: { agent: "scout", acts: [{ get: shop.url }] } }),
    ).catch(() => []);
    for (const { got } of seen) expect(got).toBe("ERR_SCOPE_WIDER");
    expect(world.paid().count).toBe(0);
  });

  law("an agent two hand-offs down has what both allow", async () => {
    const { world, run } = await stage({
      scout: { budget: "30 sat", agents: { runner: { maxPrice: "5 sat" } } },
      runner: { budget: "500 sat" },
    });
    const [dear, cheap] = [await pass(world), await pass(world, "2 sat")];
    const runner: Script = { agent: "runner", acts: [{ get: dear.url }, { get: cheap.url }] };
    const seen = await run(
      adapter,
      boss({ hand: { agent: "scout", acts: [{ hand: runner }, { get: dear.url }] } }),
    );
    expect(seen).toMatchObject([
      { agent: "runner", got: "ERR_PRICE" },
      { agent: "runner", got: expect.stringMatching(SERVED) },
      { agent: "scout", got: expect.stringMatching(SERVED) },
    ]);
  });

  if (adapter.siblings)
    law("siblings that work at the same time are kept apart", async () => {
      const { run, shops } = await stage(async (world) => {
        const [left, right] = [await pass(world), await pass(world)];
        const only = ({ url }: Shop) => ({ endpoints: [`GET ${url}/**`] });
        return { agents: { left: only(left), right: only(right) }, shops: { left, right } };
      });
      const { left, right } = shops;
      const both = (agent: string): Script => ({
        agent,
        acts: [{ getAll: [`${left.url}/a`, `${right.url}/a`] }],
      });
      const seen = await run(adapter, boss({ handAll: [both("left"), both("right")] }));
      const gotBy = (agent: string) =>
        seen
          .filter((one) => one.agent === agent)
          .map(({ url, got }) => [url.split("/a")[0], SERVED.test(got)]);
      expect(new Map(gotBy("left") as [string, boolean][])).toEqual(
        new Map([
          [left.url, true],
          [right.url, false],
        ]),
      );
      expect(new Map(gotBy("right") as [string, boolean][])).toEqual(
        new Map([
          [left.url, false],
          [right.url, true],
        ]),
      );
    });

  law("calls of one tool at the same time share one payment", async () => {
    const { world, run } = await stage({});
    const shop = await pass(world);
    const seen = await run(adapter, boss({ getAll: [shop.url, shop.url, shop.url] }));
    expect(seen).toHaveLength(3);
    for (const { got } of seen) expect(got).toMatch(SERVED);
    expect(world.paid().count).toBe(1);
  });

  law("the budget at the top limits the whole family", async () => {
    const { world, run, root } = await stage(
      { left: { budget: "25 sat" }, right: { budget: "25 sat" } },
      "30 sat",
    );
    const shops = await Promise.all(Array.from({ length: 4 }, () => pass(world)));
    const buyer = (agent: string, from: number): Script => ({
      agent,
      acts: shops.slice(from, from + 2).map(({ url }) => ({ get: url })),
    });
    const seen = await run(adapter, boss({ hand: buyer("left", 0) }, { hand: buyer("right", 2) }));
    expect(seen.filter(({ got }) => SERVED.test(got)).length).toBe(world.paid().count);
    expect(world.paid().msat).toBeLessThanOrEqual(30_000n);
    expect(seen.some(({ got }) => got === "ERR_BUDGET")).toBe(true);
    expect(await world.spent(root)).toBe(world.paid().msat);
  });

  law("an abort ends the run, and nothing is paid after it", async () => {
    const { world, run, seen } = await stage({});
    const [shop, next] = [await pass(world), await pass(world)];
    const abort = new AbortController();
    shop.answers.push(() => abort.abort(new Error("enough")));
    await run(adapter, boss({ get: shop.url }, { get: next.url }), abort.signal).catch(() => {});
    expect(world.paid().count).toBe(1);
    expect(seen.filter(({ got }) => SERVED.test(got))).toEqual([]);
    expect(next.received).toEqual([]);
  });

  law("no credential is in messages, arguments, results, state or traces", async () => {
    const { world, run, handle, root, visible } = await stage({ scout: { budget: "50 sat" } });
    const shop = await pass(world);
    await run(
      adapter,
      boss(
        { get: `${shop.url}/a` },
        { hand: { agent: "scout", acts: [{ get: `${shop.url}/b` }] } },
      ),
    );
    visible.push(handle, handle.forAgent("scout"), structuredCloned(handle));
    const shown = textOf(visible);
    const sent = [...shop.received, ...world.asked].flatMap(
      ({ headers }) => headers.authorization ?? [],
    );
    expect(sent.length).toBeGreaterThan(2);
    for (const credential of [
      root.toString(),
      handle.forAgent("scout").credential.toString(),
      ...sent,
    ]) {
      const [macaroon, preimage] = credential.replace(/^\S+ /, "").split(":") as [string, string];
      expect(shown, "a signature").not.toContain(macaroon.slice(-40));
      expect(shown, "a preimage").not.toContain(preimage);
    }
  });
}

const structuredCloned = (value: unknown): unknown => {
  try {
    return structuredClone(value);
  } catch {
    return undefined;
  }
};

/**
 * The JSON of a value at every depth, with the properties of errors that JSON leaves out.
 */
function textOf(value: unknown): string {
  const met = new WeakSet<object>();
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return part.toString();
    if (typeof part !== "object" || part === null) return part;
    if (met.has(part)) return "(met)";
    met.add(part);
    if (part instanceof Error)
      return { ...part, message: part.message, stack: part.stack, cause: part.cause };
    if (part instanceof Map || part instanceof Set) return [...part];
    return part;
  });
}
