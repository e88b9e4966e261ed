/**
 * Laws of what consumes a use: a table of statuses, of what the handler declares, and of how the
 * exchange ends. spec/5-ledger.md §5.
 */
import assert from "node:assert/strict";
import type { Grant } from "../service/index.ts";
import type { PaywallLaws, Reply, World } from "./paywall-laws.ts";

/** Statuses of answers, and of everything that is not an answer (RFC 9110 §15). */
const ANSWERS = [200, 201, 202, 203, 204, 206];
const REFUSALS = [
  ...[300, 301, 302, 303, 304, 307, 308],
  ...[400, 403, 404, 405, 406, 408, 409, 410, 412, 413, 415, 416, 422, 425, 429, 451, 499],
  ...[500, 501, 502, 503, 504, 599],
];

/** What the handler declares, and what becomes of the use then; `undefined`: the status decides. */
const DECLARATIONS: readonly (readonly [
  what: string,
  declare: (grant: Grant) => void,
  use: "consumed" | "released" | undefined,
])[] = [
  ["nothing", () => {}, undefined],
  ["consume", (grant) => grant.consume(), "consumed"],
  ["release", (grant) => grant.release(), "released"],
  [
    "consume, then release",
    (grant) => {
      grant.consume();
      grant.release();
    },
    "released",
  ],
  [
    "release, then consume",
    (grant) => {
      grant.release();
      grant.consume();
    },
    "consumed",
  ],
];

interface Ending {
  readonly what: string;
  readonly end: (status: number) => Reply | Promise<Reply>;
  readonly statuses: readonly number[];
  /** Whether the use is consumed if the handler declares nothing. */
  readonly consumes: (status: number) => boolean;
  readonly head: boolean;
}

const byStatus = (status: number): boolean => ANSWERS.includes(status);
const boom = (): never => {
  throw new Error("boom");
};

const ENDINGS: readonly Ending[] = [
  {
    what: "answers at once",
    end: (status) => ({ status, body: "" }),
    statuses: [...ANSWERS, ...REFUSALS],
    consumes: byStatus,
    head: true,
  },
  {
    what: "answers later",
    end: async (status) => ({ status, body: "" }),
    statuses: [200, 304, 404, 409, 500],
    consumes: byStatus,
    head: true,
  },
  { what: "throws at once", end: boom, statuses: [200], consumes: () => false, head: false },
  {
    what: "throws later",
    end: async () => boom(),
    statuses: [200],
    consumes: () => false,
    head: false,
  },
  {
    what: "closes the connection before the head",
    end: (status) => ({ status, body: "", cut: "before the head" }),
    statuses: [200, 404],
    consumes: () => false,
    head: false,
  },
  {
    what: "closes the connection inside of the body",
    end: (status) => ({ status, body: "half", cut: "inside of the body" }),
    statuses: [200, 404, 500],
    consumes: byStatus,
    head: false,
  },
];

export function consumptionLaws({ contract, law }: PaywallLaws): void {
  for (const { what, end, statuses, consumes, head } of ENDINGS) {
    if (what.endsWith("before the head") && contract.closesConnections === false) continue;
    for (const [declared, declare, use] of DECLARATIONS) {
      let reply = (_: Grant): Reply | Promise<Reply> => ({ status: 200, body: "" });
      law(
        `a handler that declares ${declared} and ${what} consumes the use by the rule`,
        { price: "1 sat", handle: (grant) => reply(grant) },
        async (world) => {
          for (const status of statuses) {
            const isConsumed = use === undefined ? consumes(status) : use === "consumed";
            const credential = await world.buy("/paid");
            reply = (grant) => {
              declare(grant);
              return end(status);
            };
            const response = await world.ask("/paid", [credential]).catch(() => undefined);
            assert.equal(await endOf(world), isConsumed ? "commit" : "release", String(status));
            if (head) {
              assert.equal(response?.status, status);
              assert.deepEqual(response?.lines("sigil-use"), use === undefined ? [] : [use]);
            }
            reply = () => ({ status: 200, body: "" });
            const again = await world.ask("/paid", [credential]);
            assert.equal(again.status, isConsumed ? 402 : 200, `again after ${status}`);
          }
        },
      );
    }
  }

  for (const [declared, declare, use] of DECLARATIONS)
    law(
      `HEAD whose handler declares ${declared} ${use === "consumed" ? "consumes" : "costs nothing"}`,
      {
        price: "1 sat",
        handle: (grant) => {
          declare(grant);
          return { status: 200, body: "" };
        },
      },
      async (world) => {
        const credential = await world.buy("/paid", { method: "HEAD" });
        const ask = () => world.ask("/paid", [credential], { method: "HEAD" });
        assert.equal((await ask()).status, 200);
        assert.equal((await ask()).status, use === "consumed" ? 402 : 200);
      },
    );

  for (const [declared, declare, use] of DECLARATIONS) {
    let answer = (): void => {};
    let began = (): void => {};
    let isFirst = true;
    const handle = async (grant: Grant): Promise<Reply> => {
      if (!isFirst) return { status: 200, body: "sunny" };
      isFirst = false;
      declare(grant);
      began();
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return { status: 200, body: "sunny" };
    };
    law(
      `a client that hangs up before the head, and a handler that declares ${declared}: ${use ?? "released"} [case 89]`,
      { price: "1 sat", handle },
      async (world) => {
        const running = new Promise<void>((resolve) => {
          began = resolve;
        });
        const credential = await world.buy("/paid");
        const socket = world.open("/paid", credential);
        await running;
        await new Promise((resolve) => socket.once("close", resolve).destroy());
        // By the time that the server has answered other connections it has seen this one close.
        for (let times = 0; times < 3; times++) await world.ask("/.well-known/l402");
        answer();
        assert.equal(await endOf(world), use === "consumed" ? "commit" : "release");
        const again = await world.ask("/paid", [credential]);
        assert.equal(again.status, use === "consumed" ? 402 : 200);
      },
    );
  }
}

/** How the latest claim ended. Waits for it: a handler may end after its connection. */
async function endOf({ store }: World): Promise<string> {
  const id = store.reserved.at(-1);
  for (let turns = 0; turns < 10_000; turns++) {
    const ended = store.ended.find((end) => end.endsWith(` ${id}`));
    if (ended !== undefined) return ended.split(" ")[0]!;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return "still open";
}
