/**
 * Tokens of other L402 servers: paid by the invoice alone, relayed, never handed over. And what a
 * paid credential covers: what its caveats say. spec/4-purchase.md §4.4, §5.
 */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { guardedFetch } from "../http/guarded-fetch.ts";
import { Invoice } from "../invoice/index.ts";
import { type Credential, Identifier } from "../l402/index.ts";
import { Macaroon } from "../macaroon/index.ts";
import { foreignServer, TOKENS } from "../testing/fixtures/foreign-servers.ts";
import {
  ask402,
  challenger,
  failure,
  forgeInvoice,
  type Received,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";

const GET = { method: "GET", headers: [] } as const;

/** A site of another server's, which sells its tokens at 10 sat. */
async function foreignSite(world: Town, tokenOf: (hash: string) => string, parameter?: string) {
  const server = foreignServer(tokenOf, parameter);
  return site(async (request, response, url) => {
    response.sendDate = false;
    if (server.serves(request.headers.authorization)) return response.end("served");
    const { invoice } = await challenger(world, url).demand();
    response.writeHead(402, { "www-authenticate": server.challenge(invoice) }).end();
  });
}

const buyer = (world: Town, scope = {}) => {
  const credential = world.mint({ budget: "1000 sat", ...scope }).toString();
  return (url: string, method = "GET") =>
    world.treasury.buy({ ...GET, method, id: crypto.randomUUID(), credential, url });
};
const bodyOf = async (purchase: Awaited<ReturnType<Town["treasury"]["buy"]>>) =>
  purchase.kind === "response" ? purchase.response.text() : purchase.kind;
const presented = (received: readonly Received[]) =>
  received.flatMap(({ headers }) => headers.authorization ?? []);

describe.each(Object.entries(TOKENS))("%s", (_what, tokenOf) => {
  test.each(["macaroon", "token"])(
    "given as %s= is paid once and relayed, as it is, for the path that was bought",
    async (parameter) => {
      const world = await town();
      const { url, received } = await foreignSite(world, tokenOf, parameter);
      const buy = buyer(world);
      expect(await bodyOf(await buy(`${url}/a`))).toBe("served");
      expect(await bodyOf(await buy(`${url}/a`))).toBe("served");
      expect(await bodyOf(await buy(`${url}/a`, "HEAD"))).toBe("");
      expect(world.paid().count).toBe(1);
      const [payment] = await world.treasury.owner.payments({ limit: 1 });
      for (const one of presented(received))
        expect(one).toMatch(
          new RegExp(`^L402 ${escaped(tokenOf(payment!.paymentHash))}:[0-9a-f]{64}$`),
        );
      // Nothing says that it covers another path.
      expect(await bodyOf(await buy(`${url}/b`))).toBe("served");
      expect(world.paid().count).toBe(2);
      // Neither the owner nor an agent sees the token.
      expect(inspect(await world.treasury.owner.payments(), { depth: 9 })).not.toContain(
        tokenOf(payment!.paymentHash),
      );
    },
  );
});
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

describe("an opaque token", () => {
  const tokenOf = TOKENS["an opaque text"]!;

  test("is paid only if the invoice passes its own checks", async () => {
    const world = await town();
    const server = foreignServer(tokenOf);
    for (const [terms, code] of [
      [{ network: "bc" }, "ERR_INVOICE_NETWORK"],
      [{ amountMsat: undefined }, "ERR_INVOICE_AMOUNTLESS"],
      [{ timestamp: 1_000_000_000 }, "ERR_INVOICE_EXPIRED"],
    ] as const) {
      const { url } = await site(async (_request, response, own) => {
        response.sendDate = false;
        const { invoice } = await challenger(world, own).demand();
        const forged = forgeInvoice(invoice, terms);
        response.writeHead(402, { "www-authenticate": server.challenge(forged) }).end();
      });
      expect(await failure(buyer(world)(`${url}/a`))).toMatchObject({ code, spent: "no" });
    }
    expect(world.network.payments()).toEqual([]);
  });

  test("of a node with a budget of its own is not used up by the child of another", async () => {
    const world = await town();
    const { url } = await foreignSite(world, tokenOf);
    const root = world.mint({ budget: "1000 sat" });
    const buyAs = (credential: string) =>
      world.treasury.buy({ ...GET, id: crypto.randomUUID(), credential, url: `${url}/a` });
    await buyAs(root.toString());
    // A use may reduce what it allows, so a child with a budget buys for itself.
    await buyAs(root.attenuate({ agent: "scout", budget: "100 sat" }).toString());
    expect(world.paid().count).toBe(2);
    await buyAs(root.attenuate({ agent: "clerk" }).toString());
    expect(world.paid().count).toBe(2);
  });

  test("that is refused after it was answered is bought again, and nobody is accused", async () => {
    const world = await town();
    const server = foreignServer(tokenOf);
    const used = new Set<string>();
    const { url } = await site(async (request, response, own) => {
      response.sendDate = false;
      const { authorization } = request.headers;
      if (server.serves(authorization) && !used.has(authorization!)) {
        used.add(authorization!);
        return response.end("served");
      }
      const { invoice } = await challenger(world, own).demand();
      response.writeHead(402, { "www-authenticate": server.challenge(invoice) }).end();
    });
    const buy = buyer(world);
    for (let times = 1; times <= 3; times++) {
      expect(await bodyOf(await buy(`${url}/a`))).toBe("served");
      expect(world.paid().count).toBe(times);
    }
    expect(world.alarms).toEqual([]);
  });
});

/** A proxy like aperture: one origin, a service for each path prefix, macaroons of the service. */
async function aperture(world: Town, caveatsOf: (service: string) => readonly string[]) {
  const rootKey = Buffer.alloc(32, 5);
  const services = new Map<string, string>();
  const proxy = await site(async (request, response, url) => {
    response.sendDate = false;
    const service = request.target.split("/")[1]!;
    const [, packet] = /^L402 ([^:]+):/.exec(request.headers.authorization ?? "") ?? [];
    const shown = packet && Macaroon.decode(Buffer.from(packet, "base64"));
    const id = shown && Buffer.from(shown.identifier).toString("hex");
    const ends = shown ? shown.caveats.map((caveat) => Buffer.from(caveat).toString()) : [];
    const isOver = ends.some(
      (caveat) => Number(/_valid_until=(\d+)$/.exec(caveat)?.[1]) <= world.clock(),
    );
    if (id && services.get(id) === service && !isOver) return response.end(`by ${service}`);
    const { invoice } = await challenger(world, url).demand();
    const hash = Buffer.from(Invoice.decode(invoice).paymentHash, "hex");
    const identifier = Identifier.encode(hash, crypto.getRandomValues(new Uint8Array(32)));
    services.set(Buffer.from(identifier).toString("hex"), service);
    const minted = Macaroon.mint({ rootKey, identifier, location: "lsat" });
    const macaroon = Macaroon.encode(Macaroon.attenuate(minted, ...caveatsOf(service)));
    const text = Buffer.from(macaroon).toString("base64");
    response
      .writeHead(402, { "www-authenticate": `L402 macaroon="${text}", invoice="${invoice}"` })
      .end();
  });
  return proxy;
}

describe("a macaroon that names a service and no endpoint", () => {
  test("serves every path of the service for one payment", async () => {
    const world = await town();
    const { url } = await aperture(world, (name) => [
      `services=${name}:0`,
      `${name}_capabilities=`,
    ]);
    const buy = buyer(world);
    for (const path of ["a", "b", "c?x=1", "a"])
      expect(await bodyOf(await buy(`${url}/weather/${path}`))).toBe("by weather");
    expect(await bodyOf(await buy(`${url}/weather/d`, "POST"))).toBe("by weather");
    expect(world.paid().count).toBe(1);
  });

  test("of one of two services at an origin is tried at the other one once, and serves its own", async () => {
    const world = await town();
    const { url, received } = await aperture(world, (name) => [`services=${name}:0`]);
    const buy = buyer(world);
    await buy(`${url}/weather/a`);
    expect(await bodyOf(await buy(`${url}/news/a`))).toBe("by news");
    expect(world.paid().count).toBe(2);
    const before = presented(received).length;
    for (const path of ["news/b", "news/c", "weather/b", "news/d"])
      expect(await bodyOf(await buy(`${url}/${path}`))).toBe(`by ${path.split("/")[0]}`);
    expect(world.alarms).toEqual([]);
    expect(world.paid().count).toBe(2);
    expect(presented(received).length - before).toBe(4);
  });

  test("that is good for one path only is tried at another one once, and an order tries two of them", async () => {
    const world = await town();
    // Each path is a service of its own, which its macaroon does not say.
    const { url, received } = await aperture(world, () => ["services=all:0"]);
    const root = world.mint({ budget: "1000 sat" });
    const buyAs = (credential: Credential) => (address: string) =>
      world.treasury.buy({
        ...GET,
        id: crypto.randomUUID(),
        credential: credential.toString(),
        url: address,
      });
    const buy = buyAs(root);
    const paths = ["a", "b", "c", "d"];
    for (const path of paths) expect(await bodyOf(await buy(`${url}/${path}`))).toBe(`by ${path}`);
    expect(world.paid().count).toBe(paths.length);
    const tries = () => presented(received).length;
    // One at /b, two at /c and two at /d, each as it is after it was refused with a key; and each
    // purchase once where it was bought.
    expect(tries()).toBe(2 * (1 + 2 + 2) + paths.length);
    for (const path of paths) await buy(`${url}/${path}`);
    expect(tries()).toBe(2 * (1 + 2 + 2) + 2 * paths.length);
    // A child that may not pay tries the four, two with each order, and then none of them again.
    const poor = buyAs(root.attenuate({ agent: "poor", maxPrice: "1 sat" }));
    for (const more of [2, 4, 4, 4]) {
      expect(await failure(poor(`${url}/e`))).toMatchObject({ code: "ERR_PRICE" });
      expect(tries()).toBe(2 * (1 + 2 + 2 + more) + 2 * paths.length);
    }
    expect(world.paid().count).toBe(paths.length);
    expect(world.alarms).toEqual([]);
  });

  test("or no service either, is presented at no other path: that may be another party's", async () => {
    const world = await town();
    const { url, received } = await aperture(world, () => ["account=7"]);
    const buy = buyer(world);
    for (const path of ["a", "b", "a", "b"])
      expect(await bodyOf(await buy(`${url}/${path}`))).toBe(`by ${path}`);
    expect(presented(received)).toHaveLength(4);
    expect(world.paid().count).toBe(2);
  });

  test("that has ended at its service before it is sold is never paid", async () => {
    const world = await town();
    const ended = world.clock() - 1;
    const { url } = await aperture(world, (name) => [
      `services=${name}:0`,
      `${name}_valid_until=${ended}`,
    ]);
    const error = await failure(buyer(world)(`${url}/weather/a`));
    expect(error).toMatchObject({ code: "ERR_CHALLENGE_SCOPE", spent: "no" });
    expect(error.message).toContain("has ended before it is paid for");
    expect(world.network.payments()).toEqual([]);
    expect(await world.treasury.owner.payments()).toEqual([]);
  });

  test("that ends later is paid, used until then, and bought anew, and nobody is accused", async () => {
    const world = await town();
    const { url, received } = await aperture(world, (name) => [
      `services=${name}:0`,
      `${name}_valid_until=${world.clock() + 90}`,
    ]);
    const buy = buyer(world);
    await buy(`${url}/weather/a`);
    await buy(`${url}/weather/b`);
    expect(world.paid().count).toBe(1);
    world.clock.advance("91s");
    // A clock may have been set since it was bought, so it is presented once more.
    expect(await bodyOf(await buy(`${url}/weather/a`))).toBe("by weather");
    expect(world.paid().count).toBe(2);
    world.clock.advance("20m");
    const before = presented(received).length;
    expect(await bodyOf(await buy(`${url}/weather/a`))).toBe("by weather");
    expect(world.paid().count).toBe(3);
    expect(presented(received).length - before).toBe(1);
    expect(world.alarms).toEqual([]);
  });
});

describe("several offers", () => {
  test("the cheapest that covers the request is paid, wherever it stands", async () => {
    const world = await town();
    const { url } = await site(async (request, response, own) => {
      response.sendDate = false;
      if (request.headers.authorization !== undefined) return response.end("served");
      const { demand } = challenger(world, own);
      ask402(
        response,
        await demand({ amountMsat: 50_000n }),
        await demand({ amountMsat: 20_000n }),
        await demand({
          amountMsat: 1_000n,
          scope: { endpoints: [`GET ${own}/other`], expiresIn: "1h" },
        }),
      );
    });
    await buyer(world)(`${url}/a`);
    expect(await world.treasury.owner.payments()).toMatchObject([{ amount: { value: 20_000n } }]);
  });
});

describe("a challenge beside lines that cannot be read", () => {
  const OTHERS = ['Basic realm="M\xfcller"', 'Payment id=a;b, request={"a":1}', 'Basic realm="x'];
  const FETCHES = [
    ["the guarded fetch", guardedFetch({ allowLoopback: true }), OTHERS],
    // It folds the lines, so a quote that stays open hides what follows.
    ["the platform's fetch", fetch, OTHERS.slice(0, 2)],
  ] as const;
  test.each(FETCHES)("is paid through %s", async (_what, fetcher, others) => {
    const world = await town({ fetch: fetcher });
    const { url } = await site(async (request, response, own) => {
      response.sendDate = false;
      if (request.headers.authorization !== undefined) return response.end("served");
      const { invoice, macaroon } = await challenger(world, own).demand();
      const text = Buffer.from(Macaroon.encode(macaroon)).toString("base64");
      const sound = `L402 macaroon="${text}", invoice="${invoice}"`;
      response.writeHead(402, { "www-authenticate": [...others, sound] }).end();
    });
    expect(await bodyOf(await buyer(world)(`${url}/a`))).toBe("served");
    expect(world.paid().count).toBe(1);
  });
});
