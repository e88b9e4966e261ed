/** When a limit with a window is whole again, as who is refused is told. spec/3-challenge.md §5. */
import { expect, test } from "vitest";
import { DeniedError, type Scope } from "../index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { readProblem } from "../wire/problem.ts";
import { Paywall } from "./index.ts";

const NOW = 1_900_000_800;

async function refused(scope: Scope, store = new MemoryStore()) {
  const clock = { now: NOW };
  const paywall = new Paywall({
    secret: "5e8d1c0b7a2f4936e1d0c9b8a7968574635241302f1e0dfcebdac9b8a7f6e5d4",
    location: "https://api.example",
    clock: () => clock.now,
    store,
  });
  const route = paywall.route({ price: "0.06 usd" });
  const { minter } = paywall.authority;
  const key = minter!.mint({
    endpoints: ["GET https://api.example/**"],
    expiresIn: "90d",
    ...scope,
  });
  const ask = () =>
    route.authorize({
      ...{ method: "GET", target: "/a", authorization: `L402 ${key}` },
      headers: () => new Headers(),
    });
  const first = await ask();
  if (first.granted) await first.finish(200);
  clock.now += 1;
  const second = await ask();
  if (second.granted || second.error === undefined) throw new Error("it was not refused");
  return second;
}

// A window is counted in sixtieths, and is whole a length after the end of the one that was used.
test.each([
  ["a budget a day", { budgetPerDay: "0.10 usd" }, [NOW + 86_400 + 1440 - (NOW % 1440)]],
  ["a budget an hour", { budgetPerHour: "0.10 usd" }, [NOW + 3600 + 60 - (NOW % 60)]],
  ["uses a minute", { maxUsesPerMinute: 1, budget: "5 usd" }, [NOW + 60 + 1]],
  ["a budget in all", { budget: "0.10 usd" }, [undefined]],
  ["uses in all", { maxUses: 1, budget: "5 usd" }, [undefined]],
  [
    "one of each",
    { budget: "0.10 usd", budgetPerHour: "0.10 usd" },
    [undefined, NOW + 3600 + 60 - (NOW % 60)],
  ],
  ["a budget a day of which nothing was spent", { budgetPerDay: "0.05 usd" }, [undefined]],
] as readonly (readonly [string, Scope, readonly (number | undefined)[]])[])(
  "%s that is used up",
  async (_, scope, expected) => {
    const { error, response } = await refused(scope);
    if (!(error instanceof DeniedError)) throw error;
    expect(error.refusals.map(({ resetsAt }) => resetsAt)).toEqual(expected);
    expect(error.message.includes("free again at")).toBe(expected.some((at) => at !== undefined));
    // As a client reads it.
    const read = await readProblem(response);
    expect(read).toBeInstanceOf(DeniedError);
    expect((read as DeniedError).refusals).toEqual(error.refusals);
    expect(read!.message).toBe(error.message);
  },
);

test("a store that cannot say when refuses all the same", async () => {
  const store = new MemoryStore();
  store.usage = () => Promise.reject(new Error("away"));
  const { error } = await refused({ budgetPerDay: "0.10 usd" }, store);
  expect(error.code).toBe("ERR_BUDGET");
  expect((error as DeniedError).refusals[0]).not.toHaveProperty("resetsAt");
});

test.each([["soon"], [-1], [1e300], [Number.NaN], [null]])(
  "a problem of another end that says %j is read without it",
  async (resetsAt) => {
    const refusal = {
      code: "ERR_BUDGET",
      condition: "budget_msat",
      have: "0",
      need: "1",
      resetsAt,
    };
    const body = { code: "ERR_BUDGET", detail: "no", refusals: [refusal] };
    const headers = { "content-type": "application/problem+json" };
    const read = await readProblem(new Response(JSON.stringify(body), { status: 402, headers }));
    expect((read as DeniedError).refusals[0]).not.toHaveProperty("resetsAt");
  },
);
