/** The receiving wallet of an LDK node: invoices, and no way to pay. */
import { AdapterError } from "../../../../packages/l8nt/src/errors.ts";
import type { InvoiceRequest, Invoicer } from "../../../../packages/l8nt/src/ports/wallet.ts";
import { ldk, unwrap } from "./ldk.ts";
import type { LdkNode } from "./node.ts";

const MAX_U32 = 2 ** 32 - 1;
const MAX_U64 = 2n ** 64n - 1n;

export class LdkInvoicer implements Invoicer {
  readonly #node: LdkNode;

  constructor(node: LdkNode) {
    this.#node = node;
  }

  async createInvoice({
    amountMsat,
    expirySeconds,
    description = "",
  }: InvoiceRequest): Promise<string> {
    // The bindings hand numbers to Wasm as they are: -1 would come out as an invoice for 2^64 - 1.
    if (amountMsat < 1n || amountMsat > MAX_U64)
      throw refusal("the amount is none that an invoice can have");
    if (!Number.isInteger(expirySeconds) || expirySeconds < 1 || expirySeconds > MAX_U32)
      throw refusal("the expiry must be whole seconds, from 1 to 2^32 - 1");
    const text = ldk.Description.constructor_new(description);
    if (!text.is_ok()) throw refusal("the description is longer than 639 bytes");
    const made = this.#node.manager.create_bolt11_invoice(
      ldk.Option_u64Z.constructor_some(amountMsat),
      ldk.Bolt11InvoiceDescription.constructor_direct(unwrap(text, "a description")),
      ldk.Option_u32Z.constructor_some(expirySeconds),
      ldk.Option_u16Z.constructor_none(),
      ldk.Option_ThirtyTwoBytesZ.constructor_none(),
    );
    if (!made.is_ok()) throw refusal("LDK makes no such invoice");
    return unwrap<ldk.Bolt11Invoice>(made, "an invoice").to_str();
  }
}

const refusal = (why: string) => new AdapterError("ERR_WALLET", `No invoice was made: ${why}.`);
