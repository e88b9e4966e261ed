/**
 * The library in one function, for any runtime: mint, narrow, verify, pay, and a paywall on
 * `Request` and `Response`. No test framework, no network, no file: only what every runtime has.
 */
import { Client, type DeniedError, SigilError } from "l8nt";
import { Invoice } from "l8nt/invoice";
import { Authority, Challenge, Credential, targetOfUrl } from "l8nt/l402";
import { Macaroon } from "l8nt/macaroon";
import { Paywall } from "l8nt/service";
import { dropIn } from "./drop-in.ts";

const origin = "https://api.weather.example";

const utf8 = (text: string) => new TextEncoder().encode(text);
const random = () => crypto.getRandomValues(new Uint8Array(32));
const hex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function expectThat(what: string, holds: boolean): asserts holds {
  if (!holds) throw new Error(`does not hold: ${what}`);
}

/**
 * A Lightning node for one: it makes invoices, and pays its own, because it knows the preimages.
 */
class FakeNode {
  readonly #key = random();
  readonly #preimages = new Map<string, string>();

  async createInvoice(request: { amountMsat: bigint; expirySeconds: number }): Promise<string> {
    const preimage = random();
    const paymentHash = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", preimage)));
    this.#preimages.set(paymentHash, hex(preimage));
    const fields = {
      network: "bcrt",
      amountMsat: request.amountMsat,
      timestamp: Math.floor(Date.now() / 1000),
      expirySeconds: request.expirySeconds,
      paymentHash,
      paymentSecret: hex(random()),
      description: "1 forecast",
      features: [8, 14],
    } as const;
    return Invoice.encode(fields, this.#key);
  }

  payments = 0;

  async network() {
    return "bcrt" as const;
  }

  async pay({ invoice }: { invoice: string }) {
    this.payments++;
    return this.find(Invoice.decode(invoice).paymentHash);
  }

  async find(paymentHash: string) {
    const preimage = this.#preimages.get(paymentHash);
    if (preimage === undefined) return { status: "failed", reason: "no route" } as const;
    return { status: "paid", preimage, feeMsat: 0n } as const;
  }
}

/** Runs every check and returns their names. Throws at the first that fails. */
export async function smoke(): Promise<string[]> {
  const passed: string[] = [];
  const check = async (name: string, body: () => unknown) => {
    try {
      await body();
    } catch (cause) {
      throw new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      });
    }
    passed.push(name);
  };

  await check("macaroon: the bytes of libmacaroons' own example", () => {
    const minted = Macaroon.mint({
      rootKey: utf8("this is our super secret key; only we should know it"),
      identifier: utf8("we used our secret key"),
      location: "http://mybank/",
    });
    const narrowed = Macaroon.attenuate(minted, "account = 3735928559");
    const signature = "1efe4763f290dbce0c1d08477367e11f4eee456a64933cf662d79772dbb82128";
    expectThat("the signature is the published one", hex(narrowed.signature) === signature);
    const read = Macaroon.decode(Macaroon.encode(narrowed));
    expectThat(
      "it is read as it was written",
      hex(read.signature) === signature && read.caveats.length === 1,
    );
  });

  const authority = new Authority({ secret: random(), location: origin });
  const stranger = new Authority({ secret: random(), location: origin });
  const minted = authority.minter.mint({ endpoints: [`GET ${origin}/**`], expiresIn: "1h" });
  const allows = (credential: Credential | string, path: string, now = Date.now() / 1000) => {
    try {
      const verified = authority.verifier.authenticate(credential);
      const target = targetOfUrl("GET", new URL(path, origin))!;
      return verified.judge({ now, target }).length === 0;
    } catch (error) {
      if (error instanceof SigilError) return false;
      throw error;
    }
  };

  await check("mint: a credential covers its scope until its end", () => {
    expectThat("it is granted", allows(minted, "/forecast"));
    expectThat("its text is granted", allows(minted.toString(), "/forecast"));
    expectThat("it ends", !allows(minted, "/forecast", Date.now() / 1000 + 3601));
    const foreign = stranger.minter.mint({ endpoints: [`GET ${origin}/**`], expiresIn: "1h" });
    expectThat("another secret's is refused", !allows(foreign, "/forecast"));
  });

  const child = minted.delegate({
    agent: "forecaster",
    endpoints: [`GET ${origin}/forecast`],
    expiresIn: "5m",
  });
  await check("narrow: a child has less than its parent, and no way back", () => {
    expectThat("the child has its own part", allows(child, "/forecast"));
    expectThat("and no other", !allows(child, "/archive") && allows(minted, "/archive"));
    const widened = child.attenuate({ endpoints: [`GET ${origin}/**`], expiresIn: "2h" });
    expectThat("saying more gives no more", !allows(widened, "/archive"));
    const text = child.toString();
    const flipped = `${text.slice(0, 100)}${text[100] === "A" ? "B" : "A"}${text.slice(101)}`;
    expectThat("an altered one is refused", !allows(flipped, "/forecast"));
    expectThat("it does not show itself", !JSON.stringify({ child }).includes(text.slice(-64)));
  });

  await check("verify: revoking a node leaves its parent", () => {
    authority.revocations.revoke(authority.verifier.authenticate(child).node.id);
    expectThat("the child is dead", !allows(child, "/forecast"));
    expectThat("the parent lives", allows(minted, "/forecast"));
  });

  const node = new FakeNode();
  const paywall = new Paywall({
    secret: random(),
    location: origin,
    invoicer: node,
    price: "10 sat",
  });
  const serve = async (request: Request): Promise<Response> => {
    const decision = await paywall.authorize(request);
    if (!decision.granted) return decision.response;
    return decision.settle(Response.json({ forecast: "rain" }));
  };
  const ask = (path: string, authorization?: string) =>
    serve(
      new Request(
        `${origin}${path}`,
        authorization === undefined ? {} : { headers: { authorization } },
      ),
    );

  await check("paywall: 402 with a challenge, 200 once, 402 again", async () => {
    const unpaid = await ask("/forecast?city=tokyo");
    expectThat("nothing presented is 402", unpaid.status === 402);
    expectThat(
      "it is a problem",
      unpaid.headers.get("content-type") === "application/problem+json",
    );
    const challenge = Challenge.parse(unpaid.headers.get("www-authenticate"));
    const invoice = Invoice.decode(challenge.invoice);
    expectThat("the invoice asks for the price", invoice.amountMsat === 10_000n);
    expectThat(
      "and belongs to the macaroon",
      invoice.paymentHash === challenge.identifier.paymentHash,
    );

    const payment = await node.pay({ invoice: challenge.invoice });
    expectThat("it can be paid", payment.status === "paid");
    const bought = Credential.paid(challenge.macaroon, payment.preimage);
    const paid = await ask("/forecast?city=tokyo", `L402 ${bought}`);
    expectThat("paid is 200", paid.status === 200 && (await paid.json()).forecast === "rain");
    expectThat("once", (await ask("/forecast?city=tokyo", `L402 ${bought}`)).status === 402);
    // A route that is for sale asks for its own payment.
    expectThat("not elsewhere", (await ask("/archive", `L402 ${bought}`)).status === 402);
  });

  await check("paywall: a challenge for what is not genuine, 401 for rubbish", async () => {
    const unpaid = Challenge.parse((await ask("/forecast")).headers.get("www-authenticate"));
    const unproven = Credential.paid(unpaid.macaroon, hex(random()));
    expectThat(
      "a preimage that proves nothing",
      (await ask("/forecast", `L402 ${unproven}`)).status === 402,
    );
    expectThat("rubbish", (await ask("/forecast", "L402 rubbish")).status === 401);
  });

  await check("pay: a client buys what its budget covers, and not more", async () => {
    const paid = node.payments;
    const client = new Client({
      wallet: node,
      fetch: async (input, init) => serve(new Request(input, init)),
      limits: { endpoints: [`GET ${origin}/**`], budget: "25 sat", expiresIn: "1h" },
    });
    const response = await client.get(`${origin}/forecast?city=tokyo`);
    expectThat(
      "it is served",
      response.status === 200 && (await response.json()).forecast === "rain",
    );
    expectThat("for one payment", node.payments === paid + 1);

    const refused = async (request: Promise<Response>) =>
      request.then(
        () => "served",
        (error: DeniedError) => error.code,
      );
    const outside = await refused(client.get("https://elsewhere.example/"));
    expectThat("elsewhere is out of its scope", outside === "ERR_ENDPOINT");
    await client.get(`${origin}/forecast?city=osaka`);
    const broke = await refused(client.get(`${origin}/forecast?city=kyoto`));
    expectThat("the third is more than the budget", broke === "ERR_BUDGET");
    expectThat("two were paid", node.payments === paid + 2);
  });

  const elsewhere = new Authority({ secret: random(), location: "https://elsewhere.example" });
  const scope = { endpoints: ["* https://*:*/**"], expiresIn: "1h" } as const;
  await dropIn(check, elsewhere.minter.mint(scope).toString());

  return passed;
}
