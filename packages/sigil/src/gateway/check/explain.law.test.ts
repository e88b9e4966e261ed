/** Law: what `sigil gateway check METHOD PATH` says is what the gateway does. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readConfigText } from "../config/read.ts";
import { town } from "../fixtures/town.ts";
import { explain, servicesOf } from "./explain.ts";

const rule = fc.record({
  match: fc.constantFrom(
    ...["GET /v1/models", "GET|POST /v1/**", "* /**", "POST /v1/chat/completions", "POST /v1/*/*"],
    ...["GET /a", "GET /*", "DELETE /a", "GET /v1/models/*", "POST /v1/audio/**"],
  ),
  access: fc.constantFrom("free", "credential", "freebie"),
  price: fc.constantFrom(undefined, "free", "meter", "0.01 usd", "10 sat"),
  withKey: fc.constantFrom(undefined, true, false),
});

const config = fc.record({
  preset: fc.constantFrom("openai", "generic"),
  price: fc.constantFrom(undefined, "free", "0.02 usd", "3 sat"),
  routes: fc.option(fc.array(rule, { minLength: 1, maxLength: 4 }), { nil: undefined }),
});

const request = fc.record({
  method: fc.constantFrom("GET", "POST", "DELETE"),
  path: fc.constantFrom(
    ...["/v1/models", "/v1/models/m", "/v1/chat/completions", "/v1/audio/transcriptions"],
    ...["/a", "/a/b", "/", "/%61", "/a//b"],
  ),
  hasKey: fc.boolean(),
});

interface RuleText {
  readonly match: string;
  readonly access: string;
  readonly price: string | undefined;
  readonly withKey: boolean | undefined;
}

/** As an owner writes it: what goes together alone. */
const written = ({ access, price, withKey, match }: RuleText) => ({
  match,
  access,
  ...(access === "free" ? withKey !== undefined && { withKey } : price !== undefined && { price }),
  ...(access === "freebie" && {
    freePerDay: 1,
    price: price === undefined || price === "meter" ? "free" : price,
  }),
});

test("for random configurations and requests", async () => {
  await fc.assert(
    fc.asyncProperty(
      config,
      fc.array(request, { minLength: 1, maxLength: 4 }),
      async (given, requests) => {
        const { preset, price, routes } = given;
        const text = JSON.stringify({
          services: {
            it: {
              ...{ preset, upstream: "http://a.example" },
              ...(price !== undefined && { price }),
              ...(routes !== undefined && { routes: routes.map(written) }),
            },
          },
        });
        const read = readConfigText(text, "test");
        const services = servicesOf(read);
        const one = read.services.it!;
        for (const { method, path, hasKey } of requests) {
          const world = await town({
            preset,
            ...(one.routes && { rules: one.routes }),
            ...(one.price && { price: one.price }),
          });
          const credential = world.mint({ budget: ["1 usd", "100 sat"] });
          const response = await fetch(world.url + path, {
            method,
            ...(method === "POST" && {
              body: JSON.stringify({
                ...{ model: "gpt-test", max_tokens: 10 },
                messages: [{ role: "user", content: "hi" }],
              }),
            }),
            headers: hasKey ? { authorization: `Bearer ${credential.toKey()}` } : {},
          });
          await response.text();
          const said = explain(services, method, path);
          if (said.kind === "denied") {
            expect([response.status, world.seen.length]).toEqual([said.status, 0]);
            continue;
          }
          const { rule: found, charge } = said.route;
          const isOpen = found.access !== "credential" && !(found.access === "freebie" && hasKey);
          const status = isOpen ? 200 : hasKey ? (charge.kind === "unpriced" ? 403 : 200) : 401;
          expect(response.status).toBe(status);
          expect(world.seen.length).toBe(status === 200 ? 1 : 0);
          await expect.poll(() => world.rows.length + world.denials.length).toBe(1);
          const spent = world.rows[0]?.spent;
          const metered = 10n + 20n * 10n;
          const cost = {
            free: undefined,
            unpriced: undefined,
            meter: metered,
            flat: charge.kind === "flat" ? charge.price.value : 0n,
          }[charge.kind];
          expect(spent).toBe(status === 200 && !isOpen ? cost : undefined);
        }
      },
    ),
    { numRuns: Number(process.env.SIGIL_LAW_RUNS ?? 60) },
  );
}, 120_000);
