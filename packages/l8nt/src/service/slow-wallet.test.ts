/** Unpaid requests while the wallet takes long to make an invoice. spec/3-challenge.md §5. */
import { expect, test } from "vitest";
import type { InvoiceRequest } from "../ports/wallet.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { type Decision, Paywall } from "./index.ts";

const location = "https://api.example";
const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
const CUSTOMER = "192.0.2.1";

/** Makes no invoice until it is told to. */
class SlowInvoicer extends FakeInvoicer {
  isSlow = false;
  asked = 0;
  readonly #waiting: (() => void)[] = [];

  override async createInvoice(request: InvoiceRequest): Promise<string> {
    this.asked++;
    if (this.isSlow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return super.createInvoice(request);
  }

  /** Makes those that were asked for. */
  make(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}

function world() {
  const invoicer = new SlowInvoicer();
  const paywall = new Paywall({ secret, location, invoicer, price: "1 sat", alarm: () => {} });
  const ask = async (address: string, credential?: string): Promise<Decision> => {
    const headers = credential === undefined ? {} : { authorization: `L402 ${credential}` };
    return paywall.authorize(new Request(`${location}/a`, { headers }), { address });
  };
  /** Pays for a challenge, and is served. */
  const pay = async (decision: Decision, address: string) => {
    if (!("challengeLines" in decision)) throw new TypeError("nothing to pay for");
    const [line = ""] = decision.challengeLines;
    const served = await ask(address, invoicer.buy(line));
    if (!served.granted) throw served.error;
    await served.finish(200);
  };
  return { invoicer, ask, pay };
}

/** As soon as the ones before it have gone as far as they can. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
const someNetwork = (at: number) => `10.${at >> 8}.${at & 255}.1`;

test("64 invoices are made at once, and other unpaid requests are refused without one", async () => {
  const { invoicer, ask } = world();
  invoicer.isSlow = true;
  const flood = Array.from({ length: 1000 }, (_, at) => ask(someNetwork(at)));
  await settled();
  expect(invoicer.asked).toBe(64);
  invoicer.make();
  const refused = (await Promise.all(flood)).filter(
    (decision) => !decision.granted && decision.status === 429,
  );
  expect(refused).toHaveLength(1000 - 64);
  expect(refused[0]).toMatchObject({ error: { code: "ERR_RATE_LIMITED" }, retryAfterSeconds: 1 });
  // A second later.
  invoicer.isSlow = false;
  expect(await ask(someNetwork(2000))).toMatchObject({ status: 402 });
});

test("a client that has paid is given a challenge beside them", async () => {
  const { invoicer, ask, pay } = world();
  await pay(await ask(CUSTOMER), CUSTOMER);
  invoicer.isSlow = true;
  const flood = Array.from({ length: 100 }, (_, at) => ask(someNetwork(at)));
  await settled();
  const customer = ask(CUSTOMER);
  await settled();
  expect(invoicer.asked).toBe(66);
  invoicer.make();
  expect(await customer).toMatchObject({ status: 402 });
  await Promise.all(flood);
});

test("a wallet that fails leaves the places of its invoices to others", async () => {
  const { invoicer, ask } = world();
  invoicer.fault = "down";
  for (let at = 0; at < 65; at++) expect(await ask(someNetwork(at))).toMatchObject({ status: 503 });
  invoicer.fault = undefined;
  expect(await ask(someNetwork(100))).toMatchObject({ status: 402 });
});
