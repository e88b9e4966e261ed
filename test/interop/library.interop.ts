/** aperture's packages `l402`, `mint` and `auth` against ours: what we write is read there, and what they write is read here. */
import { createHash, hkdfSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Invoice } from "l8nt/invoice";
import {
  Authority,
  Challenge,
  Credential,
  formatAuthorization,
  formatMacaroonField,
  readPresented,
} from "l8nt/l402";
import { Macaroon } from "l8nt/macaroon";
import { devWallet } from "l8nt/wallets/dev";
import { describe, expect, onTestFinished, test } from "vitest";
import { challenger, type Received, secretOf, site, type Town, town } from "../e2e/support/town.ts";
import { type Fields, Peer } from "./peer.ts";

const SECRET = secretOf("the weather");
const LOCATION = "https://weather.example";

const authority = () => new Authority({ secret: SECRET, location: LOCATION, service: "weather" });

/** Of ours, as the L402 of a service: `services` is what aperture enforces. */
const weather = () =>
  authority().mint({ services: ["weather"], endpoints: [`GET ${LOCATION}/**`], expiresIn: "1h", maxUses: 5 });

const packetOf = ({ macaroon }: Credential): string => Buffer.from(Macaroon.encode(macaroon)).toString("hex");
const preimageOf = (credential: Credential): string => credential.toString().slice(-64);
const rootKeyOf = ({ macaroon: { identifier } }: Credential): string =>
  Buffer.from(hkdfSync("sha256", Buffer.from(SECRET, "hex"), Buffer.alloc(0), identifier, 32)).toString("hex");
const caveatsOf = ({ macaroon }: Credential): string[] =>
  macaroon.caveats.map((each) => Buffer.from(each).toString());
const credentialOf = (macaroon: string, preimage: string): Credential =>
  Credential.parse(`${Buffer.from(macaroon, "hex").toString("base64")}:${preimage}`);

/** Fields as they are sent: a name with several values is several lines. Node's own client, because `fetch` would join them. */
async function ask(url: string, headers: Fields): Promise<{ readonly status: number; readonly body: string }> {
  const asked = httpRequest(url, { headers: headers as Record<string, string[]> }).end();
  const response = await new Promise<import("node:http").IncomingMessage>((resolve, reject) =>
    asked.on("response", resolve).on("error", reject),
  );
  return { status: response.statusCode!, body: await text(response) };
}

