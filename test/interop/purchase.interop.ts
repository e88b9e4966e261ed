/**
 * Buying through aperture's packages `l402` and `auth`: its client at our paywall, our client at
 * its authenticator.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Invoice } from "l8nt/invoice";
import { Challenge, Credential } from "l8nt/l402";
import { describe, expect, onTestFinished, test } from "vitest";
import { formatMacaroonField } from "../../packages/l8nt/src/l402/macaroon-field.ts";
import { readPresented } from "../../packages/l8nt/src/l402/presented.ts";
import {
  challenger,
  type Received,
  site,
  type Town,
  town,
} from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { packetOf, preimageOf } from "./credentials.ts";
import { payFrom } from "./pay.ts";
import { type Fields, Peer } from "./peer.ts";
import { ask } from "./raw.ts";

describe("our paywall sells to aperture's client", () => {
  test("whose two lines, by SetHeader, are one credential, counted once", async () => {
    const [world, peer] = [await town(), Peer.start()];
    const shop = await world.openShop({ price: "10 sat", grants: { uses: 1 } });
    const bought = await buyAt(world, shop.url);
    const fields = await peer.write(packetOf(bought), preimageOf(bought));
    expect(fields).toEqual({ Authorization: [`LSAT ${bought}`, `L402 ${bought}`] });
    expect(readPresented({ authorization: fields.Authorization!.join(", ") })).toBe(
      bought.toString(),
    );
    expect((await ask(`${shop.url}/a`, fields)).status).toBe(200);
    expect((await ask(`${shop.url}/a`, fields)).status).toBe(402);
    expect(shop.served).toHaveLength(1);
  });

  test("whose interceptor buys once, and presents the token as hex", async () => {
    const [world, peer] = [await town(), Peer.start()];
    const shop = await world.openShop({ price: "21 sat", grants: { validFor: "1h" } });
    const folder = mkdtempSync(join(tmpdir(), "sigil-interop-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const first = await peer.buy(`${shop.url}/a`, folder, payFrom(world));
    expect(first).toMatchObject({ status: 200, body: '{"served":1}' });
    expect(first.sent.map((fields) => Object.keys(fields))).toEqual([[], ["macaroon"]]);
    expect(shop.served[0]!.grant).toMatchObject({
      lineage: [],
      price: { unit: "msat", value: 21_000n },
    });
    // From the file that it keeps.
    const second = await peer.buy(`${shop.url}/a`, folder, () =>
      Promise.reject(new Error("it paid twice")),
    );
    expect(second).toMatchObject({ status: 200, body: '{"served":2}' });
    expect(second.sent.map((fields) => Object.keys(fields))).toEqual([["macaroon"]]);
    expect(world.paid()).toMatchObject({ count: 1 });
  });
});

/**
 * A service behind aperture's authenticator: what is asked there and how it answers, this server
 * only carries.
 */
async function behindAperture(
  world: Town,
  peer: Peer,
  serviceOf: (target: string) => string = () => "weather",
) {
  world.clock.set(Date.now() / 1000);
  const served: Received[] = [];
  const { url, received } = await site(async (request, response, own) => {
    const header = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, [value].flat()]),
    );
    const service = serviceOf(request.target);
    if (await peer.accepts(header as Fields, service)) {
      served.push(request);
      response.end("sunny");
      return;
    }
    const { invoice } = await challenger(world, own).demand();
    const challenge = await peer.challenge(invoice, Invoice.decode(invoice).paymentHash, service);
    response.writeHead(402, challenge as Record<string, string[]>).end("payment required");
  });
  return { url, received, served };
}

