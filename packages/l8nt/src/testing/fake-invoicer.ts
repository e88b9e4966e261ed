/**
 * An invoicer without a network: makes signed `lnbcrt` invoices, and gives the preimage of each to
 * a test.
 */
import { createHash } from "node:crypto";
import { Invoice } from "../invoice/index.ts";
import { Challenge } from "../l402/index.ts";
import { Macaroon } from "../macaroon/index.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import type { InvoiceRequest, Invoicer } from "../ports/wallet.ts";

const NODE_KEY = new Uint8Array(32).fill(0x51);

/** An invoicer for tests of a paywall, which need no payer. */
export class FakeInvoicer implements Invoicer {
  /** Every request, in order. */
  readonly requests: InvoiceRequest[] = [];
  /** Makes the next invoices fail: `"down"` throws, `"wrong-amount"` adds 1 msat. */
  fault: "down" | "wrong-amount" | undefined;
  readonly #clock: Clock;
  readonly #preimages = new Map<string, string>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async createInvoice(request: InvoiceRequest): Promise<string> {
    this.requests.push(request);
    if (this.fault === "down")
      throw new Error("the node said: macaroon 0201036c6e64 has no permission");
    const preimage = sha256(Buffer.from(`preimage ${this.requests.length}`));
    const paymentHash = sha256(preimage).toString("hex");
    this.#preimages.set(paymentHash, preimage.toString("hex"));
    const { amountMsat, expirySeconds, description = "" } = request;
    return Invoice.encode(
      {
        network: "bcrt",
        amountMsat: this.fault === "wrong-amount" ? amountMsat + 1n : amountMsat,
        timestamp: Math.floor(this.#clock()),
        expirySeconds,
        description,
        paymentHash,
        paymentSecret: paymentHash,
        features: [8, 14],
      },
      NODE_KEY,
    );
  }

  /** Pays an invoice and returns its preimage, in hex. @throws TypeError for another invoice */
  pay(invoice: string): string {
    const preimage = this.#preimages.get(Invoice.decode(invoice).paymentHash);
    if (preimage === undefined) throw new TypeError("the invoice is not of this invoicer");
    return preimage;
  }

  /** Pays a challenge and returns the text of the credential. */
  buy(challenge: string | readonly string[]): string {
    const { macaroon, invoice } = Challenge.parse(challenge);
    return `${Buffer.from(Macaroon.encode(macaroon)).toString("base64")}:${this.pay(invoice)}`;
  }
}

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
