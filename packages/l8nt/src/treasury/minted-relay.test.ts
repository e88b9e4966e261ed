/**
 * What an agent gains from a service that shows it the minted credential of a relayed request:
 * never more than its own credential allows. spec/4-purchase.md §5.
 */
import { describe, expect, test } from "vitest";
import type { Scope } from "../caveat/index.ts";
import { TokenError } from "../errors.ts";
import { Credential } from "../l402/index.ts";
import { type MintingTown, mintingTown } from "../testing/fixtures/minting-town.ts";

/** What the shop was last sent, as it may echo it. */
function echoed({ shop }: MintingTown): Credential {
  const sent = shop.received.flatMap(({ headers }) => headers.authorization ?? []);
  return Credential.parse(sent.at(-1)!.slice("L402 ".length));
}

const textsOf = ({ caveats }: Credential) =>
  caveats.map(({ condition, value }) => `${condition}=${value}`);

/** Relays a request of an agent, which a limit of uses keeps from a hand-over. */
async function relay(world: MintingTown, scope: Scope, path: string): Promise<Credential> {
  const agent = world
    .mint()
    .delegate({ agent: "spy", maxUses: 50, ...scope }, { now: world.clock() });
  const purchase = await world.order(agent, path);
  expect(purchase.kind === "response" && purchase.response.status).toBe(200);
  expect(world.paid().count).toBe(0);
  return echoed(world);
}

const OF_THE_AGENT = "what the agent may request";

const ROWS: readonly (readonly [path: string, good: string])[] = [
  ["/echo/plain", "/echo/plain"],
  ["/echo/", "/echo/"],
  ["/echo/%7Ea", "/echo/~a"],
  ["/echo/a,b", "/echo/a,b"],
  ["/echo/é", "/echo/%C3%A9"],
  ["/echo/%2A", "/echo/%2A"],
  ["/echo/%3B", "/echo/%3B"],
  ["/echo/x?a=*;b", "/echo/x"],
  [`/echo/${"x".repeat(900)}`, `/echo/${"x".repeat(900)}`],
  ["/echo/a;b", OF_THE_AGENT],
  ["/echo/;", OF_THE_AGENT],
  ["/echo/*", OF_THE_AGENT],
  ["/echo/**", OF_THE_AGENT],
  ["/echo/*/a", OF_THE_AGENT],
  ["/echo/a*b", OF_THE_AGENT],
  ["/echo/***", OF_THE_AGENT],
  [`/echo/${"x".repeat(6000)}`, OF_THE_AGENT],
];

describe.each([false, true])(
  "a relayed request, at a shop that sells nothing: %s",
  (sellsNothing) => {
    test.each(ROWS.map(([path, good]) => [path.slice(0, 20), good.slice(0, 30), path, good]))(
      "of %s shows what is good for %s",
      async (_path, _good, path, good) => {
        const world = await mintingTown({ sellsNothing });
        const { url } = world.shop;
        const shown = await relay(world, { endpoints: [`GET ${url}/echo/**`] }, path);
        const isExact = good !== OF_THE_AGENT;
        expect(textsOf(shown).slice(2)).toEqual([
          ...(isExact
            ? [`endpoints=GET ${url}${good}`]
            : [`endpoints=* ${url}/**`, `endpoints=GET ${url}/echo/**`]),
          `valid_until=${world.clock() + 60}`,
        ]);
        const elsewhere = [
          ["POST", "/admin/delete"],
          ["GET", "/other"],
          ["GET", "/echo"],
          ["POST", path],
          ...(isExact ? [["GET", "/echo/another"] as const] : []),
        ] as const;
        for (const [method, at] of elsewhere)
          expect(await world.present(shown, at, method)).toMatch(/ERR_ENDPOINT$/);
        expect(await world.present(shown, path)).toBe("200");
        expect(() => shown.append(["purpose=x"])).toThrow("sealed");
        world.clock.advance("60s");
        expect(await world.present(shown, path)).toMatch(/ERR_EXPIRED$/);
      },
    );
  },
);

test("a star in a path is no pattern of more segments than the agent's own", async () => {
  const world = await mintingTown();
  const shown = await relay(world, { endpoints: [`GET ${world.shop.url}/*`] }, "/**");
  expect(await world.present(shown, "/a/b/c")).toMatch(/ERR_ENDPOINT$/);
});

test.each([-540, 0, 540])(
  "an agent that ends sooner is shown what ends then, by a clock that is %i s off",
  async (skew) => {
    const service: { clock: () => number } = { clock: () => 0 };
    const world = await mintingTown({ paywall: { clock: () => service.clock() } });
    service.clock = () => world.clock() + skew;
    const shown = await relay(world, { expiresIn: "20s" }, "/a");
    expect(await world.present(shown)).toBe("200");
    world.clock.advance("19s");
    expect(await world.present(shown)).toBe("200");
    world.clock.advance("1s");
    expect(await world.present(shown)).toMatch(/ERR_EXPIRED$/);
  },
);

describe("caveats of the agent that take the room", () => {
  /** Capabilities at services that do not exist, of this many characters in all. */
  const filling = (characters: number): Record<string, string[]> => {
    const all: Record<string, string[]> = {};
    for (let left = characters, at = 0; left > 0; left -= 800, at++)
      all[`s${at}`] = ["c".repeat(Math.min(left, 800))];
    return all;
  };

  test("leave it narrowed and ended in a minute, or nothing is sent and nothing paid", async () => {
    const world = await mintingTown();
    const { url } = world.shop;
    const root = world.mint();
    let relayed = 0;
    let refused = 0;
    // Around the size at which the caveats of a relay do not fit any more.
    for (let characters = 2800; characters < 3600; characters += 8) {
      const scope = { endpoints: [`GET ${url}/echo/**`], capabilities: filling(characters) };
      const agent = root.delegate({ agent: "cap", ...scope }, { now: world.clock() });
      const sent = () => world.shop.received.filter(({ headers }) => headers.authorization).length;
      const before = sent();
      const path = characters % 16 === 0 ? "/echo/a" : "/echo/a;b";
      const [order] = await Promise.allSettled([world.order(agent, path)]);
      world.clock.advance("6s");
      if (order.status === "fulfilled") {
        relayed++;
        const shown = echoed(world);
        const texts = textsOf(shown);
        expect(texts.filter((text) => text.startsWith("valid_until="))).toHaveLength(2);
        expect(await world.present(shown, "/admin", "POST")).toMatch(/ERR_ENDPOINT$/);
        expect(await world.present(shown, "/other")).toMatch(/ERR_ENDPOINT$/);
      } else {
        refused++;
        expect(order.reason).toBeInstanceOf(TokenError);
        expect(order.reason.code).toBe("ERR_TOKEN_TOO_LARGE");
        expect(order.reason.message).toContain(url);
        expect(sent()).toBe(before);
      }
    }
    expect(relayed).toBeGreaterThan(5);
    expect(refused).toBeGreaterThan(5);
    expect(world.paid().count).toBe(0);
  });
});
