/**
 * L402 servers whose tokens are not ours, over real TCP, with a treasury across HTTP and with one
 * in the client: paid once, served, and no token or preimage in what an agent gets.
 * spec/4-purchase.md §5.
 */
import { Client } from "l8nt";
import { describe, expect, test } from "vitest";
import { foreignServer, TOKENS } from "../../packages/l8nt/src/testing/fixtures/foreign-servers.ts";
import {
  challenger,
  site,
  type Town,
  town,
} from "../../packages/l8nt/src/testing/fixtures/town.ts";

const MODES: readonly (readonly [string, (world: Town) => Client])[] = [
  ["a treasury across HTTP", (world) => world.connect(world.mint({ budget: "100 sat" }))],
  [
    "a treasury in the client",
    (world) => new Client({ wallet: world.network.account("treasury").url, clock: world.clock }),
  ],
];

/** Like toll-booth: a free page, one request free, and a paid path that answers in JSON. */
async function shop(world: Town, tokenOf: (hash: string) => string) {
  const server = foreignServer(tokenOf);
  return site(async (request, response, url) => {
    response.sendDate = false;
    if (request.target === "/free") return response.end("free");
    if (server.serves(request.headers.authorization))
      return response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ asked: request.target, sent: request.body }));
    const { invoice } = await challenger(world, url).demand();
    response
      .writeHead(402, {
        "www-authenticate": ['Bearer realm="Zürich"', server.challenge(invoice)],
        "content-type": "application/json",
      })
      .end(JSON.stringify({ error: "Payment required", invoice }));
  });
}

describe.each(MODES)("with %s", (_mode, clientOf) => {
  test.each(Object.entries(TOKENS))("%s", async (_what, tokenOf) => {
    const world = await town();
    const { url, received } = await shop(world, tokenOf);
    const client = clientOf(world);
    expect(await (await client.get(`${url}/free`)).text()).toBe("free");
    for (let times = 0; times < 3; times++)
      expect(await (await client.get(`${url}/paid`)).json()).toEqual({ asked: "/paid", sent: "" });
    const posted = await client.fetch(`${url}/paid`, { method: "POST", body: "an order" });
    expect(await posted.json()).toEqual({ asked: "/paid", sent: "an order" });
    // GET and POST are two purchases: nothing says that one token is good for both.
    expect(world.paid().count).toBe(2);
    // What the treasury answered to the agent holds no token, and no preimage of one.
    const presented = received.flatMap(({ headers }) => headers.authorization ?? []);
    expect(presented).toHaveLength(4);
    const secrets = presented.map((one) => one.slice("L402 ".length).split(":").at(-1)!);
    for (const { text } of world.asked)
      for (const secret of secrets) expect(text).not.toContain(secret);
    expect([...posted.headers].join()).not.toContain(secrets[0]!);
  });
});