describe("aperture reads what we write", () => {
  test.each<[string, (credential: Credential) => Fields]>([
    ["Authorization: L402", (credential) => ({ Authorization: [formatAuthorization(credential)] })],
    ["Authorization: LSAT", (credential) => ({ Authorization: [`LSAT ${credential}`] })],
    ["Macaroon", (credential) => ({ Macaroon: [formatMacaroonField(credential)] })],
    [
      "Grpc-Metadata-Macaroon",
      (credential) => ({ "grpc-metadata-macaroon": [formatMacaroonField(credential)] }),
    ],
  ])("%s", async (name, fieldsOf) => {
    const peer = Peer.start();
    const credential = weather().delegate({ agent: "scout", purpose: "Wetter für Zürich" });
    const read = await peer.read(fieldsOf(credential));
    const carried = name.includes("Macaroon") ? [`preimage=${preimageOf(credential)}`] : [];
    expect(read).toEqual({
      macaroon: packetOf(credential.append(carried)),
      preimage: preimageOf(credential),
      location: LOCATION,
      version: 0,
      paymentHash: createHash("sha256")
        .update(Buffer.from(preimageOf(credential), "hex"))
        .digest("hex"),
      tokenId: Buffer.from(credential.identifier.tokenId).toString("hex"),
      caveats: [...caveatsOf(credential), ...carried],
    });
    // The whole of its check: preimage, signature, services.
    await peer.verify(fieldsOf(credential), rootKeyOf(credential), "weather");
  });

  test("and refuses it where we would: another service, a wrong preimage, an altered caveat, an end that is past", async () => {
    const peer = Peer.start();
    const credential = weather();
    const field = (each: Credential | string): Fields => ({ Authorization: [`L402 ${each}`] });
    const key = rootKeyOf(credential);
    await peer.verify(field(credential), key, "weather");
    await expect(peer.verify(field(credential), key, "history")).rejects.toThrow("not authorized");
    const [macaroon = ""] = credential.toString().split(":");
    await expect(peer.verify(field(`${macaroon}:${"ab".repeat(32)}`), key, "weather")).rejects.toThrow(
      "invalid preimage",
    );
    const altered = Buffer.from(packetOf(credential).replace(hex("max_uses=5"), hex("max_uses=6")), "hex");
    await expect(
      peer.verify(field(`${altered.toString("base64")}:${preimageOf(credential)}`), key, "weather"),
    ).rejects.toThrow(/signature|verification/);
    await expect(
      peer.verify(field(credential.append(["weather_valid_until=1600000000"])), key, "weather"),
    ).rejects.toThrow("expired");
    await expect(
      peer.verify(field(credential.append(["services=history:0"])), key, "weather"),
    ).rejects.toThrow();
  });

  test("and reads one spelling alone, which is the one that we write", async () => {
    const peer = Peer.start();
    // One that is padded, so that it has another spelling for certain.
    const credential = ["x", "xx", "xxx"]
      .map((purpose) => weather().append([`purpose=${purpose}`]))
      .find((each) => each.toString().includes("="))!;
    const [macaroon = "", preimage = ""] = credential.toString().split(":");
    const urlSafe = Buffer.from(macaroon, "base64").toString("base64url");
    await peer.read({ Authorization: [formatAuthorization(credential)] });
    for (const spelling of [
      `l402 ${macaroon}:${preimage}`,
      `L402 ${macaroon}:${preimage.toUpperCase()}`,
      `L402 ${urlSafe}:${preimage}`,
    ]) {
      await expect(peer.read({ Authorization: [spelling] })).rejects.toThrow(/invalid auth header|base64/);
      expect(Credential.parse(readPresented({ authorization: spelling })!).toString()).toBe(
        credential.toString(),
      );
    }
  });
});

const hex = (ascii: string): string => Buffer.from(ascii).toString("hex");

describe("we read what aperture writes", () => {
  test("SetHeader's two lines are one credential, counted once", async () => {
    const [world, peer] = [await town(), Peer.start()];
    const shop = await world.shop({ price: "10 sat", grants: { uses: 1 } });
    const bought = await buyAt(world, shop.url);
    const fields = await peer.write(packetOf(bought), preimageOf(bought));
    expect(fields).toEqual({ Authorization: [`LSAT ${bought}`, `L402 ${bought}`] });
    expect(readPresented({ authorization: fields.Authorization!.join(", ") })).toBe(bought.toString());
    expect((await ask(`${shop.url}/a`, fields)).status).toBe(200);
    expect((await ask(`${shop.url}/a`, fields)).status).toBe(402);
    expect(shop.served).toHaveLength(1);
  });

  test("a macaroon that aperture narrowed is ours, narrowed", async () => {
    const peer = Peer.start();
    const credential = weather();
    const preimage = preimageOf(credential);
    const narrowed = await peer.narrow(
      packetOf(credential),
      "endpoints=GET https://weather.example/today",
      "max_uses=1",
    );
    const chain = credentialOf(narrowed, preimage);
    expect(chain.toString()).toBe(
      credential.append(["endpoints=GET https://weather.example/today", "max_uses=1"]).toString(),
    );
    expect(authority().authenticate(chain).limits).toHaveLength(2);
    const unknown = credentialOf(await peer.narrow(packetOf(credential), "tenant=acme"), preimage);
    expect(
      authority()
        .authenticate(unknown)
        .refusals({ now: Date.now() / 1000, target: "self" }),
    ).toMatchObject([{ code: "ERR_CAVEAT_UNKNOWN" }]);
  });

  test("its client interceptor buys from our paywall, once, and presents the token as hex", async () => {
    const [world, peer] = [await town(), Peer.start()];
    const shop = await world.shop({ price: "21 sat", grants: { validFor: "1h" } });
    const folder = mkdtempSync(join(tmpdir(), "sigil-interop-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const first = await peer.buy(`${shop.url}/a`, folder, (invoice) => pay(world, invoice));
    expect(first).toMatchObject({ status: 200, body: '{"served":1}' });
    expect(first.sent.map((fields) => Object.keys(fields))).toEqual([[], ["macaroon"]]);
    expect(shop.served[0]!.grant).toMatchObject({ lineage: [], priceMsat: 21_000n });
    // From the file that it keeps.
    const second = await peer.buy(`${shop.url}/a`, folder, () => Promise.reject(new Error("it paid twice")));
    expect(second).toMatchObject({ status: 200, body: '{"served":2}' });
    expect(second.sent.map((fields) => Object.keys(fields))).toEqual([["macaroon"]]);
    expect(world.paid()).toMatchObject({ count: 1 });
  });
});

/** A service behind aperture's authenticator: what is asked there and how it answers, this server only carries. */
async function behindAperture(world: Town, peer: Peer) {
  world.time.now = Date.now() / 1000;
  const served: Received[] = [];
  const { url, received } = await site(async (request, response, own) => {
    const header = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, [value].flat()]),
    );
    if (await peer.accepts(header as Fields, "weather")) {
      served.push(request);
      response.end("sunny");
      return;
    }
    const { invoice } = await challenger(world, own).demand();
    const challenge = await peer.challenge(invoice, Invoice.decode(invoice).paymentHash, "weather");
    response.writeHead(402, challenge as Record<string, string[]>).end("payment required");
  });
  return { url, received, served };
}

