/** What every client of a vendor must do at the gateway, with a base URL and a key alone. */
import type { Scope } from "l8nt";
import { describe, expect, test } from "vitest";
import { type Play, town, VENDOR_KEY } from "../../../packages/sigil/src/gateway/fixtures/town.ts";

export type Town = Awaited<ReturnType<typeof town>>;

/** What a test tells a client: the gateway's URL and the key. */
export interface Settings {
  readonly url: string;
  readonly key: string;
}

export interface ToolCall {
  readonly name: string;
  readonly input: unknown;
}

/** The three ways to use a client. Each sends one request. */
export interface Uses {
  call(): Promise<string>;
  /** The parts of the text as they come. */
  stream(): Promise<readonly string[]>;
  tool(): Promise<ToolCall>;
}

export interface Client {
  readonly name: string;
  readonly preset: string;
  readonly vendor: Play;
  /** Where its errors have the status. */
  readonly status: "status" | "statusCode" | "status_code";
  /**
   * Where its errors have the facts for programs, as the guide to the gateway says; undefined if
   * they show the text alone.
   */
  readonly facts: ((error: never) => unknown) | undefined;
  uses(settings: Settings): Uses | Promise<Uses>;
}

/** The tool that the stand-ins call if a request has tools. */
export const TOOL = {
  name: "weather",
  description: "Weather of a city",
  schema: {
    type: "object" as const,
    properties: { city: { type: "string" as const } },
    required: ["city"],
    additionalProperties: false,
  },
  input: { city: "Oslo" },
};

/** What the stand-ins answer otherwise, in these parts. */
export const PARTS = ["Hel", "lo ☃"] as const;
export const TEXT = PARTS.join("");

/** Tokens of each answer, and their price in the town: 1 usd_micro for input, 10 for output. */
export const USED = { input: 10, output: 20 } as const;
const SPENT = 210n;

/** The error that a developer gets. */
export async function errorOf(use: () => Promise<unknown>): Promise<object> {
  try {
    await use();
  } catch (error) {
    return error as object;
  }
  throw new Error("the request was not refused");
}

/** The text of that error, as a developer sees it. */
export const shownBy = async (use: () => Promise<unknown>): Promise<string> =>
  String(await errorOf(use));

/** A key that the gateway refuses, and what its refusal says. */
export interface Refusal {
  readonly what: string;
  readonly status: number;
  readonly code: string;
  readonly reason: RegExp;
  key(world: Town): string | Promise<string>;
}

const scoped = (scope: Scope) => (world: Town) => world.mint(scope).toKey();

export const REVOKED: Refusal = {
  what: "was revoked",
  status: 403,
  code: "credential_revoked",
  reason: /revoked/,
  async key({ mint, service: { paywall } }) {
    const key = mint().delegate({ agent: "scout" });
    await paywall.revoke(paywall.authority.verifier.authenticate(key).node.id);
    return key.toKey();
  },
};

/** An agent that has not been changed over. */
export const VENDORS_OWN: Refusal = {
  what: "is the vendor's own",
  status: 401,
  code: "credential_invalid",
  reason: /sk-sigil-/,
  key: () => "sk-proj-0123456789abcdefghij",
};

export const REFUSALS: readonly Refusal[] = [
  {
    what: "has too small a budget",
    status: 402,
    code: "budget_exhausted",
    reason: /too little left.*0\.0001 usd/,
    key: scoped({ budget: "0.0001 usd" }),
  },
  {
    what: "may not use the model",
    status: 403,
    code: "model_not_allowed",
    reason: /model.*other-\*/,
    key: scoped({ models: ["other-*"] }),
  },
  REVOKED,
  VENDORS_OWN,
];

/** Checks that one request was refused, that none reached the vendor, and that none is paid for. */
export function expectRefused(
  world: Town,
  { status, code }: Pick<Refusal, "status" | "code">,
): void {
  expect(world.denials.map(({ facts }) => [facts.status, facts.code])).toEqual([[status, code]]);
  expect([world.rows, world.seen]).toEqual([[], []]);
}

/** Checks that one request was sent, with the vendor's key alone, and that it was settled. */
function expectSettled(world: Town, key: string): void {
  expect(world.denials).toEqual([]);
  expect(world.rows).toMatchObject([{ spent: SPENT, isEstimated: false, end: "answered" }]);
  expect(world.seen).toHaveLength(1);
  const sent = JSON.stringify(world.seen);
  expect(sent).toContain(VENDOR_KEY);
  expect(sent).not.toContain(key);
  expect(sent).not.toContain("sk-sigil-");
  expect(world.alarms).toEqual([]);
}

/** Runs a client through everything that it must do. */
export function testClient({ name, preset, vendor, status, facts, uses }: Client): void {
  describe(name, () => {
    const opened = async () => {
      const world = await town({ preset, play: vendor });
      const credential = world.mint().delegate({ agent: "scout" });
      const key = credential.toKey();
      return { world, key, credential, client: await uses({ url: world.url, key }) };
    };

    test("calls, and pays for what the answer says", async () => {
      const { world, key, credential, client } = await opened();
      expect(await client.call()).toBe(TEXT);
      expectSettled(world, key);
      expect(await world.usage(credential)).toEqual([[SPENT, 0n]]);
    });

    test("streams, and pays for what the stream says", async () => {
      const { world, key, client } = await opened();
      expect(await client.stream()).toEqual(PARTS);
      await expect.poll(() => world.rows.length).toBe(1);
      expectSettled(world, key);
    });

    test("is asked to call a tool", async () => {
      const { world, key, client } = await opened();
      expect(await client.tool()).toEqual({ name: TOOL.name, input: TOOL.input });
      expectSettled(world, key);
    });

    test.skipIf(facts === undefined).each(["call", "stream"] as const)(
      "tells a program what a %s needs, what is left, and whose limit it is",
      async (use) => {
        const world = await town({ preset, play: vendor });
        const key = world.mint({ budgetPerDay: "0.0001 usd" }).toKey();
        const client = await uses({ url: world.url, key });
        const error = await errorOf(() => client[use]());
        expect((facts as (error: object) => unknown)(error)).toMatchObject({
          need: expect.stringMatching(/ usd/),
          left: expect.stringMatching(/^0\.0001 usd/),
          node: expect.stringMatching(/^[0-9a-f]{32}$/),
          sigil: "ERR_BUDGET",
        });
      },
    );

    describe.each(REFUSALS)("with a key that $what", (refusal) => {
      test.each(["call", "stream"] as const)(
        "shows the reason for a %s, and does not try again",
        async (use) => {
          const world = await town({ preset, play: vendor });
          const client = await uses({ url: world.url, key: await refusal.key(world) });
          const error = await errorOf(() => client[use]());
          expect(String(error)).toMatch(refusal.reason);
          expect(error).toHaveProperty(status, refusal.status);
          expectRefused(world, refusal);
        },
      );
    });
  });
}
