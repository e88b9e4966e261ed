/** The handle without any framework: the laws of the contract, and laws of the handle. */
import { currentHandle, fetchTool, SigilHandle, sigilFetch } from "l8nt/agents";
import { expect, test, vi } from "vitest";
import { site, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import {
  type Act,
  type AgentAdapter,
  agentContract,
  type Get,
  type Script,
} from "../frameworks/support/agent-contract.ts";

const bare: AgentAdapter = {
  name: "the handle",
  siblings: true,
  async run(script, { handle, get, signal }) {
    await play(script, handle, get, signal);
    return JSON.parse(JSON.stringify({ context: handle }));
  },
};

const play = (
  { acts }: Script,
  handle: SigilHandle,
  get: Get,
  signal: AbortSignal | undefined,
): Promise<void> =>
  handle.run(async () => {
    for (const act of acts) {
      signal?.throwIfAborted();
      await doAct(act, handle, get, signal);
    }
  });

async function doAct(
  act: Act,
  handle: SigilHandle,
  get: Get,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if ("get" in act) return get({ url: act.get }, signal);
  if ("getAll" in act) return Promise.all(act.getAll.map((url) => get({ url }, signal)));
  const scripts = "hand" in act ? [act.hand] : act.handAll;
  return Promise.all(
    scripts.map((script) => play(script, handle.handTo(script.agent), get, signal)),
  );
}

agentContract(bare);

test("sigilFetch outside of a handle is denied, with what to do", async () => {
  await expect(sigilFetch("http://127.0.0.1:1/")).rejects.toMatchObject({
    code: "ERR_AGENT_UNKNOWN",
  });
});

async function handles() {
  const world = await town();
  const options = { clock: world.clock, credential: world.mint({ budget: "100 sat" }) };
  return {
    world,
    handle: SigilHandle.open({
      ...options,
      agents: { "Flight booker": { budget: "50 sat", expiresIn: "15m" } },
    }),
  };
}

test("forAgent returns the same agent each time, until the agent's time is over", async () => {
  const { world, handle } = await handles();
  const booker = handle.forAgent("Flight booker");
  expect(handle.forAgent("Flight booker")).toBe(booker);
  expect(booker.credential.chain.lineage).toEqual(["Flight-booker"]);
  world.clock.advance("900s");
  expect(handle.forAgent("Flight booker")).not.toBe(booker);
});

test("handTo returns an agent above by its name, and an unknown name is denied", async () => {
  const { handle } = await handles();
  const booker = handle.handTo("Flight booker");
  expect(booker.handTo(undefined)).toBe(handle);
  expect(booker.handTo("Flight booker")).toBe(booker);
  expect(() => booker.handTo("somebody").credential).toThrow(/agent/);
});

test("nobody() is denied everything, also with a table, and takes no agent's place", async () => {
  const { handle } = await handles();
  const lost = handle.nobody("Flight booker", "a hand-off that nobody saw");
  await expect(lost.fetch("http://127.0.0.1:1/")).rejects.toMatchObject({
    code: "ERR_AGENT_UNKNOWN",
    message: expect.stringContaining("a hand-off that nobody saw"),
  });
  expect(() => lost.handTo("Flight booker").credential).toThrow(/nobody saw/);
  expect(handle.forAgent("Flight booker").credential.chain.lineage).toEqual(["Flight-booker"]);
});

test("delegate refuses a wider scope at once, and makes one agent of one name and one scope", async () => {
  const { handle } = await handles();
  expect(() => handle.delegate("x", { budget: "200 sat" })).toThrow(
    expect.objectContaining({ code: "ERR_SCOPE_WIDER" }),
  );
  const first = handle.delegate("x", { budget: "10 sat" });
  expect(handle.delegate("x", { budget: "10000 msat", expiresIn: "5m" }).id).toBe(first.id);
  expect(handle.delegate("x", { budget: "9 sat" }).id).not.toBe(first.id);
  expect(handle.delegate("y", { budget: "10 sat" }).id).not.toBe(first.id);
});

test("revoke kills the child's credential and not its parent's", async () => {
  const { world, handle } = await handles();
  const shop = await world.openShop();
  const booker = handle.forAgent("Flight booker");
  await booker.revoke();
  await expect(booker.fetch(shop.url)).rejects.toMatchObject({ code: "ERR_REVOKED" });
  expect((await handle.fetch(shop.url)).status).toBe(200);
});

test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
  "the inherited key %s is not an entry of the table [case 14]",
  async (name) => {
    const { handle } = await handles();
    await expect(handle.forAgent(name).fetch("http://127.0.0.1:1/")).rejects.toMatchObject({
      code: "ERR_AGENT_UNKNOWN",
    });
  },
);

