/**
 * aperture, the program, with a real lnd behind it; our client's treasury pays from another lnd.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Invoice } from "l8nt/invoice";
import { Challenge, Credential } from "l8nt/l402";
import { lndWallet } from "l8nt/wallets/lnd";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { formatMacaroonField } from "../../packages/l8nt/src/l402/macaroon-field.ts";
import { readPresented } from "../../packages/l8nt/src/l402/presented.ts";
import { site, type Town, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { payee, payer, SERVICE_METHODS, TREASURY_METHODS } from "../lnd/support/stage.ts";
import { Aperture, PRICE_SAT } from "./aperture.ts";
import { Peer } from "./peer.ts";
import { ask } from "./raw.ts";

const folder = mkdtempSync(join(tmpdir(), "sigil-aperture-"));
afterAll(() => rmSync(folder, { recursive: true }));

const wallet = lndWallet(payer.walletUrl(await payer.bake(...TREASURY_METHODS)));

/** A town whose treasury pays from the lnd node, by the real clock: lnd dates its invoices. */
async function world(): Promise<Town> {
  const made = await town({ wallet });
  made.clock.set(Date.now() / 1000);
  return made;
}

async function pay(invoice: string): Promise<string> {
  const { paymentHash, amountMsat } = Invoice.decode(invoice);
  const order = {
    invoice,
    paymentHash,
    amountMsat: amountMsat!,
    maxFeeMsat: 10_000n,
    timeoutSeconds: 30,
  };
  const outcome = await wallet.pay(order);
  if (outcome.status !== "paid") throw new Error(`not paid: ${outcome.status}`);
  return outcome.preimage;
}

/** What the payer's own books say. */
const settled = async () => (await payer.payments()).filter(({ status }) => status === "SUCCEEDED");

/** An API that knows nothing of payment, aperture before it, and what reached the API. */
async function weather() {
  const api = await site((_request, response) => response.end("sunny"));
  const aperture = await Aperture.start({
    binary: process.env.SIGIL_INTEROP_APERTURE!,
    folder: mkdtempSync(join(folder, "aperture-")),
    node: payee,
    address: new URL(api.url).host,
  });
  onTestFinished(() => aperture.stop());
  return { url: aperture.url, served: api.received };
}

describe("aperture", () => {
  test("sells to our client: lnd pays lnd, once, and a second request costs nothing", async () => {
    const { url, served } = await weather();
    const [made, before] = [await world(), (await settled()).length];
    const client = made.connect(made.mint());
    for (const _ of [1, 2])
      expect(await (await client.get(`${url}/forecast`)).text()).toBe("sunny");
    expect(served).toHaveLength(2);
    const payments = (await settled()).slice(before);
    expect(payments.map(({ value_msat }) => value_msat)).toEqual([`${PRICE_SAT}000`]);
    expect(made.alarms).toEqual([]);
  });

  test("takes what it sold, narrowed by us, in each field; nothing wider, unpaid or of another hash", async () => {
    const { url, served } = await weather();
    const { macaroon, invoice, identifier } = Challenge.parse(
      (await fetch(url)).headers.get("www-authenticate")!,
    );
    expect(identifier.paymentHash).toBe(Invoice.decode(invoice).paymentHash);
    const status = async (name: string, value: string) =>
      (await ask(url, { [name]: [value] })).status;
    const present = (credential: Credential | string) =>
      status("Authorization", `L402 ${credential}`);
    // Before it is paid for, and with what proves nothing.
    expect(await present(Credential.paid(macaroon, "00".repeat(32)))).toBe(402);
    const full = Credential.paid(macaroon, await pay(invoice));
    const soon = Math.floor(Date.now() / 1000) + 60;
    expect(full.isPaid).toBe(true);

    expect(await present(full)).toBe(200);
    expect(await status("Authorization", `LSAT ${full}`)).toBe(200);
    expect(await status("Macaroon", formatMacaroonField(full))).toBe(200);
    expect(await status("Grpc-Metadata-Macaroon", formatMacaroonField(full))).toBe(200);
    expect(await present(full.append([`weather_valid_until=${soon}`]))).toBe(200);
    expect(await present(full.delegate({ agent: "scout", purpose: "the weather" }))).toBe(200);
    expect(served).toHaveLength(6);
    // It passes on what it took, as one credential in two lines.
    expect(readPresented({ authorization: served[0]!.headers.authorization })).toBe(
      full.toString(),
    );

    expect(await present(`${full.toString().slice(0, -64)}${"ab".repeat(32)}`)).toBe(402);
    expect(await present(full.append(["services=history:0"]))).toBe(402);
    expect(await present(full.append([`weather_valid_until=${soon - 120}`]))).toBe(402);
    expect(await present(full.append([`weather_valid_until=${soon + 86_400}`]))).toBe(402);
    expect(served).toHaveLength(6);
  });
});

test("aperture's client interceptor buys from our paywall, whose invoices lnd makes", async () => {
  const made = await world();
  const shop = await made.openShop(
    { price: "21 sat", grants: { validFor: "1h" } },
    { invoicer: lndWallet(payee.walletUrl(await payee.bake(...SERVICE_METHODS))) },
  );
  const tokens = mkdtempSync(join(folder, "tokens-"));
  const bought = await Peer.start().buy(`${shop.url}/a`, tokens, pay);
  expect(bought).toMatchObject({ status: 200, body: '{"served":1}' });
  expect(bought.sent.map((fields) => Object.keys(fields))).toEqual([[], ["macaroon"]]);
  expect((await settled()).at(-1)).toMatchObject({ value_msat: "21000" });
});