describe("our client buys from aperture", () => {
  test("once, and a second request costs nothing", async () => {
    const [world, peer] = [await town(), Peer.start()];
    const { url, served } = await behindAperture(world, peer);
    const client = world.client(world.root());
    for (const _ of [1, 2]) expect(await (await client.get(`${url}/forecast`)).text()).toBe("sunny");
    expect(served).toHaveLength(2);
    expect(world.paid()).toMatchObject({ count: 1 });
    expect(world.alarms).toEqual([]);
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
    await (await world.client(world.root()).get(`${url}/forecast`)).text();
    const full = Credential.parse(readPresented({ authorization: received.at(-1)!.headers.authorization })!);
    const status = async (credential: Credential | string) =>
      (await ask(url, { authorization: [`L402 ${credential}`] })).status;
    const soon = Math.floor(Date.now() / 1000) + 60;

    expect(await status(full)).toBe(200);
    expect(await status(full.append([`weather_valid_until=${soon}`]))).toBe(200);
    expect(await status(full.delegate({ agent: "scout", maxUses: 1 }))).toBe(200);
    expect((await ask(url, { Macaroon: [formatMacaroonField(full)] })).status).toBe(200);
    expect((await ask(url, { "grpc-metadata-macaroon": [formatMacaroonField(full)] })).status).toBe(200);

    expect(await status(full.append(["services=history:0"]))).toBe(402);
    expect(await status(full.append([`weather_valid_until=${soon - 120}`]))).toBe(402);
    expect(await status(full.append([`weather_valid_until=${soon + 86_400}`]))).toBe(402);
    expect(await status(`${full.toString().slice(0, -64)}${"ab".repeat(32)}`)).toBe(402);
    const other = await buyAt(world, (await world.shop()).url);
    expect(await status(other)).toBe(402);
  });
});

/** As a person with a wallet would. */
async function buyAt(world: Town, url: string): Promise<Credential> {
  const { macaroon, invoice } = Challenge.parse((await fetch(`${url}/a`)).headers.get("www-authenticate")!);
  return new Credential(macaroon, await pay(world, invoice));
}

async function pay({ net }: Town, invoice: string): Promise<string> {
  const { paymentHash, amountMsat } = Invoice.decode(invoice);
  const order = { invoice, paymentHash, amountMsat: amountMsat!, maxFeeMsat: 3000n, timeoutSeconds: 10 };
  const outcome = await devWallet(net.account("treasury").url).pay(order);
  if (outcome.status !== "paid") throw new Error(`not paid: ${outcome.status}`);
  return outcome.preimage;
}
