/** What a service gave back is used again by the client, without another payment. */
import { describe, expect, test } from "vitest";
import { devTown } from "../testing/index.ts";

/** Handed over to the client, or relayed by its treasury. */
const WAYS = [
  ["handed over", {}],
  ["relayed", { maxUses: 100 }],
] as const;

describe.each(WAYS)("a single use, %s", (_, scope) => {
  test.each([304, 400, 404, 408, 409, 412, 416, 425, 429, 500, 503])(
    "is used again after %i",
    async (status) => {
      await using town = await devTown({ scope });
      town.shop.answers.push((outgoing) => outgoing.writeHead(status).end());
      expect((await town.client.get(town.shop.url)).status).toBe(status);
      expect((await town.client.get(town.shop.url)).status).toBe(200);
      expect(town.network.payments()).toHaveLength(1);
      expect((await town.client.get(town.shop.url)).status).toBe(200);
      expect(town.network.payments()).toHaveLength(2);
    },
  );

  test.each([
    [200, "release", 1],
    [404, "consume", 2],
  ] as const)(
    "is used again after %i only if the handler does not consume it: %s",
    async (status, declare, payments) => {
      let asked = 0;
      await using town = await devTown({
        scope,
        handler: (_request, grant) => {
          asked++;
          if (asked > 1) return new Response("sunny");
          grant[declare]();
          return new Response("early", { status });
        },
      });
      const early = await town.client.get(town.shop.url);
      expect([early.status, await early.text()]).toEqual([status, "early"]);
      expect(await (await town.client.get(town.shop.url)).text()).toBe("sunny");
      expect(town.network.payments()).toHaveLength(payments);
    },
  );

  test("HEAD does not use it up", async () => {
    await using town = await devTown({ scope });
    for (let times = 0; times < 3; times++)
      expect((await town.client.head(town.shop.url)).status).toBe(200);
    expect(town.network.payments()).toHaveLength(1);
  });

  test("a service that counts every answer below 500 as a use is paid again and not accused", async () => {
    await using town = await devTown({
      scope,
      handler: (_request, grant) => {
        grant.consume();
        return new Response(null, { status: 404 });
      },
    });
    for (let times = 1; times <= 3; times++) {
      expect((await town.client.get(town.shop.url)).status).toBe(404);
      expect(town.network.payments()).toHaveLength(times);
    }
  });

  test.each([301, 302, 303, 307, 308])(
    "is not spent on a redirect with %i behind the paywall: its target is bought, once a call",
    async (status) => {
      await using town = await devTown({
        scope,
        handler: (request) =>
          new URL(request.url).pathname === "/docs"
            ? new Response(null, { status, headers: { location: "/docs/" } })
            : new Response("index"),
      });
      const get = async () => (await town.client.get(`${town.shop.url}/docs`)).text();
      expect(await get()).toBe("index");
      expect(town.network.payments()).toHaveLength(2);
      // The use that the redirect gave back is there for the second call.
      expect(await get()).toBe("index");
      expect(town.network.payments()).toHaveLength(3);
    },
  );
});
