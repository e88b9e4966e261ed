/** `client.fetch` is `fetch`: every option of a request survives, and every fact of a response. */
import { createHash } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";
import { failure, site, type Town, town } from "../testing/fixtures/town.ts";
import { HttpClient } from "./client.ts";

const PASS = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;

/** Each option, and the value that `fetch` must get. */
const OPTIONS = {
  cache: "no-store",
  credentials: "include",
  keepalive: true,
  mode: "same-origin",
  referrer: "",
  referrerPolicy: "no-referrer",
} as const satisfies RequestInit;
/** Options that a `Request` does not show. */
const HIDDEN = { priority: "high", window: null, dispatcher: { isMine: true } };

async function recorded(world: Town) {
  const free = await site((_request, response) => void response.end("free"));
  const send = vi.fn<typeof fetch>(async () => new Response("free"));
  const client = new HttpClient({ credential: world.mint(), fetch: send });
  return { free, client, sent: () => send.mock.calls[0]?.[1] as Record<string, unknown> };
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

describe("options", () => {
  test.each(Object.entries(OPTIONS))(
    "%s of a Request and of init survives",
    async (name, value) => {
      const ways = [
        (url: string) => [new Request(url, { [name]: value }), undefined] as const,
        (url: string) => [url, { [name]: value }] as const,
        (url: string) => [new Request(url), { [name]: value }] as const,
      ];
      for (const as of ways) {
        const { client, free, sent } = await recorded(await town());
        const [input, init] = as(free.url);
        await client.fetch(input, init);
        // What `Request` shows for it: an empty referrer is "no-referrer" in none of them.
        const shown = new Request(free.url, { [name]: value })[name as keyof Request];
        expect([value, shown]).toContain(sent()[name]);
      }
    },
  );

  test.each(Object.entries(HIDDEN))("%s of init survives", async (name, value) => {
    const { client, free, sent } = await recorded(await town());
    await client.fetch(free.url, { [name]: value } as RequestInit);
    expect(sent()[name]).toEqual(value);
  });

  test("an option that nobody gave is not passed on", async () => {
    const { client, free, sent } = await recorded(await town());
    await client.fetch(new Request(free.url));
    expect(Object.keys(sent()).sort()).toEqual(["body", "headers", "method", "redirect", "signal"]);
  });

  test("the signal of a Request ends it, also after a collection of garbage", async () => {
    const world = await town();
    const waits = await site(() => {});
    const abort = new AbortController();
    const asking = world
      .connect(world.mint())
      .fetch(new Request(waits.url, { signal: abort.signal }));
    await vi.waitFor(() => expect(waits.received).toHaveLength(1));
    collectGarbage();
    abort.abort();
    expect((await failure(asking)).name).toBe("AbortError");
  });
});

describe("integrity", () => {
  const of = (text: string, hash = "sha256") =>
    `${hash}-${createHash(hash).update(text).digest("base64")}`;
  const served = '{"served":1}';

  test.each([
    ["the body's own", of(served)],
    ["sha384", of(served, "sha384")],
    ["sha512", of(served, "sha512")],
    ["one of two", `${of("other")} ${of(served)}`],
    ["the strongest one, whatever a weaker one says", `${of("other")} ${of(served, "sha512")}`],
    ["base64url, with options", `${of(served).replaceAll("+", "-").replaceAll("/", "_")}?ct=x`],
    ["no hash that is known", "md5-abc nonsense"],
  ])("%s lets a free and a bought body through", async (_, integrity) => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const free = await site((_request, response) => void response.end(served));
    for (const mint of [world.mint(), world.mint({ maxUses: 1000 })]) {
      const client = world.connect(mint);
      const own = await client.fetch(new Request(free.url, { integrity }));
      expect(await own.text()).toBe(served);
    }
    const bought = await world.connect(world.mint()).get(`${shop.url}/a`, { integrity });
    expect(await bought.text()).toBe(served);
    expect(bought.url).toBe(`${shop.url}/a`);
  });

  test.each([
    ["another text", of("other")],
    ["a weaker hash that is right", `${of(served)} ${of("other", "sha384")}`],
  ])(
    "%s rejects a free body as fetch does, and a bought one with what was spent",
    async (_, integrity) => {
      const world = await town();
      const shop = await world.openShop(PASS);
      const free = await site((_request, response) => void response.end(served));
      const request = () => new Request(free.url, { integrity });
      expect(await failure(fetch(request()))).toBeInstanceOf(TypeError);
      expect(await failure(world.connect(world.mint()).fetch(request()))).toBeInstanceOf(TypeError);
      for (const scope of [{}, { maxUses: 1000 }]) {
        const client = world.connect(world.mint(scope));
        expect(await failure(client.fetch(`${shop.url}/a`, { integrity }))).toMatchObject({
          code: "ERR_PAID_NOT_DELIVERED",
          spent: "yes",
          cause: expect.any(TypeError),
        });
      }
    },
  );
});

describe("a response", () => {
  const shown = ({ url, redirected, type, status }: Response) => ({
    url,
    redirected,
    type,
    status,
  });

  test("of a free service is as fetch has it, also behind a redirect, and so is its clone", async () => {
    const world = await town();
    const free = await site(({ method: _ }, response) => {
      if (response.req.url === "/from") response.writeHead(302, { location: "/to" }).end();
      else response.end("free");
    });
    const client = world.connect(world.mint());
    for (const path of ["/to?a=1#part", "/from"]) {
      const theirs = shown(await fetch(free.url + path));
      const ours = await client.get(free.url + path);
      expect([shown(ours), shown(ours.clone())]).toEqual([theirs, theirs]);
    }
  });

  test.each([
    ["handed over", {}],
    ["relayed", { maxUses: 1000 }],
  ])("that was bought is as fetch has it: %s", async (_, scope) => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const ours = await world.connect(world.mint(scope)).get(`${shop.url}/a?b=1#part`);
    const theirs = shown(await fetch(`${shop.url}/a?b=1#part`));
    expect(shown(ours)).toEqual({ ...theirs, status: 200 });
  });
});

test("data: and blob: URLs are fetched", async () => {
  const client = (await town()).connect((await town()).mint());
  const blob = URL.createObjectURL(new Blob(["of a blob"]));
  expect(await (await client.get("data:,of%20data")).text()).toBe("of data");
  expect(await (await client.get(blob)).text()).toBe("of a blob");
  URL.revokeObjectURL(blob);
});