test.each(["研究员", "_scout", " scout", "-", "🛰 scout"])(
  "an agent called %j has its entry",
  async (name) => {
    const { world, handle: top } = await handles();
    const handle = SigilHandle.open({
      clock: world.clock,
      credential: top.credential,
      agents: { [name]: { budget: "50 sat" } },
    });
    const shop = await world.openShop();
    expect((await handle.forAgent(name).fetch(shop.url)).status).toBe(200);
  },
);

test("a generator runs as the agent that began it, whichever agent calls next", async () => {
  const { handle } = await handles();
  const booker = handle.forAgent("Flight booker");
  const steps = async function* () {
    yield currentHandle();
    yield currentHandle();
  };
  const stepsAtOnce = function* () {
    yield currentHandle();
  };
  const [later, atOnce] = [booker.run(steps), booker.run(stepsAtOnce)];
  await handle.run(async () => {
    for await (const who of later) expect(who).toBe(booker);
    expect([...atOnce]).toEqual([booker]);
    expect(currentHandle()).toBe(handle);
  });
});

test("fetch_url removes credentials that a service repeats", async () => {
  const { world, handle } = await handles();
  const shop = await world.openShop({ price: "10 sat" });
  const repeat = (status: number) => {
    shop.answers.push((response) => {
      response.statusCode = status;
      response.end(JSON.stringify(shop.received.at(-1)!.headers));
    });
  };
  for (const status of [200, 500]) {
    repeat(status);
    const shown = await fetchTool.run(handle, { url: `${shop.url}/${status}` });
    const [macaroon, preimage] = shop.received.at(-1)!.headers.authorization!.slice(5).split(":");
    expect(shown).toContain("authorization");
    expect(shown).not.toContain(preimage);
    expect(shown).not.toContain(macaroon);
  }
});

test("fetch_url reads 20,000 characters of an endless response, and closes it", async () => {
  const { handle } = await handles();
  let closed = false;
  const { url } = await site((_, response) => {
    response.on("close", () => {
      closed = true;
    });
    const more = () => {
      while (!response.destroyed && response.write("sunny ".repeat(1000)));
      if (!response.destroyed) response.once("drain", more);
    };
    more();
  });
  const shown = await fetchTool.run(handle, { url });
  expect(shown).toMatch(/^sunny .*\(cut after 20000 characters\)$/s);
  await vi.waitFor(() => expect(closed).toBe(true));
});

test.each<[options: object, named: RegExp]>([
  [{ agnets: {} }, /a handle has no option "agnets"/],
  [{ credentials: [] }, /a handle has no option "credentials"/],
  [{ agents: { scout: { budgt: "1 sat" } } }, /agents\.scout: .*"budgt"/],
  [{ agents: { scout: { budget: "1" } } }, /agents\.scout: .*budget/],
  [{ agents: { scout: { agent: "scout" } } }, /agents\.scout has no "agent"/],
  [
    { agents: { scout: { agents: { runner: { maxprice: "1 sat" } } } } },
    /agents\.scout\.agents\.runner: .*"maxprice"/,
  ],
  [{ agents: [] }, /agents must be an object/],
  [{ agents: { scout: { agents: "all" } } }, /agents\.scout\.agents must be an object/],
])(
  "an option or a limit that does not exist is refused by its name: %j [case 97]",
  async (options, named) => {
    const { handle } = await handles();
    const open = () => SigilHandle.open({ credential: handle.credential, ...options });
    expect(open).toThrow(TypeError);
    expect(open).toThrow(named);
  },
);

test("a delegation by hand with a limit that does not exist is refused by its name [case 97]", async () => {
  const { handle } = await handles();
  expect(() => handle.delegate("x", { budgt: "1 sat" } as never)).toThrow(/scope of x: .*"budgt"/);
});

test("isWithin is true for the handle itself and every handle above", async () => {
  const { handle } = await handles();
  const booker = handle.forAgent("Flight booker");
  expect([booker.isWithin(handle), booker.isWithin(booker), handle.isWithin(booker)]).toEqual([
    true,
    true,
    false,
  ]);
});
