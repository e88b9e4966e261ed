/** A purchase that is a number of requests in each minute, hour or day. */
import { expect, test } from "vitest";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall, type Terms } from "./index.ts";

const ORIGIN = "https://api.example";
const NOON = 1_900_065_600;
const DAY = 86_400;

async function bought(grants: NonNullable<Terms["grants"]>) {
  const clock = { now: NOON };
  const invoicer = new FakeInvoicer(() => clock.now);
  const paywall = new Paywall({
    secret: "3b5d2f6881a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a",
    location: ORIGIN,
    ...{ invoicer, price: "900 sat", grants, clock: () => clock.now },
  });
  const ask = async (authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization };
    return paywall.authorize(new Request(`${ORIGIN}/a`, { headers }));
  };
  const refused = await ask();
  if (refused.granted || !("response" in refused)) throw new Error("nothing was sold");
  const field = refused.response.headers.get("www-authenticate")!;
  const [, macaroon] = /macaroon="([^"]+)"/.exec(field)!;
  const [, invoice] = /invoice="([^"]+)"/.exec(field)!;
  const credential = `L402 ${macaroon}:${invoicer.pay(invoice!)}`;
  /** How many of `times` requests are served. */
  const served = async (times: number) => {
    let count = 0;
    for (let n = 0; n < times; n++) {
      const decision = await ask(credential);
      if (!decision.granted) continue;
      await decision.finish(200);
      count++;
    }
    return count;
  };
  const listed = async () =>
    (await (await paywall.wellKnown(new Request(`${ORIGIN}/.well-known/l402`)))!.json()) as object;
  return { clock, paywall, served, listed };
}

test.each([
  ["usesPerMinute", 60],
  ["usesPerHour", 3600],
  ["usesPerDay", DAY],
] as const)("%s sells so many in each, until it ends", async (rate, wait) => {
  const { served, clock, listed } = await bought({ [rate]: 3, validFor: "3d" });
  expect(await served(5)).toBe(3);
  clock.now += wait * 1.1;
  expect(await served(5)).toBe(3);
  clock.now = NOON + 3 * DAY + 1;
  expect(await served(2)).toBe(0);
  expect(await listed()).toMatchObject({ routes: [{ grants: { [rate]: 3, validFor: "3d" } }] });
});

test("a rate and a number in all hold both", async () => {
  const { served, clock } = await bought({ usesPerDay: 3, uses: 5, validFor: "30d" });
  expect(await served(9)).toBe(3);
  clock.now += 1.1 * DAY;
  expect(await served(9)).toBe(2);
  clock.now += 1.1 * DAY;
  expect(await served(9)).toBe(0);
});

test("a rate says for how long it is sold", async () => {
  const { paywall } = await bought({ uses: 1 });
  for (const grants of [
    { usesPerDay: 3 },
    { usesPerDay: 0, validFor: "1d" },
    { usesPerHour: 1.5, validFor: "1d" },
    { usesPerWeek: 3, validFor: "1d" },
  ])
    expect(() => paywall.route({ grants } as never)).toThrow(TypeError);
});
