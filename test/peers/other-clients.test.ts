/**
 * Other people's clients at our paywall, and our client at other people's servers. Over real TCP,
 * paid on the dev network.
 */
import { createHash, createHmac } from "node:crypto";
import {
  fetchWithL402,
  issueL402Macaroon,
  makeL402AuthenticateHeader,
  parseL402,
  parseL402Authorization,
  verifyL402Macaroon,
} from "@getalby/lightning-tools";
import { Invoice } from "l8nt/invoice";
import { Macaroon } from "l8nt/macaroon";
import { devWallet } from "l8nt/wallets/dev";
import foreign from "macaroon";
import { describe, expect, test } from "vitest";
import {
  challenger,
  failure,
  type Received,
  site,
  type Town,
  town,
} from "../../packages/l8nt/src/testing/fixtures/town.ts";

/** A wallet as that library wants one: a payment is a preimage. */
function albyWallet({ network }: Town) {
  const wallet = devWallet(network.account("treasury").url);
  return {
    async payInvoice({ invoice }: { invoice: string }) {
      const { paymentHash, amountMsat } = Invoice.decode(invoice);
      const outcome = await wallet.pay({
        invoice,
        paymentHash,
        amountMsat: amountMsat!,
        maxFeeMsat: 3000n,
        timeoutSeconds: 10,
      });
      if (outcome.status !== "paid") throw new Error(outcome.reason);
      return { preimage: outcome.preimage, fees_paid: Number(outcome.feeMsat) };
    },
  };
}

