/**
 * Other people's clients of L402 buy calls of a model from `sigil gateway`, the process: at a flat
 * price, and prepaid by the token with an answer as JSON and in streams.
 */
import { fetch402, fetchWithL402 } from "@getalby/lightning-tools";
import axios from "axios";
import { MemoryTokenStore, PaymentResult, setupL402Interceptor, Wallet } from "l402";
import { describe, expect, test } from "vitest";
import {
  ASKED,
  type Asking,
  FLAT_MSAT,
  METERED_MSAT,
  openSelling,
  PREPAID_MSAT,
  type Selling,
} from "../e2e/support/selling.ts";
import { CLIENTS, fetchedBy, harnessed } from "./python/clients.ts";
import { python } from "./python/venv.ts";

const interpreter = python();

interface Buyer {
  readonly name: string;
  readonly isSkipped?: boolean;
  /** Sends these requests one after the other, and says what came of each. */
  readonly buys: (
    shop: Selling,
    asked: readonly Asking[],
  ) => Promise<readonly (readonly [status: number, body: string])[]>;
}

/** Of `@getalby/lightning-tools`, whose caller keeps what was bought. */
const alby = (name: string, fetchPaid: typeof fetchWithL402): Buyer => ({
  name,
  async buys({ url, pay }, asked) {
    const wallet = {
      payInvoice: async ({ invoice }: { invoice: string }) => ({ preimage: await pay(invoice) }),
    };
    const got: [number, string][] = [];
    let bought = {};
    for (const { path, body } of asked) {
      const init = { method: "POST", body: JSON.stringify(body) };
      let response = await fetchPaid(url + path, { ...init }, { wallet, ...bought });
      // It never pays while it is told what to present.
      if (response.status === 402) response = await fetchPaid(url + path, { ...init }, { wallet });
      bought = { credentials: response.payment!.credentials };
      got.push([response.status, await response.text()]);
    }
    return got;
  },
});

const BUYERS: readonly Buyer[] = [
  alby("fetchWithL402 of @getalby/lightning-tools", fetchWithL402),
  alby("fetch402 of @getalby/lightning-tools", fetch402),
  {
    name: "l402 of npm",
    async buys({ url, pay }, asked) {
      class OwnWallet extends Wallet {
        payInvoice = async (invoice: string) => new PaymentResult(await pay(invoice), true);
      }
      const client = axios.create({ responseType: "text", transformResponse: (text) => text });
      // Its declarations mean axios for CommonJS, whose types are others.
      setupL402Interceptor(client as never, new OwnWallet(), new MemoryTokenStore());
      const got: [number, string][] = [];
      for (const { path, body } of asked) {
        const { status, data } = await client.post(url + path, body);
        got.push([status, data]);
      }
      return got;
    },
  },
  ...CLIENTS.map((name) => ({
    name: `${name} of PyPI`,
    isSkipped: interpreter === undefined,
    buys: ({ url, pay }: Selling, asked: readonly Asking[]) =>
      fetchedBy(
        interpreter!,
        name,
        pay,
        asked.map(({ path, body }) => ({ url: url + path, body })),
      ),
  })),
];

describe.each(BUYERS)("$name", ({ buys, isSkipped = false }) => {
  test.skipIf(isSkipped)("buys each call at a flat price", async () => {
    const shop = await openSelling("flat");
    for (const asking of Object.values(ASKED))
      expect(await buys(shop, [asking, asking])).toEqual(twice([200, shown(asking)]));
    expect(shop.paid()).toEqual(Array(6).fill(FLAT_MSAT));
    expect(shop.seen).toHaveLength(6);
  });

  test.skipIf(isSkipped)("prepays tokens once, and its next call costs what is used", async () => {
    const shop = await openSelling("metered");
    for (const asking of Object.values(ASKED))
      expect(await buys(shop, [asking, asking])).toEqual(twice([200, shown(asking)]));
    expect(shop.paid()).toEqual(Array(3).fill(PREPAID_MSAT));
    await expect.poll(shop.spent).toEqual(Array(6).fill(METERED_MSAT));
    expect(shop.seen).toHaveLength(6);
  });
});

const twice = <Value>(value: Value): readonly [Value, Value] => [value, value];
const shown = ({ shows }: Asking) => expect.stringMatching(shows);

/** In three parts, each at a gateway of its own: a client gets so many invoices in a minute. */
const ATTACKS = [
  {
    on: "macaroons and preimages",
    categories: [
      ...["invoice_validation", "macaroon_integrity", "preimage_replay", "caveat_escalation"],
      ...["payment_state_confusion", "macaroon_caveat_manipulation"],
    ],
    attacks: 16,
  },
  {
    on: "invoices, channels and routes",
    categories: [
      ...["payment_channel_attacks", "preimage_correlation", "invoice_amount_manipulation"],
      ...["routing_manipulation", "protocol_confusion"],
    ],
    attacks: 12,
  },
  { on: "the server itself", categories: ["rate_dos", "ln_dos"], attacks: 5 },
];

describe.skipIf(interpreter === undefined).each(ATTACKS)(
  "the harness's attacks on $on",
  ({ categories, attacks }) => {
    test("fail, but for one that its own client refuses to send", async () => {
      const shop = await openSelling("any API");
      const results = await harnessed(interpreter!, shop.url, categories);
      expect(results).toHaveLength(attacks);
      expect(results.filter(({ not_evaluated }) => not_evaluated)).toEqual([]);
      // Python's http.client sends no field with a line break.
      expect(results.filter(({ passed }) => !passed).map((one) => one.details)).toEqual(
        categories.includes("ln_dos") ? ["4/5 injection attempts handled safely"] : [],
      );
      expect([shop.seen, shop.paid()]).toEqual([[], []]);
    });
  },
);