describe("our client buys from aperture", () => {
  test("once, and a second request costs nothing", async () => {
    const [world, peer] = [await town(), Peer.start()];
    const { url, served } = await behindAperture(world, peer);
    const client = world.connect(world.mint());
    for (const _ of [1, 2])
      expect(await (await client.get(`${url}/forecast`)).text()).toBe("sunny");
    expect(served).toHaveLength(2);
    expect(world.paid()).toMatchObject({ count: 1 });
    expect(world.alarms).toEqual([]);
  });

  test("once for all paths of a service, and once more for another service of the same origin", async () => {
    const [world, peer] = [await town(), Peer.start()];
    const { url, served } = await behindAperture(world, peer, (target) => target.split("/")[1]!);
    const client = world.connect(world.mint());
    const paths = ["weather/a", "weather/b", "news/a", "weather/c", "news/b", "weather/a"];
    for (const path of paths)
      expect(await (await client.get(`${url}/${path}`)).text()).toBe("sunny");
    expect(served.map(({ target }) => target)).toEqual(paths.map((path) => `/${path}`));
    expect(world.paid()).toMatchObject({ count: 2 });
    expect(world.alarms).toEqual([]);
  });

  test("nothing that has ended when it is sold", async () => {
    const [world, peer] = [await town(), Peer.start()];
    const { url } = await behindAperture(world, peer, () => "ended");
    await expect(world.connect(world.mint()).get(`${url}/a`)).rejects.toMatchObject({
      code: "ERR_CHALLENGE_SCOPE",
    });
    expect(world.network.payments()).toEqual([]);
  });

  test("reads both lines of its challenge, in its order", async () => {
    const [world, peer] = [await town(), Peer.start()];
    const { url } = await behindAperture(world, peer);
    const header = (await fetch(`${url}/forecast`)).headers.get("www-authenticate")!;
    expect(header).toMatch(
      /^LSAT macaroon="[^"]+", invoice="lnbcrt[^"]+", L402 macaroon="[^"]+", invoice="lnbcrt[^"]+"$/,
    );
    const { macaroon, invoice, identifier, enforced } = Challenge.parse(header);
    expect(macaroon.location).toBe("lsat");
    expect(identifier.paymentHash).toBe(Invoice.decode(invoice).paymentHash);
    expect(macaroon.caveats.map((each) => Buffer.from(each).toString())).toEqual([
      "services=weather:0",
      "weather_capabilities=forecast,history",
      expect.stringMatching(/^weather_valid_until=\d+$/),
    ]);
    expect(enforced).toBeUndefined();
  });

  test("and narrows what it bought: aperture takes the narrower one, and none that is wider or proves no payment", async () => {
    const [world, peer] = [await town(), Peer.start()];
    const { url, received } = await behindAperture(world, peer);
    await (await world.connect(world.mint()).get(`${url}/forecast`)).text();
    const full = Credential.parse(
      readPresented({ authorization: received.at(-1)!.headers.authorization })!,
    );
    const status = async (credential: Credential | string) =>
      (await ask(url, { authorization: [`L402 ${credential}`] })).status;
    const soon = Math.floor(Date.now() / 1000) + 60;

    expect(await status(full)).toBe(200);
    expect(await status(full.append([`weather_valid_until=${soon}`]))).toBe(200);
    expect(await status(full.delegate({ agent: "scout", maxUses: 1 }))).toBe(200);
    expect((await ask(url, { Macaroon: [formatMacaroonField(full)] })).status).toBe(200);
    expect((await ask(url, { "grpc-metadata-macaroon": [formatMacaroonField(full)] })).status).toBe(
      200,
    );

    expect(await status(full.append(["services=history:0"]))).toBe(402);
    expect(await status(full.append([`weather_valid_until=${soon - 120}`]))).toBe(402);
    expect(await status(full.append([`weather_valid_until=${soon + 86_400}`]))).toBe(402);
    expect(await status(`${full.toString().slice(0, -64)}${"ab".repeat(32)}`)).toBe(402);
    const other = await buyAt(world, (await world.openShop()).url);
    expect(await status(other)).toBe(402);
  });
});

/** As a person with a wallet would. */
async function buyAt(world: Town, url: string): Promise<Credential> {
  const { macaroon, invoice } = Challenge.parse(
    (await fetch(`${url}/a`)).headers.get("www-authenticate")!,
  );
  return Credential.paid(macaroon, await payFrom(world)(invoice));
}