describe("@getalby/lightning-tools", () => {
  test.each([
    ["", {}],
    [" that lists issuers", { paywall: { trust: ["https://treasury.example"] } }],
  ])(
    "pays a challenge of ours%s and passes our paywall; its credential serves as long as it was sold for",
    async (_what, more) => {
      const world = await town();
      const shop = await world.openShop({ price: "21 sat", grants: { uses: 2 }, ...more });
      const wallet = albyWallet(world);
      const first = await fetchWithL402(`${shop.url}/a`, {}, { wallet });
      expect(first.status).toBe(200);
      expect(await first.json()).toEqual({ served: 1 });
      expect(first.payment).toMatchObject({ paid: true, amountSat: 21 });
      expect(world.paid().count).toBe(1);
      const { credentials } = first.payment!;
      expect((await fetchWithL402(`${shop.url}/a`, {}, { wallet, credentials })).status).toBe(200);
      // Used up, and it keeps its word not to pay again.
      expect((await fetchWithL402(`${shop.url}/a`, {}, { wallet, credentials })).status).toBe(402);
      expect(world.paid().count).toBe(1);
      expect(shop.served).toHaveLength(2);
    },
  );

  test("sends a body with the payment, and an abort of ours does not confuse it", async () => {
    const world = await town();
    const shop = await world.openShop();
    const init = { method: "POST", body: "an order" };
    expect(
      (await fetchWithL402(`${shop.url}/orders`, init, { wallet: albyWallet(world) })).status,
    ).toBe(200);
    expect(shop.served.map(({ body }) => body)).toEqual(["an order"]);
  });

  test("reads our two lines as one challenge", async () => {
    const world = await town();
    const shop = await world.openShop();
    const header = (await fetch(`${shop.url}/a`)).headers.get("www-authenticate")!;
    expect(header).toMatch(/^LSAT macaroon="[^"]+", invoice="[^"]+", L402 macaroon="/);
    const read = parseL402(header);
    expect(Macaroon.decode(Buffer.from(read.token, "base64")).identifier).toHaveLength(66);
    expect(Invoice.decode(read.invoice).amountMsat).toBe(10_000n);
  });
});

test("a server of @getalby/lightning-tools, whose token is signed JSON, is paid once and serves our client", async () => {
  const world = await town();
  const SECRET = "somebody else's secret";
  const served: string[] = [];
  const shop = await site(async (request, response, url) => {
    response.sendDate = false;
    const presented = parseL402Authorization(request.headers.authorization ?? "");
    if (presented !== null) {
      const { paymentHash } = (await verifyL402Macaroon(SECRET, presented.token)) as {
        paymentHash: string;
      };
      const preimage = Buffer.from(presented.preimage, "hex");
      if (createHash("sha256").update(preimage).digest("hex") === paymentHash) {
        served.push(request.target);
        return response.end("served");
      }
    }
    const { invoice } = await challenger(world, url).demand();
    const token = await issueL402Macaroon(SECRET, Invoice.decode(invoice).paymentHash);
    const field = makeL402AuthenticateHeader({ token, invoice });
    response.writeHead(402, { "www-authenticate": field }).end();
  });
  const client = world.connect(world.mint());
  for (const _ of "123") expect(await (await client.get(`${shop.url}/a`)).text()).toBe("served");
  expect(served).toEqual(["/a", "/a", "/a"]);
  expect(world.paid().count).toBe(1);
});

/**
 * A server that knows nothing of Sigil: macaroons by another library, one root key, and its own
 * idea of a header.
 */
function handWritten(
  world: Town,
  format: (macaroon: string, invoice: string) => string | string[],
  reads = /^(?:L402|LSAT) ([A-Za-z0-9+/=]+):([0-9a-f]{64})$/,
) {
  const rootKey = Buffer.from("the root key of somebody else's service");
  const served: Received[] = [];
  const answers = site(async (request, response, url) => {
    const presented = reads.exec(request.headers.authorization ?? "");
    if (presented !== null) {
      const macaroon = foreign.importMacaroon(Buffer.from(presented[1]!, "base64"));
      const paymentHash = Buffer.from(macaroon.identifier).subarray(2, 34).toString("hex");
      const { createHash } = await import("node:crypto");
      const isPaid =
        createHash("sha256").update(Buffer.from(presented[2]!, "hex")).digest("hex") ===
        paymentHash;
      // Throws where the signature is wrong. It knows its own two conditions, and skips all others,
      // as plain L402 says.
      macaroon.verify(rootKey, () => null);
      if (isPaid) {
        served.push(request);
        response.end("served");
        return;
      }
    }
    const { invoice } = await challenger(world, url).demand();
    const hash = Buffer.from(Invoice.decode(invoice).paymentHash, "hex");
    const tokenId = createHmac("sha256", rootKey).update(hash).digest();
    const identifier = Buffer.concat([Buffer.from([0, 0]), hash, tokenId]);
    const macaroon = foreign.newMacaroon({ version: 2, rootKey, identifier, location: "lsat" });
    macaroon.addFirstPartyCaveat("services=weather:0");
    macaroon.addFirstPartyCaveat("weather_capabilities=forecast");
    const text = Buffer.from(macaroon.exportBinary()).toString("base64");
    // The machine's date is far from the town's clock.
    response.sendDate = false;
    response.writeHead(402, {
      "www-authenticate": format(text, invoice),
      "content-type": "application/grpc",
    });
    response.end("payment required");
  });
  return { answers, served };
}

describe("our client passes a server whose challenge is written", () => {
  test.each<[string, (macaroon: string, invoice: string) => string | string[]]>([
    // aperture, auth/authenticator.go: LSAT must go first for old Loop clients, and neither line
    // has a version.
    [
      "as aperture sends it",
      (m, i) => [`LSAT macaroon="${m}", invoice="${i}"`, `L402 macaroon="${m}", invoice="${i}"`],
    ],
    ["as aperture sent it until 2023", (m, i) => `LSAT macaroon="${m}", invoice="${i}"`],
    [
      "with token= instead of macaroon=",
      (m, i) => `L402 version="0", token="${m}", invoice="${i}"`,
    ],
    ["with both", (m, i) => `L402 version="0", token="${m}", macaroon="${m}", invoice="${i}"`],
    ["without commas", (m, i) => `L402 macaroon="${m}" invoice="${i}"`],
    ["without quotes", (m, i) => `L402 macaroon=${m}, invoice=${i}`],
    ["in another order, with blanks", (m, i) => `l402   invoice = "${i}" ,  macaroon = "${m}"`],
    [
      "beside other schemes, folded into one line",
      (m, i) =>
        `Basic realm="a, b", Bearer, L402 macaroon="${m}", invoice="${i}", X402 scheme="exact", price="1", Negotiate YWJj`,
    ],
    [
      "beside other schemes, one a line",
      (m, i) => [
        'Bearer error="invalid_token"',
        `LSAT macaroon="${m}", invoice="${i}"`,
        'Payment id="1", method="tempo"',
      ],
    ],
    [
      "with parameters that nobody knows",
      (m, i) => `L402 realm="x", macaroon="${m}", invoice="${i}", price="10", currency="sat"`,
    ],
  ])("%s", async (_how, format) => {
    const world = await town();
    const { answers, served } = handWritten(world, format);
    const { url, received } = await answers;
    const client = world.connect(world.mint());
    expect(await (await client.get(`${url}/forecast`)).text()).toBe("served");
    expect(await (await client.get(`${url}/forecast`)).text()).toBe("served");
    expect(served).toHaveLength(2);
    expect(world.paid().count).toBe(1);
    // It enforces nothing of ours, so it was relayed: the agent never had its credential.
    const tried = received.filter(({ headers }) => headers.authorization !== undefined);
    expect(tried).toHaveLength(2);
  });
});

describe("a service that knows the scheme by its old name alone, as aperture did until 2023", () => {
  const challenge = (m: string, i: string) => `LSAT macaroon="${m}", invoice="${i}"`;
  // aperture v0.1.18-beta, lsat/header.go.
  const reads = /LSAT (.*?):([a-f0-9]{64})/;

  test("is paid once, and serves as long as it will", async () => {
    const world = await town();
    const { answers, served } = handWritten(world, challenge, reads);
    const { url, received } = await answers;
    const client = world.connect(world.mint());
    for (const _ of [1, 2])
      expect(await (await client.post(`${url}/forecast`, "for Tokyo")).text()).toBe("served");
    expect(served.map(({ body }) => body)).toEqual(["for Tokyo", "for Tokyo"]);
    expect(world.paid().count).toBe(1);
    expect(world.alarms).toEqual([]);
    expect(received.flatMap(({ headers }) => headers.authorization?.slice(0, 5) ?? [])).toEqual([
      "L402 ",
      "LSAT ",
      "L402 ",
      "LSAT ",
    ]);
  });

  test("and that serves nobody, is asked in both and paid once [case 62]", async () => {
    const world = await town();
    const { answers } = handWritten(world, challenge, /^never$/);
    const { url, received } = await answers;
    const client = world.connect(world.mint());
    for (const _ of [1, 2])
      expect(await failure(client.get(`${url}/forecast`))).toMatchObject({ name: "PaymentError" });
    expect(world.paid().count).toBe(1);
    const schemes = received.flatMap(({ headers }) => headers.authorization?.slice(0, 5) ?? []);
    expect(schemes.length).toBeGreaterThan(0);
    for (const [at, scheme] of schemes.entries())
      expect(scheme).toBe(at % 2 === 0 ? "L402 " : "LSAT ");
  });
});

test("the npm macaroon package verifies what our authority minted and our client narrowed", async () => {
  const rootKey = new Uint8Array(32).fill(7);
  const identifier = new Uint8Array(66).fill(9);
  const ours = Macaroon.attenuate(
    Macaroon.mint({ rootKey, identifier, location: "http://127.0.0.1" }),
    "a=1",
    "valid_until=5",
  );
  const theirs = foreign.importMacaroon(Macaroon.encode(ours));
  const seen: string[] = [];
  theirs.verify(rootKey, (caveat: string) => {
    seen.push(caveat);
    return null;
  });
  expect(seen).toEqual(["a=1", "valid_until=5"]);
});
